/** The charts of the runs that are selected, or else of the first ones. */

import { useQuery } from "@tanstack/react-query";
import { lazyRouteComponent } from "@tanstack/react-router";
import { Suspense, useMemo, type ReactNode } from "react";

import { askWindow, type RowQuery } from "../../grid/blocks";
import type { NamedRun, RowStore } from "../../grid/RowStore";
import { chosenCount, isChosen, type Selection } from "../../grid/selection";
import { Button, Waiting } from "../../ui";

/** Rows do not wait for its code, which is begun with, where charts are shown. */
export const Board = lazyRouteComponent(() => import("../../panels/PanelBoard"), "PanelBoard");

/** As many runs are drawn where none are selected, and where many are. */
const FIRST = 100;
const MOST = 1_000;

interface ChartsProps {
  experiment: string;
  store: RowStore;
  query: RowQuery;
  selection: Selection;
  hidden: ReadonlySet<string>;
  /** What is said where no run matches. */
  nothing: ReactNode;
  onShowHidden: () => void;
}

/** Some runs with their names, asked for by themselves. */
function useRuns(query: RowQuery, limit: number, isNeeded: boolean) {
  const found = useQuery({
    queryKey: ["named runs", query, limit],
    queryFn: async ({ signal }) => {
      const part = { path: [], offset: 0, limit, columns: ["name"] };
      const answer = await askWindow(query, part, signal);
      const names = answer?.values.get("name");
      return answer?.ids.map((runId, at) => ({ runId, name: String(names?.[at] ?? "") })) ?? [];
    },
    enabled: isNeeded,
    staleTime: 60_000,
  });
  return { runs: found.data ?? NO_RUNS, isWaiting: isNeeded && found.isPending };
}

const NO_RUNS: NamedRun[] = [];

/** Those that are selected; the names of those that are not loaded are asked for. */
function useSelected(store: RowStore, query: RowQuery, ids: readonly string[]): NamedRun[] {
  const known = store.names();
  const unknown = ids.filter((id) => !known.has(id));
  const filter = `run_id in (${unknown.map((id) => `'${id}'`).join(", ")})`;
  const asked = useRuns(
    { experiments: query.experiments, filter, order: [], group: [], view: "all" },
    MOST,
    unknown.length > 0,
  );
  const names = new Map(asked.runs.map((run) => [run.runId, run.name]));
  return ids.map((runId) => ({ runId, name: known.get(runId) ?? names.get(runId) ?? "" }));
}

/** The same array as long as the same is in it: charts are drawn anew for another one. */
function useSteady(runs: readonly NamedRun[]): readonly NamedRun[] {
  const text = JSON.stringify(runs);
  return useMemo(() => JSON.parse(text) as NamedRun[], [text]);
}

export function Charts(props: ChartsProps) {
  const { experiment, store, query, selection, hidden } = props;
  const isSome = selection.kind === "some" && selection.ids.size > 0;
  const selected = useSelected(store, query, isSome ? [...selection.ids].slice(0, MOST) : []);
  // Where groups are closed no run is loaded, and there are runs to draw all the same.
  const isClosed = !isSome && query.group.length > 0;
  const flat = useRuns({ ...query, group: [] }, FIRST, isClosed);
  const first = isClosed ? flat.runs : store.firstRuns(FIRST);
  const isWaiting = store.isWaiting || store.isBehind || flat.isWaiting;
  const listed = isSome
    ? selected
    : first.filter((run) => selection.kind === "some" || isChosen(selection, run.runId));
  const runs = useSteady(
    listed
      .filter((run) => !hidden.has(run.runId))
      .map(({ runId, name }) => ({ runId, name: name || runId.slice(0, 8) })),
  );
  if (!isSome && !isWaiting && store.error === null && store.matching === 0) return props.nothing;
  const all = isSome ? chosenCount(selection, 0) : store.matching;
  return (
    <div className="flex h-full flex-col">
      {all > listed.length && (
        <p className="shrink-0 border-b border-line bg-panel px-3 py-1 text-xs text-muted">
          The charts show the first {listed.length.toLocaleString("en")} of{" "}
          {all.toLocaleString("en")} runs{isSome ? " selected" : "; select runs to see those"}.
        </p>
      )}
      {runs.length === 0 && !isWaiting && listed.length > 0 && (
        <p
          role="status"
          className="flex shrink-0 items-center gap-2 border-b border-line bg-panel px-3 py-1 text-xs"
        >
          All runs that would be drawn are hidden; space shows the one at hand.
          <Button onClick={props.onShowHidden}>Show all</Button>
        </p>
      )}
      <div className="min-h-0 flex-1">
        <Suspense fallback={<Waiting what="Loading the charts" />}>
          <Board experiment={experiment} runs={runs} isWaiting={isWaiting} filter={query.filter} />
        </Suspense>
      </div>
    </div>
  );
}
