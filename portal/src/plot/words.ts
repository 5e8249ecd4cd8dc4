/** What stands beside a chart in words: places on the x axis, values, how much is shown. */

import { count, formatOf, number } from "../ui/format";
import type { Axis } from "./series";

const moment = formatOf(
  () => new Intl.DateTimeFormat("en", { dateStyle: "short", timeStyle: "medium" }),
);

export const AXES: readonly { axis: Axis; label: string }[] = [
  { axis: "step", label: "Step" },
  { axis: "time", label: "Wall time" },
  { axis: "relative", label: "Time since start" },
];

/** Seconds as a clock shows them: `1:02:03`, `2:03`, `3.5 s`. */
export function clock(seconds: number): string {
  const size = Math.abs(seconds);
  if (size < 60) return `${Number(seconds.toPrecision(3))} s`;
  const sign = seconds < 0 ? "−" : "";
  const [h, m, s] = [Math.floor(size / 3600), Math.floor(size / 60) % 60, Math.floor(size % 60)];
  const two = (part: number) => String(part).padStart(2, "0");
  return h > 0 ? `${sign}${h}:${two(m)}:${two(s)}` : `${sign}${m}:${two(s)}`;
}

/** Where on the x axis. */
export function place(x: number, axis: Axis): string {
  if (axis === "time") return moment().format(x * 1000);
  return axis === "relative" ? clock(x) : number(Math.round(x * 10) / 10);
}

/** Steps between ticks of durations, in seconds: those of a clock. */
export const CLOCK_STEPS: readonly number[] = [
  ...[0.001, 0.01, 0.1].flatMap((one) => [one, one * 2, one * 5]),
  ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800],
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((days) => days * 86_400),
];

/** A tick of a logarithmic axis: those of one digit, as the others crowd it. */
export function logTick(value: number): string {
  const digit = value / 10 ** Math.floor(Math.log10(value) + 1e-9);
  return Math.abs(digit - Math.round(digit)) < 1e-6 ? tick(value) : "";
}

const day = formatOf(
  () => new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" }),
);
const shortDay = formatOf(() => new Intl.DateTimeFormat("en", { day: "numeric", month: "short" }));
const minute = formatOf(
  () => new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
);
const second = formatOf(
  () => new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" }),
);

/** Ticks of wall time: the time of day, and below it the day where that is another. */
export function timeTicks(seconds: readonly number[], every: number): string[] {
  if (every >= 86_400) return seconds.map((one) => shortDay().format(one * 1000));
  let before = "";
  return seconds.map((one) => {
    const date = day().format(one * 1000);
    const time = (every < 60 ? second : minute)().format(one * 1000);
    const text = date === before ? time : `${time}\n${date}`;
    before = date;
    return text;
  });
}

/** The ticks of a logarithmic axis that have a rule: powers of ten, where it has several. */
export function logRules(values: readonly (number | null)[]): (number | null)[] {
  const present = values.filter((value) => value !== null && value > 0) as number[];
  if (present.length === 0 || present[present.length - 1]! / present[0]! < 100) return [...values];
  return values.map((value) => {
    const power = Math.log10(value ?? NaN);
    return Math.abs(power - Math.round(power)) < 1e-9 ? value : null;
  });
}

/** The steps that a bucket spans. */
export function stepsOf(middle: number, width: number): string {
  if (width <= 1) return `step ${number(middle)}`;
  const half = (width - 1) / 2;
  return `steps ${number(middle - half)} to ${number(middle + half)}`;
}

/** A value's short form for an axis: few characters, whatever its size. */
export function tick(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e15 || (size !== 0 && size < 1e-4)) return value.toExponential(0);
  for (const [unit, sign] of [
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const)
    if (size >= unit && (sign !== "k" || size >= 1e4 || size % 1e3 === 0))
      return `${Number((value / unit).toPrecision(4))}${sign}`;
  return String(Number(value.toPrecision(6)));
}

/** How much a chart shows: nothing is left out, and this says so. */
export function toldOf(
  lines: number,
  points: number,
  width: number,
  isExact: boolean,
  axis: Axis,
  hasBands = true,
  isNamed = false,
): string {
  if (lines === 0) return "no points";
  const many = count(points, "point");
  const isWhole = width <= 1 && axis === "step";
  const how = isWhole ? "" : hasBands ? "min/max of " : "last of each bucket of ";
  const who = isNamed ? "" : `${count(lines, "line")} · `;
  return `${who}${how}${many}${isExact ? "" : " (about where they lie)"}`;
}
