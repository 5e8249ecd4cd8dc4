/** The runs of an experiment: a grid at the left, charts of them at the right. */

import { useNavigate, useParams, useRouter } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useSyncExternalStore } from "react";

import { ApiError } from "../../api/client";
import { useExperiments } from "../../api/experiments";
import { askRunsSql } from "../../api/listSql";
import { useTicks } from "../../api/live";
import type { RowQuery } from "../../grid/blocks";
import { askedOf, writeColumns, type Column } from "../../grid/columns";
import { Grid } from "../../grid/Grid";
import { RowStore, type GridRow } from "../../grid/RowStore";
import { chosenCount, NOBODY, type Selection } from "../../grid/selection";
import { writeSort } from "../../grid/sort";
import type { GridCommands } from "../../grid/useGridKeys";
import { keyPages } from "../../panels/keys";
import type { Beginning, Search } from "../../router";
import { Empty, Failure } from "../../ui";
import { copy, copyLink } from "../../views/share";
import { changeRuns, renameRun, saidOf, type Action } from "./changes";
import { Board, Charts } from "./Charts";
import { Foot } from "./Foot";
import { Panes } from "./Panes";
import type { Asked, Told } from "./Prompts";
import { NoCharts, NoRuns } from "./NoRuns";
import {
  BASE_COLUMNS,
  pythonOf,
  queryOf,
  readState,
  sqlColumns,
  useExploreState,
  without,
  type ExploreState,
} from "./state";
import { Toolbar } from "./Toolbar";
import { usePageKeys } from "./usePageKeys";
import { useUndo } from "./useUndo";
import { useSelection } from "./useSelection";
import { useUsualColumns } from "./usualColumns";

const ColumnChooser = lazy(() => import("../../grid/ColumnChooser"));
const Prompt = lazy(() => import("./Prompts"));

export default function Explore() {
  const { experiment = "" } = useParams({ strict: false }) as { experiment?: string };
  const experiments = useExperiments();
  const found = experiments.data?.find((one) => one.experiment_id === experiment);
  if (experiments.isError)
    return <Failure error={experiments.error} onRetry={() => void experiments.refetch()} />;
  if (found === undefined && !experiments.isPending)
    return (
      <Empty title="There is no such experiment">
        It may have been deleted, or you may not read it. Choose one from the list of experiments.
      </Empty>
    );
  // The rows do not wait for the name above them.
  return <Runs key={experiment} experiment={experiment} name={found?.name ?? ""} />;
}

/** So many columns are in sight at once. */
const FIRST_COLUMNS = 12;

/** Rows, the first of which are asked for at once. */
function firstRows(experiment: string, state: ExploreState): RowStore {
  const store = new RowStore();
  const columns = (state.columns ?? BASE_COLUMNS).slice(0, FIRST_COLUMNS);
  store.setQuery(queryOf(experiment, state));
  store.want({
    first: 0,
    last: 0,
    columns: [...new Set(columns.map(({ text }) => askedOf(text)))],
    anchor: null,
  });
  return store;
}

/** The rows that are on their way before there is a page: whoever draws it takes them. */
let begun: { experiment: string; rows: RowStore } | null = null;

function takeRows(experiment: string, state: ExploreState): RowStore {
  const taken = begun?.experiment === experiment ? begun.rows : firstRows(experiment, state);
  begun = null;
  return taken;
}

export const beginning: Beginning = ({ cache, params, search }) => {
  const { experiment = "" } = params;
  const state = readState(search);
  begun = { experiment, rows: firstRows(experiment, state) };
  if (state.split !== "table") {
    void Board.preload?.();
    void cache.prefetchInfiniteQuery(keyPages(experiment, "metrics", {}));
  }
};

