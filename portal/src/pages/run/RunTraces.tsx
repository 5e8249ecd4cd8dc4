/** The traces that were made in a run or linked to it; nothing where there are none. */

import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";

import { readWindow } from "../../api/traces";
import { Status } from "../../ui";
import { ago, number, when } from "../../ui/format";
import { lengthOf } from "../trace/times";
import { Section } from "../../ui/parts";

const SHOWN = 5;

export function RunTraces({ run }: { run: string }) {
  const traces = useQuery({
    queryKey: ["traces", "run", run],
    queryFn: ({ signal }) => readWindow({ run_id: run, limit: SHOWN }, signal),
    staleTime: 30_000,
  });
  const page = traces.data;
  if (!page || page.total === 0) return null;
  return (
    <Section
      title={`Traces (${page.total.toLocaleString("en")})`}
      side={
        <Link to="/traces" search={{ run }} className="text-accent hover:underline">
          All of them
        </Link>
      }
    >
      <ul>
        {page.traces.map((one) => (
          <li
            key={one.trace_id}
            className="flex items-center gap-3 border-b border-line px-3 py-1 last:border-0"
          >
            <Link
              to="/traces/$trace"
              params={{ trace: one.trace_id }}
              className="min-w-0 flex-1 truncate text-accent hover:underline"
            >
              <bdi>{one.name?.slice(0, 200) ?? one.trace_id}</bdi>
            </Link>
            <Status value={one.status === "IN_PROGRESS" ? "RUNNING" : one.status} />
            <span className="text-muted" title={when(one.started_at)}>
              {ago(one.started_at)}
            </span>
            <span className="w-16 text-right tabular-nums">{lengthOf(one.duration_ms ?? NaN)}</span>
            <span className="w-24 text-right tabular-nums">
              {one.total_tokens === null ? "" : `${number(one.total_tokens)} tokens`}
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}
