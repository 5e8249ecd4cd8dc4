/** The charts of the runs that are selected, or else of the first ones. */

import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, type ComponentType } from "react";

import { askWindow } from "../../grid/blocks";
import type { NamedRun, RowStore } from "../../grid/RowStore";
import { chosenCount, isChosen, type Selection } from "../../grid/selection";
import { Waiting } from "../../ui";

interface BoardProps {
  experiment: string;
  runs: readonly NamedRun[];
  filter?: string;
}

const boards = import.meta.glob<{ PanelBoard: ComponentType<BoardProps> }>(
  "../../panels/PanelBoard.tsx",
);
const load = Object.values(boards)[0];

export const hasCharts = load !== undefined;
/** As many runs are drawn where none are selected, and where many are. */
const FIRST = 100;
const MOST = 1_000;

const Board = lazy<ComponentType<BoardProps>>(async () => ({
  default: load ? (await load()).PanelBoard : () => null,
}));

interface ChartsProps {
  experiment: string;
  store: RowStore;
  filter: string;
  selection: Selection;
  hidden: ReadonlySet<string>;
}

/** What runs are called that are selected, but not among the rows that are loaded. */
function useNames(experiment: string, ids: readonly string[]) {
  return useQuery({
    queryKey: ["run names", experiment, ids],
    queryFn: async ({ signal }) => {
      const filter = `run_id in (${ids.map((id) => `'${id}'`).join(", ")})`;
      const query = {
        experiments: [experiment],
        filter,
        order: [],
        group: [],
        view: "all",
      } as const;
      const part = { path: [], offset: 0, limit: MOST, columns: ["name"] };
      const found = await askWindow(query, part, signal);
      const names = found?.values.get("name");
      return new Map(found?.ids.map((id, at) => [id, String(names?.[at] ?? "")]));
    },
    enabled: ids.length > 0,
    staleTime: 60_000,
  }).data;
}

/** The same array as long as the same is in it: charts are drawn anew for another one. */
function useSteady(runs: readonly NamedRun[]): readonly NamedRun[] {
  const text = JSON.stringify(runs);
  return useMemo(() => JSON.parse(text) as NamedRun[], [text]);
}

export function Charts({ experiment, store, filter, selection, hidden }: ChartsProps) {
  const known = store.names();
  const isSome = selection.kind === "some" && selection.ids.size > 0;
  const unknown = isSome ? [...selection.ids].slice(0, MOST).filter((id) => !known.has(id)) : [];
  const asked = useNames(experiment, unknown);
  const listed: NamedRun[] = isSome
    ? [...selection.ids]
        .slice(0, MOST)
        .map((runId) => ({ runId, name: known.get(runId) ?? asked?.get(runId) ?? "" }))
    : store
        .firstRuns(FIRST)
        .filter((run) => selection.kind === "some" || isChosen(selection, run.runId));
  const runs = useSteady(
    listed
      .filter((run) => !hidden.has(run.runId))
      .map(({ runId, name }) => ({ runId, name: name || runId.slice(0, 8) })),
  );
  const all = isSome ? chosenCount(selection, 0) : store.matching;
  return (
    <div className="flex h-full flex-col">
      {all > listed.length && (
        <p className="shrink-0 border-b border-line bg-panel px-3 py-1 text-xs text-muted">
          The charts show the first {listed.length.toLocaleString("en")} of{" "}
          {all.toLocaleString("en")} runs{isSome ? " selected" : "; select runs to see those"}.
        </p>
      )}
      <div className="min-h-0 flex-1">
        <Suspense fallback={<Waiting what="Loading the charts" />}>
          <Board experiment={experiment} runs={runs} filter={filter} />
        </Suspense>
      </div>
    </div>
  );
}
