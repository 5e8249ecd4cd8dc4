/** Any number of runs, of any experiments: what differs between them, and what made them better. */

import { useQuery } from "@tanstack/react-query";
import { lazyRouteComponent, Link, useNavigate } from "@tanstack/react-router";
import { Suspense, useMemo, useState, type ReactNode } from "react";

import {
  comparedRuns,
  useCompared,
  type ComparedRuns,
  type Family,
  type RunsWanted,
} from "../../api/compare";
import { resolveLink } from "../../api/views";
import { useLatest } from "../../grid/latest";
import { textOf } from "../../grid/columns";
import type { Beginning } from "../../router";
import { useKeys, type Key } from "../../shell/keys";
import { Empty, Failure, Waiting } from "../../ui";
import { count } from "../../ui/format";
import { TabBar, tabKeys } from "../../ui/Tabs";
import { copy, copyLink } from "../../views/share";
import { ViewSwitcher } from "../../views/ViewSwitcher";
import { NewPoints } from "./NewPoints";
import { SheetTab } from "./SheetTab";
import {
  pythonOf,
  readState,
  runsOf,
  searchOf,
  sheetOf,
  storedIgnored,
  TABS,
  useCompareState,
  type CompareState,
  type SetState,
  type Tab,
} from "./state";
import { sheetBlock } from "./useSheet";

const MetricsTab = lazyRouteComponent(() => import("./MetricsTab"));
const CodeTab = lazyRouteComponent(() => import("./CodeTab"));
const MediaTab = lazyRouteComponent(() => import("./MediaTab"));
const WhyTab = lazyRouteComponent(() => import("./WhyTab"));

/** The tabs that are one sheet; the others have code of their own. */
const SHEETS: readonly Family[] = ["params", "environment", "data", "run"];
const PARTS: Partial<Record<Tab, { preload?: () => Promise<void> | undefined }>> = {
  metrics: MetricsTab,
  code: CodeTab,
  media: MediaTab,
  why: WhyTab,
};

export const beginning: Beginning = ({ cache, search }) => {
  const state = readState(search, storedIgnored());
  const { of, tab } = state;
  if (state.set || of === null) return; // which runs these are is looked up first
  const family = SHEETS.find((one) => one === tab);
  if (family === undefined) void PARTS[tab]?.preload?.();
  void cache.prefetchQuery(comparedRuns(of)).then(() => {
    const picked = cache.getQueryData(comparedRuns(of).queryKey);
    if (picked === undefined || family === undefined) return;
    const asked = sheetOf({ ...of, tag: picked.tag }, family, state);
    void cache.prefetchQuery(sheetBlock(asked, 0, 0));
  });
};

/** The first tab is not said. */
function inAddress(tab: Tab): string | undefined {
  return tab === "params" ? undefined : tab;
}

export default function Compare() {
  const { state, set } = useCompareState();
  const stored = useQuery({
    queryKey: ["compared set", state.set],
    enabled: state.set !== "",
    queryFn: async ({ signal }) => {
      const address = await resolveLink(state.set, signal);
      const search = new URL(address, window.location.origin).searchParams;
      return runsOf(Object.fromEntries(search));
    },
    staleTime: Infinity,
  });
  const sort = state.search["sort"];
  const of = useMemo<RunsWanted | null>(() => {
    if (!state.set) return state.of;
    return stored.data ? { ...stored.data, ...(sort ? { order: [sort] } : {}) } : null;
  }, [state.set, state.of, stored.data, sort]);
  const found = useCompared(of);
  if (stored.isError) return <Failure error={stored.error} onRetry={() => void stored.refetch()} />;
  if (of === null) return state.set ? <Waiting what="Looking up the runs" /> : <NoRuns />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  if (!found.data) return <Waiting what="Looking up the runs" />;
  return <Compared of={of} found={found.data} state={state} set={set} />;
}

interface Props {
  of: RunsWanted;
  found: ComparedRuns;
  state: CompareState;
  set: SetState;
}

