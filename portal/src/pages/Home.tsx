/** What one comes back to: what runs now, what failed lately, and where work was done last. */

import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useCallback, useMemo, useRef, type ReactNode } from "react";

import { sendJson } from "../api/client";
import { useExperiments, type Experiment } from "../api/experiments";
import { useTicks } from "../api/live";
import { useSession } from "../api/session";
import { useInbox } from "../api/discussion";
import { InboxEntry } from "../discussion/Inbox";
import { Empty, Failure, Keys, Status, Waiting } from "../ui";
import { ago, duration, when } from "../ui/format";
import { useSearchText } from "../ui/useSearchText";

const RUNNING_MAX = 50;
const FAILED_MAX = 15;
const WAITING_MAX = 6;
const EXPERIMENTS_MAX = 15;
const COLUMNS = [
  "name",
  "status",
  "started_at",
  "ended_at",
  "experiment",
  "experiment_id",
  "created_by",
];

interface RunRow {
  run_id: string;
  name: string | null;
  status: string;
  started_at: string | null;
  ended_at: string | null;
  experiment: string | null;
  experiment_id: string;
  created_by: string | null;
}

function useRuns(filter: string, limit: number) {
  return useQuery({
    queryKey: ["home", filter, limit],
    queryFn: ({ signal }) =>
      sendJson<{ rows: RunRow[]; total: number }>(
        "POST",
        "/api/v1/runs/window",
        { filter, order: ["started_at desc"], columns: COLUMNS, limit },
        signal,
      ),
    placeholderData: keepPreviousData,
    staleTime: 5_000,
  });
}

export default function Home() {
  const experiments = useExperiments();
  const session = useSession();
  const [whose, setWhose] = useSearchText("whose");
  const name = session.data?.name ?? "";
  const isMine = whose === "mine" && name !== "";
  const mine = isMine ? ` and created_by = '${name.replaceAll("'", "''")}'` : "";
  const running = useRuns(`status = 'RUNNING'${mine}`, RUNNING_MAX);
  const failed = useRuns(`(status = 'FAILED' or status = 'KILLED')${mine}`, FAILED_MAX);
  const recent = useMemo(() => lately(experiments.data ?? []), [experiments.data]);
  useNews(recent);

  if (experiments.isPending) return <Waiting />;
  if (experiments.isError)
    return <Failure error={experiments.error} onRetry={() => void experiments.refetch()} />;
  if (experiments.data.every((one) => one.runs === 0))
    return (
      <Empty title="Nothing has run yet">
        <p>Log a first run from any Python program:</p>
        <pre className="mt-2 rounded bg-raised p-3 text-left font-mono text-text">
          {'import mere\n\nwith mere.start_run("digits") as run:\n    run.log({"loss": 0.5})'}
        </pre>
      </Empty>
    );
  return (
    <div className="mx-auto grid max-w-7xl grid-cols-1 items-start gap-4 p-4 lg:grid-cols-[minmax(0,3fr)_minmax(18rem,2fr)]">
      <div className="flex min-w-0 flex-col gap-4">
        <header className="flex items-center gap-3">
          <h1 className="text-lg font-semibold">Home</h1>
          {session.data?.kind === "user" && (
            <label className="ml-auto flex items-center gap-1">
              <input
                type="checkbox"
                checked={isMine}
                onChange={(event) => setWhose(event.target.checked ? "mine" : "")}
              />
              Only my runs
            </label>
          )}
        </header>
        <WaitingBox />
        <RunBox
          title="Running now"
          found={running}
          nothing="Nothing runs at the moment. What is started appears here by itself."
        />
        <RunBox
          title="Failed lately"
          found={failed}
          nothing="No run failed. Those that fail or are killed will be listed here."
        />
      </div>
      <Box title="Experiments">
        <ul>
          {recent.map((one) => (
            <li
              key={one.experiment_id}
              className="flex items-baseline gap-2 border-b border-line px-3 py-1.5 last:border-0"
            >
              <Link
                to="/p/$experiment"
                params={{ experiment: one.experiment_id }}
                className="min-w-0 truncate font-medium text-accent hover:underline"
              >
                {one.name}
              </Link>
              <span className="ml-auto shrink-0 text-muted tabular-nums">
                {one.runs.toLocaleString("en")} runs
              </span>
              <span className="w-28 shrink-0 text-right text-muted" title={when(one.last_run_at)}>
                {ago(one.last_run_at)}
              </span>
            </li>
          ))}
        </ul>
        {experiments.data.length > recent.length && (
          <Link to="/experiments" className="block px-3 py-2 text-accent hover:underline">
            All {experiments.data.length.toLocaleString("en")} experiments
          </Link>
        )}
      </Box>
    </div>
  );
}

