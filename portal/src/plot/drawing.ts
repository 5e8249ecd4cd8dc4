/**
 * What a chart draws, reckoned from series and settings: lines, bands, marks and the extent.
 *
 * Nothing here knows of a canvas, so the truth of a chart is tested without one.
 */

import { groupLine, type Spread } from "./groups";
import { colourIndex, coloursOf, dashesOf } from "./palette";
import type { BucketSeries } from "./series";
import { smooth, type Smoothing } from "./smooth";

/** How a chart shows its series; every page has the same words for it. */
export interface PlotSettings {
  smoothing: Smoothing;
  amount: number;
  isLogX: boolean;
  isLogY: boolean;
  /** Show what lies between the 1st and the 99th of a hundred values. */
  isClipped: boolean;
  hasBands: boolean;
  /** `none` draws each run; else one line for each group. */
  grouping: Spread | "none" | "mean";
}

export const PLAIN: PlotSettings = {
  smoothing: "none",
  amount: 0.6,
  isLogX: false,
  isLogY: false,
  isClipped: false,
  hasBands: true,
  grouping: "none",
};

/** One series with what it is called and whose colour it has. */
export interface Line {
  /** Unique within the chart. */
  id: string;
  /** Whose colour: the id of a run, or any other text. */
  colourBy: string;
  label: string;
  /** Lines of one group may be drawn as one. */
  group?: string | null;
  series: BucketSeries;
}

export interface Drawn {
  id: string;
  colourBy: string;
  label: string;
  /** Which of the twenty colours. */
  colour: number;
  dash: number;
  x: Float64Array;
  y: Float64Array;
  /** What was smoothed, drawn faintly; null where nothing was. */
  raw: Float64Array | null;
  lo: Float64Array | null;
  hi: Float64Array | null;
  /** Where NaN and the infinities are. */
  nanAt: number[];
  infAt: number[];
}

export interface Extent {
  x: [number, number];
  y: [number, number];
}

/** Beyond so many lines bands would hide each other. */
export const BANDS_MAX = 30;
const LEGEND_MAX = 5;

/** Whether the least and greatest value of each bucket are drawn. */
export function bandsShown(lines: number, settings: PlotSettings): boolean {
  const isRuns = settings.grouping === "none";
  return settings.hasBands && (!isRuns || lines <= BANDS_MAX);
}

function isSmoothed({ smoothing, amount }: PlotSettings): boolean {
  return smoothing !== "none" && amount > 0;
}

/** Whether the means of buckets are drawn: smoothing and groups begin with them. */
export function needsMeans(settings: PlotSettings): boolean {
  return isSmoothed(settings) || settings.grouping !== "none";
}

export function drawLines(lines: readonly Line[], settings: PlotSettings): Drawn[] {
  if (settings.grouping !== "none") return drawGroups(lines, settings);
  const coloured = lines.map(({ id, colourBy }) => ({ id, colour: colourIndex(colourBy) }));
  const dashes = dashesOf(coloured);
  const hasBands = bandsShown(lines.length, settings);
  const isSmooth = isSmoothed(settings);
  return lines.map(({ id, colourBy, label, series }) => {
    const values = isSmooth && series.mean.length ? series.mean : series.last;
    const isWide = hasBands && series.lo.some((lo, i) => lo !== series.hi[i]);
    return {
      id,
      colourBy,
      label,
      colour: colourIndex(colourBy),
      dash: dashes.get(id) ?? 0,
      x: series.x,
      y: smooth(settings.smoothing, settings.amount, series.x, values),
      raw: isSmooth ? series.last : null,
      lo: isWide ? series.lo : null,
      hi: isWide ? series.hi : null,
      nanAt: placesOf(series.x, series.nan),
      infAt: placesOf(series.x, series.inf),
    };
  });
}

const groupOf = (line: Line): string => line.group || "all runs";

function drawGroups(lines: readonly Line[], settings: PlotSettings): Drawn[] {
  const groups = new Map<string, BucketSeries[]>();
  for (const line of lines) {
    const name = groupOf(line);
    const known = groups.get(name);
    if (known) known.push(line.series);
    else groups.set(name, [line.series]);
  }
  const names = [...groups.keys()];
  const colours = coloursOf(names);
  const dashes = dashesOf(names.map((id) => ({ id, colour: colours.get(id)! })));
  const spread = settings.grouping === "mean" ? "none" : (settings.grouping as Spread);
  const isSmooth = isSmoothed(settings);
  return [...groups].map(([name, series]) => {
    const made = groupLine(series, spread);
    const hasBand = settings.hasBands && spread !== "none";
    return {
      id: `group\n${name}`,
      colourBy: name,
      label: `${name} (${series.length})`,
      colour: colours.get(name)!,
      dash: dashes.get(name) ?? 0,
      x: made.x,
      y: smooth(settings.smoothing, settings.amount, made.x, made.mean),
      raw: isSmooth ? made.mean : null,
      lo: hasBand ? made.lo : null,
      hi: hasBand ? made.hi : null,
      nanAt: [...new Set(series.flatMap((one) => placesOf(one.x, one.nan)))],
      infAt: [...new Set(series.flatMap((one) => placesOf(one.x, one.inf)))],
    };
  });
}

