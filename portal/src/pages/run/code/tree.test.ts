import { expect, test } from "vitest";

import { treeRows } from "./tree";

const files = ["b.py", "a/x.py", "a/b/y.py", "c/z.py"].map((path) => ({ path, note: "" }));

test("folders come first, and closed ones hide what is in them", () => {
  const shown = treeRows(files, new Set(["a/b/", "c/"])).map((row) => [row.depth, row.path]);
  expect(shown).toEqual([
    [0, "a/"],
    [1, "a/b/"],
    [1, "a/x.py"],
    [0, "c/"],
    [0, "b.py"],
  ]);
});

test("no files are no rows", () => {
  expect(treeRows([], new Set())).toEqual([]);
});
