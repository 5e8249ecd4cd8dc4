import { describe, expect, it } from "vitest";

import type { ColumnProfile, Profile } from "../../api/datasets";
import { BARS, barsOf, isDifferent, pairsOf, pictureOf, rangeOf } from "./profile";
import { quoted, snippets } from "./snippets";

const of = (column: Partial<ColumnProfile>, more: Partial<Profile> = {}) => {
  const whole: ColumnProfile = { name: "x", type: "double", nulls: 0, ...column };
  return pictureOf(whole, { rows: 100, columns: [whole], ...more });
};

describe("pictures", () => {
  it("are histograms of numbers and of times", () => {
    const found = of({ histogram: { low: 0, high: 4, counts: [1, 2, 3, 94] } });
    expect(found).toMatchObject({ kind: "histogram", isTime: false, isRough: false });
    if (found?.kind !== "histogram") throw new Error("none");
    expect(found.histogram.edges).toEqual([0, 1, 2, 3, 4]);
    const bars = barsOf(found.histogram, [0, 4]);
    expect(bars).toHaveLength(BARS);
    expect(Math.max(...bars)).toBe(1);
    const time = of({
      type: "timestamp[us, tz=UTC]",
      histogram: {
        low: "2026-01-01T00:00:00+00:00",
        high: "2026-01-02T00:00:00+00:00",
        counts: [1, 1],
      },
    });
    expect(rangeOf([time])![1] - rangeOf([time])![0]).toBe(86_400_000);
  });
  it("are guessed from quantiles where there is no histogram", () => {
    const found = of({ min: 0, max: 10, quantiles: { "0.25": 1, "0.5": 2, "0.75": 3 } });
    expect(found).toMatchObject({ kind: "histogram", isRough: true });
    if (found?.kind === "histogram") expect(found.histogram.counts).toEqual([25, 25, 25, 25]);
  });
  it("are shares of few values, of those that are not null", () => {
    expect(of({ type: "bool", true: 20, nulls: 60 })).toEqual({
      kind: "shares",
      shares: [
        { label: "true", share: 0.5 },
        { label: "false", share: 0.5 },
      ],
      rest: 0,
    });
    const sampled = of({ type: "string", top: [["a", 10]] }, { rows: 1_000, sample_rows: 20 });
    expect(sampled).toMatchObject({ shares: [{ label: "a", share: 0.5 }], rest: 0.5 });
  });
  it("are none where nothing is known or all is null", () => {
    expect(of({})).toBeNull();
    expect(of({ nulls: 100, histogram: { low: 0, high: 1, counts: [1] } })).toBeNull();
  });
  it("holds one value in one place", () => {
    const found = of({ histogram: { low: 5, high: 5, counts: [100] } });
    if (found?.kind !== "histogram") throw new Error("none");
    expect(barsOf(found.histogram, [5, 5]).filter((one) => one > 0).length).toBeGreaterThan(0);
  });
});

describe("two versions", () => {
  const column = (name: string, nulls: number): ColumnProfile => ({ name, type: "long", nulls });
  const [a, b] = [
    { rows: 1, columns: [column("x", 0), column("gone", 0)] },
    { rows: 1, columns: [column("new", 0), column("x", 1)] },
  ];
  it("are put side by side by the names of columns", () => {
    expect(pairsOf(a, b).map((one) => one.name)).toEqual(["new", "x", "gone"]);
    expect(pairsOf(a, b).map(isDifferent)).toEqual([true, true, true]);
    expect(isDifferent(pairsOf(a, a)[0]!)).toBe(false);
  });
});

describe("snippets", () => {
  it("quote what a program or a shell would read otherwise", () => {
    expect(quoted("iris@1")).toBe("iris@1");
    expect(quoted("it's")).toBe("'it'\\''s'");
    const [python] = snippets({ name: 'a"b', version: 2, kind: "files", table_name: null });
    expect(python?.text).toContain('mere.dataset("a\\"b", version=2).download("data")');
    expect(
      snippets({ name: "a", version: 1, kind: "table", table_name: "dataset_a" }),
    ).toHaveLength(4);
  });
});
