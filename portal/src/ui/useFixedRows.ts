/** Which rows of a long list are in sight: the only ones that are in the page. */

import { useVirtualizer } from "@tanstack/react-virtual";
import type { RefObject } from "react";

export interface FixedRows {
  height: number;
  rows: readonly { index: number; top: number; height: number }[];
  see: (index: number) => void;
}

/** Give `heightOf` a function only where rows differ in height, and one that stays the same. */
export function useFixedRows(
  scroller: RefObject<HTMLDivElement | null>,
  count: number,
  heightOf: number | ((index: number) => number),
): FixedRows {
  // The scroller's own functions change with each scroll, which is what they are used for here.
  // eslint-disable-next-line react-hooks/incompatible-library
  const list = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: typeof heightOf === "number" ? () => heightOf : heightOf,
    overscan: 12,
    useFlushSync: false,
  });
  return {
    height: list.getTotalSize(),
    rows: list
      .getVirtualItems()
      .map((item) => ({ index: item.index, top: item.start, height: item.size })),
    see: (index) => list.scrollToIndex(index),
  };
}
