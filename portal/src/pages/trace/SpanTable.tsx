/** The waterfall as a table: the same spans in the same order, as words and numbers. */

import { useRef } from "react";

import { cx } from "../../ui";
import { dollars, number } from "../../ui/format";
import { useFixedRows } from "../../ui/useFixedRows";
import { lengthOf } from "./times";
import { ODD, ODD_TEXTS, type Spans, type Tree } from "./tree";

const ROW_PX = 26;
const COLUMNS = [
  "minmax(16rem,3fr)",
  "5.5rem",
  "4rem",
  "6.5rem",
  "6.5rem",
  "6rem",
  "5rem",
  "8rem",
  "minmax(8rem,1fr)",
].join(" ");
const HEADS = ["Name", "Kind", "Depth", "Begins", "Takes", "Tokens", "Cost", "Model", "Remarks"];
const RIGHT = new Set(["Depth", "Begins", "Takes", "Tokens", "Cost"]);

export function SpanTable({
  spans,
  tree,
  rows,
  chosen,
  onChoose,
}: {
  spans: Spans;
  tree: Tree;
  rows: Int32Array;
  chosen: number;
  onChoose: (span: number) => void;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const list = useFixedRows(scroller, rows.length, ROW_PX);
  return (
    <div
      ref={scroller}
      role="table"
      aria-label="Spans of the trace as a table"
      aria-rowcount={rows.length + 1}
      tabIndex={0}
      className="h-full overflow-auto bg-panel"
    >
      <div className="min-w-[62rem]">
        <div
          role="row"
          className="sticky top-0 z-10 grid border-b border-line bg-panel font-medium text-muted"
          style={{ gridTemplateColumns: COLUMNS }}
        >
          {HEADS.map((head) => (
            <span
              key={head}
              role="columnheader"
              className={cx("px-2 py-1", RIGHT.has(head) && "text-right")}
            >
              {head}
            </span>
          ))}
        </div>
        <div role="rowgroup" className="relative" style={{ height: list.height }}>
          {list.rows.map((item) => {
            const span = rows[item.index]!;
            return (
              <div
                key={span}
                role="row"
                aria-rowindex={item.index + 2}
                onClick={() => onChoose(span)}
                className={cx(
                  "absolute inset-x-0 grid cursor-default items-center border-b border-line",
                  span === chosen ? "bg-chosen" : "hover:bg-raised",
                )}
                style={{ top: item.top, height: ROW_PX, gridTemplateColumns: COLUMNS }}
              >
                <Cells spans={spans} tree={tree} span={span} onChoose={onChoose} />
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

function Cells({
  spans,
  tree,
  span,
  onChoose,
}: {
  spans: Spans;
  tree: Tree;
  span: number;
  onChoose: (span: number) => void;
}) {
  const isOpen = tree.odd[span]! & ODD.open;
  const remarks = ODD_TEXTS.filter(([flag]) => tree.odd[span]! & flag).map(([, words]) => words);
  if (spans.statuses[span] === "ERROR") remarks.unshift("Failed.");
  const cells: [string, string][] = [
    ["Kind", (spans.types[span] ?? spans.kinds[span] ?? "").toLowerCase()],
    ["Depth", String(tree.depth[span])],
    ["Begins", lengthOf(tree.begin[span]! - tree.from)],
    ["Takes", isOpen ? "running" : lengthOf(spans.duration[span]!)],
    ["Tokens", numberOf(spans.tokens[span]!)],
    ["Cost", dollars(spans.costs[span])],
    ["Model", spans.models[span] ?? ""],
    ["Remarks", remarks.join(" ")],
  ];
  return (
    <>
      <span role="cell" className="min-w-0 truncate px-2" title={spans.names[span]?.slice(0, 300)}>
        <button
          type="button"
          tabIndex={-1}
          onClick={() => onChoose(span)}
          className="max-w-full truncate text-accent hover:underline"
        >
          <bdi>{spans.names[span] || "(no name)"}</bdi>
        </button>
      </span>
      {cells.map(([head, words]) => (
        <span
          key={head}
          role="cell"
          title={words}
          className={cx("truncate px-2", RIGHT.has(head) && "text-right tabular-nums")}
        >
          {words}
        </span>
      ))}
    </>
  );
}

function numberOf(value: number): string {
  return Number.isNaN(value) ? "" : number(value);
}
