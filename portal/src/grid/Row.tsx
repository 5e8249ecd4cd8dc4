/** A row of the grid: a run, a group, or one that is on its way. */

import { lazy, memo, Suspense } from "react";

import type { SeriesLoader } from "../panels/loader";
import { cx } from "../ui";
import { CellValue, GroupValue, groupText } from "./cells";
import { isNumeric, labelOf, read } from "./columns";
import { CHECK_WIDTH, ROW_HEIGHT, type Layout, type Placed } from "./layout";
import type { GridRow } from "./RowStore";

export interface RowLook {
  layout: Layout;
  /** The columns in sight, beside the pinned ones. */
  shown: readonly Placed[];
  width: number;
  now: number;
  hrefOf: (id: string) => string;
  /** What a run's line is drawn in, in the charts beside. */
  colourOf: (id: string) => string;
  /** What has the curves of metrics; null until it is here. */
  curves: SeriesLoader | null;
}

const Curve = lazy(() => import("./Curve"));

interface RowProps {
  row: GridRow;
  index: number;
  top: number;
  look: RowLook;
  isChosen: boolean;
  isHidden: boolean;
  isTree: boolean;
  /** The column whose cell Tab leads to; −1 for none in this row. */
  active: number;
}

export const Row = memo(function Row(props: RowProps) {
  const { row, index, top, look, isChosen, isHidden, isTree } = props;
  const { pinned, pinnedWidth } = look.layout;
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={row.kind === "run" ? isChosen : undefined}
      aria-level={isTree ? row.depth + 1 : undefined}
      aria-expanded={row.kind === "group" ? row.isOpen : undefined}
      aria-busy={row.kind === "waiting" || undefined}
      data-row={index}
      style={{ transform: `translateY(${top}px)`, height: ROW_HEIGHT, width: look.width }}
      className={cx(
        "absolute top-0 left-0 min-w-full border-b border-line/60",
        isChosen ? "bg-chosen" : row.kind === "group" ? "bg-raised" : "bg-panel hover:bg-raised",
        isHidden && "text-muted",
      )}
    >
      <div
        className="sticky left-0 z-10 flex bg-inherit"
        style={{ width: pinnedWidth, height: ROW_HEIGHT - 1 }}
      >
        <div
          role="gridcell"
          aria-colindex={1}
          data-column={0}
          tabIndex={props.active === 0 ? 0 : -1}
          style={{ width: CHECK_WIDTH }}
          className="flex shrink-0 items-center justify-center -outline-offset-2!"
        >
          {row.kind === "run" && (
            <input
              type="checkbox"
              tabIndex={-1}
              readOnly
              checked={isChosen}
              aria-label="Choose this run"
              className="pointer-events-none accent-(--accent)"
            />
          )}
        </div>
        {pinned.map((place) => (
          <Cell key={place.column.text} place={place} {...props} />
        ))}
      </div>
      {look.shown.map((place) => (
        <Cell key={place.column.text} place={place} {...props} />
      ))}
    </div>
  );
});

function Cell({ place, row, look, active, isHidden }: RowProps & { place: Placed }) {
  const { column, number, left } = place;
  const { kind } = read(column.text);
  const isLast = look.layout.pinned.at(-1) === place;
  return (
    <div
      role="gridcell"
      aria-colindex={number + 1}
      data-column={number}
      tabIndex={active === number ? 0 : -1}
      style={{
        width: column.width,
        height: ROW_HEIGHT - 1,
        ...(column.isPinned ? {} : { position: "absolute", top: 0, left }),
      }}
      className={cx(
        "shrink-0 truncate px-2 leading-[27px] -outline-offset-2!",
        isNumeric(kind) && "text-right tabular-nums",
        isLast && "border-r border-line",
        isHidden && number === 1 && "line-through",
      )}
    >
      <Content
        row={row}
        text={column.text}
        isFirst={number === 1}
        isHidden={isHidden}
        look={look}
      />
    </div>
  );
}

interface ContentProps {
  row: GridRow;
  text: string;
  isFirst: boolean;
  isHidden: boolean;
  look: RowLook;
}

function Content({ row, text, isFirst, isHidden, look }: ContentProps) {
  const indent = isFirst && row.depth > 0 ? { paddingLeft: row.depth * 16 } : undefined;
  if (row.kind === "waiting")
    return <span className="inline-block h-2 w-3/5 rounded bg-raised" style={indent} />;
  if (row.kind === "group") {
    if (!isFirst) return <GroupValue block={row.block} at={row.at} text={text} />;
    return (
      <span style={indent} title={`${labelOf(row.by)}: ${groupText(row.by, row.value)}`}>
        <span aria-hidden="true" className="inline-block w-4 text-muted">
          {row.isOpen ? "▾" : "▸"}
        </span>
        <span className="font-medium">{groupText(row.by, row.value)}</span>{" "}
        <span className="text-muted tabular-nums">{row.runs.toLocaleString("en")}</span>
      </span>
    );
  }
  const { kind, key } = read(text);
  if (kind === "curve")
    return (
      look.curves && (
        <Suspense fallback={null}>
          <Curve loader={look.curves} run={row.id} metric={key} colour={look.colourOf(row.id)} />
        </Suspense>
      )
    );
  const value = row.block.values.get(text)?.[row.at];
  if (!row.block.values.has(text))
    return <span className="inline-block h-2 w-3/5 rounded bg-raised" />;
  if (kind !== "name") return <CellValue kind={kind} value={value} now={look.now} />;
  return (
    <span style={indent}>
      <span
        aria-hidden="true"
        className="mr-1.5 inline-block h-2 w-2 rounded-full align-middle"
        style={
          isHidden
            ? { border: `1px solid ${look.colourOf(row.id)}` }
            : { background: look.colourOf(row.id) }
        }
      />
      <a
        href={look.hrefOf(row.id)}
        tabIndex={-1}
        data-open={row.id}
        title={String(value ?? row.id)}
        className="font-medium text-accent hover:underline"
      >
        {String(value ?? row.id.slice(0, 8))}
      </a>
    </span>
  );
}