/** Those with runs, the one that ran last first. */
export function lately(experiments: readonly Experiment[]): Experiment[] {
  return experiments
    .filter((one) => one.runs > 0)
    .sort((a, b) => (b.last_run_at ?? "").localeCompare(a.last_run_at ?? ""))
    .slice(0, EXPERIMENTS_MAX);
}

/** Ask anew for what is shown when a run of the experiments shown advances. */
function useNews(recent: readonly Experiment[]): void {
  const client = useQueryClient();
  const told = useRef(new Set<string>());
  const act = useCallback(
    (topic: string) => {
      // Several topics advance at once: what is shown is asked for once.
      if (told.current.size === 0)
        queueMicrotask(() => {
          const hasNew = told.current.has("experiments");
          told.current.clear();
          void client.invalidateQueries({ queryKey: ["home"] });
          if (hasNew) void client.invalidateQueries({ queryKey: ["experiments"] });
        });
      told.current.add(topic);
    },
    [client],
  );
  const topics = useMemo(
    () => ["experiments", ...recent.map((one) => `runs:${one.experiment_id}`)],
    [recent],
  );
  useTicks(topics, act);
}

function Box({ title, children }: { title: ReactNode; children: ReactNode }) {
  return (
    <section className="rounded border border-line bg-panel">
      <h2 className="border-b border-line px-3 py-1.5 font-semibold">{title}</h2>
      {children}
    </section>
  );
}

/** Who asks for a review, mentioned one or answered; failed runs have a box of their own. */
function WaitingBox() {
  const found = useInbox(true);
  const items = (found.data?.items ?? []).filter((one) => one.kind !== "failure");
  if (items.length === 0) return null;
  return (
    <Box title="Waiting for you">
      <ul>
        {items.slice(0, WAITING_MAX).map((item) => (
          <InboxEntry key={item.item} item={item} />
        ))}
      </ul>
      {items.length > WAITING_MAX && (
        <p className="px-3 py-2 text-muted">
          The rest is in the inbox: press <Keys of="g i" />.
        </p>
      )}
    </Box>
  );
}

function RunBox(props: { title: string; found: ReturnType<typeof useRuns>; nothing: string }) {
  const { title, found, nothing } = props;
  const total = found.data?.total ?? 0;
  const rows = found.data?.rows ?? [];
  return (
    <Box title={total > 0 ? `${title} (${total.toLocaleString("en")})` : title}>
      {found.isPending && <Waiting />}
      {found.isError && <Failure error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && rows.length === 0 && <p className="px-3 py-3 text-muted">{nothing}</p>}
      <ul>
        {rows.map((run) => (
          <li
            key={run.run_id}
            className="flex items-baseline gap-2 border-b border-line px-3 py-1.5 last:border-0"
          >
            <Link
              to="/p/$experiment/runs/$run"
              params={{ experiment: run.experiment_id, run: run.run_id }}
              className="min-w-0 truncate font-medium text-accent hover:underline"
            >
              {run.name ?? run.run_id.slice(0, 12)}
            </Link>
            <span className="min-w-0 truncate text-muted">{run.experiment}</span>
            <span className="ml-auto shrink-0 text-muted">{run.created_by}</span>
            <Status value={run.status} />
            <span className="w-32 shrink-0 text-right text-muted" title={when(run.started_at)}>
              {run.status === "RUNNING" ? `for ${sofar(run.started_at)}` : ago(run.ended_at)}
            </span>
          </li>
        ))}
      </ul>
    </Box>
  );
}

function sofar(moment: string | null): string {
  return moment ? duration((Date.now() - new Date(moment).getTime()) / 1000) : "";
}
