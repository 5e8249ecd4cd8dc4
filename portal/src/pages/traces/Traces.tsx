/** All traces: found, narrowed down by facets and time, sorted; or as conversations. */

import { useNavigate, useSearch } from "@tanstack/react-router";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useDeferredValue, useMemo, useRef, useState } from "react";

import { ApiError } from "../../api/client";
import { useExperiments } from "../../api/experiments";
import { askTracesSql } from "../../api/listSql";
import { restoreTraces, type Trace } from "../../api/traces";
import type { Beginning, Search } from "../../router";
import { useKeys, type Key } from "../../shell/keys";
import { Button, cx, Empty, Failure, Keys, Waiting } from "../../ui";
import { count } from "../../ui/format";
import { orderOf, orderText } from "../../ui/order";
import { useAct } from "../../ui/useAct";
import { useMarks } from "../../ui/useMarks";
import { WindowTable } from "../../ui/WindowTable";
import { useSearchText } from "../../ui/useSearchText";
import { Actions } from "./Actions";
import { columnsOf, LARGEST_FIRST } from "./columns";
import { Facets } from "./Facets";
import { Histogram } from "./Histogram";
import { NoTraces } from "./NoTraces";
import { Sessions } from "./Sessions";
import {
  choicesOf,
  CLEARED,
  isNarrowed,
  serverOrder,
  textOf,
  wantOf,
  type FacetName,
} from "./state";
import { Toolbar, Totals } from "./Toolbar";
import { firstTraces, tracesOverview, useListTicks, useOverview, useTraceList } from "./useTraces";

const NO_IDS: readonly string[] = [];
const keyOf = (one: Trace) => one.trace_id;

/** The order of the list as the address has it. */
const orderIn = (search: Search) => orderOf(search.sort ?? "", "-started_at");

export const beginning: Beginning = ({ cache, search }) => {
  if (search.last) return; // "the last hour" ends when the page is drawn
  const want = wantOf(search, 0);
  if (search.view !== "sessions") {
    const { by, isDescending } = orderIn(search);
    void cache.prefetchQuery(firstTraces(want, serverOrder(by, isDescending)));
  }
  void cache.prefetchQuery(tracesOverview(want));
};

export default function Traces() {
  const address: Search = useSearch({ strict: false });
  const navigate = useNavigate();
  const [text, setText] = useSearchText("text");
  const deferred = useDeferredValue(text);
  // "The last hour" is that before the page was opened or the choice was made.
  const [now, setNow] = useState(() => Date.now());
  const set = useCallback(
    (change: Search) =>
      void navigate({ to: ".", search: (before: Search) => ({ ...before, ...change }) }),
    [navigate],
  );
  const asked = JSON.stringify(wantOf({ ...address, text: deferred }, now));
  const want = useMemo(() => JSON.parse(asked) as ReturnType<typeof wantOf>, [asked]);
  const choices = useMemo(() => choicesOf(address), [address]);
  const order = orderIn(address);
  const experiments = useExperiments();
  const names = useMemo(
    () => new Map((experiments.data ?? []).map((one) => [one.experiment_id, one.name])),
    [experiments.data],
  );
  const watched = useMemo(() => choices.experiment ?? [...names.keys()], [choices, names]);
  useListTicks(watched.length ? watched : NO_IDS);
  const overview = useOverview(want);
  const search = useRef<HTMLInputElement>(null);
  const filter = useRef<HTMLInputElement>(null);
  const isSessions = address.view === "sessions";
  const [isFacets, setFacets] = useState(() => window.innerWidth >= 1000);

  const keys = useMemo<Key[]>(
    () => [
      { keys: "/", does: "Find traces", act: () => search.current?.focus() },
      { keys: "f", does: "Filter traces", act: () => filter.current?.focus() },
      {
        keys: "v",
        does: "Traces or sessions",
        act: () => set({ view: isSessions ? undefined : "sessions" }),
      },
      { keys: "b", does: "Show or hide facets", act: () => setFacets((is) => !is) },
    ],
    [isSessions, set],
  );
  useKeys("Traces", keys);

  const problem =
    overview.error instanceof ApiError && overview.error.status === 400
      ? overview.error.message
      : "";
  const only = choices.experiment?.length === 1 ? names.get(choices.experiment[0]!) : undefined;
  const isNothing =
    overview.data?.totals.traces === 0 && !isNarrowed({ ...address, experiment: undefined });
  return (
    <div className="flex h-full min-h-0 flex-col">
      <Toolbar
        title={only ? `Traces of ${only}` : "Traces"}
        isSessions={isSessions}
        onSessions={(is) => set({ view: is ? "sessions" : undefined, conversation: undefined })}
        searchRef={search}
        filterRef={filter}
        text={text}
        onText={setText}
        filter={address.q ?? ""}
        onFilter={(q) => set({ q: q || undefined })}
        experiments={choices.experiment ?? null}
        onSql={() => askTracesSql(want, serverOrder(order.by, order.isDescending))}
        last={address.last ?? ""}
        isRange={Boolean(address.from ?? address.to)}
        onLast={(last) => {
          setNow(Date.now());
          set({ last: last || undefined, from: undefined, to: undefined });
        }}
        isNarrowed={isNarrowed(address)}
        onClear={() => {
          setText("");
          set(CLEARED);
        }}
      />
      {isNothing ? (
        <NoTraces />
      ) : (
        <div className="flex min-h-0 flex-1">
          {isFacets && (
            <Facets
              overview={overview.data}
              choices={choices}
              experiments={names}
              onChoose={(facet: FacetName, values) => set({ [facet]: textOf(values) })}
            />
          )}
          <div className="flex min-w-0 flex-1 flex-col">
            <div className="flex shrink-0 items-center gap-3 border-b border-line bg-panel px-3 py-1">
              <Button
                look="quiet"
                aria-pressed={isFacets}
                onClick={() => setFacets(!isFacets)}
                title="Key b"
              >
                {isFacets ? "Hide facets" : "Facets"}
              </Button>
              {overview.data && <Totals overview={overview.data} />}
              {overview.isError && !problem && <Failure error={overview.error} />}
            </div>
            {overview.data && (
              <Histogram
                overview={overview.data}
                onRange={(from, to) =>
                  set({
                    from: String(Math.floor(from)),
                    to: String(Math.ceil(to)),
                    last: undefined,
                  })
                }
              />
            )}
            {isSessions ? (
              <Sessions
                want={want}
                open={address.conversation ?? ""}
                onOpen={(session) => set({ conversation: session || undefined })}
              />
            ) : (
              <List
                want={want}
                order={order}
                onOrder={(next) => set({ sort: orderText(next) })}
                experiment={choices.experiment?.[0] ?? ""}
                p95={overview.data?.totals.p95_ms ?? 0}
                problem={problem}
                onClear={() => set(CLEARED)}
              />
            )}
          </div>
        </div>
      )}
    </div>
  );
}

