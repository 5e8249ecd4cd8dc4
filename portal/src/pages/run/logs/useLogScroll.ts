/** Where in the log one is: any line of any number of lines, and whether new ones are followed. */

import { useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject } from "react";

import { placed, STRETCH_ROWS, toSee, type Extent, type Place } from "../../../grid/scroll";

export const LINE_PX = 18;
const OVERSCAN = 20;

export interface LogSight {
  base: number;
  first: number;
  last: number;
  height: number;
  isAtEnd: boolean;
  see: (line: number) => void;
  toEnd: () => void;
}

export function useLogScroll(
  scrollerRef: RefObject<HTMLDivElement | null>,
  total: number,
  isFollowing: boolean,
  onLeave: () => void,
): LogSight {
  const [at, setAt] = useState<Place>({ base: 0, top: 0 });
  const [viewHeight, setViewHeight] = useState(600);
  const place = useRef<Place>({ base: 0, top: 0 });
  const stretch = Math.min(total, STRETCH_ROWS);
  const extent = useCallback(
    (): Extent => ({
      rows: total,
      stretch,
      rowHeight: LINE_PX,
      viewHeight: scrollerRef.current?.clientHeight ?? 600,
    }),
    [total, stretch, scrollerRef],
  );
  const go = useCallback(
    (to: Place) => {
      const element = scrollerRef.current;
      place.current = to;
      if (element && Math.abs(element.scrollTop - to.top) > 0.5) element.scrollTop = to.top;
      setAt(to);
    },
    [scrollerRef],
  );
  const see = useCallback(
    (line: number) => {
      const known = extent();
      const lead = Math.floor(known.viewHeight / LINE_PX / 3);
      // With some lines around it, so that one sees what it belongs to.
      go(toSee(Math.max(0, line - lead), place.current, known));
      go(toSee(Math.min(total - 1, line + lead), place.current, known));
    },
    [extent, go, total],
  );
  const toEnd = useCallback(() => {
    if (total > 0) go(toSee(total - 1, place.current, extent()));
  }, [extent, go, total]);

  useEffect(() => {
    const element = scrollerRef.current;
    if (!element) return;
    const scrolled = () => {
      const before = place.current;
      const to = placed(before, element.scrollTop, extent());
      if (to.base === before.base && to.top < before.top - 1) onLeave();
      go(to);
    };
    const sizes = new ResizeObserver(() => setViewHeight(element.clientHeight));
    sizes.observe(element);
    element.addEventListener("scroll", scrolled, { passive: true });
    return () => {
      sizes.disconnect();
      element.removeEventListener("scroll", scrolled);
    };
  }, [scrollerRef, extent, go, onLeave]);

  useLayoutEffect(() => {
    if (isFollowing) toEnd();
  }, [isFollowing, toEnd, viewHeight]);

  const seen = Math.floor(at.top / LINE_PX);
  const count = Math.ceil(viewHeight / LINE_PX);
  return {
    base: at.base,
    first: Math.max(0, at.base + seen - OVERSCAN),
    last: Math.min(total - 1, at.base + seen + count + OVERSCAN),
    height: stretch * LINE_PX,
    isAtEnd: at.base + seen + count >= total,
    see,
    toEnd,
  };
}
