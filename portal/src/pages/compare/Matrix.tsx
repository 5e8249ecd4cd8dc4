/**
 * Keys by runs: an ARIA grid over rows and columns of which only those in sight exist.
 *
 * One cell is in the tab order; arrows go from cell to cell, heads included. Clicks are heard once,
 * on the whole grid, and find their cell by its attributes: cells stay cheap to draw.
 */

import { useVirtualizer } from "@tanstack/react-virtual";
import {
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type ReactNode,
} from "react";

import { useLatest } from "../../grid/latest";
import { moved, type Active } from "../../grid/moves";
import { useKeys, type Key } from "../../shell/keys";
import { cx } from "../../ui";

export const ROW_PX = 27;
const HEAD_PX = 46;
const KEY_PX = 288;
const KEY_NARROW_PX = 168;
const NARROW_PX = 1_000;

export interface Range {
  firstRow: number;
  lastRow: number;
  firstColumn: number;
  lastColumn: number;
}

export interface MatrixProps {
  label: string;
  rows: number;
  columns: number;
  columnPx?: number;
  /** Above the keys. */
  corner: ReactNode;
  keyAt: (row: number) => ReactNode;
  headAt: (column: number) => ReactNode;
  cellAt: (row: number, column: number) => ReactNode;
  /** Which column stands out. */
  chosen: number;
  /** A row of which all cells but the key are empty. */
  isBranch: (row: number) => boolean;
  isOpen: (row: number) => boolean;
  depthOf: (row: number) => number;
  onSee: (range: Range) => void;
  /** A click or Enter; row or column is −1 for a head. */
  onOpen: (row: number, column: number) => void;
  /** Keys for the cell at hand. */
  keys: readonly { keys: string; does: string; act: (row: number, column: number) => void }[];
  isBusy: boolean;
}

