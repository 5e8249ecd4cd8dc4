/** The spans as a flat log, in the order in which they began, with the beginnings of their values. */

import { useEffect, useMemo, useRef } from "react";

import { readLog, type LogSpan } from "../../api/traces";
import { Chip, cx, Failure, Status, Waiting } from "../../ui";
import { useWindow } from "../../ui/useWindow";
import { useFixedRows } from "../../ui/useFixedRows";
import { lengthOf } from "./times";
import type { Spans } from "./tree";

const ROW_PX = 64;

export function Log({
  trace,
  spans,
  chosen,
  onChoose,
}: {
  trace: string;
  spans: Spans;
  chosen: number;
  onChoose: (span: number) => void;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const list = useWindow(
    useMemo(() => ["trace", trace, "log"], [trace]),
    (offset, limit, signal) => readLog(trace, offset, limit, signal),
    (page) => page.spans,
  );
  const rows = useFixedRows(scroller, list.total, ROW_PX);
  const first = rows.rows[0]?.index ?? 0;
  const last = rows.rows.at(-1)?.index ?? 0;
  const { see } = list;
  useEffect(() => see(first, last), [see, first, last]);
  if (list.isPending) return <Waiting what="Loading the log" />;
  if (list.error) return <Failure error={list.error} onRetry={list.retry} />;
  return (
    <div
      ref={scroller}
      role="table"
      aria-label={`Log of the trace, ${list.total.toLocaleString("en")} spans`}
      aria-rowcount={list.total}
      tabIndex={0}
      className="h-full overflow-auto bg-panel"
    >
      <div role="rowgroup" className="relative" style={{ height: rows.height }}>
        {rows.rows.map((item) => {
          const one = list.rowAt(item.index);
          return (
            <div
              key={item.index}
              role="row"
              aria-rowindex={item.index + 1}
              onClick={() => onChoose(item.index)}
              className={cx(
                "absolute inset-x-0 cursor-default overflow-hidden border-b border-line px-3 py-1",
                item.index === chosen ? "bg-chosen" : "hover:bg-raised",
              )}
              style={{ top: item.top, height: ROW_PX }}
            >
              <div role="cell">
                {one ? <Line one={one} began={spans.start[item.index] ?? NaN} /> : "…"}
              </div>
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Line({ one, began }: { one: LogSpan; began: number }) {
  return (
    <>
      <p className="flex items-center gap-2 whitespace-nowrap">
        <span className="w-20 shrink-0 text-right font-mono text-xs text-muted">
          {lengthOf(began)}
        </span>
        <bdi className="min-w-0 truncate font-medium">{one.name || "(no name)"}</bdi>
        {one.type && <Chip>{one.type}</Chip>}
        {one.status === "ERROR" && <Status value="ERROR" />}
        <span className="text-muted">
          {one.duration_ms === null ? "running" : lengthOf(one.duration_ms)}
        </span>
        {one.events.length > 0 && (
          <span className="min-w-0 truncate text-xs text-muted">{one.events.join(" · ")}</span>
        )}
      </p>
      <Snippet mark="→" text={one.input} />
      <Snippet mark="←" text={one.status_message ?? one.output} isBad={one.status === "ERROR"} />
    </>
  );
}

function Snippet({ mark, text, isBad }: { mark: string; text: string | null; isBad?: boolean }) {
  return (
    <p className={cx("truncate pl-22 font-mono text-xs", isBad ? "text-bad" : "text-muted")}>
      {text !== null && (
        <>
          <span aria-hidden="true">{mark} </span>
          {text.replace(/\s+/g, " ")}
        </>
      )}
    </p>
  );
}
