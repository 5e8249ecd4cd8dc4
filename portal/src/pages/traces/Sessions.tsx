/** Conversations, the latest first, and the one that is read beside them. */

import { useMemo } from "react";

import type { TraceSession, TraceWant } from "../../api/traces";
import { Empty, Failure, Waiting } from "../../ui";
import { ago, dollars, number, when } from "../../ui/format";
import { Panes } from "../../ui/Panes";
import { WindowTable, type Column } from "../../ui/WindowTable";
import { lengthOf } from "../trace/times";
import { Conversation } from "./Conversation";
import { useSessions } from "./useTraces";

const NEWEST = { by: "last_at", isDescending: true };

export function Sessions({
  want,
  open,
  onOpen,
}: {
  want: TraceWant;
  open: string;
  onOpen: (session: string) => void;
}) {
  const list = useSessions(want);
  const columns = useMemo<readonly Column<TraceSession>[]>(() => columnsOf(onOpen), [onOpen]);
  if (list.isPending) return <Waiting what="Loading sessions" />;
  if (list.error) return <Failure error={list.error} onRetry={list.retry} />;
  if (list.total === 0 && !open)
    return (
      <Empty title="No sessions">
        Traces that say which conversation they are part of (<code>session.id</code>) are shown
        here, one conversation after the other.
      </Empty>
    );
  const table = (
    <div className="flex h-full min-h-0 flex-col bg-panel">
      <WindowTable
        label="Sessions"
        columns={columns}
        list={list}
        keyOf={(one) => one.session_id}
        onOpen={(one) => onOpen(one.session_id)}
        order={NEWEST}
        onOrder={() => undefined}
        minWidth="46rem"
      />
    </div>
  );
  if (!open) return table;
  return (
    <Panes
      keptAs="mere.sessions.split"
      label="Between sessions and conversation"
      share={45}
      left={table}
      right={
        <Conversation
          session={open}
          experiments={want.chosen?.experiment}
          onClose={() => onOpen("")}
        />
      }
    />
  );
}

function columnsOf(onOpen: (session: string) => void): readonly Column<TraceSession>[] {
  return [
    {
      id: "session",
      label: "Session",
      width: "minmax(9rem,1fr)",
      show: (one) => (
        <button
          type="button"
          tabIndex={-1}
          onClick={() => onOpen(one.session_id)}
          title={one.session_id}
          className="max-w-full truncate font-medium text-accent hover:underline"
        >
          <bdi>{one.session_id}</bdi>
        </button>
      ),
    },
    {
      id: "request",
      label: "Began with",
      width: "minmax(9rem,2fr)",
      show: (one) => (
        <bdi className="text-muted" title={one.request ?? ""}>
          {one.request}
        </bdi>
      ),
    },
    {
      id: "last",
      label: "Last",
      width: "8rem",
      show: (one) => <span title={when(one.last_at)}>{ago(one.last_at)}</span>,
    },
    {
      id: "traces",
      label: "Traces",
      width: "4.5rem",
      isRight: true,
      show: (one) => one.traces.toLocaleString("en"),
    },
    {
      id: "errors",
      label: "Failed",
      width: "4.5rem",
      isRight: true,
      show: (one) =>
        one.errors ? <span className="text-bad">✕ {one.errors.toLocaleString("en")}</span> : "",
    },
    {
      id: "took",
      label: "Took",
      width: "5.5rem",
      isRight: true,
      show: (one) => lengthOf(one.duration_ms ?? NaN),
    },
    {
      id: "tokens",
      label: "Tokens",
      width: "5.5rem",
      isRight: true,
      show: (one) => number(one.total_tokens),
    },
    {
      id: "cost",
      label: "Cost",
      width: "5rem",
      isRight: true,
      show: (one) => dollars(one.cost),
    },
    {
      id: "user",
      label: "User",
      width: "minmax(5rem,0.5fr)",
      show: (one) => <bdi>{one.user_id}</bdi>,
    },
  ];
}
