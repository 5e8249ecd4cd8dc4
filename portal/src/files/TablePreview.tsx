/** The first rows of a table, as the server read them; rows out of sight are not in the page. */

import { useRef } from "react";

import { Button, cx } from "../ui";
import { count, number } from "../ui/format";
import type { Preview } from "./files";
import { useFixedRows } from "../ui/useFixedRows";

const ROW_PX = 25;
const COLUMN_PX = 150;
const NUMERIC = /^(u?int|float|double|half|decimal)/;

export function TablePreview({
  preview,
  onMore,
}: {
  preview: Preview;
  onMore: (() => void) | undefined;
}) {
  const { columns, types, rows, total } = preview;
  const scroller = useRef<HTMLDivElement>(null);
  const list = useFixedRows(scroller, rows.length, ROW_PX);
  const width = 56 + columns.length * COLUMN_PX;
  return (
    <>
      <p className="flex items-center gap-2 border-b border-line px-3 py-1 text-muted">
        The first {count(rows.length, "row")}
        {total !== null && ` of ${total.toLocaleString("en")}`}, {count(columns.length, "column")}
        {preview.is_cut && onMore && <Button onClick={onMore}>Show more rows</Button>}
      </p>
      <div
        ref={scroller}
        tabIndex={0}
        role="table"
        aria-label="Rows of the file"
        aria-rowcount={rows.length + 1}
        aria-colcount={columns.length + 1}
        className="min-h-0 flex-1 overflow-auto"
      >
        <div role="rowgroup" style={{ width }} className="sticky top-0 z-10 bg-panel">
          <div role="row" aria-rowindex={1} className="flex border-b border-line">
            <span role="columnheader" className="w-14 shrink-0">
              <span className="sr-only">Row</span>
            </span>
            {columns.map((column, at) => (
              <span
                key={at}
                role="columnheader"
                title={`${column}: ${types[at] ?? ""}`}
                style={{ width: COLUMN_PX }}
                className={cx("shrink-0 px-2 py-1", isNumeric(types[at]) && "text-right")}
              >
                <span className="block truncate font-medium">{column}</span>
                <span className="block truncate text-xs text-muted">{types[at]}</span>
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" className="relative" style={{ height: list.height, width }}>
          {list.rows.map((item) => (
            <div
              key={item.index}
              role="row"
              aria-rowindex={item.index + 2}
              className="absolute inset-x-0 flex items-center border-b border-line hover:bg-raised"
              style={{ height: ROW_PX, top: item.top }}
            >
              <span
                role="rowheader"
                className="w-14 shrink-0 pr-2 text-right text-muted tabular-nums"
              >
                {(item.index + 1).toLocaleString("en")}
              </span>
              {columns.map((_, at) => (
                <Cell key={at} value={rows[item.index]?.[at]} isRight={isNumeric(types[at])} />
              ))}
            </div>
          ))}
        </div>
      </div>
    </>
  );
}

function Cell({ value, isRight }: { value: unknown; isRight: boolean }) {
  const text = shown(value);
  return (
    <span
      role="cell"
      title={text}
      style={{ width: COLUMN_PX }}
      className={cx(
        "shrink-0 truncate px-2",
        isRight && "text-right tabular-nums",
        value === null && "text-muted",
      )}
    >
      {typeof value === "number" ? number(value) : text}
    </span>
  );
}

function isNumeric(type: string | undefined): boolean {
  return NUMERIC.test(type ?? "");
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return "null";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
