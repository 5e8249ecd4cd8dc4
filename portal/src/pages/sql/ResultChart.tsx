/** A result as a chart: lines, bars, points or a histogram, by what its columns are. */

import type { Table } from "@uwdata/flechette";
import { useCallback, useMemo, useState } from "react";

import { Bars } from "../../panels/BarsPanel";
import { Canvas, type Surface } from "../../panels/Canvas";
import { ticksOf } from "../../panels/scales";
import { Scatter } from "../../panels/ScatterPanel";
import { colourIndex, COLOURS, coloursOf } from "../../plot/palette";
import { Plot } from "../../plot/Plot";
import { useTheme } from "../../shell/theme";
import { cx, Empty } from "../../ui";
import { count, number } from "../../ui/format";
import { binsOf, KINDS, linesOf, mended, offered, rowsOf, type Chart } from "./charts";
import type { Column } from "./values";

const FIELD = "h-7 max-w-44 rounded border border-line bg-panel px-1";
const BOX = { left: 56, right: 14, top: 12, bottom: 36 };

export interface ChartProps {
  table: Table;
  columns: readonly Column[];
  chart: Chart | null;
  onChange: (chart: Chart) => void;
}

export function ResultChart({ table, columns, chart, onChange }: ChartProps) {
  if (chart === null || table.numRows === 0)
    return (
      <Empty
        title={table.numRows === 0 ? "There are no rows to draw" : "There is no number to draw"}
      >
        A chart needs a column of numbers: count something, or cast a text with{" "}
        <code>try_cast(x as double)</code>.
      </Empty>
    );
  const put = (changes: Partial<Chart>) => {
    const next = mended({ ...chart, ...changes }, columns);
    if (next) onChange(next);
  };
  return (
    <div className="flex h-full min-h-0 flex-col bg-panel">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b border-line px-3 py-1.5">
        <div role="group" aria-label="Kind of chart" className="flex rounded border border-line">
          {KINDS.map((kind) => {
            const isPossible = mended({ ...chart, kind }, columns) !== null;
            return (
              <button
                key={kind}
                type="button"
                disabled={!isPossible}
                aria-pressed={chart.kind === kind}
                onClick={() => put({ kind })}
                className={cx(
                  "h-6.5 px-2 first:rounded-l last:rounded-r hover:bg-raised disabled:opacity-50",
                  chart.kind === kind && "bg-chosen font-medium",
                )}
              >
                {kind}
              </button>
            );
          })}
        </div>
        <Choice
          label={chart.kind === "bar" ? "Bars" : chart.kind === "histogram" ? "Of" : "X"}
          value={chart.x}
          choice={offered("x", chart.kind, columns)}
          onChoose={(x) => put({ x })}
        />
        {chart.kind !== "histogram" && (
          <Choice
            label={chart.kind === "bar" ? "Length" : "Y"}
            value={chart.y}
            choice={offered("y", chart.kind, columns)}
            none={chart.kind === "line" ? "all numbers" : undefined}
            onChoose={(y) => put({ y })}
          />
        )}
        {(chart.kind === "line" || chart.kind === "scatter") && (
          <Choice
            label="Colour"
            value={chart.by}
            choice={offered("by", chart.kind, columns)}
            none="one"
            onChoose={(by) => put({ by })}
          />
        )}
      </div>
      <div className="relative min-h-0 flex-1 p-2">
        <div className="relative h-full w-full">
          <Drawing table={table} columns={columns} chart={chart} />
        </div>
      </div>
    </div>
  );
}

