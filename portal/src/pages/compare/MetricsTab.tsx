/** The metrics of the runs: as a table with the best of each, or as charts laid over each other. */

import { useMemo } from "react";

import type { RunsWanted, Take } from "../../api/compare";
import { PanelBoard, type PanelRun } from "../../panels/PanelBoard";
import { cx } from "../../ui";
import { nameOf } from "./Heads";
import { SheetTab, type SheetTabProps } from "./SheetTab";

const TAKES: readonly [Take, string][] = [
  ["last", "Last"],
  ["min", "Min"],
  ["max", "Max"],
  ["mean", "Mean"],
];

type Props = Omit<SheetTabProps, "family" | "nothing"> & {
  experiments: readonly string[];
  view: string;
};

export default function MetricsTab(props: Props) {
  const { rows, set, heads, total } = props;
  const hasCharts = props.view === "charts";
  const runs = useMemo<PanelRun[]>(
    () => heads.map((run) => ({ runId: run.run_id, name: nameOf(run) })),
    [heads],
  );
  const views = (
    <span role="group" aria-label="Table or charts" className="flex">
      {(["table", "charts"] as const).map((view) => (
        <Choice
          key={view}
          label={view === "table" ? "Table" : "Charts"}
          isOn={hasCharts === (view === "charts")}
          onChoose={() => set({ view: view === "charts" ? view : undefined })}
        />
      ))}
    </span>
  );
  if (hasCharts)
    return (
      <div className="flex h-full min-h-0 flex-col">
        <div className="flex shrink-0 items-center gap-2 border-b border-line bg-panel px-3 py-1.5">
          {views}
          {total > runs.length && (
            <span className="text-muted">
              The charts show the first {runs.length.toLocaleString("en")} runs.
            </span>
          )}
        </div>
        <div className="min-h-0 flex-1">
          <PanelBoard
            experiment={props.experiments.join(",")}
            runs={runs}
            filter={filterOf(props.of)}
            isLive={false}
          />
        </div>
      </div>
    );
  return (
    <SheetTab
      {...props}
      family="metrics"
      nothing="None of the runs has logged a metric yet."
      tools={
        <>
          <span role="group" aria-label="Which value of each metric" className="flex">
            {TAKES.map(([take, label]) => (
              <Choice
                key={take}
                label={label}
                isOn={rows.take === take}
                onChoose={() => set({ take: take === "last" ? undefined : take })}
              />
            ))}
          </span>
          {views}
        </>
      }
    />
  );
}

/** Scatters, bars and the like are of the runs compared, too. */
function filterOf(of: RunsWanted): string {
  if (!of.runs) return of.filter ?? "";
  return `run_id in (${of.runs.map((id) => `'${id}'`).join(", ")})`;
}

function Choice(props: { label: string; isOn: boolean; onChoose: () => void }) {
  return (
    <button
      type="button"
      aria-pressed={props.isOn}
      onClick={props.onChoose}
      className={cx(
        "h-7 border border-l-0 border-line px-2 first:rounded-l first:border-l last:rounded-r",
        props.isOn ? "bg-chosen font-medium" : "hover:bg-raised",
      )}
    >
      {props.label}
    </button>
  );
}
