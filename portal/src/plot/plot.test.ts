import { describe, expect, it } from "vitest";

import {
  BANDS_MAX,
  drawLines,
  extentOf,
  legendOf,
  nearestAt,
  needsMeans,
  PLAIN,
  type Line,
} from "./drawing";
import { groupLine } from "./groups";
import { hoverAt } from "./hover";
import { placer } from "./paint";
import { COLOURS, colourIndex, coloursOf, dashesOf, DASHES } from "./palette";
import { csvOf } from "./PlotTable";
import { keepStretch, type BucketSeries } from "./series";
import { smooth } from "./smooth";
import { clock, logRules, logTick, timeTicks, stepsOf, tick, toldOf } from "./words";

function series(last: number[], more: Partial<BucketSeries> = {}, width = 1): BucketSeries {
  const values = Float64Array.from(last);
  const kept = keepStretch(
    {
      panel: 0,
      runId: "a",
      key: "loss",
      bucket: values.map((_, i) => i),
      lo: values.map((one) => one - 1),
      hi: values.map((one) => one + 1),
      last: values,
      mean: new Float64Array(),
      nan: new Int32Array(),
      inf: new Int32Array(),
    },
    width,
    "step",
  );
  return { ...kept, ...more };
}

const line = (id: string, values: number[], more: Partial<BucketSeries> = {}): Line => ({
  id,
  colourBy: id,
  label: id,
  series: series(values, more),
});

describe("colours", () => {
  it("are twenty different ones in each theme", () => {
    for (const shade of ["light", "dark"] as const) expect(new Set(COLOURS[shade]).size).toBe(20);
  });
  it("are those of the id, whatever else is shown", () => {
    expect(colourIndex("0198c0ffee")).toBe(colourIndex("0198c0ffee"));
    const used = new Set(Array.from({ length: 2_000 }, (_, i) => colourIndex(`run-${i}`)));
    expect(used.size).toBe(20);
  });
  it("shared by two lines come with different dashes", () => {
    const ids = Array.from({ length: 60 }, (_, i) => `run-${i}`);
    const twins = ids.filter((id) => colourIndex(id) === colourIndex(ids[0]!));
    const dashes = dashesOf(
      twins.slice(0, DASHES.length).map((id) => ({ id, colour: colourIndex(id) })),
    );
    expect(new Set(dashes.values()).size).toBe(Math.min(twins.length, DASHES.length));
  });
  it("of a few groups are all different", () => {
    const names = Array.from({ length: 20 }, (_, i) => `group ${i}`);
    expect(new Set(coloursOf(names).values()).size).toBe(20);
    expect(coloursOf(["cnn"]).get("cnn")).toBe(colourIndex("cnn"));
    expect(coloursOf([...names, "one more"]).size).toBe(21);
  });
  it("are told apart from the ground", () => {
    const light = (hex: string) => {
      const parts = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
      const [r, g, b] = parts.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
    };
    for (const colour of COLOURS.light) expect(1.05 / (light(colour) + 0.05)).toBeGreaterThan(3);
    const dark = light("#161e26") + 0.05;
    for (const colour of COLOURS.dark) expect((light(colour) + 0.05) / dark).toBeGreaterThan(3);
  });
});

describe("smoothing", () => {
  const x = Float64Array.from({ length: 50 }, (_, i) => i);
  const flat = x.map(() => 3);
  it.each(["twema", "ema", "gaussian", "mean"] as const)("%s leaves a flat line alone", (kind) => {
    const amount = kind === "twema" || kind === "ema" ? 0.9 : 5;
    for (const value of smooth(kind, amount, x, flat)) expect(value).toBeCloseTo(3, 10);
  });
  it("takes means of neighbours", () => {
    const made = smooth("mean", 3, x.slice(0, 3), Float64Array.of(0, 3, 6));
    expect([...made]).toEqual([1.5, 3, 4.5]);
  });
  it("weighs by x in the time-weighted average: far points pull more", () => {
    const y = Float64Array.of(0, 1, 1);
    const near = smooth("twema", 0.9, Float64Array.of(0, 1, 1_000), y);
    const far = smooth("twema", 0.9, Float64Array.of(0, 999, 1_000), y);
    expect(far[1]).toBeGreaterThan(near[1]!);
  });
  it("leaves out what is no number", () => {
    const made = smooth("ema", 0.5, x.slice(0, 3), Float64Array.of(1, NaN, 1));
    expect(made[1]).toBeNaN();
    expect(made[2]).toBeCloseTo(1);
  });
});

