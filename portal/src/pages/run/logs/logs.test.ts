import { expect, test } from "vitest";

import { marksIn } from "./useFind";
import { blocksOf } from "./useLines";

test("a stretch of lines lies in few blocks", () => {
  expect(blocksOf(0, 60)).toEqual([0]);
  expect(blocksOf(480, 540)).toEqual([0, 1]);
  expect(blocksOf(999_990, 999_999)).toEqual([1999]);
  expect(blocksOf(0, -1)).toEqual([]);
});

test("what was looked for is marked in any case, as text or as an expression", () => {
  expect(marksIn("Loss loss", "loss", false)).toEqual([
    [0, 4],
    [5, 9],
  ]);
  expect(marksIn("a.b axb", "a.b", false)).toEqual([[0, 3]]);
  expect(marksIn("a.b axb", "a.b", true)).toEqual([
    [0, 3],
    [4, 7],
  ]);
});

test("expressions that are wrong, or find nothing, mark nothing", () => {
  expect(marksIn("abc", "(", true)).toEqual([]);
  expect(marksIn("abc", "x*", true)).toEqual([]);
  expect(marksIn("abc", "", false)).toEqual([]);
});
