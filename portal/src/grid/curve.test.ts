import { describe, expect, it } from "vitest";

import { askedOf, read } from "./columns";
import { pathOf } from "./Curve";

const course = (x: number[], last: number[]) =>
  pathOf({ x: Float64Array.from(x), last: Float64Array.from(last) });

describe("curves in cells", () => {
  it("go from the left to the right, the greatest value above", () => {
    expect(course([0, 5, 10], [0, 2, 1])).toBe("M0.0 20.0L50.0 0.0L100.0 10.0");
  });
  it("leave out what is no number, and need two points", () => {
    expect(course([0, 5, 10], [0, NaN, 1])).toBe("M0.0 20.0L100.0 0.0");
    expect(course([3], [1])).toBe("");
    expect(course([0, 1], [NaN, Infinity])).toBe("");
  });
  it("are level where nothing changes", () => {
    expect(course([0, 1], [7, 7])).toBe("M0.0 10.0L100.0 10.0");
  });
  it("are sorted and asked for by their last value", () => {
    expect(read("curve(metrics.`val acc`)")).toMatchObject({ key: "val acc", kind: "curve" });
    expect(askedOf("curve(metrics.`val acc`)")).toBe("metrics.`val acc`");
    expect(askedOf("max(metrics.loss)")).toBe("max(metrics.loss)");
  });
});
