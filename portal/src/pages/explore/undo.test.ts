import { expect, test } from "vitest";

import { done, NOTHING, redone, undone, type Step } from "./undo";

const view = (q: string): Step => ({ kind: "view", search: { q } });

test("what was done is undone and done again, last first", () => {
  const both = done(done(NOTHING, view("")), view("a"));
  const back = undone(both, view("b"));
  expect(back).toEqual({ past: [view("")], future: [view("b")] });
  expect(redone(back, view("a"))).toEqual({ past: [view(""), view("a")], future: [] });
});

test("something new forgets what was undone", () => {
  const back = undone(done(NOTHING, view("")), view("a"));
  expect(done(back, view("")).future).toEqual([]);
});

test("a step that cannot be taken back leaves no trace", () => {
  expect(undone(done(NOTHING, view("")), null)).toEqual({ past: [], future: [] });
});
