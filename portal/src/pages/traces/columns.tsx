/** What the list of traces shows of each. */

import { Link } from "@tanstack/react-router";

import type { Assessment, Trace } from "../../api/traces";
import { Status } from "../../ui";
import { ago, dollars, number, when } from "../../ui/format";
import type { Column } from "../../ui/WindowTable";
import { Verdict } from "../trace/Assessments";
import { lengthOf } from "../trace/times";
import type { TraceRow } from "./useTraces";

export interface Told {
  marked: ReadonlySet<string>;
  onMark: (trace: Trace) => void;
  /** The 95th percentile of latency: as long as a whole bar. */
  p95: number;
}

const SAID_SHOWN = 3;

export const LARGEST_FIRST = new Set(["started_at", "duration", "tokens", "cost"]);

export function columnsOf(told: Told): readonly Column<TraceRow>[] {
  return [
    {
      id: "mark",
      label: "Chosen",
      isUntitled: true,
      width: "2.5rem",
      show: (one) => (
        <input
          type="checkbox"
          tabIndex={-1}
          aria-label={`Choose ${one.name ?? one.trace_id}`}
          checked={told.marked.has(one.trace_id)}
          onChange={() => told.onMark(one)}
        />
      ),
    },
    {
      id: "name",
      label: "Name",
      width: "minmax(11rem,1.3fr)",
      order: "name",
      show: (one) => (
        <Link
          to="/traces/$trace"
          params={{ trace: one.trace_id }}
          title={one.name?.slice(0, 300) ?? one.trace_id}
          className="font-medium text-accent hover:underline"
        >
          <bdi>{one.name?.slice(0, 200) || one.trace_id}</bdi>
        </Link>
      ),
    },
    {
      id: "request",
      label: "Asked",
      width: "minmax(8rem,2fr)",
      show: (one) => (
        <bdi className="text-muted" title={one.request_preview ?? ""}>
          {one.request_preview?.slice(0, 300)}
        </bdi>
      ),
    },
    {
      id: "status",
      label: "Status",
      width: "6rem",
      order: "status",
      show: (one) => <Status value={one.status === "IN_PROGRESS" ? "RUNNING" : one.status} />,
    },
    {
      id: "time",
      label: "Began",
      width: "8rem",
      order: "started_at",
      show: (one) => <span title={when(one.started_at)}>{ago(one.started_at)}</span>,
    },
    {
      id: "latency",
      label: "Latency",
      width: "6.5rem",
      order: "duration",
      isRight: true,
      show: (one) => <Latency ms={one.duration_ms} p95={told.p95} />,
    },
    {
      id: "tokens",
      label: "Tokens",
      width: "5.5rem",
      order: "tokens",
      isRight: true,
      show: (one) => (
        <span
          title={`${number(one.input_tokens) || "?"} in, ${number(one.output_tokens) || "?"} out`}
        >
          {number(one.total_tokens)}
        </span>
      ),
    },
    {
      id: "cost",
      label: "Cost",
      width: "5.5rem",
      order: "cost",
      isRight: true,
      show: (one) => dollars(one.cost),
    },
    {
      id: "user",
      label: "User",
      width: "minmax(5rem,0.5fr)",
      order: "user",
      show: (one) => <bdi title={one.user_id ?? ""}>{one.user_id}</bdi>,
    },
    {
      id: "session",
      label: "Session",
      width: "minmax(6rem,0.6fr)",
      order: "session",
      show: (one) => <bdi title={one.session_id ?? ""}>{one.session_id}</bdi>,
    },
    {
      id: "said",
      label: "Assessments",
      width: "minmax(8rem,1.2fr)",
      show: (one) => <Said of={one.said} />,
    },
  ];
}

function Latency({ ms, p95 }: { ms: number | null; p95: number }) {
  if (ms === null) return <span className="text-muted">running</span>;
  const share = p95 > 0 ? Math.min(1, ms / p95) : 0;
  return (
    <span className="relative block pb-1">
      {lengthOf(ms)}
      <span aria-hidden="true" className="absolute inset-x-0 bottom-0 h-0.5 bg-raised">
        <span
          className={ms > p95 ? "block h-full bg-warn" : "block h-full bg-accent"}
          style={{ width: `${share * 100}%` }}
        />
      </span>
    </span>
  );
}

function Said({ of }: { of: readonly Assessment[] }) {
  const valid = of.filter((one) => one.is_valid);
  return (
    <span className="flex gap-1.5 overflow-hidden text-xs">
      {valid.slice(0, SAID_SHOWN).map((one) => (
        <span
          key={one.assessment_id}
          className="flex max-w-40 min-w-0 gap-1"
          title={one.rationale ?? ""}
        >
          <span className="truncate text-muted">{one.name}</span>
          <Verdict one={one} />
        </span>
      ))}
      {valid.length > SAID_SHOWN && (
        <span className="text-muted">+{valid.length - SAID_SHOWN}</span>
      )}
    </span>
  );
}
