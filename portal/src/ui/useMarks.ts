/** Rows of a long list that are chosen, one by one or all between two: by key, wherever they are. */

import { useCallback, useEffect, useRef, useState } from "react";

export interface Marks<Row> {
  /** The rows that are chosen, by their keys. */
  marked: ReadonlyMap<string, Row>;
  toggle: (row: Row) => void;
  /** Choose the row at a place; as a range, all from the one chosen before. */
  mark: (index: number, isRange: boolean) => void;
  clear: () => void;
}

export function useMarks<Row>(
  rowAt: (index: number) => Row | undefined,
  keyOf: (row: Row) => string,
): Marks<Row> {
  const [marked, setMarked] = useState<ReadonlyMap<string, Row>>(new Map());
  const anchor = useRef(0);
  const now = useRef({ rowAt, keyOf });
  useEffect(() => void (now.current = { rowAt, keyOf }));
  const toggle = useCallback(
    (row: Row) =>
      setMarked((before) => {
        const after = new Map(before);
        const key = now.current.keyOf(row);
        if (!after.delete(key)) after.set(key, row);
        return after;
      }),
    [],
  );
  const mark = useCallback(
    (index: number, isRange: boolean) => {
      const { rowAt, keyOf } = now.current;
      if (!isRange) {
        const row = rowAt(index);
        if (row) toggle(row);
        anchor.current = index;
        return;
      }
      const [first, last] = [Math.min(anchor.current, index), Math.max(anchor.current, index)];
      setMarked((before) => {
        const after = new Map(before);
        for (let at = first; at <= last; at++) {
          const row = rowAt(at);
          if (row) after.set(keyOf(row), row);
        }
        return after;
      });
    },
    [toggle],
  );
  const clear = useCallback(() => setMarked(new Map()), []);
  return { marked, toggle, mark, clear };
}
