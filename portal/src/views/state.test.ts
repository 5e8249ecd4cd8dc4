import { expect, test } from "vitest";

import { isChanged, leadTo, searchOf, stateOf } from "./state";

test("the order of an address does not matter, nor what is selected", () => {
  const state = stateOf({ sort: "name", q: "a = 1 & b", sel: "x", saved: "v", show: "" });
  expect(state).toBe("q=a+%3D+1+%26+b&sort=name");
  expect(searchOf(state)).toEqual({ q: "a = 1 & b", sort: "name" });
});

test("to go to a view takes away what it does not say", () => {
  const view = { view_id: "v", state: "q=a" };
  expect(leadTo(view, { sort: "name", sel: "x" })).toEqual({
    sort: undefined,
    sel: undefined,
    q: "a",
    saved: "v",
  });
});

test("a view is changed when something else is shown", () => {
  const view = { state: "sort=name&q=a" };
  expect(isChanged(view, { q: "a", sort: "name", saved: "v", sel: "y" })).toBe(false);
  expect(isChanged(view, { q: "a" })).toBe(true);
  expect(isChanged({}, {})).toBe(false);
});
