/** A session as the conversation that it was: each trace a question and its answer, in order. */

import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";

import { readWindow, type Trace, type TraceWant } from "../../api/traces";
import { Button, Empty, Failure, Status, Waiting } from "../../ui";
import { count, number, when } from "../../ui/format";
import { lengthOf } from "../trace/times";
import { Verdict } from "../trace/Assessments";

const Markdown = lazy(() => import("../../ui/Markdown"));
const TURNS_MAX = 200;

export function Conversation({
  session,
  experiments,
  onClose,
}: {
  session: string;
  experiments: readonly string[] | undefined;
  onClose: () => void;
}) {
  const want: TraceWant = {
    chosen: { session: [session], ...(experiments ? { experiment: [...experiments] } : {}) },
  };
  const turns = useQuery({
    queryKey: ["traces", "conversation", want],
    queryFn: ({ signal }) =>
      readWindow({ ...want, order: "started_at ASC", limit: TURNS_MAX }, signal),
  });
  const page = turns.data;
  return (
    <section aria-label={`Session ${session}`} className="flex h-full min-h-0 flex-col">
      <header className="flex shrink-0 items-center gap-2 border-b border-line bg-panel px-3 py-1.5">
        <h2 className="min-w-0 flex-1 truncate font-semibold" title={session}>
          <bdi>{session}</bdi>
        </h2>
        {page && <span className="text-muted">{count(page.total, "trace")}</span>}
        <Button look="quiet" onClick={onClose} aria-label="Close the session" title="Esc">
          ✕
        </Button>
      </header>
      <div
        className="min-h-0 flex-1 overflow-auto p-3"
        tabIndex={0}
        role="group"
        aria-label="The conversation"
      >
        {turns.isPending && <Waiting what="Loading the session" />}
        {turns.isError && <Failure error={turns.error} onRetry={() => void turns.refetch()} />}
        {page?.total === 0 && (
          <Empty title="No such session">Its traces may have been deleted.</Empty>
        )}
        <ol className="mx-auto flex max-w-3xl flex-col gap-3">
          {page?.traces.map((one) => (
            <li key={one.trace_id}>
              <Turn one={one} />
              <p className="flex flex-wrap gap-2 px-1 text-xs">
                {(page.assessments[one.trace_id] ?? []).map((said) => (
                  <span key={said.assessment_id} className="flex gap-1">
                    <span className="text-muted">{said.name}</span> <Verdict one={said} />
                  </span>
                ))}
              </p>
            </li>
          ))}
        </ol>
        {page && page.total > page.traces.length && (
          <p className="p-3 text-center text-muted">
            The first {page.traces.length} traces are shown; the list shows all of them.
          </p>
        )}
      </div>
    </section>
  );
}

function Turn({ one }: { one: Trace }) {
  return (
    <>
      <p className="flex flex-wrap items-center gap-3 px-1 pb-1 text-xs text-muted">
        <Link
          to="/traces/$trace"
          params={{ trace: one.trace_id }}
          className="font-medium text-accent hover:underline"
        >
          <bdi>{one.name?.slice(0, 100) ?? one.trace_id}</bdi>
        </Link>
        <span>{when(one.started_at)}</span>
        <Status value={one.status === "IN_PROGRESS" ? "RUNNING" : one.status} />
        {one.duration_ms !== null && <span>{lengthOf(one.duration_ms)}</span>}
        {one.total_tokens !== null && <span>{number(one.total_tokens)} tokens</span>}
      </p>
      <Said who="Asked" text={one.request_preview} look="mr-12 border-l-accent" />
      <Said who="Answered" text={one.response_preview} look="ml-12 border-l-good" />
    </>
  );
}

function Said({ who, text, look }: { who: string; text: string | null; look: string }) {
  return (
    <div className={`mb-1 rounded border border-l-4 border-line bg-panel ${look}`}>
      <p className="sr-only">{who}</p>
      {text ? (
        <Suspense fallback={<p className="p-3 whitespace-pre-wrap">{text}</p>}>
          <Markdown text={text} />
        </Suspense>
      ) : (
        <p className="p-3 text-muted">(nothing was recorded)</p>
      )}
    </div>
  );
}
