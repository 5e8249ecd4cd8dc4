/**
 * The rows on the screen as one list: a level of rows, with opened groups' rows between them.
 *
 * A level knows how many rows it has, and where its opened groups stand. Everything else follows by
 * adding up, so that a row is found without having loaded those above it.
 */

import type { Block } from "./blocks";

export type Value = string | number | boolean | null;

/** The rows behind one path of group values: groups, or at the end runs. */
export interface Level {
  path: readonly Value[];
  total: number;
  isKnown: boolean;
  isGrouped: boolean;
  blocks: Map<number, Block>;
  /** Opened groups by the key of their value, whether or not it is known yet where they stand. */
  open: Map<string, Level>;
  places: Map<string, number>;
}

/** A row: the `index`-th of a level. */
export interface Spot {
  level: Level;
  index: number;
}

/** A stretch of rows of one level. */
export interface Stretch {
  level: Level;
  first: number;
  last: number;
}

export function keyOf(value: unknown): string {
  return JSON.stringify(value ?? null);
}

export function emptyLevel(path: readonly Value[] = []): Level {
  return {
    path,
    total: 0,
    isKnown: false,
    isGrouped: false,
    blocks: new Map(),
    open: new Map(),
    places: new Map(),
  };
}

/** Opened groups whose place is known, from the top. */
function placedGroups(level: Level): { at: number; inner: Level }[] {
  const found: { at: number; inner: Level }[] = [];
  for (const [key, at] of level.places) {
    const inner = level.open.get(key);
    if (inner !== undefined && at < level.total) found.push({ at, inner });
  }
  return found.sort((one, other) => one.at - other.at);
}

/** How many rows a level takes on the screen, with what is opened in it. */
export function rowsOf(level: Level): number {
  let rows = level.total;
  for (const { inner } of placedGroups(level)) rows += rowsOf(inner);
  return rows;
}

/** The row at a place on the screen. */
export function spotAt(level: Level, row: number): Spot | null {
  let before = 0;
  for (const { at, inner } of placedGroups(level)) {
    if (row - before <= at) break;
    const rows = rowsOf(inner);
    const below = row - before - at - 1;
    if (below < rows) return spotAt(inner, below);
    before += rows;
  }
  const index = row - before;
  return index >= 0 && index < level.total ? { level, index } : null;
}

/** Where on the screen a row of some level is; -1 where its groups are not placed. */
export function rowOf(root: Level, spot: Spot): number {
  if (root === spot.level) {
    let row = spot.index;
    for (const { at, inner } of placedGroups(root)) if (at < spot.index) row += rowsOf(inner);
    return row;
  }
  for (const { at, inner } of placedGroups(root)) {
    const below = rowOf(inner, spot);
    if (below >= 0) return rowOf(root, { level: root, index: at }) + 1 + below;
  }
  return -1;
}

/** The stretches of levels that some rows of the screen are made of. */
export function stretches(root: Level, first: number, last: number): Stretch[] {
  const found = new Map<Level, Stretch>();
  const walk = (level: Level, offset: number): void => {
    let cursor = 0;
    let row = offset;
    const take = (from: number, to: number): void => {
      const low = Math.max(from, from + (first - row));
      const high = Math.min(to, from + (last - row));
      if (low > high) return;
      const known = found.get(level);
      if (known === undefined) found.set(level, { level, first: low, last: high });
      else {
        known.first = Math.min(known.first, low);
        known.last = Math.max(known.last, high);
      }
    };
    for (const { at, inner } of placedGroups(level)) {
      take(cursor, at);
      row += at - cursor + 1;
      cursor = at + 1;
      const rows = rowsOf(inner);
      if (row <= last && row + rows > first) walk(inner, row);
      row += rows;
    }
    if (cursor < level.total) take(cursor, level.total - 1);
  };
  walk(root, 0);
  return [...found.values()];
}

export function everyLevel(root: Level): Level[] {
  return [root, ...[...root.open.values()].flatMap(everyLevel)];
}
