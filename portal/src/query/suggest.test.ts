import { expect, test } from "vitest";

import { inserted, parted, type Suggestion } from "./suggest";

const item = (text: string): Suggestion => ({ text, kind: "key", detail: "", runs: 1 });

test("a suggestion replaces the word that is being written, and a space follows", () => {
  expect(inserted("metrics.va", { start: 0, end: 10 }, item("metrics.val/acc"))).toEqual({
    text: "metrics.val/acc ",
    at: 16,
  });
});

test("behind a family's dot the key follows at once", () => {
  expect(inserted("met", { start: 0, end: 3 }, item("metrics."))).toEqual({
    text: "metrics.",
    at: 8,
  });
});

test("in the middle of a filter no second space is put in", () => {
  expect(inserted("sta = 'x'", { start: 0, end: 3 }, item("status"))).toEqual({
    text: "status = 'x'",
    at: 7,
  });
});

test("what is wrong is marked where it stands, and behind the end by a space", () => {
  const at = (start: number, end: number) => ({ start, end, message: "" });
  expect(parted("metrcs.x > 1", at(0, 8))).toEqual(["", "metrcs.x", " > 1"]);
  expect(parted("metrics.x", at(9, 10))).toEqual(["metrics.x", " ", ""]);
  expect(parted("fine", null)).toEqual(["fine", "", ""]);
});
