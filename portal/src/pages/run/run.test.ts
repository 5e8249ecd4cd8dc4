import { expect, test } from "vitest";

import { written } from "./code/Code";
import { requirement } from "./Environment";
import { folderName } from "./Repeats";
import { arrived } from "../../ui/useSearchText";

test("what one writes outruns the address, and links still win", () => {
  const typed = { text: "abc", address: "", sent: ["a", "ab", "abc"] };
  const later = arrived(typed, "ab");
  expect(later).toEqual({ text: "abc", address: "ab", sent: ["abc"] });
  expect(arrived(later, "other").text).toBe("other");
});

test("commands can be pasted into a shell", () => {
  const command = {
    entrypoint: "train.py",
    is_module: false,
    folder: ".",
    arguments: ["it's", "1e-3"],
  };
  expect(written({ command })).toBe(`python train.py 'it'\\''s' 1e-3`);
  const module = { entrypoint: "pkg.train", is_module: true, folder: ".", arguments: null };
  expect(written({ command: module })).toBe("python -m pkg.train");
  expect(folderName({ name: "../$(rm -rf) ü/x", run_id: "a".repeat(32) })).toBe("rm--rf-x");
  expect(folderName({ name: null, run_id: "a".repeat(32) })).toBe("aaaaaaaaaaaa");
});

test("packages are named with where they came from", () => {
  expect(requirement({ name: "x", version: "1" })).toBe("x==1");
  const git = { name: "x", version: "1", vcs: "git", url: "https://e.org/x", commit: "ab" };
  expect(requirement(git)).toBe("x @ git+https://e.org/x@ab");
  expect(requirement({ name: "x", version: "1", local: "" })).toBe("# x 1: of the run's code");
});
