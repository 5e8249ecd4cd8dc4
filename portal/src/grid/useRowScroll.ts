/** Which rows and columns are in sight, however many there are, and how to get to others. */

import { defaultRangeExtractor, useVirtualizer, type Range } from "@tanstack/react-virtual";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

import { HEAD_HEIGHT, ROW_HEIGHT, type Layout, type Placed } from "./layout";
import { placed, STRETCH_ROWS, toSee, type Extent, type Place } from "./scroll";

const OVERSCAN = 8;

export interface Sight {
  /** Rows to draw: their number, and how far down they stand in the scroller. */
  rows: readonly { index: number; top: number }[];
  columns: readonly Placed[];
  height: number;
  pageRows: number;
  /** The first and last row in sight, without those drawn ahead. */
  first: number;
  last: number;
  seeRow: (row: number) => void;
  seeColumn: (place: Placed) => void;
  moveBy: (rows: number) => void;
  toTop: () => void;
}

/** `kept` is the row that has the focus: it stays drawn wherever one scrolls. */
export function useRowScroll(
  scroller: React.RefObject<HTMLDivElement | null>,
  rows: number,
  layout: Layout,
  kept: number,
): Sight {
  const [base, setBase] = useState(0);
  const place = useRef<Place>({ base: 0, top: 0 });
  const stretch = Math.min(rows, STRETCH_ROWS);
  const shownBase = Math.min(base, rows - stretch);

  const rowRange = useCallback(
    (range: Range) => {
      const found = defaultRangeExtractor(range);
      const at = kept - shownBase;
      if (kept < 0 || at < 0 || at >= range.count || found.includes(at)) return found;
      return at < (found[0] ?? 0) ? [at, ...found] : [...found, at];
    },
    [kept, shownBase],
  );
  // The scroller's own functions change with each scroll, which is what they are used for here.
  // eslint-disable-next-line react-hooks/incompatible-library
  const down = useVirtualizer({
    count: stretch,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: OVERSCAN,
    rangeExtractor: rowRange,
    useFlushSync: false,
  });
  const across = useVirtualizer({
    horizontal: true,
    count: layout.rest.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => layout.rest[index]?.column.width ?? 100,
    overscan: 2,
    useFlushSync: false,
  });
  useLayoutEffect(() => across.measure(), [across, layout]);

  const extent = useCallback((): Extent => {
    const viewHeight = (scroller.current?.clientHeight ?? 600) - HEAD_HEIGHT;
    return { rows, stretch, rowHeight: ROW_HEIGHT, viewHeight };
  }, [rows, stretch, scroller]);

  const go = useCallback(
    (to: Place) => {
      place.current = to;
      setBase(to.base);
      const element = scroller.current;
      if (element !== null && Math.abs(element.scrollTop - to.top) > 0.5)
        element.scrollTop = to.top;
    },
    [scroller],
  );

  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const scrolled = () => {
      const to = placed(place.current, element.scrollTop, extent());
      if (to.base !== place.current.base || to.top !== element.scrollTop) go(to);
      else place.current = to;
    };
    element.addEventListener("scroll", scrolled, { passive: true });
    return () => element.removeEventListener("scroll", scrolled);
  }, [scroller, extent, go]);

  const seeRow = useCallback(
    (row: number) => go(toSee(row, place.current, extent())),
    [go, extent],
  );
  const seeColumn = useCallback(
    (one: Placed) => {
      const element = scroller.current;
      if (element === null || one.column.isPinned) return;
      const room = element.clientWidth - layout.pinnedWidth;
      const left = one.left - layout.pinnedWidth;
      if (left < element.scrollLeft) element.scrollLeft = left;
      else if (left + one.column.width > element.scrollLeft + room)
        element.scrollLeft = Math.min(left, left + one.column.width - room);
    },
    [scroller, layout],
  );
  const moveBy = useCallback(
    (by: number) => {
      const from = place.current;
      if (from.top > ROW_HEIGHT / 2) go({ base: from.base, top: from.top + by * ROW_HEIGHT });
    },
    [go],
  );
  const toTop = useCallback(() => go({ base: 0, top: 0 }), [go]);

  const drawn = down.getVirtualItems();
  const range = down.range;
  return {
    rows: drawn.map((item) => ({ index: item.index + shownBase, top: item.start })),
    columns: across.getVirtualItems().flatMap((item) => layout.rest[item.index] ?? []),
    height: down.getTotalSize(),
    pageRows: Math.max(1, (range?.endIndex ?? 20) - (range?.startIndex ?? 0) - 1),
    first: (range?.startIndex ?? 0) + shownBase,
    last: (range?.endIndex ?? 0) + shownBase,
    seeRow,
    seeColumn,
    moveBy,
    toTop,
  };
}
