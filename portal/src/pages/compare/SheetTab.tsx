/** One family of keys by runs: only what differs, with a search, an order and a baseline. */

import { useRouter } from "@tanstack/react-router";
import { useCallback, useState, type ReactNode } from "react";

import type {
  ComparedRun,
  Family,
  RowsWanted,
  RunsWanted,
  SheetRow,
  Target,
} from "../../api/compare";
import { Button, cx, Empty, Failure, Waiting } from "../../ui";
import { count } from "../../ui/format";
import { CellDialog, type Opened } from "./CellDialog";
import { EffectBar, MetricCell, TextCell } from "./cells";
import { Matrix } from "./Matrix";
import { Head, useHeads } from "./Heads";
import { SheetTools } from "./SheetTools";
import { ignoring, joined, sheetOf, type SetState } from "./state";
import { useSheet, useSteady } from "./useSheet";

export interface SheetTabProps {
  of: RunsWanted;
  total: number;
  heads: readonly ComparedRun[];
  hasExperiments: boolean;
  family: Family;
  rows: RowsWanted;
  target: Target;
  set: SetState;
  /** What to leave out of the runs, where they are given by their ids. */
  onRemove: ((id: string) => void) | undefined;
  /** At the right of the toolbar. */
  tools?: ReactNode;
  /** Said where no run has any key. */
  nothing: ReactNode;
}

export function SheetTab(props: SheetTabProps) {
  const { family, set, total, of, target } = props;
  const isMetrics = family === "metrics";
  const asked = useSteady(sheetOf(of, family, props));
  const { rows } = asked;
  const sheet = useSheet(asked);
  const heads = useHeads(of, props.heads, total);
  const [opened, setOpened] = useState<Opened | null>(null);
  const { see: seeSheet } = sheet;
  const { see: seeHeads } = heads;
  const onSee = useCallback(
    (range: Parameters<typeof seeSheet>[0]) => {
      seeSheet(range);
      seeHeads(range.firstColumn, range.lastColumn);
    },
    [seeSheet, seeHeads],
  );
  const router = useRouter();
  const baseAt = rows.baseline === null ? -1 : heads.indexOf(rows.baseline);

  function turn(row: SheetRow) {
    const name = `${row.section}:${row.key}`;
    const closed = new Set(rows.closed);
    if (!closed.delete(name)) closed.add(name);
    set({ closed: joined([...closed]) || undefined }, true);
  }

  function ignore(key: string) {
    set(ignoring([...new Set([...rows.ignore, key])]));
    setOpened(null);
  }

  function rebase(column: number) {
    const run = heads.at(column);
    if (run) set({ base: run.run_id === rows.baseline ? undefined : run.run_id });
  }

  function open(row: number, column: number) {
    const found = sheet.rowAt(row);
    const run = heads.at(column);
    if (row < 0) return column >= 0 ? rebase(column) : undefined;
    if (!found) return;
    if (found.keys > 0) turn(found);
    else setOpened({ row: found, at: row, column, run });
  }

  const { page } = sheet;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <SheetTools
        of={of}
        asked={asked}
        page={page}
        rows={props.rows}
        target={target}
        set={set}
        tools={props.tools}
      />
      {page?.remarks.map((remark) => (
        <p key={remark} className="border-b border-line px-3 py-1 text-warn">
          {remark}
        </p>
      ))}
      <div className="min-h-0 flex-1">
        {sheet.error !== null && page === undefined ? (
          <Failure error={sheet.error} onRetry={sheet.retry} />
        ) : page === undefined ? (
          <Waiting what="Comparing" />
        ) : page.total === 0 ? (
          <Nothing {...props} keys={page.keys} same={page.same} />
        ) : (
          <Matrix
            label={LABELS[family]}
            rows={page.total}
            columns={total}
            corner={<Corner count={page.total} isMetrics={isMetrics} base={heads.at(baseAt)} />}
            chosen={baseAt}
            isBusy={sheet.isBehind}
            isBranch={(row) => (sheet.rowAt(row)?.keys ?? 0) > 0}
            isOpen={(row) => sheet.rowAt(row)?.is_open ?? false}
            depthOf={(row) => sheet.rowAt(row)?.depth ?? 0}
            keyAt={(row) => (
              <Key row={sheet.rowAt(row)} hasTarget={target.metric !== "" && !isMetrics} />
            )}
            headAt={(column) => (
              <Head
                run={heads.at(column)}
                isBase={column === baseAt}
                hasExperiment={props.hasExperiments}
                onBase={() => rebase(column)}
                onRemove={props.onRemove}
              />
            )}
            cellAt={(row, column) => {
              const found = sheet.rowAt(row);
              const value = sheet.cellAt(row, column);
              return isMetrics ? (
                <MetricCell value={value} row={found} isBase={column === baseAt} />
              ) : (
                <TextCell
                  value={value}
                  base={found?.base ?? null}
                  isOther={sheet.isOther(row, column)}
                />
              );
            }}
            onSee={onSee}
            onOpen={open}
            keys={[
              {
                keys: "b",
                does: "Compare with this run, or with none",
                act: (_, at) => rebase(at),
              },
              {
                keys: "i",
                does: "Ignore this key",
                act: (row) => {
                  const found = row < 0 ? undefined : sheet.rowAt(row);
                  if (found) ignore(found.keys > 0 ? `${found.key}*` : found.key);
                },
              },
              {
                keys: "o",
                does: "Open this run",
                act: (_, at) => {
                  const run = heads.at(at);
                  if (run) router.history.push(`/p/${run.experiment_id}/runs/${run.run_id}`);
                },
              },
            ]}
          />
        )}
      </div>
      {opened && (
        <CellDialog
          opened={opened}
          asked={asked}
          base={heads.at(baseAt)}
          onClose={() => setOpened(null)}
          onIgnore={() => ignore(opened.row.key)}
          onSet={(changes) => {
            setOpened(null);
            set(changes);
          }}
        />
      )}
    </div>
  );
}

