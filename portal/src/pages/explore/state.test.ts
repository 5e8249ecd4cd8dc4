import { expect, test } from "vitest";

import type { Selection } from "../../grid/selection";
import { both, pythonOf, queryOf, readState, sqlColumns, without } from "./state";
import { arrived, chosen } from "./useSelection";

test("an empty address shows the runs in use", () => {
  const query = queryOf("7", readState({}));
  expect(query).toEqual({
    experiments: ["7"],
    filter: "tags.`mere.archived` is null",
    order: [],
    group: [],
    view: "active",
  });
});

test("as SQL, a curve is its last value, and no column comes twice", () => {
  const columns = readState({ cols: "!name;curve(metrics.`a b`);metrics.`a b`;max(metrics.c)" });
  expect(sqlColumns(columns.columns ?? [])).toEqual(["name", "metrics.`a b`", "max(metrics.c)"]);
});

test("what is in the address is asked for", () => {
  const state = readState({
    q: "status = 'FAILED' or metrics.a > 1",
    sort: "metrics.`val; loss` desc; name",
    group: "params.model;status",
    shelf: "archived",
    show: "table",
    hide: "a~b",
  });
  const query = queryOf("7", state);
  expect(query.filter).toBe(
    "(status = 'FAILED' or metrics.a > 1) and tags.`mere.archived` is not null",
  );
  expect(query.order).toEqual(["metrics.`val; loss` desc", "name"]);
  expect(query.group).toEqual(["params.model", "status"]);
  expect(state.split).toBe("table");
  expect(state.hidden).toEqual(new Set(["a", "b"]));
});

test("the bin is asked for by the view, archived or not", () => {
  const query = queryOf("7", readState({ shelf: "deleted" }));
  expect([query.view, query.filter]).toEqual(["deleted", ""]);
});

test("exceptions become a part of the filter", () => {
  const query = queryOf("7", readState({ shelf: "deleted", q: "name = 'a'" }));
  expect(without(query, new Set(["x", "y"])).filter).toBe(
    "(name = 'a') and run_id not in ('x', 'y')",
  );
  expect(without(query, new Set())).toBe(query);
  expect(both("  ", "a = 1")).toBe("a = 1");
});

test("a view can be copied as Python", () => {
  expect(
    pythonOf("digits", readState({ q: "status = 'FAILED'", sort: "name; started_at desc" })),
  ).toBe(`mere.runs("digits", filter="status = 'FAILED'", order="name, started_at desc")`);
});

test("more runs than an address holds stay chosen when it is emptied", () => {
  const one: Selection = { kind: "some", ids: new Set(["a"]) };
  const many: Selection = { kind: "some", ids: new Set(["a", "b"]) };
  const begun = { selection: one, address: "a", sent: [] };
  const turned = chosen(begun, many, undefined);
  expect(turned.sent).toEqual([undefined]);
  expect(arrived(turned, undefined).selection).toBe(many);
  // The same again sends nothing; any other address is news.
  expect(chosen(arrived(turned, undefined), one, undefined).sent).toEqual([]);
  expect(arrived(turned, "c").selection).toEqual({ kind: "some", ids: new Set(["c"]) });
});