export function Matrix(props: MatrixProps) {
  const { rows, columns, columnPx = 148, onSee, onOpen } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<Active>({ row: 0, column: 0 });
  const wantsFocus = useRef(false);
  const keyPx = useKeyWidth(scroller);
  // The scroller's own functions change with each scroll, which is what they are used for here.
  // eslint-disable-next-line react-hooks/incompatible-library
  const down = useVirtualizer({
    count: rows,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 8,
    scrollPaddingStart: HEAD_PX,
    useFlushSync: false,
  });
  const across = useVirtualizer({
    horizontal: true,
    count: columns,
    getScrollElement: () => scroller.current,
    estimateSize: () => columnPx,
    overscan: 2,
    scrollPaddingStart: keyPx,
    useFlushSync: false,
  });
  const drawnRows = down.getVirtualItems();
  const drawnColumns = across.getVirtualItems();
  const firstRow = drawnRows[0]?.index ?? 0;
  const lastRow = drawnRows.at(-1)?.index ?? 0;
  const firstColumn = drawnColumns[0]?.index ?? 0;
  const lastColumn = drawnColumns.at(-1)?.index ?? 0;
  useEffect(
    () => onSee({ firstRow, lastRow, firstColumn, lastColumn }),
    [onSee, firstRow, lastRow, firstColumn, lastColumn],
  );

  const at = { row: Math.min(active.row, rows - 1), column: Math.min(active.column, columns) };
  function goTo(to: Active) {
    setActive(to);
    wantsFocus.current = true;
    if (to.row >= 0) down.scrollToIndex(to.row);
    if (to.column > 0) across.scrollToIndex(to.column - 1);
  }
  useLayoutEffect(() => {
    if (!wantsFocus.current) return;
    const cell = scroller.current?.querySelector<HTMLElement>(
      `[data-row="${at.row}"] [data-column="${at.column}"]`,
    );
    if (!cell) return;
    wantsFocus.current = false;
    cell.focus({ preventScroll: true });
  });

  const latest = useLatest({ at, goTo, rows, columns, keys: props.keys });
  const names = props.keys.map((one) => `${one.keys}\t${one.does}`).join("\n");
  const keys = useMemo<Key[]>(() => {
    const step = (key: string) => () => {
      const now = latest();
      const to = moved(
        now.at,
        { key, hasControl: false },
        { rows: now.rows, columns: now.columns + 1, page: 20 },
      );
      if (to) now.goTo(to);
    };
    const own = names.split("\n").map((name) => {
      const [stroke = "", does = ""] = name.split("\t");
      const act = () => {
        const now = latest();
        now.keys.find((one) => one.keys === stroke)?.act(now.at.row, now.at.column - 1);
      };
      return { keys: stroke, does, act };
    });
    return [
      { keys: "j", does: "Next key", act: step("ArrowDown") },
      { keys: "k", does: "Key before", act: step("ArrowUp") },
      ...own.filter((one) => one.keys),
    ];
  }, [latest, names]);
  useKeys(props.label, keys);

  function press(event: KeyboardEvent) {
    if (event.defaultPrevented || event.altKey) return;
    const hasControl = event.ctrlKey || event.metaKey;
    if (event.key === "Enter" || (event.key === " " && at.row >= 0)) {
      event.preventDefault();
      return onOpen(at.row, at.column - 1);
    }
    const isTurn =
      at.row >= 0 &&
      at.column === 0 &&
      props.isBranch(at.row) &&
      event.key === (props.isOpen(at.row) ? "ArrowLeft" : "ArrowRight");
    if (isTurn) {
      event.preventDefault();
      return onOpen(at.row, -1);
    }
    const page = Math.max(1, lastRow - firstRow - 16);
    const to = moved(at, { key: event.key, hasControl }, { rows, columns: columns + 1, page });
    if (to === null) return;
    event.preventDefault();
    goTo(to);
  }

  const width = keyPx + across.getTotalSize();
  const tab = (row: number, column: number) => (at.row === row && at.column === column ? 0 : -1);
  return (
    <div
      ref={scroller}
      role="treegrid"
      aria-label={props.label}
      aria-rowcount={rows + 1}
      aria-colcount={columns + 1}
      aria-busy={props.isBusy}
      onKeyDown={press}
      onFocus={(event) => {
        const found = cellOf(event.target);
        if (found && (found.row !== active.row || found.column !== active.column)) setActive(found);
      }}
      onClick={(event) => {
        const found = cellOf(event.target);
        if (found === null || (event.target as Element).closest("a,button,input")) return;
        goTo(found);
        onOpen(found.row, found.column - 1);
      }}
      className="relative h-full w-full overflow-auto bg-panel [contain:strict]"
    >
      <div className="relative" style={{ width, height: HEAD_PX + down.getTotalSize() }}>
        <div
          role="row"
          aria-rowindex={1}
          data-row={-1}
          className="sticky top-0 z-20 border-b border-line bg-panel"
          style={{ width, height: HEAD_PX }}
        >
          <div
            role="columnheader"
            aria-colindex={1}
            data-column={0}
            tabIndex={tab(-1, 0)}
            className="sticky left-0 z-10 flex items-center border-r border-line bg-panel px-3 -outline-offset-2!"
            style={{ width: keyPx, height: HEAD_PX - 1 }}
          >
            {props.corner}
          </div>
          {drawnColumns.map(({ index, start }) => (
            <div
              key={index}
              role="columnheader"
              aria-colindex={index + 2}
              data-column={index + 1}
              tabIndex={tab(-1, index + 1)}
              style={{ left: keyPx + start, width: columnPx, height: HEAD_PX - 1 }}
              className={cx(
                "group absolute top-0 overflow-hidden border-r border-line/60 px-2 -outline-offset-2!",
                index === props.chosen ? "bg-chosen" : "bg-panel",
              )}
            >
              {props.headAt(index)}
            </div>
          ))}
        </div>
        <div role="rowgroup" className={props.isBusy ? "opacity-70" : undefined}>
          {drawnRows.map(({ index, start }) => {
            const isBranch = props.isBranch(index);
            return (
              <div
                key={index}
                role="row"
                aria-rowindex={index + 2}
                aria-level={props.depthOf(index) + 1}
                aria-expanded={isBranch ? props.isOpen(index) : undefined}
                data-row={index}
                style={{ top: HEAD_PX + start, height: ROW_PX, width }}
                className={cx(
                  "absolute left-0 border-b border-line/60",
                  isBranch ? "bg-raised" : "bg-panel hover:bg-raised",
                )}
              >
                <div
                  role="rowheader"
                  aria-colindex={1}
                  data-column={0}
                  tabIndex={tab(index, 0)}
                  style={{ width: keyPx, height: ROW_PX - 1 }}
                  className="sticky left-0 z-10 flex cursor-pointer items-center gap-2 overflow-hidden border-r border-line bg-inherit px-3 -outline-offset-2!"
                >
                  {props.keyAt(index)}
                </div>
                {!isBranch &&
                  drawnColumns.map((column) => (
                    <div
                      key={column.index}
                      role="gridcell"
                      aria-colindex={column.index + 2}
                      data-column={column.index + 1}
                      tabIndex={tab(index, column.index + 1)}
                      style={{ left: keyPx + column.start, width: columnPx, height: ROW_PX - 1 }}
                      className={cx(
                        "absolute top-0 flex cursor-pointer items-center overflow-hidden border-r border-line/40 -outline-offset-2!",
                        column.index === props.chosen && "bg-chosen/40",
                      )}
                    >
                      {props.cellAt(index, column.index)}
                    </div>
                  ))}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** The keys take less of a narrow page. */
function useKeyWidth(scroller: React.RefObject<HTMLDivElement | null>): number {
  const [width, setWidth] = useState(KEY_PX);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const measure = () => setWidth(element.clientWidth < NARROW_PX ? KEY_NARROW_PX : KEY_PX);
    measure();
    const watcher = new ResizeObserver(measure);
    watcher.observe(element);
    return () => watcher.disconnect();
  }, [scroller]);
  return width;
}

/** The cell that an event came from. */
function cellOf(target: EventTarget): Active | null {
  if (!(target instanceof Element)) return null;
  const column = target.closest<HTMLElement>("[data-column]")?.dataset["column"];
  const row = target.closest<HTMLElement>("[data-row]")?.dataset["row"];
  if (column === undefined || row === undefined) return null;
  return { row: Number(row), column: Number(column) };
}
