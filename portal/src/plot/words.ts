/** What stands beside a chart in words: places on the x axis, values, how much is shown. */

import { count, number } from "../ui/format";
import type { Axis } from "./series";

const moment = new Intl.DateTimeFormat("en", { dateStyle: "short", timeStyle: "medium" });

export const AXES: readonly { axis: Axis; label: string }[] = [
  { axis: "step", label: "Step" },
  { axis: "time", label: "Wall time" },
  { axis: "relative", label: "Time since the run began" },
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
  if (axis === "time") return moment.format(x * 1000);
  return axis === "relative" ? clock(x) : number(Math.round(x * 10) / 10);
}

/** A value's short form for an axis: few characters, whatever its size. */
export function tick(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e15 || (size !== 0 && size < 1e-4)) return value.toExponential(0);
  for (const [unit, sign] of [
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
    [1e4, "k"],
  ] as const)
    if (size >= unit) {
      const least = sign === "k" ? 1e3 : unit;
      return `${Number((value / least).toPrecision(4))}${sign}`;
    }
  return String(Number(value.toPrecision(6)));
}

/** How much a chart shows: nothing is left out, and this says so. */
export function toldOf(
  lines: number,
  points: number,
  width: number,
  isExact: boolean,
  axis: Axis,
): string {
  if (lines === 0) return "no points";
  const many = count(points, "point");
  const of = width > 1 && axis === "step" ? `min/max of ${many}` : many;
  const whole = axis === "step" ? of : `min/max of ${many}`;
  return `${count(lines, "line")} · ${whole}${isExact ? "" : " (about where they lie)"}`;
}
