import { describe, expect, it } from "vitest";

import { barsOf } from "./bars";
import { columnOf, keyOf } from "./data";
import { quantile, rebin, spread, stepOf } from "./histograms";
import { importances, spearman, varianceExplained } from "./importance";
import { passing } from "./brushes";
import { numeric, scaleOf, ticksOf } from "./scales";
import { leavesOf, sectionsOf } from "./sections";
import { EMPTY } from "./settings";

describe("columns", () => {
  it.each(["acc", "val/acc", "odd `name`", "a b"])("%s keeps its name", (key) => {
    expect(keyOf(columnOf("metrics", key))).toBe(key);
  });
  it("backquote what is no plain name", () => {
    expect(columnOf("params", "lr")).toBe("params.lr");
    expect(columnOf("metrics", "val/acc")).toBe("metrics.`val/acc`");
  });
});

describe("scales", () => {
  it("take texts for numbers where they are", () => {
    expect(numeric("1e-3")).toBe(0.001);
    expect(numeric("cnn")).toBeNull();
    expect(numeric("")).toBeNull();
  });
  it("are logarithmic for learning rates, even for accuracies, names for the rest", () => {
    expect(scaleOf(["0.00001", "0.1"]).isLog).toBe(true);
    expect(scaleOf([0.4, 0.9]).isLog).toBe(false);
    const names = scaleOf(["vit", "cnn", "cnn", null]);
    expect(names.kind).toBe("names");
    expect([names.place("cnn"), names.place("vit"), names.place(null)]).toEqual([0, 1, null]);
  });
  it("have round ticks", () => {
    expect(ticksOf(0, 1, false)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticksOf(1e-4, 1e-1, true)).toHaveLength(4);
    expect(ticksOf(3, 3, false)).toEqual([3]);
  });
});

describe("importance", () => {
  it("is one for what rises with the metric, and minus one for what falls", () => {
    expect(spearman([1, 2, 3, 4], [10, 100, 1_000, 10_000])).toBeCloseTo(1);
    expect(spearman([1, 2, 3, 4], [4, 3, 2, 1])).toBeCloseTo(-1);
    expect(spearman([1, 1, 1], [1, 2, 3])).toBe(0);
  });
  it("is the share of the variance that names explain", () => {
    expect(
      varianceExplained([
        ["a", 1],
        ["a", 1],
        ["b", 5],
        ["b", 5],
      ]),
    ).toBeCloseTo(1);
    expect(
      varianceExplained([
        ["a", 1],
        ["a", 5],
        ["b", 1],
        ["b", 5],
      ]),
    ).toBe(0);
  });
  it("sees what is best in the middle", () => {
    const rows = Array.from({ length: 80 }, (_, i) => ({ acc: -((i - 40) ** 2), lr: i }));
    const [found] = importances(rows, "acc", ["lr"]);
    expect(found).toMatchObject({ kind: "variance", correlation: null });
    expect(found!.weight).toBeGreaterThan(0.8);
  });
  it("puts the strongest first and leaves out what cannot be said", () => {
    const rows = Array.from({ length: 12 }, (_, i) => ({
      run_id: `${i}`,
      acc: i,
      lr: String(i),
      model: i < 6 ? "cnn" : "vit",
      id: `name-${i}`,
      same: "1",
    }));
    const found = importances(rows, "acc", ["id", "same", "model", "lr"]);
    expect(found.map((one) => [one.column, one.kind])).toEqual([
      ["lr", "rank"],
      ["model", "variance"],
    ]);
  });
});

describe("bars", () => {
  const rows = [
    { run_id: "1", name: "a", acc: 1, model: "cnn" },
    { run_id: "2", name: "b", acc: 3, model: "cnn" },
    { run_id: "3", name: "c", acc: null, model: "vit" },
  ];
  it("are the greatest first, or means of groups", () => {
    expect(barsOf(rows, "acc", undefined).map((bar) => bar.label)).toEqual(["b", "a"]);
    expect(barsOf(rows, "acc", "model")).toMatchObject([{ label: "cnn", value: 2, runs: 2 }]);
  });
});

describe("brushes", () => {
  it("keep what passes through all of them", () => {
    const places = [
      [0, 1],
      [0.5, 0.5],
      [null, 1],
    ];
    expect(
      passing(
        places,
        new Map([
          [0, [0, 0.6]],
          [1, [0.9, 1]],
        ]),
      ),
    ).toEqual([true, false, false]);
    expect(passing(places, new Map())).toEqual([true, true, true]);
  });
});

describe("histograms", () => {
  it("are found by the names of their files", () => {
    expect(stepOf("40.histogram.json")).toBe(40);
    expect(stepOf("notes.json")).toBeNull();
  });
  it("keep their counts when they are put into common stretches", () => {
    const made = rebin({ edges: [0, 1, 3], counts: [4, 6] }, 0, 4, 4);
    expect([...made].map((one) => Math.round(one))).toEqual([4, 3, 3, 0]);
  });
  it("tell where their values lie", () => {
    expect(quantile({ edges: [0, 1, 3], counts: [4, 4] }, 0.5)).toBe(1);
    expect(quantile({ edges: [0, 1, 3], counts: [4, 4] }, 0.75)).toBe(2);
    expect(quantile({ edges: [0, 1], counts: [0] }, 0.5)).toBeNull();
  });
  it("are spread evenly, with both ends", () => {
    expect(spread([0, 1, 2, 3, 4, 5, 6, 7, 8], 3)).toEqual([0, 4, 8]);
  });
});

describe("sections", () => {
  const pages = [
    {
      nodes: [
        { name: "system", path: "system/", keys: 3, runs: 1 },
        { name: "val", path: "val/", keys: 2, runs: 1 },
        { name: "huge", path: "huge/", keys: 12_000, runs: 1 },
        { name: "loss", path: "loss", keys: 0, runs: 1 },
      ],
      total: 4,
      next_offset: null,
    },
  ];
  it("begin with what has no prefix and end with the machine", () => {
    expect(leavesOf(pages)).toEqual(["loss"]);
    expect(sectionsOf(pages, EMPTY).map(({ id, isOpen }) => [id, isOpen])).toEqual([
      ["top", true],
      ["/val/", true],
      ["/huge/", false],
      ["/system/", false],
    ]);
  });
  it("are turned by hand", () => {
    const turned = sectionsOf(pages, { ...EMPTY, turned: ["/huge/", "top"], pinned: ["loss"] });
    expect(turned.map(({ id, isOpen }) => [id, isOpen]).slice(0, 4)).toEqual([
      ["pinned", true],
      ["top", false],
      ["/val/", true],
      ["/huge/", true],
    ]);
  });
});
