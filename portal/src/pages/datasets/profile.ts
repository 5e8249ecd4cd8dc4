/** What the profile of a column looks like: bars, on a scale that two versions can share. */

import type { ColumnProfile, Profile } from "../../api/datasets";
import { rebin, type Histogram } from "../../panels/histograms";
import { number } from "../../ui/format";

export const BARS = 24;

/** Numbers and times as a histogram; a few values as shares of all that are not null. */
export type Picture =
  | { kind: "histogram"; histogram: Histogram; isTime: boolean; isRough: boolean }
  | { kind: "shares"; shares: { label: string; share: number }[]; rest: number };

export function pictureOf(column: ColumnProfile, profile: Profile): Picture | null {
  const filled = profile.rows - column.nulls;
  if (filled <= 0) return null;
  if (column.true !== undefined)
    return shares([
      ["true", column.true / filled],
      ["false", 1 - column.true / filled],
    ]);
  const isTime = /^(timestamp|date|time)/.test(column.type);
  const place = (value: unknown) => placeOf(value, isTime);
  if (column.histogram) {
    const { low, high, counts } = column.histogram;
    const [from, to] = [place(low), place(high)];
    if (from !== null && to !== null) {
      const edges = counts.map((_, i) => from + ((to - from) * i) / counts.length);
      return {
        kind: "histogram",
        histogram: { edges: [...edges, to], counts },
        isTime,
        isRough: false,
      };
    }
  }
  if (column.quantiles) {
    // Written before profiles had histograms: between two quantiles lies a known share of them.
    const marks = Object.entries(column.quantiles).map(([q, value]) => [Number(q), place(value)]);
    marks.unshift([0, place(column.min)]);
    marks.push([1, place(column.max)]);
    const known = marks.filter((one): one is [number, number] => one[1] !== null);
    if (known.length > 1)
      return {
        kind: "histogram",
        histogram: {
          edges: known.map(([, at]) => at),
          counts: known.slice(1).map(([q], i) => (q - known[i]![0]) * filled),
        },
        isTime,
        isRough: true,
      };
  }
  if (column.top?.length) {
    const sampled = profile.sample_rows ?? profile.rows;
    const whole = (sampled * filled) / profile.rows;
    return shares(column.top.map(([value, many]) => [worded(value), many / whole]));
  }
  return null;
}

function shares(found: readonly (readonly [string, number])[]): Picture {
  const listed = found.map(([label, share]) => ({ label, share: Math.min(1, share) }));
  const sum = listed.reduce((total, one) => total + one.share, 0);
  return { kind: "shares", shares: listed, rest: Math.max(0, 1 - sum) };
}

export function placeOf(value: unknown, isTime: boolean): number | null {
  if (typeof value === "number") return value;
  if (typeof value !== "string") return null;
  const found = isTime ? Date.parse(value) : Number(value);
  return Number.isFinite(found) ? found : null;
}

/** From the least to the greatest of some histograms; null where there is none. */
export function rangeOf(pictures: readonly (Picture | null)[]): [number, number] | null {
  let range: [number, number] | null = null;
  for (const one of pictures) {
    if (one?.kind !== "histogram") continue;
    const [low, high] = [one.histogram.edges[0]!, one.histogram.edges.at(-1)!];
    range = range ? [Math.min(range[0], low), Math.max(range[1], high)] : [low, high];
  }
  return range;
}

/** The heights of bars over a range, the greatest 1. */
export function barsOf(histogram: Histogram, [low, high]: readonly [number, number]): number[] {
  const bars = Array.from(rebin(histogram, low, high, BARS));
  const most = Math.max(...bars);
  return bars.map((one) => (most > 0 ? one / most : 0));
}

export function worded(value: unknown): string {
  if (value === null || value === undefined) return "null";
  return typeof value === "number" ? number(value) : String(value);
}

/** A column of two versions: what it was and what it is. */
export interface Pair {
  name: string;
  before: ColumnProfile | null;
  after: ColumnProfile | null;
}

/** The columns of both, in the order of the newer; those that went are last. */
export function pairsOf(before: Profile | null, after: Profile | null): Pair[] {
  const old = new Map((before?.columns ?? []).map((one) => [one.name, one]));
  const now = new Map((after?.columns ?? []).map((one) => [one.name, one]));
  const names = [...now.keys(), ...[...old.keys()].filter((name) => !now.has(name))];
  return names.map((name) => ({
    name,
    before: old.get(name) ?? null,
    after: now.get(name) ?? null,
  }));
}

/** Whether anything that a profile tells of a column is different. */
export function isDifferent({ before, after }: Pair): boolean {
  return JSON.stringify(before) !== JSON.stringify(after);
}
