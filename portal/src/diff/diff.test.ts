import { expect, test } from "vitest";

import { readDiff, sideBySide } from "./diff";

const CHANGED = `diff --git a/train.py b/train.py
index e3dc350..3830964 100644
--- a/train.py
+++ b/train.py
@@ -1,3 +1,4 @@ def x
 import mere
-def train():
+
+def train(lr=0.1):
 end
\\ No newline at end of file
`;

test("lines have the numbers of before and after", () => {
  const [file] = readDiff(CHANGED);
  expect([file?.path, file?.added, file?.deleted]).toEqual(["train.py", 2, 1]);
  expect(file?.lines.map((line) => [line.kind, line.before, line.after])).toEqual([
    ["hunk", null, null],
    ["same", 1, 1],
    ["delete", 2, null],
    ["add", null, 2],
    ["add", null, 3],
    ["same", 3, 4],
    ["note", null, null],
  ]);
});

test("content that looks like a header is content", () => {
  const [file, ...others] = readDiff(
    "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n--- a/y\n+++ b/y\n diff --git a/z b/z\n",
  );
  expect(others).toEqual([]);
  expect(file?.path).toBe("x");
  expect(file?.lines.map((line) => line.text)).toEqual([
    "@@ -1,2 +1,2 @@",
    "-- a/y",
    "++ b/y",
    "diff --git a/z b/z",
  ]);
});

test("added, deleted, renamed and binary files", () => {
  const files = readDiff(
    [
      "diff --git a/new.py b/new.py",
      "new file mode 100644",
      "--- /dev/null",
      "+++ b/new.py",
      "@@ -0,0 +1 @@",
      "+x",
      "diff --git a/old.py b/old.py",
      "deleted file mode 100644",
      "--- a/old.py",
      "+++ /dev/null",
      "@@ -1 +0,0 @@",
      "-x",
      "diff --git a/a.py b/b.py",
      "similarity index 100%",
      "rename from a.py",
      "rename to b.py",
      'diff --git "a/gr\\303\\266\\303\\237e.bin" "b/gr\\303\\266\\303\\237e.bin"',
      "Binary files a/x and b/x differ",
    ].join("\n"),
  );
  expect(files.map((file) => [file.path, file.from, file.change, file.isBinary])).toEqual([
    ["new.py", null, "added", false],
    ["old.py", null, "deleted", false],
    ["b.py", "a.py", "renamed", false],
    ["größe.bin", null, "changed", true],
  ]);
});

test("no diff has no files", () => {
  expect(readDiff("")).toEqual([]);
  expect(readDiff("nonsense\n@@ -1 +1 @@\n+x")).toEqual([]);
});

test("side by side, what was deleted stands beside what was added in its place", () => {
  const lines = sideBySide(readDiff(CHANGED)[0]?.lines ?? []);
  expect(lines.map(({ before, after }) => [before?.text ?? null, after?.text ?? null])).toEqual([
    ["@@ -1,3 +1,4 @@ def x", "@@ -1,3 +1,4 @@ def x"],
    ["import mere", "import mere"],
    ["def train():", ""],
    [null, "def train(lr=0.1):"],
    ["end", "end"],
    ["No newline at end of file", "No newline at end of file"],
  ]);
});
