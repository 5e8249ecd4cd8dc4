/** Times within a trace: how they are written, and where the ruler's marks are. */

/** A length of time as one reads it beside a bar: from nanoseconds to hours. */
export function lengthOf(ms: number): string {
  if (!Number.isFinite(ms)) return "";
  const size = Math.abs(ms);
  if (size === 0) return "0 ms";
  if (size < 0.001) return `${digits(ms * 1e6)} ns`;
  if (size < 1) return `${digits(ms * 1e3)} µs`;
  if (size < 1_000) return `${digits(ms)} ms`;
  if (size < 60_000) return `${digits(ms / 1e3)} s`;
  const minutes = Math.trunc(ms / 60_000);
  const seconds = Math.round(Math.abs(ms % 60_000) / 1e3);
  if (size < 3_600_000) return both(minutes, "min", seconds, "s");
  const hours = Math.trunc(minutes / 60);
  if (size < 172_800_000) return both(hours, "h", Math.abs(minutes % 60), "min");
  return both(Math.trunc(hours / 24), "d", Math.abs(hours % 24), "h");
}

function both(large: number, unit: string, small: number, smaller: string): string {
  return small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${smaller}`;
}

function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}

const STEPS = [1, 2, 5];
const LONG_STEPS_MS = [
  10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 7_200_000,
  21_600_000, 43_200_000, 86_400_000,
];

/** Round times from one to another, at most so many. */
export function marks(from: number, until: number, most: number): number[] {
  const wanted = (until - from) / Math.max(1, most);
  if (!(wanted > 0) || !Number.isFinite(wanted)) return [];
  const power = 10 ** Math.floor(Math.log10(wanted));
  const decimal = [...STEPS.map((one) => one * power), 10 * power].find((one) => one >= wanted)!;
  const long = LONG_STEPS_MS.find((one) => one >= wanted);
  const step = decimal >= 10_000 && long !== undefined ? long : decimal;
  const found = [];
  for (let n = Math.ceil(from / step); n * step <= until; n++) found.push(n * step);
  return found;
}

export type Sight = readonly [number, number];

/** A part of the whole, no shorter than can be painted and no further out than the whole. */
export function within(sight: Sight, whole: Sight): Sight {
  const least = Math.max((whole[1] - whole[0]) * 1e-7, 1e-6);
  const length = Math.min(Math.max(sight[1] - sight[0], least), whole[1] - whole[0]);
  const middle = (sight[0] + sight[1]) / 2;
  const from = Math.min(Math.max(middle - length / 2, whole[0]), whole[1] - length);
  return [from, from + length];
}

/** Nearer by a factor (or further, below 1) around a moment, which stays where it is. */
export function zoomed(sight: Sight, factor: number, around: number, whole: Sight): Sight {
  const length = (sight[1] - sight[0]) / factor;
  const share = (around - sight[0]) / (sight[1] - sight[0]);
  const from = around - share * length;
  return within([from, from + length], whole);
}

/** Moved by a share of what is seen. */
export function moved(sight: Sight, share: number, whole: Sight): Sight {
  const by = (sight[1] - sight[0]) * share;
  return within([sight[0] + by, sight[1] + by], whole);
}
