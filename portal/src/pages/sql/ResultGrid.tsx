/**
 * The rows of a result: however many rows and columns, only those in sight are in the page.
 *
 * It is one stop for Tab; arrows walk its cells, Enter opens one, Ctrl C copies it, s sorts by its
 * column. The grid knows only what was sent, so sorting is of the rows shown.
 */

import { useVirtualizer } from "@tanstack/react-virtual";
import type { Table } from "@uwdata/flechette";
import { useId, useMemo, useRef, useState, type KeyboardEvent } from "react";

import { cx } from "../../ui";
import { pageOf, walked, within, type Place } from "../../ui/walk";
import { CellDialog } from "./CellDialog";
import { sorted, textOf, valueAt, type Column } from "./values";

const ROW_PX = 25;
const HEAD_PX = 41;
const NUMBERS_PX = 56;
const [LEAST_PX, MOST_PX, CHAR_PX] = [72, 340, 8.1];
const SAMPLE = 60;
const CELL_CHARS = 300;

export interface Sort {
  column: number;
  isDescending: boolean;
}

export function ResultGrid({ table, columns }: { table: Table; columns: readonly Column[] }) {
  const id = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const [sort, setSort] = useState<Sort | null>(null);
  const [at, setAt] = useState<Place>({ row: 0, column: 0 });
  const [opened, setOpened] = useState<Place | null>(null);
  const [told, setTold] = useState("");
  const rows = table.numRows;
  const extent = { rows, columns: columns.length };
  const order = useMemo(() => {
    const column = sort && columns[sort.column];
    return column ? sorted(table, column, sort.isDescending) : null;
  }, [table, columns, sort]);
  const widths = useMemo(() => columns.map((one) => widthOf(table, one)), [table, columns]);
  // The scroller's own functions change with each scroll, which is what they are used for here.
  // eslint-disable-next-line react-hooks/incompatible-library
  const down = useVirtualizer({
    count: rows,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    scrollPaddingStart: HEAD_PX,
    scrollMargin: 0,
    overscan: 8,
    useFlushSync: false,
  });
  const across = useVirtualizer({
    horizontal: true,
    count: columns.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => widths[index] ?? LEAST_PX,
    scrollPaddingStart: NUMBERS_PX,
    overscan: 2,
    useFlushSync: false,
  });
  const rowOf = (shown: number) => order?.[shown] ?? shown;
  const shownColumns = across.getVirtualItems();
  const width = NUMBERS_PX + across.getTotalSize();

  function go(to: Place) {
    const next = within(to, extent);
    setAt(next);
    down.scrollToIndex(next.row);
    across.scrollToIndex(next.column);
  }

  function sortBy(column: number) {
    const isSame = sort?.column === column;
    setSort(isSame && sort.isDescending ? null : { column, isDescending: isSame });
    const name = columns[column]?.name ?? "";
    setTold(
      isSame && sort.isDescending
        ? "In the order of the result"
        : `Sorted by ${name}, ${isSame ? "greatest" : "least"} first`,
    );
  }

  function copy({ row, column }: Place) {
    const one = columns[column];
    if (one === undefined) return;
    const value = valueAt(table, rowOf(row), one.at);
    const text = value === null || value === undefined ? "" : textOf(value, one.type);
    void navigator.clipboard.writeText(text).then(() => setTold("The cell is copied"));
  }

  function press(event: KeyboardEvent) {
    const isMod = event.ctrlKey || event.metaKey;
    const last = { row: rows - 1, column: columns.length - 1 };
    const jumps = isMod ? { Home: { row: 0, column: 0 }, End: last } : {};
    const to = walked(event.key, at, pageOf(scroller.current, ROW_PX), extent, jumps);
    if (to) go(to);
    else if (event.key === "Enter") setOpened(at);
    else if (isMod && event.key === "c" && !window.getSelection()?.toString()) copy(at);
    else if (!isMod && event.key === "s") sortBy(at.column);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  const activeId = `${id}-${at.row}-${at.column}`;
  const isActiveShown =
    down.getVirtualItems().some((one) => one.index === at.row) &&
    shownColumns.some((one) => one.index === at.column);
  return (
    <>
      <div
        ref={scroller}
        role="grid"
        tabIndex={0}
        aria-label="Rows of the result. Arrows walk, Enter opens a cell, s sorts by its column."
        aria-rowcount={rows + 1}
        aria-colcount={columns.length + 1}
        aria-activedescendant={isActiveShown ? activeId : undefined}
        onKeyDown={press}
        className="group h-full overflow-auto bg-panel outline-offset-[-2px]"
      >
        <div role="rowgroup" className="sticky top-0 z-20" style={{ width, height: HEAD_PX }}>
          <div
            role="row"
            aria-rowindex={1}
            className="relative h-full border-b border-line bg-raised"
          >
            <span
              role="columnheader"
              aria-colindex={1}
              className="sticky left-0 z-10 block h-full bg-raised"
              style={{ width: NUMBERS_PX }}
            >
              <span className="sr-only">Row</span>
            </span>
            {shownColumns.map(({ index, start, size }) => (
              <Head
                key={index}
                column={columns[index]!}
                left={NUMBERS_PX + start}
                width={size}
                sort={sort?.column === index ? sort : null}
                onSort={() => sortBy(index)}
              />
            ))}
          </div>
        </div>
        <div role="rowgroup" className="relative" style={{ width, height: down.getTotalSize() }}>
          {down.getVirtualItems().map((item) => (
            <div
              key={item.index}
              role="row"
              aria-rowindex={item.index + 2}
              className="absolute left-0 border-b border-line hover:bg-raised"
              style={{ height: ROW_PX, top: item.start, width }}
            >
              <span
                role="rowheader"
                aria-colindex={1}
                className="sticky left-0 z-10 block h-full bg-panel pr-2 text-right leading-6 text-muted tabular-nums"
                style={{ width: NUMBERS_PX }}
              >
                {(item.index + 1).toLocaleString("en")}
              </span>
              {shownColumns.map(({ index, start, size }) => (
                <Cell
                  key={index}
                  id={`${id}-${item.index}-${index}`}
                  column={columns[index]!}
                  value={valueAt(table, rowOf(item.index), columns[index]!.at)}
                  left={NUMBERS_PX + start}
                  width={size}
                  isActive={at.row === item.index && at.column === index}
                  onChoose={() => setAt({ row: item.index, column: index })}
                  onOpen={() => setOpened({ row: item.index, column: index })}
                />
              ))}
            </div>
          ))}
        </div>
      </div>
      <span role="status" className="sr-only">
        {told}
      </span>
      {opened && columns[opened.column] && (
        <CellDialog
          column={columns[opened.column]!}
          row={opened.row + 1}
          value={valueAt(table, rowOf(opened.row), columns[opened.column]!.at)}
          onClose={() => {
            setOpened(null);
            scroller.current?.focus();
          }}
        />
      )}
    </>
  );
}

function Head(props: {
  column: Column;
  left: number;
  width: number;
  sort: Sort | null;
  onSort: () => void;
}) {
  const { column, sort } = props;
  const order = sort === null ? "none" : sort.isDescending ? "descending" : "ascending";
  return (
    <div
      role="columnheader"
      aria-colindex={column.at + 2}
      aria-sort={order}
      title={`${column.name}: ${column.typeName}`}
      style={{ left: props.left, width: props.width }}
      className="absolute top-0 h-full border-l border-line"
    >
      <button
        type="button"
        tabIndex={-1}
        onClick={props.onSort}
        className={cx(
          "flex h-full w-full flex-col justify-center px-2 text-left hover:bg-chosen",
          column.kind === "number" && "items-end text-right",
        )}
      >
        <span className="flex max-w-full items-center gap-1 font-medium">
          <bdi className="truncate">{column.name || "(no name)"}</bdi>
          {sort && <span aria-hidden="true">{sort.isDescending ? "↓" : "↑"}</span>}
        </span>
        <span className="block max-w-full truncate text-[11px] text-muted">{column.typeName}</span>
      </button>
    </div>
  );
}

function Cell(props: {
  id: string;
  column: Column;
  value: unknown;
  left: number;
  width: number;
  isActive: boolean;
  onChoose: () => void;
  onOpen: () => void;
}) {
  const { column, value, isActive } = props;
  const isNull = value === null || value === undefined;
  const isOdd = typeof value === "number" && !Number.isFinite(value);
  const text = isNull ? "null" : textOf(value, column.type, CELL_CHARS);
  return (
    <div
      id={props.id}
      role="gridcell"
      aria-colindex={column.at + 2}
      aria-selected={isActive}
      onClick={props.onChoose}
      onDoubleClick={props.onOpen}
      style={{ left: props.left, width: props.width }}
      className={cx(
        "absolute top-0 h-full truncate border-l border-line px-2 leading-6",
        column.kind === "number" && "text-right tabular-nums",
        column.kind === "time" && "tabular-nums",
        column.kind === "other" && "font-mono text-xs leading-6",
        isNull && "text-muted italic",
        isOdd && "text-warn",
        isActive && "group-focus:bg-chosen group-focus:outline-1 group-focus:outline-accent",
      )}
    >
      <bdi>{text}</bdi>
    </div>
  );
}

/** As wide as its name and its first values need, within bounds. */
function widthOf(table: Table, column: Column): number {
  let chars = Math.max(column.name.length, Math.min(column.typeName.length, 24)) + 2;
  for (let row = 0; row < Math.min(SAMPLE, table.numRows); row++) {
    const value = valueAt(table, row, column.at);
    if (value !== null && value !== undefined)
      chars = Math.max(chars, textOf(value, column.type, 60).length);
  }
  return Math.round(Math.max(LEAST_PX, Math.min(MOST_PX, chars * CHAR_PX + 28)));
}