describe("drawing", () => {
  it("has bands where buckets are wide, and none among many lines", () => {
    expect(drawLines([line("a", [1, 2])], PLAIN)[0]!.lo).not.toBeNull();
    const many = Array.from({ length: BANDS_MAX + 1 }, (_, i) => line(`${i}`, [1, 2]));
    expect(drawLines(many, PLAIN)[0]!.lo).toBeNull();
  });
  it("keeps the least and the greatest value in view", () => {
    const extent = extentOf(drawLines([line("a", [0, 10])], PLAIN), PLAIN, null);
    expect(extent.x).toEqual([0, 1]);
    expect(extent.y[0]).toBeLessThan(-1);
    expect(extent.y[1]).toBeGreaterThan(11);
  });
  it("clips what one value in a hundred has", () => {
    const values = [...Array.from({ length: 500 }, () => 1), 1e9];
    const settings = { ...PLAIN, isClipped: true };
    expect(extentOf(drawLines([line("a", values)], settings), settings, null).y[1]).toBeLessThan(2);
  });
  it("shows only positive values on a logarithmic axis", () => {
    const settings = { ...PLAIN, isLogY: true, isLogX: true, hasBands: false };
    const extent = extentOf(drawLines([line("a", [-5, 0.1, 10])], settings), settings, null);
    expect(extent.x[0]).toBe(1);
    expect(extent.y[0]).toBeGreaterThan(0.05);
    expect(placer([1, 100], true, 0, 200)(10)).toBeCloseTo(100);
    expect(placer([1, 100], true, 0, 200)(0)).toBeNaN();
  });
  it("keeps what was smoothed in view as well", () => {
    const settings = { ...PLAIN, smoothing: "mean" as const, amount: 3, hasBands: false };
    const drawn = drawLines([line("a", [0, 0, 9, 0, 0])], settings);
    expect(drawn[0]!.y[2]).toBe(3);
    expect(extentOf(drawn, settings, null).y[1]).toBeGreaterThan(9);
  });
  it("begins with means where lines are smoothed or put into groups", () => {
    expect(needsMeans(PLAIN)).toBe(false);
    expect(needsMeans({ ...PLAIN, smoothing: "ema", amount: 0 })).toBe(false);
    expect(needsMeans({ ...PLAIN, smoothing: "ema" })).toBe(true);
    expect(needsMeans({ ...PLAIN, grouping: "std" })).toBe(true);
  });
  it("marks NaN where it was", () => {
    const drawn = drawLines([line("a", [1, 2, 3], { nan: Int32Array.of(0, 2, 0) })], PLAIN);
    expect(drawn[0]!.nanAt).toEqual([1]);
  });
  it("names lines where there are few, or groups", () => {
    const few = [line("a", [1]), line("b", [2])];
    expect(legendOf(few, PLAIN).map((one) => one.label)).toEqual(["a", "b"]);
    expect(legendOf(few, { ...PLAIN, grouping: "std" }).map((one) => one.label)).toEqual([
      "all runs",
    ]);
    const many = Array.from({ length: 7 }, (_, i) => line(`${i}`, [1]));
    expect(legendOf(many, PLAIN)).toEqual([]);
  });
  it("says something sensible of nothing", () => {
    expect(extentOf([], PLAIN, null)).toEqual({ x: [0, 1], y: [0, 1] });
  });
});

describe("groups", () => {
  it("have the mean of their runs and how far these spread", () => {
    const made = groupLine([series([1, 2]), series([3, 4])], "std");
    expect([...made.mean]).toEqual([2, 3]);
    expect(made.hi[0]! - made.mean[0]!).toBeCloseTo(Math.SQRT2);
    expect([...groupLine([series([1]), series([3])], "minmax").hi]).toEqual([4]);
  });
  it("put series of different buckets into the widest", () => {
    const made = groupLine([series([1, 3, 5, 7]), series([10, 20], {}, 2)], "none");
    expect([...made.x]).toEqual([0.5, 2.5]);
    expect([...made.mean]).toEqual([6, 13]);
    expect([...made.runs]).toEqual([2, 2]);
  });
});

describe("the crosshair", () => {
  const drawn = drawLines([line("a", [0, 0, 0]), line("b", [5, 6, 7])], PLAIN);
  it("finds the nearest bucket", () => {
    expect(nearestAt(drawn[0]!, 1.4)).toBe(1);
    expect(nearestAt(drawn[0]!, 99)).toBe(2);
  });
  it("names the nearest line, and sorts by value", () => {
    const hover = hoverAt(drawn, 1, 0.6, (value) => Math.abs(value - 1))!;
    expect(hover.nearest.id).toBe("a");
    expect(hover.rows.map((row) => row.id)).toEqual(["b", "a"]);
    expect(hoverAt(drawn, 50, 1, () => 0)).toBeNull();
  });
});

describe("words", () => {
  it("are short on axes", () => {
    expect(tick(20_000)).toBe("20k");
    expect(tick(1.5e6)).toBe("1.5M");
    expect(tick(0.1 + 0.2)).toBe("0.3");
    expect(clock(3_723)).toBe("1:02:03");
    expect([0.02, 0.12322, 1_000].map(logTick)).toEqual(["0.02", "", "1k"]);
    expect(logRules([0.5, 1, 2, 10, 100])).toEqual([null, 1, null, 10, 100]);
    expect(logRules([1, 2, 3])).toEqual([1, 2, 3]);
    const noon = new Date(2026, 0, 2, 12).getTime() / 1000;
    expect(timeTicks([noon, noon + 1_800], 1_800)).toEqual(["12:00\nJan 2, 2026", "12:30"]);
    expect(stepsOf(189.5, 2)).toBe("steps 189 to 190");
  });
  it("say that nothing is left out", () => {
    expect(toldOf(2, 1_000_000, 2_048, true, "step")).toBe("2 lines · min/max of 1,000,000 points");
    expect(toldOf(1, 20, 1, true, "step")).toBe("1 line · 20 points");
    expect(toldOf(99, 20, 2, true, "step", false)).toBe(
      "99 lines · last of each bucket of 20 points",
    );
  });
  it("are no formulas in a CSV file", () => {
    expect(csvOf([line("=cmd()", [1])])).toContain("'=cmd(),a,loss,0,0,2,1");
  });
});
