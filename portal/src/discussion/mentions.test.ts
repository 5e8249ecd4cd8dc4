import { expect, test } from "vitest";

import { begunAt, pieces, withName, written } from "./mentions";

test("a name is begun by an @ that begins a word", () => {
  expect(begunAt("hello @an", 9)).toEqual({ start: 6, word: "an" });
  expect(begunAt("@", 1)).toEqual({ start: 0, word: "" });
  expect(begunAt("hello @[data te", 15)).toEqual({ start: 6, word: "data te" });
  expect(begunAt("ann@example.org", 15)).toBeNull();
  expect(begunAt("hello @ann ", 11)).toBeNull();
  expect(begunAt("(@bén", 5)).toEqual({ start: 1, word: "bén" });
});

test("a name is put in place of what was begun", () => {
  const text = "hello @an, look";
  const begun = begunAt(text, 9);
  expect(begun && withName(text, begun, 9, "ann")).toEqual({
    text: "hello @ann, look",
    at: 10,
  });
  expect(withName("@[da]", { start: 0, word: "da" }, 4, "data team")).toEqual({
    text: "@[data team] ",
    at: 13,
  });
  expect(written("ann.lee@example.org")).toBe("@ann.lee@example.org");
});

test("names that are known are found, and no others", () => {
  expect(pieces("@ann and @ben.", ["ann", "ben"])).toEqual([
    { text: "@ann", isName: true },
    { text: " and ", isName: false },
    { text: "@ben", isName: true },
    { text: ".", isName: false },
  ]);
  expect(pieces("@anna a@ann @eve", ["ann"])).toEqual([
    { text: "@anna a@ann @eve", isName: false },
  ]);
  expect(pieces("ask @[data team]!", ["data team"])).toEqual([
    { text: "ask ", isName: false },
    { text: "@data team", isName: true },
    { text: "!", isName: false },
  ]);
  expect(pieces("", ["ann"])).toEqual([]);
});
