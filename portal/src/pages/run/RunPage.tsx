/** One run: its name and status, and nine tabs that the keys 1 to 9 reach. */

import {
  lazyRouteComponent,
  Link,
  useNavigate,
  type AsyncRouteComponent,
} from "@tanstack/react-router";
import { Suspense, useMemo } from "react";

import { TalkCount } from "../../discussion/TalkCount";
import { keyPages } from "../../panels/keys";
import type { Beginning } from "../../router";
import { useKeys, type Key } from "../../shell/keys";
import { Chip, Empty, Failure, Status, Waiting } from "../../ui";
import { ago, duration, when } from "../../ui/format";
import { TabBar, tabKeys, type Tab } from "../../ui/Tabs";
import { CompareMenu } from "./CompareMenu";
import { runPage, useRun, useRunTicks, type Run, type RunPageData } from "./data";
import { RunName } from "./RunName";
import { addressOf, useAddress } from "./state";

/** What every tab is given. */
export interface TabProps {
  page: RunPageData;
}

interface RunTab extends Tab {
  show: AsyncRouteComponent<TabProps>;
}

const TABS: readonly RunTab[] = [
  { id: "overview", label: "Overview", show: lazyRouteComponent(() => import("./Overview")) },
  { id: "charts", label: "Charts", show: lazyRouteComponent(() => import("./Charts")) },
  { id: "logs", label: "Logs", show: lazyRouteComponent(() => import("./logs/Logs")) },
  { id: "system", label: "System", show: lazyRouteComponent(() => import("./System")) },
  { id: "params", label: "Params", show: lazyRouteComponent(() => import("./Params")) },
  { id: "code", label: "Code", show: lazyRouteComponent(() => import("./code/Code")) },
  {
    id: "environment",
    label: "Environment",
    show: lazyRouteComponent(() => import("./Environment")),
  },
  { id: "artifacts", label: "Artifacts", show: lazyRouteComponent(() => import("./Artifacts")) },
  { id: "activity", label: "Activity", show: lazyRouteComponent(() => import("./Activity")) },
];

export const beginning: Beginning = ({ cache, params }) => {
  const { experiment, run, tab } = addressOf(params);
  void cache.prefetchQuery(runPage(run));
  void TABS.find(({ id }) => id === tab)?.show.preload?.();
  if (tab === "charts") void cache.prefetchInfiniteQuery(keyPages(experiment, "metrics", { run }));
};

export default function RunPage() {
  const { experiment, run, tab } = useAddress();
  const found = useRun(run);
  useRunTicks(run);
  const navigate = useNavigate();
  const keys = useMemo<Key[]>(
    () =>
      tabKeys(
        TABS,
        ({ id }) =>
          void navigate({
            to: "/p/$experiment/runs/$run/$tab",
            params: { experiment, run, tab: id },
          }),
      ),
    [experiment, navigate, run],
  );
  useKeys("A run", keys);

  if (found.isPending) return <Waiting what="Loading the run" />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  const shown = TABS.find((one) => one.id === tab);
  return (
    <div className="flex h-full min-h-0 flex-col">
      <Head page={found.data} />
      <TabBar
        label="Of this run"
        tabs={TABS}
        current={tab}
        link={({ id }) => ({
          to: "/p/$experiment/runs/$run/$tab",
          params: { experiment, run, tab: id },
        })}
        after={({ id }) => id === "activity" && <TalkCount of={{ kind: "run", id: run }} />}
      />
      <div className="min-h-0 flex-1 overflow-auto">
        <Suspense fallback={<Waiting />}>
          {shown ? (
            <shown.show page={found.data} />
          ) : (
            <Empty title="There is no such tab">
              Choose one of those above, or press a key from 1 to 9.
            </Empty>
          )}
        </Suspense>
      </div>
    </div>
  );
}

function Head({ page }: { page: RunPageData }) {
  const { run } = page;
  return (
    <header className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-panel px-4 pt-2 pb-1.5">
      <nav aria-label="Where this is" className="text-muted">
        <Link
          to="/p/$experiment"
          params={{ experiment: run.experiment_id }}
          className="hover:underline"
        >
          {page.experiment ?? "experiment"}
        </Link>
        {run.parent_run_id && (
          <>
            {" / "}
            <Link
              to="/p/$experiment/runs/$run"
              params={{ experiment: run.experiment_id, run: run.parent_run_id }}
              className="hover:underline"
            >
              parent run
            </Link>
          </>
        )}
        {" /"}
      </nav>
      <RunName run={run} />
      <Status value={run.status} />
      {run.lifecycle !== "active" && <Chip title="It is in the bin">{run.lifecycle}</Chip>}
      {run.kind !== "train" && <Chip>{run.kind}</Chip>}
      <span className="text-muted" title={when(run.started_at)}>
        {run.started_at && `started ${ago(run.started_at)}`}
        {took(run) && `, ${run.ended_at ? "took" : "running for"} ${took(run)}`}
        {run.created_by && `, by ${run.created_by}`}
      </span>
      <span className="ml-auto">
        <CompareMenu page={page} />
      </span>
    </header>
  );
}

export function took(run: Pick<Run, "started_at" | "ended_at" | "status">): string {
  if (!run.started_at) return "";
  const isOver = run.status !== "RUNNING";
  if (isOver && !run.ended_at) return "";
  const end = run.ended_at ? new Date(run.ended_at).getTime() : Date.now();
  return duration((end - new Date(run.started_at).getTime()) / 1000);
}
