/** Which rows and columns are in sight, however many there are, and how to get to others. */

import { useCallback, useEffect, useRef, useState } from "react";

import { HEAD_HEIGHT, ROW_HEIGHT, type Layout, type Placed } from "./layout";
import { placed, STRETCH_ROWS, toSee, type Extent, type Place } from "./scroll";

const OVERSCAN = 8;
const OVERSCAN_PX = 200;

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
  scrollerRef: React.RefObject<HTMLDivElement | null>,
  rows: number,
  layout: Layout,
  kept: number,
): Sight {
  const [base, setBase] = useState(0);
  const [pane, setPane] = useState<Pane>({ top: 0, left: 0, width: 1_000, height: 600 });
  const place = useRef<Place>({ base: 0, top: 0 });
  const stretch = Math.min(rows, STRETCH_ROWS);
  const shownBase = Math.min(base, rows - stretch);

  const extent = useCallback((): Extent => {
    const viewHeight = (scrollerRef.current?.clientHeight ?? 600) - HEAD_HEIGHT;
    return { rows, stretch, rowHeight: ROW_HEIGHT, viewHeight };
  }, [rows, stretch, scrollerRef]);

  const go = useCallback(
    (to: Place) => {
      place.current = to;
      setBase(to.base);
      const element = scrollerRef.current;
      if (element !== null && Math.abs(element.scrollTop - to.top) > 0.5)
        element.scrollTop = to.top;
    },
    [scrollerRef],
  );

  useEffect(() => {
    const element = scrollerRef.current;
    if (element === null) return;
    const look = () => setPane((before) => same(before, paneOf(element)));
    const scrolled = () => {
      const to = placed(place.current, element.scrollTop, extent());
      if (to.base !== place.current.base || to.top !== element.scrollTop) go(to);
      else place.current = to;
      look();
    };
    const sizes = new ResizeObserver(look);
    sizes.observe(element);
    element.addEventListener("scroll", scrolled, { passive: true });
    return () => {
      sizes.disconnect();
      element.removeEventListener("scroll", scrolled);
    };
  }, [scrollerRef, extent, go]);

  const seeRow = useCallback(
    (row: number) => go(toSee(row, place.current, extent())),
    [go, extent],
  );
  const seeColumn = useCallback(
    (one: Placed) => {
      const element = scrollerRef.current;
      if (element === null || one.column.isPinned) return;
      const room = element.clientWidth - layout.pinnedWidth;
      const left = one.left - layout.pinnedWidth;
      if (left < element.scrollLeft) element.scrollLeft = left;
      else if (left + one.column.width > element.scrollLeft + room)
        element.scrollLeft = Math.min(left, left + one.column.width - room);
    },
    [scrollerRef, layout],
  );
  const moveBy = useCallback(
    (by: number) => {
      const from = place.current;
      if (from.top > ROW_HEIGHT / 2) go({ base: from.base, top: from.top + by * ROW_HEIGHT });
    },
    [go],
  );
  const toTop = useCallback(() => go({ base: 0, top: 0 }), [go]);

  const first = Math.min(Math.floor(pane.top / ROW_HEIGHT), Math.max(0, stretch - 1));
  const seen = Math.ceil((pane.height - HEAD_HEIGHT) / ROW_HEIGHT);
  const last = Math.min(stretch - 1, first + seen);
  return {
    rows: drawnRows(first, last, stretch, kept - shownBase).map((at) => ({
      index: at + shownBase,
      top: at * ROW_HEIGHT,
    })),
    columns: layout.rest.filter(({ left, column }) => {
      const from = left - pane.left;
      return from < pane.width + OVERSCAN_PX && from + column.width > -OVERSCAN_PX;
    }),
    height: stretch * ROW_HEIGHT,
    pageRows: Math.max(1, seen - 1),
    first: first + shownBase,
    last: Math.max(0, last) + shownBase,
    seeRow,
    seeColumn,
    moveBy,
    toTop,
  };
}

/** What of the scroller's content is in sight, in pixels. */
interface Pane {
  top: number;
  left: number;
  width: number;
  height: number;
}

function paneOf(element: HTMLElement): Pane {
  const { scrollTop, scrollLeft, clientWidth, clientHeight } = element;
  return { top: scrollTop, left: scrollLeft, width: clientWidth, height: clientHeight };
}

/** The pane before, if nobody sees a difference: within one row nothing has to be drawn. */
function same(before: Pane, now: Pane): Pane {
  const isSame =
    Math.floor(before.top / ROW_HEIGHT) === Math.floor(now.top / ROW_HEIGHT) &&
    before.left === now.left &&
    before.width === now.width &&
    before.height === now.height;
  return isSame ? before : now;
}

/** Numbers of rows to draw: those in sight, some around them, and the one that has the focus. */
function drawnRows(first: number, last: number, count: number, kept: number): number[] {
  const from = Math.max(0, first - OVERSCAN);
  const to = Math.min(count - 1, last + OVERSCAN);
  const found = Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
  if (kept >= 0 && kept < from) return [kept, ...found];
  return kept > to && kept < count ? [...found, kept] : found;
}
