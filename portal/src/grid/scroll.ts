/**
 * More rows than a browser can make a page high.
 *
 * Browsers stop at some 17 million pixels. Beyond `STRETCH_ROWS` rows the scroller holds only that
 * many, and `base` says which row is the first of them. Small steps move row by row; a jump, as by
 * dragging the bar, goes to the same share of all rows; near an end that is none, the stretch is
 * moved under the reader's eyes, who sees the same rows before and after.
 */

export const STRETCH_ROWS = 500_000;

export interface Place {
  base: number;
  top: number;
}

export interface Extent {
  rows: number;
  stretch: number;
  rowHeight: number;
  viewHeight: number;
}

/** Where the reader is after the scroller went from `from.top` to `top`. */
export function placed(from: Place, top: number, extent: Extent): Place {
  const spare = extent.rows - extent.stretch;
  if (spare <= 0) return { base: 0, top };
  const reach = extent.stretch * extent.rowHeight - extent.viewHeight;
  const base = Math.min(from.base, spare);
  if (Math.abs(top - from.top) > extent.viewHeight * 8) {
    const share = Math.max(0, Math.min(1, top / reach));
    return { base: Math.round(share * spare), top };
  }
  const margin = extent.viewHeight * 2;
  const half = Math.floor(extent.stretch / 2);
  if (top < margin && base > 0) {
    const moved = Math.min(base, half);
    return { base: base - moved, top: top + moved * extent.rowHeight };
  }
  if (top > reach - margin && base < spare) {
    const moved = Math.min(spare - base, half);
    return { base: base + moved, top: top - moved * extent.rowHeight };
  }
  return { base, top };
}

/** Where to scroll so that a row is seen, moving as little as can be. */
export function toSee(row: number, from: Place, extent: Extent): Place {
  const spare = Math.max(0, extent.rows - extent.stretch);
  let base = Math.min(from.base, spare);
  if (row < base || row >= base + extent.stretch)
    base = Math.max(0, Math.min(spare, row - Math.floor(extent.stretch / 2)));
  const place = (row - base) * extent.rowHeight;
  const top = from.top;
  if (base === from.base && place >= top && place + extent.rowHeight <= top + extent.viewHeight)
    return { base, top };
  if (base === from.base && place < top) return { base, top: place };
  return { base, top: Math.max(0, place + extent.rowHeight - extent.viewHeight) };
}