function placesOf(x: Float64Array, counts: Int32Array): number[] {
  const found: number[] = [];
  for (let i = 0; i < counts.length; i++) if (counts[i]! > 0) found.push(x[i]!);
  return found;
}

/** The place of the first x that is not less than a value. */
export function lowerBound(x: Float64Array, value: number): number {
  let low = 0;
  let high = x.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The names of the lines of a chart that has few; empty if there are more. */
export function legendOf(
  lines: readonly Line[],
  settings: PlotSettings,
): { label: string; colour: number }[] {
  if (settings.grouping === "none")
    return lines.length > LEGEND_MAX
      ? []
      : lines.map(({ label, colourBy }) => ({ label, colour: colourIndex(colourBy) }));
  const names = [...new Set(lines.map(groupOf))];
  const colours = coloursOf(names);
  return names.length > LEGEND_MAX
    ? []
    : names.map((label) => ({ label, colour: colours.get(label)! }));
}

/** What x and y a chart spans: of all it draws, or of what lies within a range of x. */
export function extentOf(
  drawn: readonly Drawn[],
  settings: PlotSettings,
  range: readonly [number, number] | null,
): Extent {
  let [left, right] = [Infinity, -Infinity];
  for (const line of drawn) {
    if (line.x.length === 0) continue;
    const first = settings.isLogX ? firstPositive(line.x) : line.x[0]!;
    left = Math.min(left, first);
    right = Math.max(right, line.x[line.x.length - 1]!);
  }
  if (range) [left, right] = range;
  if (!(left <= right)) [left, right] = settings.isLogX ? [1, 10] : [0, 1];
  if (settings.isLogX) left = left > 0 ? left : Math.min(1, right / 10);
  if (left === right)
    [left, right] = settings.isLogX ? [left / 2, right * 2] : [left - 1, right + 1];
  return { x: [left, right], y: extentOfY(drawn, settings, [left, right]) };
}

function firstPositive(x: Float64Array): number {
  for (const value of x) if (value > 0) return value;
  return Infinity;
}

function extentOfY(
  drawn: readonly Drawn[],
  settings: PlotSettings,
  [left, right]: readonly [number, number],
): [number, number] {
  const sample: number[] = [];
  let [least, most] = [Infinity, -Infinity];
  const { isLogY, isClipped } = settings;
  const take = (values: Float64Array | null, from: number, to: number) => {
    if (values === null) return;
    let [low, high] = [least, most];
    for (let i = from; i < to; i++) {
      const value = values[i]!;
      if (!Number.isFinite(value) || (isLogY && value <= 0)) continue;
      if (isClipped) sample.push(value);
      if (value < low) low = value;
      if (value > high) high = value;
    }
    [least, most] = [low, high];
  };
  for (const line of drawn) {
    const from = lowerBound(line.x, left);
    let to = lowerBound(line.x, right);
    while (to < line.x.length && line.x[to]! <= right) to++;
    if (isClipped) take(line.raw ?? line.y, from, to);
    else {
      take(line.y, from, to);
      take(line.lo ?? line.raw, from, to);
      take(line.hi, from, to);
    }
  }
  if (isClipped && sample.length > 0) [least, most] = percentiles(sample);
  return padded(least, most, isLogY);
}

/** The 1st and the 99th of a hundred values. */
export function percentiles(values: number[]): [number, number] {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))]!;
  return [at(0.01), at(0.99)];
}

function padded(least: number, most: number, isLog: boolean): [number, number] {
  if (!(least <= most)) return isLog ? [0.1, 10] : [0, 1];
  if (isLog) {
    const ratio = Math.max((most / least) ** 0.04, 1.02);
    return [least / ratio, most * ratio];
  }
  const room = (most - least) * 0.04 || Math.abs(most) * 0.1 || 1;
  return [least - room, most + room];
}

/** The place of the bucket nearest to an x; -1 where the line has none. */
export function nearestAt(line: Drawn, x: number): number {
  const after = lowerBound(line.x, x);
  if (after === 0) return line.x.length ? 0 : -1;
  if (after === line.x.length) return after - 1;
  return x - line.x[after - 1]! <= line.x[after]! - x ? after - 1 : after;
}
