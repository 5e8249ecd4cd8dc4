/**
 * A table over a window of the server: only rows in sight are in the page, keys walk them.
 *
 * `j` and `k` (or the arrows) move, Enter opens, Home and End jump. The table has one tab stop;
 * links and buttons in its cells are reached by Tab from there.
 */

import {
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type ReactNode,
} from "react";

import { useFixedRows } from "./useFixedRows";
import { useKeys, type Key } from "../shell/keys";
import { cx } from "./index";
import type { Order } from "./order";
import type { Windowed } from "./useWindow";

export interface Column<Row> {
  id: string;
  label: string;
  /** A track of a CSS grid, such as `minmax(12rem,2fr)`. */
  width: string;
  /** What the server calls the order; columns without one cannot be sorted by. */
  order?: string;
  isRight?: boolean;
  /** Its label is read out and not shown, as there is no room for it. */
  isUntitled?: boolean;
  show: (row: Row) => ReactNode;
}

interface Props<Page, Row> {
  label: string;
  columns: readonly Column<Row>[];
  list: Windowed<Page, Row>;
  keyOf: (row: Row) => string;
  onOpen?: (row: Row) => void;
  /** Choose a row with `x`, or with Shift all from the one chosen before; columns show which are. */
  onMark?: (index: number, isRange: boolean) => void;
  order: Order;
  onOrder: (order: Order) => void;
  /** Columns that begin with the largest when they are first sorted by. */
  isLargestFirst?: (by: string) => boolean;
  /** Narrower than this, it is scrolled sideways. */
  minWidth: string;
  rowPx?: number;
}

const ROW_PX = 34;

export function WindowTable<Page, Row>(props: Props<Page, Row>) {
  const { label, columns, list, keyOf, onOpen, order, minWidth, rowPx = ROW_PX } = props;
  const id = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const [cursor, setCursor] = useState(0);
  const [isWalked, setWalked] = useState(false);
  const rows = useFixedRows(scroller, list.total, rowPx);
  const first = rows.rows[0]?.index ?? 0;
  const last = rows.rows.at(-1)?.index ?? 0;
  const { see, id: shown } = list;
  useEffect(() => see(first, last), [see, first, last]);
  const [walkedList, setWalkedList] = useState(shown);
  if (walkedList !== shown) {
    setWalkedList(shown);
    setCursor(0);
  }
  useEffect(() => void scroller.current?.scrollTo({ top: 0 }), [shown]);

  const at = Math.min(cursor, Math.max(0, list.total - 1));
  const go = (to: number) => {
    const next = Math.max(0, Math.min(list.total - 1, to));
    setCursor(next);
    setWalked(true);
    rows.see(next);
    scroller.current?.focus({ preventScroll: true });
  };
  const walk = useRef(go);
  useEffect(() => void (walk.current = go));
  const place = useRef(at);
  useEffect(() => void (place.current = at));
  const { onMark } = props;
  const keys = useMemo<Key[]>(
    () => [
      { keys: "j", does: "Next row", act: () => walk.current(place.current + 1) },
      { keys: "k", does: "Row before", act: () => walk.current(place.current - 1) },
      ...(onMark
        ? [
            { keys: "x", does: "Choose the row", act: () => onMark(place.current, false) },
            { keys: "shift+x", does: "Choose up to here", act: () => onMark(place.current, true) },
          ]
        : []),
    ],
    [onMark],
  );
  useKeys(label, keys);

  function press(event: KeyboardEvent) {
    if (event.target !== event.currentTarget) return;
    const acts: Record<string, () => void> = {
      ArrowDown: () => go(at + 1),
      ArrowUp: () => go(at - 1),
      PageDown: () => go(at + Math.max(1, last - first - 12)),
      PageUp: () => go(at - Math.max(1, last - first - 12)),
      Home: () => go(0),
      End: () => go(list.total - 1),
      Enter: () => {
        const row = list.rowAt(at);
        if (row) onOpen?.(row);
      },
    };
    const act = acts[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  }

  const template = columns.map((column) => column.width).join(" ");
  const isActive = isWalked && list.total > 0;
  return (
    <div
      ref={scroller}
      role="grid"
      aria-label={label}
      aria-rowcount={list.total + 1}
      aria-colcount={columns.length}
      aria-activedescendant={isActive && at >= first && at <= last ? `${id}-${at}` : undefined}
      tabIndex={0}
      onKeyDown={press}
      onFocus={(event) => event.target === event.currentTarget && setWalked(true)}
      className="min-h-0 flex-1 overflow-auto"
    >
      <div
        role="rowgroup"
        className="sticky top-0 z-10 border-b border-line bg-panel"
        style={{ minWidth }}
      >
        <div
          role="row"
          aria-rowindex={1}
          className="grid"
          style={{ gridTemplateColumns: template }}
        >
          {columns.map((column) => (
            <HeadCell key={column.id} column={column} {...props} order={order} />
          ))}
        </div>
      </div>
      <div role="rowgroup" className="relative" style={{ height: rows.height, minWidth }}>
        {rows.rows.map((item) => {
          const row = list.rowAt(item.index);
          return (
            <div
              key={row ? keyOf(row) : item.index}
              id={`${id}-${item.index}`}
              role="row"
              aria-rowindex={item.index + 2}
              aria-selected={isActive && item.index === at}
              onClick={() => setCursor(item.index)}
              className={cx(
                "absolute inset-x-0 grid items-center border-b border-line",
                isActive && item.index === at ? "bg-chosen" : "hover:bg-raised",
              )}
              style={{ height: rowPx, top: item.top, gridTemplateColumns: template }}
            >
              {columns.map((column) => (
                <div
                  key={column.id}
                  role="gridcell"
                  className={cx(
                    "min-w-0 truncate px-3",
                    column.isRight && "text-right tabular-nums",
                  )}
                >
                  {row ? column.show(row) : <span className="text-muted">…</span>}
                </div>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function HeadCell<Page, Row>({
  column,
  order,
  onOrder,
  isLargestFirst,
}: { column: Column<Row> } & Pick<Props<Page, Row>, "order" | "onOrder" | "isLargestFirst">) {
  const by = column.order;
  const isHere = by !== undefined && order.by === by;
  const look = cx(
    "px-3 py-1.5 font-medium text-muted",
    column.isRight ? "text-right" : "text-left",
  );
  if (by === undefined)
    return (
      <div role="columnheader" className={cx(look, "truncate")}>
        {column.isUntitled ? <span className="sr-only">{column.label}</span> : column.label}
      </div>
    );
  const next = isHere ? !order.isDescending : (isLargestFirst?.(by) ?? false);
  return (
    <div
      role="columnheader"
      aria-sort={isHere ? (order.isDescending ? "descending" : "ascending") : "none"}
      className="min-w-0"
    >
      <button
        type="button"
        onClick={() => onOrder({ by, isDescending: next })}
        className={cx(look, "w-full truncate hover:text-text", isHere && "text-text")}
      >
        {column.label}
        {isHere && (order.isDescending ? " ↓" : " ↑")}
      </button>
    </div>
  );
}