function Runs({ experiment, name }: { experiment: string; name: string }) {
  const router = useRouter();
  const navigate = useNavigate();
  const { state, set } = useExploreState();
  const [store] = useState(() => takeRows(experiment, state));
  useSyncExternalStore(store.watch, store.snapshot);
  const usual = useUsualColumns(experiment, state.columns === null);
  const columns = state.columns ?? usual;
  const filterBar = useRef<HTMLInputElement>(null);
  const [isChoosing, setChoosing] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [question, setQuestion] = useState<{ asked: Asked; of: Selection } | null>(null);
  const onSelectionText = useCallback((sel: string | undefined) => set({ sel }, true), [set]);
  const [selection, select] = useSelection(state.search["sel"], onSelectionText);

  const query = useMemo(() => queryOf(experiment, state), [experiment, state]);
  useEffect(() => store.setQuery(query), [store, query]);
  const hasGrid = state.split !== "charts";
  useEffect(() => {
    // Without a grid nobody else asks for rows, and the charts draw the first of them.
    if (!hasGrid) store.want({ first: 0, last: 99, columns: ["name"], anchor: null });
  }, [store, hasGrid]);
  const topics = useMemo(() => [`runs:${experiment}`], [experiment]);
  useTicks(
    topics,
    useCallback(() => store.refresh(), [store]),
  );

  const undo = useUndo({
    search: state.search,
    set: useCallback((search: Search) => set(search, true), [set]),
    onRuns: useCallback(() => store.refresh(), [store]),
  });

  /** Change the view, so that it can be undone. */
  function show(changes: Search) {
    undo.remember({ kind: "view", search: state.search });
    set(changes);
  }

  /** "All that match" is not carried over to what others match. */
  const unchosen: Search = selection.kind === "all" ? { sel: undefined } : {};

  async function change(action: Action, of: Selection, tags: Record<string, string | null> = {}) {
    if (of.kind === "all" && store.isBehind)
      return undo.say("The runs that match are still on their way: try again in a moment.");
    setBusy(true);
    try {
      const made = await changeRuns(action, of, query, tags);
      const text = saidOf(action, made.changed);
      if (made.undo !== null) undo.remember({ kind: "runs", undo: made.undo, said: text });
      undo.say(text, made.undo !== null);
      if (action !== "tag") select(NOBODY);
      store.refresh();
    } catch (error) {
      undo.say(error instanceof Error ? error.message : String(error), false, true);
    } finally {
      setBusy(false);
    }
  }

  function answered(told: Told) {
    if (question === null) return;
    const { asked, of } = question;
    setQuestion(null);
    if (asked.kind === "tag")
      void change("tag", of, { [told.key]: told.isRemoved ? null : told.text });
    else if (asked.kind === "note")
      void change("tag", of, { "mlflow.note.content": told.text || null });
    else if (of.kind === "some")
      for (const id of of.ids)
        void renameRun(id, told.text).then(
          () => store.refresh(),
          (error: unknown) => undo.say(String(error), false, true),
        );
  }

  /** The runs that are chosen, or else the one under the cursor. */
  function whom(id: string | null): Selection | null {
    if (selection.kind === "all" || selection.ids.size > 0) return selection;
    return id === null ? null : { kind: "some", ids: new Set([id]) };
  }

  function ask(kind: Asked["kind"], of: Selection | null, text = "") {
    if (of === null) return undo.say("Select the runs to tag: x selects the one at hand.");
    setQuestion({ asked: { kind, text }, of });
  }

  async function compare() {
    if (chosenCount(selection, store.matching) < 2)
      return undo.say("Select the runs to compare: x selects the one at hand, Ctrl a all.");
    try {
      const { searchOf } = await import("../compare/state");
      const search =
        selection.kind === "some"
          ? await searchOf([...selection.ids])
          : comparedBy(without(query, selection.except));
      void navigate({ to: "/compare", search });
    } catch (error) {
      undo.say(error instanceof Error ? error.message : String(error), false, true);
    }
  }

  const hrefOf = useCallback(
    (id: string) => `/p/${encodeURIComponent(experiment)}/runs/${id}`,
    [experiment],
  );
  const commands: GridCommands = {
    open: (id) => router.history.push(hrefOf(id)),
    tag: (id) => ask("tag", whom(id)),
    rename: (id, row) => ask("rename", { kind: "some", ids: new Set([id]) }, textIn(row, "name")),
    note: (id, row) => ask("note", { kind: "some", ids: new Set([id]) }, textIn(row, "notes")),
    show: (id) => {
      const hidden = new Set(state.hidden);
      if (!hidden.delete(id)) hidden.add(id);
      set({ hide: [...hidden].join("~") || undefined }, true);
    },
  };
  usePageKeys({
    filter: () => filterBar.current?.focus(),
    undo: undo.undo,
    redo: undo.redo,
    python: () =>
      void copy(pythonOf(name, state), "The line of Python was copied.").then((text) =>
        undo.say(text),
      ),
    link: () =>
      void copyLink().then(
        (text) => undo.say(text),
        (error: unknown) => undo.say(String(error), false, true),
      ),
    columns: () => setChoosing(true),
    compare: () => void compare(),
    nobody: () => select(NOBODY),
  });

  const noRuns = (
    <NoRuns
      name={name}
      isFiltered={state.filter !== "" || state.shelf !== "active"}
      onAll={() => show({ q: undefined, shelf: undefined, ...unchosen })}
    />
  );
  const grid =
    store.error !== null && (store.isWaiting || store.isBehind) ? (
      <Failure error={firstLine(store.error)} onRetry={() => store.retry()} />
    ) : store.isWaiting ? (
      <div className="h-full">
        <Grid {...gridProps()} />
      </div>
    ) : store.rows === 0 ? (
      noRuns
    ) : (
      <Grid {...gridProps()} />
    );

  function gridProps() {
    return {
      label: `Runs of ${name}`,
      store,
      columns,
      onColumns: (next: Column[]) => show({ cols: writeColumns(next) }),
      sort: state.sort,
      onSort: (sort: typeof state.sort) => show({ sort: writeSort(sort) || undefined }),
      onGroup: (text: string) => show({ group: [...new Set([...state.group, text])].join(";") }),
      selection,
      onSelection: select,
      hidden: state.hidden,
      hrefOf,
      commands,
      topics,
    };
  }

  return (
    <div className="flex h-full flex-col">
      <Toolbar
        experiment={experiment}
        name={name}
        state={state}
        columns={columns}
        filterBar={filterBar}
        onFilter={(q) => show({ q: q || undefined, ...unchosen })}
        onGroup={(group) => show({ group: group.join(";") || undefined })}
        onShelf={(shelf) => show({ shelf: shelf === "active" ? undefined : shelf, sel: undefined })}
        onSplit={(split) => show({ show: split === "both" ? undefined : split })}
        onColumns={() => setChoosing(true)}
        onSql={() => askRunsSql({ ...query, columns: sqlColumns(columns) })}
        onView={show}
      />
      <Panes
        split={state.split}
        left={grid}
        right={
          <Charts
            experiment={experiment}
            store={store}
            query={query}
            selection={selection}
            hidden={state.hidden}
            nothing={hasGrid ? <NoCharts /> : noRuns}
            onShowHidden={() => set({ hide: undefined }, true)}
          />
        }
      />
      <Foot
        matching={store.matching}
        selection={selection}
        shelf={state.shelf}
        seenAt={store.seenAt}
        isBehind={store.isBehind}
        isBusy={isBusy}
        error={store.isWaiting || store.isBehind ? null : store.error}
        said={undo.said}
        onUndo={undo.undo}
        onHush={undo.hush}
        onChange={(action) => void change(action, selection)}
        onTag={() => ask("tag", selection)}
        onCompare={() => void compare()}
        onChooseAll={() => select({ kind: "all", except: new Set() })}
        onClear={() => select(NOBODY)}
      />
      <Suspense fallback={null}>
        {isChoosing && (
          <ColumnChooser
            experiment={experiment}
            columns={columns}
            usual={usual}
            onColumns={(next) => show({ cols: writeColumns(next) })}
            onClose={() => setChoosing(false)}
          />
        )}
        {question !== null && (
          <Prompt
            asked={question.asked}
            whom={whomOf(question.of, store.matching)}
            onTell={answered}
            onClose={() => setQuestion(null)}
          />
        )}
      </Suspense>
    </div>
  );
}

/** What is wrong with a filter, without the text: the bar marks it in what was typed. */
function firstLine(error: unknown): unknown {
  if (!(error instanceof ApiError)) return error;
  const message = error.message.split("\n")[0] ?? "";
  return new ApiError(error.status, error.code, message, error.details, error.requestId);
}

/** All runs that match, as the Compare page asks for them. */
function comparedBy(query: RowQuery): Search {
  return {
    experiments: query.experiments.join(","),
    q: query.filter || undefined,
    sort: query.order.join(", ") || undefined,
    shelf: query.view === "deleted" ? query.view : undefined,
  };
}

function whomOf(of: Selection, matching: number): string {
  const chosen = chosenCount(of, matching);
  return chosen === 1 ? "this run" : `${chosen.toLocaleString("en")} runs`;
}

function textIn(row: GridRow, column: string): string {
  if (row.kind !== "run") return "";
  const value = row.block.values.get(column)?.[row.at];
  return typeof value === "string" ? value : "";
}
