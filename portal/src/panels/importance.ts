/**
 * How strongly params go along with a metric, reckoned from the runs at hand.
 *
 * Plain figures and nothing learned: the square of the rank correlation, or the share of the
 * metric's variance that lies between the values of names, or between eighths of numbers, where
 * that is more. None says what causes what.
 */

import type { Cell } from "./data";
import { numeric } from "./scales";

export interface Importance {
  column: string;
  kind: "rank" | "variance";
  /** Which share of the variance goes along with it, from 0 to 1. */
  weight: number;
  /** Of rank correlation: from -1 to 1; null where groups say more. */
  correlation: number | null;
  runs: number;
}

const RUNS_MIN = 5;
const NAMES_SHARE_MAX = 0.5;

export function importances(
  rows: readonly Record<string, Cell>[],
  metric: string,
  columns: readonly string[],
): Importance[] {
  const found: Importance[] = [];
  for (const column of columns) {
    const pairs: [Cell, number][] = [];
    for (const row of rows) {
      const value = numeric(row[metric]);
      const cell = row[column] ?? null;
      if (value !== null && cell !== null && cell !== "") pairs.push([cell, value]);
    }
    const one = importanceOf(column, pairs);
    if (one) found.push(one);
  }
  return found.sort((a, b) => b.weight - a.weight);
}

function importanceOf(column: string, pairs: readonly [Cell, number][]): Importance | null {
  const names = new Set(pairs.map(([cell]) => cell));
  if (pairs.length < RUNS_MIN || names.size < 2) return null;
  const numbers = pairs.map(([cell]) => numeric(cell));
  const values = pairs.map(([, value]) => value);
  const runs = pairs.length;
  if (numbers.every((one) => one !== null)) {
    const correlation = spearman(numbers, values);
    const eighths = quantileGroups(numbers, Math.min(8, Math.floor(runs / RUNS_MIN)));
    const between = varianceExplained(eighths.map((group, i) => [group, values[i]!]));
    const weight = correlation ** 2;
    // What is best in the middle, as learning rates often are, has no rank correlation.
    return between > weight
      ? { column, kind: "variance", weight: between, correlation: null, runs }
      : { column, kind: "rank", weight, correlation, runs };
  }
  // Where nearly each run has a value of its own, groups explain all and say nothing.
  if (names.size > pairs.length * NAMES_SHARE_MAX) return null;
  return {
    column,
    kind: "variance",
    weight: varianceExplained(pairs),
    correlation: null,
    runs,
  };
}

/** Each number's group, where groups are about equally large and equal numbers stay together. */
export function quantileGroups(numbers: readonly number[], groups: number): number[] {
  const place = ranks(numbers);
  return [...place].map((rank) => Math.floor((rank * Math.max(1, groups)) / numbers.length));
}

/** Spearman's rank correlation; equal values share a rank. 0 where one side does not vary. */
export function spearman(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [ranks(a), ranks(b)];
  const mean = (a.length - 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [dx, dy] = [x[i]! - mean, y[i]! - mean];
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : 0;
}

function ranks(values: readonly number[]): Float64Array {
  const order = values.map((_, i) => i).sort((i, j) => values[i]! - values[j]!);
  const found = new Float64Array(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to + 1 < order.length && values[order[to + 1]!] === values[order[from]!]) to++;
    for (let i = from; i <= to; i++) found[order[i]!] = (from + to) / 2;
    from = to + 1;
  }
  return found;
}

/** The share of the variance that lies between groups, less what chance would put there. */
export function varianceExplained(pairs: readonly (readonly [Cell, number])[]): number {
  const groups = new Map<Cell, { sum: number; count: number }>();
  let sum = 0;
  for (const [name, value] of pairs) {
    const group = groups.get(name) ?? { sum: 0, count: 0 };
    group.sum += value;
    group.count += 1;
    groups.set(name, group);
    sum += value;
  }
  const mean = sum / pairs.length;
  let [total, within] = [0, 0];
  for (const [name, value] of pairs) {
    const group = groups.get(name)!;
    total += (value - mean) ** 2;
    within += (value - group.sum / group.count) ** 2;
  }
  const free = pairs.length - groups.size;
  if (total === 0 || free <= 0) return 0;
  const explained = 1 - within / free / (total / (pairs.length - 1));
  return Math.max(0, Math.min(1, explained));
}
