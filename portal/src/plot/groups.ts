/** Groups of runs as one line each: their mean on common buckets, and how far they spread. */

import type { BucketSeries } from "./series";

export type Spread = "none" | "minmax" | "std" | "stderr";

export interface GroupLine {
  x: Float64Array;
  mean: Float64Array;
  lo: Float64Array;
  hi: Float64Array;
  /** How many runs each bucket has. */
  runs: Int32Array;
}

/**
 * The mean of some series and their spread.
 *
 * Series may have been cut into buckets of different widths, which are powers of two: all are
 * put into the widest, so each bucket lies in one of these. Each run weighs the same.
 */
export function groupLine(series: readonly BucketSeries[], spread: Spread): GroupLine {
  const width = Math.max(...series.map((one) => one.width), 1);
  const sums = new Map<number, Tally>();
  for (const one of series) addRun(sums, one, width);
  const buckets = [...sums.keys()].sort((a, b) => a - b);
  const made = {
    x: new Float64Array(buckets.length),
    mean: new Float64Array(buckets.length),
    lo: new Float64Array(buckets.length),
    hi: new Float64Array(buckets.length),
    runs: new Int32Array(buckets.length),
  };
  const scale = series[0]?.axis === "step" ? 1 : 1e-6;
  buckets.forEach((bucket, i) => {
    const tally = sums.get(bucket)!;
    const mean = tally.sum / tally.runs;
    const variance =
      tally.runs > 1 ? Math.max(0, (tally.squares - tally.sum * mean) / (tally.runs - 1)) : 0;
    const around =
      spread === "std"
        ? Math.sqrt(variance)
        : spread === "stderr"
          ? Math.sqrt(variance / tally.runs)
          : 0;
    made.x[i] = (bucket * width + (width - 1) / 2) * scale;
    made.mean[i] = mean;
    made.lo[i] = spread === "minmax" ? tally.lo : mean - around;
    made.hi[i] = spread === "minmax" ? tally.hi : mean + around;
    made.runs[i] = tally.runs;
  });
  return made;
}

interface Tally {
  sum: number;
  squares: number;
  lo: number;
  hi: number;
  runs: number;
}

function addRun(sums: Map<number, Tally>, one: BucketSeries, width: number): void {
  const ratio = width / one.width;
  const values = one.mean.length ? one.mean : one.last;
  for (let i = 0; i < values.length; ) {
    const bucket = Math.floor(one.bucket[i]! / ratio);
    let sum = 0;
    let count = 0;
    let lo = Infinity;
    let hi = -Infinity;
    for (; i < values.length && Math.floor(one.bucket[i]! / ratio) === bucket; i++) {
      const value = values[i]!;
      if (!Number.isFinite(value)) continue;
      sum += value;
      count += 1;
      lo = Math.min(lo, one.lo[i] ?? value);
      hi = Math.max(hi, one.hi[i] ?? value);
    }
    if (count === 0) continue;
    const tally = sums.get(bucket) ?? { sum: 0, squares: 0, lo: Infinity, hi: -Infinity, runs: 0 };
    const mean = sum / count;
    tally.sum += mean;
    tally.squares += mean * mean;
    tally.lo = Math.min(tally.lo, lo);
    tally.hi = Math.max(tally.hi, hi);
    tally.runs += 1;
    sums.set(bucket, tally);
  }
}
