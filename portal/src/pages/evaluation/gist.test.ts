import { expect, test } from "vitest";

import { gistOf } from "./gist";

test("the gist is the last message, or the only text", () => {
  expect(gistOf('{"question":"How far?"}')).toBe("How far?");
  const messages = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "How far?" },
  ];
  expect(gistOf(JSON.stringify({ messages }))).toBe("How far?");
});

test("all else stays as it is", () => {
  for (const json of ['{"a":"x","b":"y"}', '{"n":1}', "{}", '{"question":"cut o', "[]", "null"])
    expect(gistOf(json)).toBe(json);
});
