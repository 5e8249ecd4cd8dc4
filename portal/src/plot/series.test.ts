import { columnFromArray, tableFromArrays, tableFromIPC, tableToIPC } from "@uwdata/flechette";
import { describe, expect, it } from "vitest";

import {
  applyAnswer,
  decodeSeries,
  edgeOf,
  keepStretch,
  mergeStretch,
  placeOf,
  type Stretch,
} from "./series";

function stretch(bucket: number[], last: number[], more: Partial<Stretch> = {}): Stretch {
  const values = Float64Array.from(last);
  return {
    panel: 0,
    runId: "a",
    key: "loss",
    bucket: Float64Array.from(bucket),
    lo: values.map((one) => one - 1),
    hi: values.map((one) => one + 1),
    last: values,
    mean: new Float64Array(),
    nan: new Int32Array(),
    inf: new Int32Array(),
    ...more,
  };
}

const state = { panel: 0, is_reset: false, width: 1, first: 0, last: 9, points: 4, is_exact: true };

describe("where buckets are drawn", () => {
  it("is the step itself for buckets of one step", () => {
    expect(placeOf(7, 1, "step")).toBe(7);
  });
  it("is their middle for wide ones, and time is in seconds", () => {
    expect(placeOf(2, 64, "step")).toBe(159.5);
    expect(placeOf(3, 1_000_001, "time")).toBeCloseTo(3.500003);
    expect(edgeOf(1.5, "relative")).toBe(1_500_000);
    expect(edgeOf(2.4, "step")).toBe(2);
  });
});

describe("merging", () => {
  it("replaces buckets of the same number, appends new ones and keeps the rest", () => {
    const old = keepStretch(stretch([0, 1, 3], [10, 11, 13]), 1, "step");
    const made = mergeStretch(old, stretch([2, 3, 4], [22, 23, 24]));
    expect([...made.bucket]).toEqual([0, 1, 2, 3, 4]);
    expect([...made.last]).toEqual([10, 11, 22, 23, 24]);
    expect([...made.x]).toEqual([0, 1, 2, 3, 4]);
    expect([...old.last]).toEqual([10, 11, 13]);
  });
  it("fills counts that only one side has with zeros", () => {
    const old = keepStretch(stretch([0, 1], [1, 2], { nan: Int32Array.of(0, 3) }), 1, "step");
    expect([...mergeStretch(old, stretch([2], [5])).nan]).toEqual([0, 3, 0]);
  });
});

describe("applying an answer", () => {
  it("leaves series alone that it does not tell of", () => {
    const first = applyAnswer(
      undefined,
      { ...state, is_reset: true },
      [stretch([0], [1]), stretch([0], [2], { runId: "b" })],
      "step",
    );
    const second = applyAnswer(first, state, [stretch([1], [9])], "step");
    expect(second.series.get("b\nloss")).toBe(first.series.get("b\nloss"));
    expect([...second.series.get("a\nloss")!.last]).toEqual([1, 9]);
  });
  it("starts anew where the grid changed", () => {
    const first = applyAnswer(undefined, state, [stretch([0, 1], [1, 2])], "step");
    const second = applyAnswer(
      first,
      { ...state, is_reset: true, width: 2 },
      [stretch([0], [5])],
      "step",
    );
    expect([...second.series.get("a\nloss")!.x]).toEqual([0.5]);
  });
});

describe("decoding", () => {
  it("reads lists, and numbers buckets from the panel's first", () => {
    const made = tableFromArrays({
      panel: [0, 0],
      run_id: ["a", "b"],
      key: ["loss", "loss"],
      last: [[1, 2], [3]],
    });
    const table = tableFromIPC(tableToIPC(made, {})!);
    const at = columnFromArray([[0, 4], [2]]);
    const metadata = new Map([
      ["cursor", "c1"],
      ["panels", JSON.stringify([{ ...state, first: 100 }])],
    ]);
    const whole = Object.assign(Object.create(table) as typeof table, {
      schema: { ...table.schema, metadata },
      getChild: (name: string) => (name === "at" ? at : table.getChild(name)),
    });
    const answer = decodeSeries(whole);
    expect(answer.cursor).toBe("c1");
    expect(answer.stretches.map((one) => [...one.bucket])).toEqual([[100, 104], [102]]);
    expect([...answer.stretches[0]!.last]).toEqual([1, 2]);
    expect(answer.stretches[1]!.nan).toHaveLength(0);
  });
});
