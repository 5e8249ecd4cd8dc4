/** Where columns stand: pinned ones at the left, the others one after another. */

import type { Column } from "./columns";

export const ROW_HEIGHT = 28;
export const HEAD_HEIGHT = 42;
export const CHECK_WIDTH = 34;

export interface Placed {
  column: Column;
  /** Its number among the grid's columns; the check boxes are number 0. */
  number: number;
  left: number;
}

export interface Layout {
  pinned: readonly Placed[];
  rest: readonly Placed[];
  pinnedWidth: number;
  width: number;
}

export function layOut(columns: readonly Column[]): Layout {
  const pinned: Placed[] = [];
  const rest: Placed[] = [];
  let left = CHECK_WIDTH;
  let pinnedWidth = CHECK_WIDTH;
  columns.forEach((column, index) => {
    const place = { column, number: index + 1, left };
    left += column.width;
    if (column.isPinned) {
      pinned.push(place);
      pinnedWidth = left;
    } else rest.push(place);
  });
  return { pinned, rest, pinnedWidth, width: left };
}
