/** What is under the crosshair: the lines nearest to it, with their values there. */

import { nearestAt, type Drawn } from "./drawing";

export interface HoverRow {
  id: string;
  colour: number;
  label: string;
  value: number;
  raw: number | null;
  lo: number | null;
  hi: number | null;
  isNearest: boolean;
}

export interface Hover {
  x: number;
  rows: HoverRow[];
  /** How many lines have a value here. */
  total: number;
  nearest: Drawn;
  nearestAt: number;
}

const ROWS_MAX = 8;

/**
 * What to show for the crosshair at `x`.
 *
 * `distanceTo` says how far a value is from it on the screen; lines whose nearest bucket is
 * farther than `reach` from `x` have nothing to say here.
 */
export function hoverAt(
  drawn: readonly Drawn[],
  x: number,
  reach: number,
  distanceTo: (value: number) => number,
): Hover | null {
  const found: { line: Drawn; at: number; distance: number }[] = [];
  for (const line of drawn) {
    const at = nearestAt(line, x);
    if (at < 0 || Math.abs(line.x[at]! - x) > reach) continue;
    const distance = distanceTo(line.y[at]!);
    if (Number.isFinite(distance)) found.push({ line, at, distance });
  }
  if (found.length === 0) return null;
  found.sort((a, b) => a.distance - b.distance);
  const nearest = found[0]!;
  const rows = found
    .slice(0, ROWS_MAX)
    .map(({ line, at }, index) => ({
      id: line.id,
      colour: line.colour,
      label: line.label,
      value: line.y[at]!,
      raw: line.raw?.[at] ?? null,
      lo: line.lo?.[at] ?? null,
      hi: line.hi?.[at] ?? null,
      isNearest: index === 0,
    }))
    .sort((a, b) => b.value - a.value);
  return {
    x: nearest.line.x[nearest.at]!,
    rows,
    total: found.length,
    nearest: nearest.line,
    nearestAt: nearest.at,
  };
}
