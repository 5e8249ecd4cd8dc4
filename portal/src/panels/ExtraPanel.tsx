/** A panel that somebody added, of any kind but lines: what it shows, and its table. */

import { useMemo, useState } from "react";

import { Failure, Waiting } from "../ui";
import { count } from "../ui/format";
import { Bars } from "./BarsPanel";
import { columnOf, keyOf, useColumns, WINDOW_MAX, type Cell } from "./data";
import { Histograms } from "./HistogramPanel";
import { HistogramTable } from "./HistogramTable";
import { ImportanceList } from "./ImportancePanel";
import { useKeyPages } from "./useKeyPages";
import type { PanelRun } from "./LinesPanel";
import { PanelFrame, Tool } from "./PanelFrame";
import { Parallel } from "./ParallelPanel";
import { RowsTable } from "./RowsTable";
import { Scatter } from "./ScatterPanel";
import type { Extra } from "./settings";

export type OtherExtra = Exclude<Extra, { kind: "lines" }>;

export function titleOf(extra: Extra): string {
  switch (extra.kind) {
    case "lines":
      return extra.keys.join(", ");
    case "scatter":
      return `${keyOf(extra.y)} against ${keyOf(extra.x)}`;
    case "bar":
      return extra.by ? `${keyOf(extra.column)} by ${keyOf(extra.by)}` : keyOf(extra.column);
    case "parallel":
      return extra.columns.map(keyOf).join(" · ");
    case "histogram":
      return `${extra.name} over steps`;
    case "importance":
      return `What goes along with ${keyOf(extra.metric)}`;
  }
}

/** Params considered for importance; a window has a hundred columns at most. */
const PARAMS_MAX = 90;
const NO_COLUMNS: readonly string[] = [];

interface Props<E extends OtherExtra> {
  extra: E;
  experiment: string;
  filter: string;
  runs: readonly PanelRun[];
  onRemove: () => void;
  onReport?: (() => void) | undefined;
}

export function ExtraPanel(props: Props<OtherExtra>) {
  const { extra } = props;
  return extra.kind === "histogram" ? (
    <HistogramPanel {...props} extra={extra} />
  ) : (
    <ColumnsPanel {...props} extra={extra} />
  );
}

function HistogramPanel({
  extra,
  runs,
  onRemove,
  onReport,
}: Props<Extract<Extra, { kind: "histogram" }>>) {
  const [hasTable, setTable] = useState(false);
  const title = titleOf(extra);
  const name = runs.find((run) => run.runId === extra.run)?.name ?? `run ${extra.run.slice(0, 8)}`;
  return (
    <PanelFrame
      title={title}
      told={name}
      tools={
        <>
          <Tool sign="≡" name={`Data of ${title} as a table`} onClick={() => setTable(true)} />
          {onReport && <Tool sign="❏" name={`Add ${title} to a report`} onClick={onReport} />}
          <Tool sign="✕" name={`Remove ${title}`} onClick={onRemove} />
        </>
      }
    >
      <Histograms run={extra.run} name={extra.name} />
      {hasTable && (
        <HistogramTable
          title={title}
          run={extra.run}
          name={extra.name}
          onClose={() => setTable(false)}
        />
      )}
    </PanelFrame>
  );
}

export type OfColumns = Exclude<OtherExtra, { kind: "histogram" }>;

/** Which columns of the runs a panel needs. */
export function columnsOf(extra: OfColumns, params: readonly string[]): readonly string[] {
  switch (extra.kind) {
    case "scatter":
      return [...new Set([extra.x, extra.y])];
    case "bar":
      return extra.by ? [extra.column, extra.by] : [extra.column];
    case "parallel":
      return extra.columns;
    case "importance":
      return params.length ? [extra.metric, ...params] : NO_COLUMNS;
  }
}

/** The params that are looked at for importance; null until they are known. */
export function useParams(experiment: string, isOn: boolean): readonly string[] | null {
  // A search for nothing gives the tree; all params of the first level are those without a slash.
  const keys = useKeyPages(experiment, "params", {}, isOn);
  return useMemo(
    () =>
      keys.data?.pages[0]?.nodes
        .filter((node) => node.keys === 0)
        .slice(0, PARAMS_MAX)
        .map((node) => columnOf("params", node.path)) ?? null,
    [keys.data],
  );
}

/** What a panel of columns shows of some rows. */
export function ColumnsChart({
  extra,
  rows,
  runs,
  params,
}: {
  extra: OfColumns;
  rows: readonly Record<string, Cell>[];
  runs: readonly PanelRun[];
  params: readonly string[];
}) {
  switch (extra.kind) {
    case "scatter":
      return <Scatter rows={rows} runs={runs} x={extra.x} y={extra.y} />;
    case "bar":
      return <Bars rows={rows} column={extra.column} by={extra.by} />;
    case "parallel":
      return <Parallel rows={rows} columns={extra.columns} />;
    case "importance":
      return <ImportanceList rows={rows} metric={extra.metric} columns={params} />;
  }
}

function ColumnsPanel({ extra, experiment, filter, runs, onRemove, onReport }: Props<OfColumns>) {
  const [hasTable, setTable] = useState(false);
  const isImportance = extra.kind === "importance";
  const known = useParams(experiment, isImportance);
  const params = known ?? NO_COLUMNS;
  const columns = useMemo(() => columnsOf(extra, params), [extra, params]);
  const found = useColumns(experiment, filter, columns);
  const title = titleOf(extra);
  const rows = found.data?.rows;
  const total = found.data?.total ?? 0;
  const told =
    rows &&
    (total > WINDOW_MAX
      ? `the newest ${WINDOW_MAX.toLocaleString("en")} of ${count(total, "run")}`
      : count(total, "run"));
  return (
    <PanelFrame
      title={title}
      told={isImportance && told ? `${told} · says nothing of causes` : told}
      tools={
        <>
          {rows && (
            <Tool sign="≡" name={`Data of ${title} as a table`} onClick={() => setTable(true)} />
          )}
          {onReport && <Tool sign="❏" name={`Add ${title} to a report`} onClick={onReport} />}
          <Tool sign="✕" name={`Remove ${title}`} onClick={onRemove} />
        </>
      }
    >
      {found.isError ? (
        <Failure error={found.error} onRetry={() => void found.refetch()} />
      ) : rows === undefined ? (
        isImportance && known?.length === 0 ? (
          <p className="p-4 text-muted">The runs have no params.</p>
        ) : (
          <Waiting what="Loading runs" />
        )
      ) : (
        <ColumnsChart extra={extra} rows={rows} runs={runs} params={params} />
      )}
      {hasTable && rows && (
        <RowsTable
          title={title}
          experiment={experiment}
          rows={rows}
          columns={columns}
          onClose={() => setTable(false)}
        />
      )}
    </PanelFrame>
  );
}