function Compared({ of, found, state, set }: Props) {
  const navigate = useNavigate();
  const [said, setSaid] = useState("");
  const picked = useMemo(() => ({ ...of, tag: found.tag }), [of, found.tag]);
  const latest = useLatest({ of, tab: state.tab });
  const keys = useMemo<Key[]>(
    () => [
      ...tabKeys(TABS, ({ id }) => set({ tab: inAddress(id) })),
      {
        keys: "y",
        does: "Copy a link to this comparison",
        act: () => void copyLink().then(setSaid),
      },
      {
        keys: "shift+y",
        does: "Copy these runs as Python",
        act: () => {
          const now = latest();
          const text = pythonOf(now.of, now.tab);
          void copy(text, "The line of Python was copied.").then(setSaid);
        },
      },
    ],
    [set, latest],
  );
  useKeys("Compare", keys);

  const ids = of.runs;
  const onRemove =
    ids === undefined
      ? undefined
      : (id: string) => {
          const left = ids.filter((one) => one !== id);
          const base = state.rows.baseline === id ? { base: undefined } : {};
          void searchOf(left).then((search) => set({ ...search, ...base }));
        };

  if (found.total === 0)
    return (
      <Empty title="None of these runs can be shown">
        {ids
          ? "They may have been removed for good, or you may not read them."
          : "No run matches the filter any more."}{" "}
        <Link to="/experiments" className="text-accent underline">
          Choose others
        </Link>
      </Empty>
    );
  const sheet = {
    of: picked,
    total: found.total,
    heads: found.runs,
    hasExperiments: found.experiments.length > 1,
    rows: state.rows,
    target: state.target,
    set,
    onRemove,
  };
  const tabs: Record<Tab, ReactNode> = {
    params: (
      <SheetTab
        key="params"
        {...sheet}
        family="params"
        nothing="None of the runs has a param: give them to start_run(params=…)."
      />
    ),
    metrics: (
      <MetricsTab {...sheet} experiments={found.experiments} view={state.search["view"] ?? ""} />
    ),
    code: (
      <CodeTab {...sheet} pair={state.search["pair"] ?? ""} look={state.search["look"] ?? ""} />
    ),
    environment: (
      <SheetTab
        key="environment"
        {...sheet}
        family="environment"
        nothing="No environment was stored of these runs: they were imported, or logged from elsewhere."
      />
    ),
    data: (
      <SheetTab
        key="data"
        {...sheet}
        family="data"
        nothing="None of the runs says what it read: call run.log_input with a dataset."
      />
    ),
    media: <MediaTab {...sheet} name={state.search["media"] ?? ""} step={state.search["step"]} />,
    run: <SheetTab key="run" {...sheet} family="run" nothing="" />,
    why: <WhyTab {...sheet} />,
  };
  return (
    <div className="flex h-full min-h-0 flex-col">
      <header className="flex shrink-0 flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-panel px-3 pt-2 pb-1">
        <h1 className="text-[15px] font-semibold">Compare {count(found.total, "run")}</h1>
        <span className="text-muted">
          {found.experiments.length > 1 && `of ${count(found.experiments.length, "experiment")}`}
          {found.matching > found.total &&
            ` · the first ${found.total.toLocaleString("en")} of ${found.matching.toLocaleString("en")} that match`}
        </span>
        <ViewSwitcher page="compare" />
        <RunOrder state={state} set={set} />
        <NewPoints of={picked} found={found} />
        {said && (
          <span role="status" className="text-muted">
            {said}
          </span>
        )}
        <span className="ml-auto text-muted">
          <Link
            to="/p/$experiment"
            params={{ experiment: found.experiments[0] ?? "0" }}
            className="hover:underline"
            onClick={(event) => {
              if (!of.experiments) return;
              event.preventDefault();
              void navigate({
                to: "/p/$experiment",
                params: { experiment: of.experiments[0] ?? "0" },
                search: { q: of.filter || undefined },
              });
            }}
          >
            Back to the runs
          </Link>
        </span>
      </header>
      {found.left_out.length > 0 && <LeftOut ids={found.left_out} />}
      <TabBar
        label="Of this comparison"
        tabs={TABS}
        current={state.tab}
        link={({ id }) => ({ to: "/compare", search: { ...state.search, tab: inAddress(id) } })}
      />
      <div className="min-h-0 flex-1">
        <Suspense fallback={<Waiting />}>{tabs[state.tab]}</Suspense>
      </div>
    </div>
  );
}

function RunOrder({ state, set }: { state: CompareState; set: SetState }) {
  const { metric, take, less } = state.target;
  const best = metric && `${textOf("metrics", metric, take)} ${less ? "ASC" : "DESC"}`;
  const now = state.search["sort"] ?? "";
  const orders: [string, string][] = [
    ["", "Runs as chosen"],
    ["started_at DESC", "Newest first"],
    ["started_at ASC", "Oldest first"],
    ["name ASC", "By name"],
  ];
  if (best) orders.push([best, `Best ${metric.slice(0, 30)} first`]);
  if (!orders.some(([id]) => id === now)) orders.push([now, now]);
  return (
    <label>
      <span className="sr-only">Order of the runs</span>
      <select
        value={now}
        onChange={(event) => set({ sort: event.target.value || undefined })}
        className="h-7 max-w-56 rounded border border-line bg-panel px-1"
      >
        {orders.map(([id, label]) => (
          <option key={id} value={id}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}

function LeftOut({ ids }: { ids: readonly string[] }) {
  return (
    <details className="shrink-0 border-b border-line bg-panel px-3 py-1 text-warn">
      <summary>{count(ids.length, "run")} left out: not there, or not yours to read</summary>
      <p className="max-h-32 overflow-auto font-mono text-xs break-all text-muted">
        {ids.join(", ")}
      </p>
    </details>
  );
}

function NoRuns() {
  return (
    <Empty title="Which runs are to be compared?">
      <p>
        Go to an{" "}
        <Link to="/experiments" className="text-accent underline">
          experiment
        </Link>
        , select runs (key <kbd>x</kbd>, or all that match), and press <kbd>c</kbd>. Runs of several
        experiments can stand beside each other: put their ids into the address as{" "}
        <code>/compare?runs=id,id</code>.
      </p>
    </Empty>
  );
}