const LABELS: Record<Family, string> = {
  params: "Params by run",
  metrics: "Metrics by run",
  run: "Tags and facts by run",
  code: "Code by run",
  environment: "Environment by run",
  data: "Data by run",
  files: "Files by run",
};

function Corner(props: { count: number; isMetrics: boolean; base: ComparedRun | undefined }) {
  return (
    <span className="min-w-0">
      <span className="block font-medium">{props.isMetrics ? "Metric" : "Key"}</span>
      <span className="block truncate text-[11px] text-muted">
        {props.base
          ? `against ${props.base.name ?? props.base.run_id.slice(0, 8)}`
          : count(props.count, "line")}
      </span>
    </span>
  );
}

function Key({ row, hasTarget }: { row: SheetRow | undefined; hasTarget: boolean }) {
  if (!row) return <span aria-hidden="true" className="h-2.5 w-32 rounded bg-raised" />;
  const indent = { paddingLeft: row.depth * 14 };
  if (row.keys > 0)
    return (
      <span
        style={indent}
        className="flex min-w-0 items-center gap-1.5 font-medium"
        title={row.key}
      >
        <span aria-hidden="true" className="w-3 text-muted">
          {row.is_open ? "▾" : "▸"}
        </span>
        <span className="truncate">{row.name.replace(/[/.]$/, "")}</span>
        <span className="font-normal text-muted">{row.keys.toLocaleString("en")}</span>
      </span>
    );
  return (
    <>
      <span
        style={indent}
        title={`${row.key}: ${count(row.values, "value")}${row.missing ? `, ${count(row.missing, "run")} without` : ""}`}
        className={cx("min-w-0 flex-1 truncate", !row.differs && "text-muted")}
      >
        {row.name}
      </span>
      {hasTarget && row.effect !== null && <EffectBar effect={row.effect} />}
    </>
  );
}

function Nothing(props: SheetTabProps & { keys: number; same: number }) {
  const { rows, set, keys, same } = props;
  if (keys === 0) return <Empty title="There is nothing to compare here">{props.nothing}</Empty>;
  if (rows.search)
    return (
      <Empty title={`No key that differs has “${rows.search}” in it`}>
        <Button onClick={() => set({ find: undefined })}>Show all keys that differ</Button>
      </Empty>
    );
  return (
    <Empty title="No differences">
      <p>All runs agree in {count(same, "key")}.</p>
      <Button className="mt-2" onClick={() => set({ all: "1" })}>
        Show them all the same
      </Button>
    </Empty>
  );
}
