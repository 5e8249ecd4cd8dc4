/** What one wants to know of a run first: notes, how it stands, params, metrics, what came of it. */

import { Link } from "@tanstack/react-router";
import { useMemo } from "react";

import { Status } from "../../ui";
import { ago, count, duration, when } from "../../ui/format";
import type { ChildRun, Run } from "./data";
import { LineageList } from "./LineageList";
import { Metrics } from "./Metrics";
import { Notes } from "./Notes";
import { ParamTable } from "./Params";
import { CopyButton, Facts, Remark, SearchBox, Section } from "../../ui/parts";
import { Repeats } from "./Repeats";
import type { TabProps } from "./RunPage";
import { RunTraces } from "./RunTraces";
import { useSearchText } from "../../ui/useSearchText";
import { Tags } from "./Tags";

export default function Overview({ page }: TabProps) {
  const { run } = page;
  return (
    <div className="grid grid-cols-1 items-start gap-3 p-3 xl:grid-cols-[minmax(0,2fr)_minmax(20rem,1fr)]">
      <div className="flex min-w-0 flex-col gap-3">
        <Notes run={run} />
        <Metrics run={run.run_id} total={page.metrics} />
        <Params run={run} />
        <RunTraces run={run.run_id} />
        {page.children_total > 0 && (
          <Children
            children={page.children}
            total={page.children_total}
            experiment={run.experiment_id}
          />
        )}
      </div>
      <div className="flex min-w-0 flex-col gap-3">
        <About run={run} />
        <Tags run={run} />
        <LineageList run={run.run_id} />
        <Repeats run={run} />
      </div>
    </div>
  );
}

function About({ run }: { run: Run }) {
  return (
    <Section title="About">
      <Facts
        of={[
          ["Status", <Status key="s" value={run.status} />],
          ["Started", when(run.started_at)],
          [run.status === "KILLED" ? "Last heard of" : "Ended", when(run.ended_at)],
          ["Last heartbeat", run.status === "RUNNING" ? ago(run.heartbeat_at) : ""],
          ["Started by", run.created_by],
          ["On", run.source?.host],
          ["Program", run.source?.entrypoint],
          ["Python", run.source?.python],
          ["Commit", run.source?.git_commit && <Commit run={run} />],
          ["Group", run.group_name],
          [
            "Run id",
            <span key="id" className="font-mono text-xs">
              {run.run_id}
              <CopyButton text={run.run_id} />
            </span>,
          ],
        ]}
      />
    </Section>
  );
}

function Commit({ run }: { run: Run }) {
  return (
    <Link
      to="/p/$experiment/runs/$run/$tab"
      params={{ experiment: run.experiment_id, run: run.run_id, tab: "code" }}
      className="text-accent hover:underline"
    >
      <code>{run.source?.git_commit?.slice(0, 10)}</code>
      {run.source?.git_dirty && " and changes"}
    </Link>
  );
}

function Params({ run }: { run: Run }) {
  const [wanted, setWanted] = useSearchText("params");
  const total = Object.keys(run.params).length;
  return (
    <Section
      title={`Params (${total.toLocaleString("en")})`}
      side={total > 0 && <SearchBox label="Find params" value={wanted} onChange={setWanted} />}
    >
      {total === 0 ? (
        <Remark>
          No params yet: give them to <code>start_run(params=…)</code> or{" "}
          <code>run.log_params</code>.
        </Remark>
      ) : (
        <ParamTable params={run.params} wanted={wanted} height="20rem" />
      )}
    </Section>
  );
}

function Children({
  children,
  total,
  experiment,
}: {
  children: ChildRun[];
  total: number;
  experiment: string;
}) {
  const byStart = useMemo(
    () => [...children].sort((a, b) => (a.started_at ?? "").localeCompare(b.started_at ?? "")),
    [children],
  );
  return (
    <Section title={`Nested runs (${total.toLocaleString("en")})`}>
      <div className="max-h-80 overflow-auto" tabIndex={0} role="group" aria-label="Nested runs">
        <table className="w-full">
          <thead className="sr-only">
            <tr>
              <th>Name</th>
              <th>Status</th>
              <th>Started</th>
              <th>Took</th>
            </tr>
          </thead>
          <tbody>
            {byStart.map((child) => (
              <tr key={child.run_id} className="border-b border-line last:border-0">
                <td className="px-3 py-1">
                  <Link
                    to="/p/$experiment/runs/$run"
                    params={{ experiment, run: child.run_id }}
                    className="text-accent hover:underline"
                  >
                    {child.name ?? child.run_id.slice(0, 12)}
                  </Link>
                </td>
                <td className="px-3 py-1">
                  <Status value={child.status} />
                </td>
                <td className="px-3 py-1 text-muted" title={when(child.started_at)}>
                  {ago(child.started_at)}
                </td>
                <td className="px-3 py-1 text-right tabular-nums">{lasted(child)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {total > children.length && (
        <Remark>
          These are the newest {count(children.length, "run")}; the experiment&apos;s page shows all
          of them.
        </Remark>
      )}
    </Section>
  );
}

function lasted(child: ChildRun): string {
  if (!child.started_at || !child.ended_at) return "";
  const began = new Date(child.started_at).getTime();
  return duration((new Date(child.ended_at).getTime() - began) / 1000);
}
