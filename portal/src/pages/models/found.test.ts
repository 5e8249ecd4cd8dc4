import { expect, test } from "vitest";

import { asked } from "./FoundModels";

test("a number behind a name is a version", () => {
  expect(asked("digits")).toEqual({ words: "digits" });
  expect(asked("digits 3")).toEqual({ words: "digits", version: 3 });
  expect(asked("my digits/12")).toEqual({ words: "my digits", version: 12 });
  expect(asked("digits v3")).toEqual({ words: "digits", version: 3 });
  expect(asked("model-00012")).toEqual({ words: "model-00012" });
  expect(asked("3")).toEqual({ words: "3" });
});
