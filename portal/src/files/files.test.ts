import { expect, test } from "vitest";

import { fileUrl, foldersOf, rowsOf, type FileEntry } from "./files";

const entry = (path: string, isFolder = false): FileEntry => ({
  name: path.split("/").at(-1) ?? "",
  path,
  is_folder: isFolder,
  size: 1,
  files: 1,
  artifact: null,
});

test("open folders show what is in them, and what is on its way", () => {
  const pages = new Map([
    ["", { entries: [entry("a", true), entry("b", true), entry("c.txt")], total: 5 }],
    ["a", { entries: [entry("a/x.txt")], total: 1 }],
  ]);
  const shown = rowsOf(pages, new Set(["a", "b"])).map((row) => [row.depth, row.name]);
  expect(shown).toEqual([
    [0, "a"],
    [1, "x.txt"],
    [0, "b"],
    [1, "loading …"],
    [0, "c.txt"],
    [0, "and 2 more: mere artifacts ls"],
  ]);
});

test("names that mean something in an address are written out", () => {
  expect(fileUrl("r", "a b/50%?#.txt", true)).toBe(
    "/api/v1/artifacts/r/files/a%20b/50%25%3F%23.txt?inline=true",
  );
  expect(foldersOf("a/b/c.txt")).toEqual(["a", "a/b"]);
  expect(foldersOf("c.txt")).toEqual([]);
});
