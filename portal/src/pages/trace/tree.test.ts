import { describe, expect, it } from "vitest";

import { criticalPath } from "./critical";
import { lengthOf, marks, within, zoomed } from "./times";
import { above, firstSight, ODD, planted, unfolded, type Spans } from "./tree";

type Row = [parent: number, start: number, duration: number, more?: { bad?: true; orphan?: true }];

function spansOf(rows: readonly Row[]): Spans {
  return {
    baseMs: 0,
    total: rows.length,
    ids: rows.map((_, row) => `s${row}`),
    parent: Int32Array.from(rows, (row) => row[0]),
    isOrphan: Uint8Array.from(rows, (row) => (row[3]?.orphan ? 1 : 0)),
    names: rows.map((_, row) => `span ${row}`),
    kinds: rows.map(() => null),
    types: rows.map(() => null),
    statuses: rows.map((row) => (row[3]?.bad ? "ERROR" : "OK")),
    models: rows.map(() => null),
    start: Float64Array.from(rows, (row) => row[1]),
    duration: Float64Array.from(rows, (row) => row[2]),
    tokens: new Float64Array(rows.length),
    costs: new Float64Array(rows.length),
    events: new Int32Array(rows.length),
  };
}

describe("a tree of spans", () => {
  it("shows each before what is below it, in the order of time", () => {
    const tree = planted(
      spansOf([
        [-1, 0, 100],
        [0, 1, 10],
        [1, 2, 3],
        [0, 20, 5, { bad: true }],
      ]),
    );
    expect([...tree.order]).toEqual([0, 1, 2, 3]);
    expect([...tree.depth]).toEqual([0, 1, 2, 1]);
    expect([...tree.size]).toEqual([4, 2, 1, 1]);
    expect([...tree.errors]).toEqual([1, 0, 0, 1]);
    expect([tree.from, tree.until]).toEqual([0, 100]);
    expect(above(tree, 2)).toEqual([1, 0]);
  });

  it("folds what is collapsed, and keeps to a path", () => {
    const tree = planted(
      spansOf([
        [-1, 0, 9],
        [0, 1, 5],
        [1, 2, 3],
        [0, 7, 1],
      ]),
    );
    expect([...unfolded(tree, new Set([1]))]).toEqual([0, 1, 3]);
    expect([...unfolded(tree, new Set(), new Set([0, 2]))]).toEqual([0, 2]);
  });

  it("shows orphans, and cuts a ring above its earliest span", () => {
    const tree = planted(
      spansOf([
        [-1, 0, 9],
        [-1, 1, 2, { orphan: true }],
        [3, 2, 1],
        [2, 3, 1],
        [4, 5, 1],
      ]),
    );
    expect([...tree.order].sort()).toEqual([0, 1, 2, 3, 4]);
    expect(tree.odd[1]! & ODD.orphan).toBeTruthy();
    expect(tree.odd[2]! & ODD.loop).toBeTruthy();
    expect(tree.above[3]).toBe(2);
    expect(tree.odd[4]! & ODD.loop).toBeTruthy(); // it says that it is above itself
  });

  it("notes clocks that differ and spans that go on", () => {
    const tree = planted(
      spansOf([
        [-1, 10, 50],
        [0, 5, 10],
        [0, 40, 40],
        [0, 20, NaN],
        [0, NaN, NaN],
        [0, 30, -4],
      ]),
      100,
    );
    expect(tree.odd[1]! & ODD.early).toBeTruthy();
    expect(tree.odd[2]! & ODD.late).toBeTruthy();
    expect(tree.odd[3]! & ODD.open).toBeTruthy();
    expect(tree.end[3]).toBe(100);
    expect(tree.begin[4]).toBe(10);
    expect(tree.odd[5]! & ODD.backwards).toBeTruthy();
    expect(tree.until).toBe(100);
  });

  it("does not stretch a trace of long ago to this moment", () => {
    expect(
      planted(
        spansOf([
          [-1, 0, 5],
          [0, 1, NaN],
        ]),
        1e9,
      ).until,
    ).toBe(5);
  });

  it("begins where most is to be seen when a clock is far off", () => {
    const spans = spansOf([
      [-1, 0, 10],
      [-1, 1e6, 20],
      [1, 1e6 + 1, 3],
    ]);
    const [from, until] = firstSight(spans, planted(spans));
    expect(from).toBeGreaterThan(999_000);
    expect(until).toBeLessThan(1_000_100);
  });

  it("takes a chain of thirty thousand, and nothing at all", () => {
    const deep = planted(spansOf(Array.from({ length: 30_000 }, (_, n): Row => [n - 1, n, 1])));
    expect(deep.depthMax).toBe(29_999);
    expect(planted(spansOf([])).order.length).toBe(0);
  });
});

describe("the critical path", () => {
  it("is what the end waited for", () => {
    // Two at once: the longer one counts; what came before both counts, too.
    const spans = spansOf([
      [-1, 0, 100],
      [0, 5, 20],
      [0, 30, 60],
      [0, 31, 20],
      [2, 40, 45],
    ]);
    const path = criticalPath(spans, planted(spans));
    expect([...path.spans].sort()).toEqual([0, 1, 2, 4]);
    expect(path.stretches.get(0)).toEqual([
      { span: 0, from: 90, until: 100 },
      { span: 0, from: 25, until: 30 },
      { span: 0, from: 0, until: 5 },
    ]);
    const total = [...path.stretches.values()].flat().reduce((sum, s) => sum + s.until - s.from, 0);
    expect(total).toBe(100);
  });

  it("is empty where there are no spans", () => {
    expect(criticalPath(spansOf([]), planted(spansOf([]))).spans.size).toBe(0);
  });
});

describe("times", () => {
  it("are written in the unit one thinks in", () => {
    expect([120_000, 3_600_000, 864e5 * 3].map(lengthOf)).toEqual(["2 min", "1 h", "3 d"]);
    expect([0, 0.0005, 0.25, 12.3456, 2_345, 125_000, 7_260_000].map(lengthOf)).toEqual([
      "0 ms",
      "500 ns",
      "250 µs",
      "12.3 ms",
      "2.35 s",
      "2 min 5 s",
      "2 h 1 min",
    ]);
  });

  it("has marks at round times", () => {
    expect(marks(0, 100, 5)).toEqual([0, 20, 40, 60, 80, 100]);
    expect(marks(0, 180_000, 4)).toEqual([0, 60_000, 120_000, 180_000]);
    expect(marks(5, 5, 4)).toEqual([]);
  });

  it("zooms around a moment and stays within the whole", () => {
    expect(zoomed([0, 100], 2, 50, [0, 100])).toEqual([25, 75]);
    expect(zoomed([25, 75], 0.1, 30, [0, 100])).toEqual([0, 100]);
    expect(within([-50, 0], [0, 100])).toEqual([0, 50]);
  });
});