function List({
  want,
  order,
  onOrder,
  experiment,
  p95,
  problem,
  onClear,
}: {
  want: ReturnType<typeof wantOf>;
  order: ReturnType<typeof orderOf>;
  onOrder: (order: ReturnType<typeof orderOf>) => void;
  experiment: string;
  p95: number;
  problem: string;
  onClear: () => void;
}) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const { list, newer, showNewer } = useTraceList(want, serverOrder(order.by, order.isDescending));
  const { marked, toggle, mark, clear } = useMarks<Trace>(list.rowAt, keyOf);
  const [deleted, setDeleted] = useState<readonly string[]>([]);
  const undo = useAct();
  const keys = useMemo<Key[]>(
    () => [
      { keys: "u", does: "Show newer traces", act: showNewer },
      { keys: "Escape", does: "Choose none", act: clear },
    ],
    [showNewer, clear],
  );
  useKeys("The list of traces", keys);
  const columns = columnsOf({
    marked: new Set(marked.keys()),
    onMark: toggle,
    p95,
  });

  if (list.isPending) return <Waiting what="Loading traces" />;
  if (list.error && problem)
    return <Empty title="The filter cannot be read">Mend it, or clear it.</Empty>;
  if (list.error) return <Failure error={list.error} onRetry={list.retry} />;
  if (list.total === 0 && newer === 0)
    return (
      <Empty title="No trace is like that">
        <Button onClick={onClear}>Show all traces</Button>
      </Empty>
    );
  const ids = [...marked.keys()];
  return (
    <div className="flex min-h-0 flex-1 flex-col bg-panel">
      {(newer > 0 || ids.length > 0 || deleted.length > 0) && (
        <div className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line px-3 py-1">
          {newer > 0 && (
            <Button look="main" onClick={showNewer}>
              {count(newer, "new trace")} <Keys of="u" />
            </Button>
          )}
          {ids.length > 0 && (
            <>
              <span className="font-medium">{ids.length.toLocaleString("en")} chosen</span>
              <Button look="quiet" onClick={clear}>
                Choose none
              </Button>
              <Actions
                traces={ids}
                experiment={experiment || (marked.values().next().value?.experiment_id ?? "")}
                onDeleted={(gone) => {
                  clear();
                  setDeleted(gone);
                  void client.invalidateQueries({ queryKey: ["traces"] });
                }}
              />
            </>
          )}
          {deleted.length > 0 && (
            <span role="status" className={cx("flex items-center gap-2", undo.error && "text-bad")}>
              {undo.error || `${count(deleted.length, "trace")} deleted.`}
              <Button
                disabled={undo.isBusy}
                onClick={() =>
                  void undo
                    .run(() => restoreTraces(deleted))
                    .then((is) => {
                      if (is) setDeleted([]);
                      void client.invalidateQueries({ queryKey: ["traces"] });
                    })
                }
              >
                Undo
              </Button>
              <Button look="quiet" onClick={() => setDeleted([])} aria-label="Say no more of it">
                ✕
              </Button>
            </span>
          )}
        </div>
      )}
      <WindowTable
        label="Traces"
        columns={columns}
        list={list}
        keyOf={keyOf}
        onOpen={(one) => void navigate({ to: "/traces/$trace", params: { trace: one.trace_id } })}
        onMark={mark}
        order={order}
        onOrder={onOrder}
        isLargestFirst={(by) => LARGEST_FIRST.has(by)}
        minWidth="74rem"
      />
    </div>
  );
}
