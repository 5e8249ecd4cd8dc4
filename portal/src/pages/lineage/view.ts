/** Where a graph lies on the screen: which part of it is seen, how large, and what is where. */

import type { LineageMap } from "../../api/lineage";

export const COLUMN_PX = 264;
export const ROW_PX = 42;
export const NODE_PX = { width: 196, height: 30 };

/** Nodes, then groups: one numbering for all that stands somewhere. */
export interface Spot {
  x: number;
  y: number;
}

export interface View {
  /** Where the graph's origin is on the screen. */
  x: number;
  y: number;
  scale: number;
}

export interface Size {
  width: number;
  height: number;
}

export const SCALES = { least: 0.003, most: 2 };
const FITS_FROM = 0.45;
const MARGIN_PX = 36;

export function spotOf(place: { column: number; row: number }): Spot {
  return { x: place.column * COLUMN_PX, y: place.row * ROW_PX };
}

/** The places of all nodes and, behind them, of all groups. */
export function spotsOf(map: LineageMap): Spot[] {
  return [...map.nodes, ...map.groups].map(spotOf);
}

/** All of it, where it is still legible then; else what is around the node one came for. */
export function firstView(map: LineageMap, size: Size): View {
  const all = fitted(map, size);
  if (all.scale >= FITS_FROM) return all;
  const root = map.nodes.find((one) => one.node === map.root) ?? map.nodes[0];
  return root ? centred(spotOf(root), size, 0.8) : all;
}

export function fitted(map: LineageMap, size: Size): View {
  const width = (map.columns - 1) * COLUMN_PX + NODE_PX.width;
  const height = (map.rows - 1) * ROW_PX + NODE_PX.height;
  const scale = clamp(
    Math.min((size.width - 2 * MARGIN_PX) / width, (size.height - 2 * MARGIN_PX) / height, 1),
  );
  return {
    x: (size.width - width * scale) / 2,
    y: (size.height - height * scale) / 2,
    scale,
  };
}

export function centred(spot: Spot, size: Size, scale: number): View {
  return {
    x: size.width / 2 - (spot.x + NODE_PX.width / 2) * scale,
    y: size.height / 2 - (spot.y + NODE_PX.height / 2) * scale,
    scale,
  };
}

/** Larger or smaller, while what is at a point of the screen stays there. */
export function zoomed(view: View, factor: number, at: Spot): View {
  const scale = clamp(view.scale * factor);
  const ratio = scale / view.scale;
  return { x: at.x - (at.x - view.x) * ratio, y: at.y - (at.y - view.y) * ratio, scale };
}

/** Moved just so far that a node is seen whole. */
export function seen(view: View, spot: Spot, size: Size): View {
  const [left, top] = [view.x + spot.x * view.scale, view.y + spot.y * view.scale];
  const [width, height] = [NODE_PX.width * view.scale, NODE_PX.height * view.scale];
  const into = (start: number, length: number, whole: number) =>
    start < MARGIN_PX
      ? MARGIN_PX - start
      : start + length > whole - MARGIN_PX
        ? whole - MARGIN_PX - start - length
        : 0;
  const [dx, dy] = [into(left, width, size.width), into(top, height, size.height)];
  return dx || dy ? { ...view, x: view.x + dx, y: view.y + dy } : view;
}

/** The number of what is at a point of the screen; -1 for nothing. */
export function hit(spots: readonly Spot[], view: View, at: Spot): number {
  const [x, y] = [(at.x - view.x) / view.scale, (at.y - view.y) / view.scale];
  return spots.findIndex(
    (spot) =>
      x >= spot.x && x <= spot.x + NODE_PX.width && y >= spot.y && y <= spot.y + NODE_PX.height,
  );
}

/** Whether any of a stretch of the graph is on the screen. */
export function isSeen(from: Spot, to: Spot, view: View, size: Size): boolean {
  const right = Math.max(from.x, to.x) * view.scale + view.x;
  const left = Math.min(from.x, to.x) * view.scale + view.x;
  const bottom = Math.max(from.y, to.y) * view.scale + view.y;
  const top = Math.min(from.y, to.y) * view.scale + view.y;
  return right >= 0 && left <= size.width && bottom >= 0 && top <= size.height;
}

/** The points of an edge: from the right of a node, through its bends, to the left of another. */
export function routeOf(from: Spot, bends: readonly [number, number][], to: Spot): Spot[] {
  const middle = NODE_PX.height / 2;
  const points = [{ x: from.x + NODE_PX.width, y: from.y + middle }];
  for (const [column, row] of bends) {
    const y = row * ROW_PX + middle;
    points.push({ x: column * COLUMN_PX, y }, { x: column * COLUMN_PX + NODE_PX.width, y });
  }
  points.push({ x: to.x, y: to.y + middle });
  return points;
}

function clamp(scale: number): number {
  return Math.max(SCALES.least, Math.min(SCALES.most, scale));
}
