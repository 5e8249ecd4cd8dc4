import { expect, test } from "vitest";

import { changed } from "./changed";
import { idsOf, joined, parted, pythonOf, readState, runsOf } from "./state";
import { blocksOf } from "./useSheet";
import { foundOf } from "./WhyTab";

test("what differs in a text stands between what does not", () => {
  expect(changed("adam lr=0.1 end", "adam lr=0.25 end")).toEqual(["adam lr=0.", "25", " end"]);
  expect(changed("aa", "aaa")).toEqual(["aa", "a", ""]);
  expect(changed("same", "same")).toEqual(["same", "", ""]);
  expect(changed("", "new")).toEqual(["", "new", ""]);
  // 🚀 and 🚁 share the first half of their code.
  expect(changed("a🚀b", "a🚁b")).toEqual(["a", "🚁", "b"]);
});

test("lists in the address are read as they were written, and anything else is none", () => {
  for (const texts of [[], ["a"], ["~ ;", '"quoted"', "a,b"]])
    expect(parted(joined(texts))).toEqual(texts);
  expect(parted("{}")).toEqual([]);
  expect(parted("[1, null]")).toEqual([]);
  expect(parted("nonsense")).toEqual([]);
});

test("runs are named by ids, or by experiments and a filter", () => {
  expect(idsOf("a,b~c,a")).toEqual(["a", "b", "c"]);
  expect(runsOf({})).toBeNull();
  expect(runsOf({ runs: "a,b", sort: "name ASC" })).toEqual({
    runs: ["a", "b"],
    order: ["name ASC"],
  });
  expect(runsOf({ experiments: "1,2", q: "lr > 1" })).toEqual({
    experiments: ["1", "2"],
    filter: "lr > 1",
    view: "active",
  });
});

test("the address decides what is ignored; without it, what was ignored last", () => {
  expect(readState({}, ["system/*"]).rows.ignore).toEqual(["system/*"]);
  expect(readState({ ignore: "[]" }, ["system/*"]).rows.ignore).toEqual([]);
  expect(readState({ tab: "none", take: "odd" }, [])).toMatchObject({
    tab: "params",
    rows: { take: "last" },
  });
});

test("the same runs as Python", () => {
  expect(pythonOf({ runs: ["a"] }, "params")).toBe(
    `mere.runs(filter="run_id in ('a')", view="all", columns=["run_id","name","params"])`,
  );
  expect(pythonOf({ experiments: ["1"], filter: 'x = "y"' }, "metrics")).toBe(
    `mere.runs(filter="(x = \\"y\\") and experiment_id in ('1')", view="active", columns=["run_id","name","metrics"])`,
  );
});

test("blocks hold a stretch", () => {
  expect(blocksOf(0, 0, 60)).toEqual([0]);
  expect(blocksOf(59, 121, 60)).toEqual([0, 1, 2]);
  expect(blocksOf(-1, -1, 60)).toEqual([0]);
});

test("findings are told in words, with how many runs and how far off", () => {
  const plain = {
    family: "params",
    section: "params",
    key: "lr",
    verdict: "told",
    share: 0.6,
    chance: 0.01,
    same: [],
    same_total: 0,
    correlation: null,
    lower: null,
    upper: null,
    is_more_better: null,
    best: null,
    best_mean: null,
    best_runs: 0,
    rest_mean: null,
    rest_runs: 0,
    margin: null,
  };
  const rank = { ...plain, kind: "rank", runs: 12, correlation: -0.8, lower: -0.95, upper: -0.4 };
  expect(foundOf({ ...rank, is_more_better: false })).toBe(
    "Less of it goes along with better: rank correlation -0.8, probably -0.95 to -0.4; 12 runs.",
  );
  const best = { best: "3 to 3", best_mean: 0.9, best_runs: 1, rest_mean: 0.8, rest_runs: 4 };
  expect(foundOf({ ...plain, ...best, kind: "curve", runs: 5 })).toBe(
    "Best at 3: mean 0.9 over 1 run, against 0.8 over the other 4.",
  );
});
