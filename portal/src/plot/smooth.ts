/**
 * Smoothing of lines, over the buckets that are shown.
 *
 * All kinds leave out values that are none, and begin without a pull towards zero.
 */

export type Smoothing = "none" | "twema" | "ema" | "gaussian" | "mean";

export const SMOOTHINGS: readonly { kind: Smoothing; label: string; most: number; step: number }[] =
  [
    { kind: "none", label: "No smoothing", most: 0, step: 1 },
    { kind: "twema", label: "Time-weighted EMA", most: 0.999, step: 0.001 },
    { kind: "ema", label: "EMA", most: 0.999, step: 0.001 },
    { kind: "gaussian", label: "Gaussian", most: 50, step: 0.5 },
    { kind: "mean", label: "Running mean", most: 100, step: 1 },
  ];

/** How many equal stretches of x weigh as one step each in the time-weighted average. */
const TIME_STRETCHES = 1_000;

/**
 * A smoother line.
 *
 * `amount` is a weight from 0 to 1 for the two exponential averages, a deviation in buckets for
 * `gaussian`, and a number of buckets for `mean`.
 */
export function smooth(
  kind: Smoothing,
  amount: number,
  x: Float64Array,
  y: Float64Array,
): Float64Array {
  if (kind === "none" || amount <= 0 || y.length < 2) return y;
  if (kind === "twema") return exponential(x, y, amount, true);
  if (kind === "ema") return exponential(x, y, amount, false);
  if (kind === "gaussian") return kernel(y, gaussian(amount));
  const half = Math.floor(Math.max(1, amount) / 2);
  return kernel(y, new Float64Array(2 * half + 1).fill(1));
}

function exponential(
  x: Float64Array,
  y: Float64Array,
  amount: number,
  isTimed: boolean,
): Float64Array {
  // The square root makes the slider of the timed one as sensitive as that of the plain one.
  const weight = Math.min(isTimed ? Math.sqrt(amount) : amount, 0.999);
  const span = x[x.length - 1]! - x[0]! || 1;
  const smoothed = new Float64Array(y.length);
  let sum = 0;
  let total = 0;
  let before = x[0]!;
  for (let i = 0; i < y.length; i++) {
    const value = y[i]!;
    if (!Number.isFinite(value)) {
      smoothed[i] = NaN;
      continue;
    }
    const decay = isTimed ? weight ** (((x[i]! - before) / span) * TIME_STRETCHES) : weight;
    before = x[i]!;
    sum = sum * decay + value;
    total = total * decay + 1;
    smoothed[i] = sum / total;
  }
  return smoothed;
}

function gaussian(deviation: number): Float64Array {
  const half = Math.ceil(deviation * 3);
  const weights = new Float64Array(2 * half + 1);
  for (let i = -half; i <= half; i++)
    weights[i + half] = Math.exp(-(i * i) / (2 * deviation * deviation));
  return weights;
}

/** Weighted means of each value's neighbours; at the ends, of those that there are. */
function kernel(y: Float64Array, weights: Float64Array): Float64Array {
  const half = (weights.length - 1) / 2;
  const smoothed = new Float64Array(y.length);
  for (let i = 0; i < y.length; i++) {
    let sum = 0;
    let total = 0;
    const end = Math.min(y.length - 1, i + half);
    for (let j = Math.max(0, i - half); j <= end; j++) {
      const value = y[j]!;
      if (!Number.isFinite(value)) continue;
      const weight = weights[j - i + half]!;
      sum += value * weight;
      total += weight;
    }
    smoothed[i] = Number.isFinite(y[i]!) && total > 0 ? sum / total : NaN;
  }
  return smoothed;
}