function Choice(props: {
  label: string;
  value: string;
  choice: readonly Column[];
  none?: string | undefined;
  onChoose: (name: string) => void;
}) {
  const names = [...new Set(props.choice.map((one) => one.name))];
  return (
    <label className="flex items-center gap-1.5">
      <span className="text-muted">{props.label}</span>
      <select
        className={FIELD}
        value={props.value}
        onChange={(event) => props.onChoose(event.target.value)}
      >
        {props.none !== undefined && <option value="">{props.none}</option>}
        {names.map((name) => (
          <option key={name} value={name}>
            {name.slice(0, 60)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Drawing({
  table,
  columns,
  chart,
}: Omit<ChartProps, "onChange" | "chart"> & { chart: Chart }) {
  if (chart.kind === "line") return <Lines table={table} columns={columns} chart={chart} />;
  if (chart.kind === "histogram")
    return <Histogram table={table} column={columns.find((one) => one.name === chart.x)!} />;
  return <Rows table={table} columns={columns} chart={chart} />;
}

interface DrawingProps {
  table: Table;
  columns: readonly Column[];
  chart: Chart;
}

function Lines({ table, columns, chart }: DrawingProps) {
  const lines = useMemo(() => linesOf(table, columns, chart), [table, columns, chart]);
  const [range, setRange] = useState<readonly [number, number] | null>(null);
  const told = useMemo(() => ({ points: table.numRows, width: 1, isExact: true }), [table]);
  return (
    <div className="flex h-full flex-col">
      <div className="min-h-0 flex-1">
        <Plot
          title={`${chart.y || "numbers"} over ${chart.x}`}
          lines={lines}
          axis={lines[0]?.series.axis ?? "step"}
          range={range}
          onRange={setRange}
          board="sql"
          told={told}
          waiting="No row has both numbers."
        />
      </div>
      <Legend names={lines.map((one) => one.label)} />
    </div>
  );
}

const LEGEND_MAX = 16;

/** Whose colour is which; of very many, the first. */
function Legend({
  names,
  colours,
}: {
  names: readonly string[];
  colours?: ReadonlyMap<string, number>;
}) {
  const { shown: shade } = useTheme();
  if (names.length === 0) return null;
  return (
    <ul className="flex max-h-12 shrink-0 flex-wrap gap-x-4 overflow-hidden pt-1 text-xs">
      {names.slice(0, LEGEND_MAX).map((name) => (
        <li key={name} className="flex max-w-60 items-center gap-1.5">
          <span
            aria-hidden="true"
            className="h-2 w-2 shrink-0 rounded-full"
            style={{ background: COLOURS[shade][colours?.get(name) ?? colourIndex(name)] }}
          />
          <bdi className="truncate">{name || "(no name)"}</bdi>
        </li>
      ))}
      {names.length > LEGEND_MAX && (
        <li className="text-muted">and {names.length - LEGEND_MAX} more</li>
      )}
    </ul>
  );
}

function Rows({ table, columns, chart }: DrawingProps) {
  const rows = useMemo(() => rowsOf(table, columns, chart), [table, columns, chart]);
  const runs = useMemo(() => {
    const names = new Set(rows.map((row) => String(row["run_id"])));
    return [...names].map((name) => ({ runId: name, name }));
  }, [rows]);
  const colours = useMemo(() => coloursOf(runs.map((one) => one.runId)), [runs]);
  if (chart.kind === "bar") return <Bars rows={rows} column={chart.y} by={undefined} isPlain />;
  return (
    <div className="flex h-full flex-col">
      <div className="relative min-h-0 flex-1">
        <Scatter rows={rows} runs={runs} x={chart.x} y={chart.y} colours={colours} />
      </div>
      {chart.by && <Legend names={runs.map((one) => one.name)} colours={colours} />}
    </div>
  );
}

function Histogram({ table, column }: { table: Table; column: Column }) {
  const bins = useMemo(() => binsOf(table, column), [table, column]);
  const { edges, counts, left } = bins;
  const paint = useCallback(
    ({ ctx, width, height, looks, shade }: Surface) => {
      const [w, h] = [width - BOX.left - BOX.right, height - BOX.top - BOX.bottom];
      const most = Math.max(1, ...counts);
      const [from, to] = [edges[0]!, edges[edges.length - 1]!];
      const px = (value: number) => BOX.left + ((value - from) / (to - from || 1)) * w;
      const py = (value: number) => BOX.top + (1 - value / most) * h;
      ctx.strokeStyle = looks.line;
      ctx.fillStyle = looks.muted;
      ctx.textAlign = "right";
      for (const value of ticksOf(0, most, false)) {
        ctx.beginPath();
        ctx.moveTo(BOX.left, py(value));
        ctx.lineTo(BOX.left + w, py(value));
        ctx.stroke();
        ctx.fillText(number(value), BOX.left - 6, py(value) + 4);
      }
      ctx.textAlign = "center";
      for (const value of ticksOf(from, to, false, 8))
        ctx.fillText(number(value), px(value), BOX.top + h + 15);
      ctx.fillText(column.name.slice(0, 80), BOX.left + w / 2, height - 5);
      ctx.fillStyle = COLOURS[shade][0]!;
      counts.forEach((many, i) => {
        const [a, b] = [px(edges[i]!), px(edges[i + 1]!)];
        ctx.fillRect(a + 0.5, py(many), Math.max(1, b - a - 1), BOX.top + h - py(many));
      });
    },
    [edges, counts, column],
  );
  const total = table.numRows - left;
  return (
    <>
      <Canvas
        paint={paint}
        label={`Histogram of ${column.name}: ${count(total, "value")} from ${number(edges[0])} to ${number(edges[edges.length - 1])}`}
      />
      {left > 0 && (
        <span className="absolute right-2 bottom-0 text-[11px] text-muted">
          {count(left, "row")} without a finite number
        </span>
      )}
    </>
  );
}
