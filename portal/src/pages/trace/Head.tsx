/** The head of a trace's page: what it is, how it went, what it used, and where it belongs. */

import { Link } from "@tanstack/react-router";

import { useExperiments } from "../../api/experiments";
import type { Trace } from "../../api/traces";
import { Chip, Status } from "../../ui";
import { ago, dollars, number, when } from "../../ui/format";
import { CopyButton } from "../../ui/parts";
import { lengthOf } from "./times";
import type { Spans, Tree } from "./tree";

const LINK = "text-accent hover:underline";
const TAGS_SHOWN = 6;

export function Head({
  trace,
  spans,
  tree,
  children,
}: {
  trace: Trace;
  spans: Spans;
  tree: Tree;
  children: React.ReactNode;
}) {
  const experiments = useExperiments();
  const experiment = experiments.data?.find((one) => one.experiment_id === trace.experiment_id);
  const runs = [...new Set([trace.run_id, ...trace.linked_to])].filter((one) => one !== null);
  const tags = Object.entries(trace.tags).filter(([key]) => !key.startsWith("mlflow."));
  return (
    <header className="flex shrink-0 flex-wrap items-center gap-x-4 gap-y-1 border-b border-line bg-panel px-4 py-1.5">
      <nav aria-label="Where this is" className="text-muted">
        <Link to="/traces" search={{ experiment: trace.experiment_id }} className="hover:underline">
          Traces{experiment && ` of ${experiment.name}`}
        </Link>
        {" /"}
      </nav>
      <h1 className="max-w-[28rem] truncate text-[15px] font-semibold" title={trace.name ?? ""}>
        <bdi>{trace.name ?? trace.trace_id}</bdi>
      </h1>
      <Status value={trace.status === "IN_PROGRESS" ? "RUNNING" : trace.status} />
      <span title={when(trace.started_at)} className="text-muted">
        {ago(trace.started_at)}
      </span>
      <Figure label="took" value={trace.duration_ms === null ? "" : lengthOf(trace.duration_ms)} />
      <Figure label={spans.total === 1 ? "span" : "spans"} value={number(spans.total)} isAfter />
      {tree.errorsTotal > 0 && (
        <span className="text-bad">✕ {tree.errorsTotal.toLocaleString("en")} failed</span>
      )}
      {tree.oddTotal > 0 && (
        <span className="text-warn" title="Marked ⚠: each says why">
          ⚠ {tree.oddTotal.toLocaleString("en")} odd
        </span>
      )}
      <Figure
        label="tokens"
        value={number(trace.total_tokens)}
        title={`${number(trace.input_tokens) || "?"} in, ${number(trace.output_tokens) || "?"} out`}
        isAfter
      />
      <Figure label="cost" value={dollars(trace.cost)} />
      {trace.models.map((model) => (
        <Chip key={model} title="Model">
          {model}
        </Chip>
      ))}
      {trace.session_id && (
        <span className="max-w-64 truncate text-muted">
          session{" "}
          <Link
            to="/traces"
            search={{
              experiment: trace.experiment_id,
              view: "sessions",
              conversation: trace.session_id,
            }}
            className={LINK}
          >
            {trace.session_id}
          </Link>
        </span>
      )}
      {trace.user_id && (
        <span className="max-w-64 truncate text-muted">
          user{" "}
          <Link
            to="/traces"
            search={{ experiment: trace.experiment_id, user: JSON.stringify([trace.user_id]) }}
            className={LINK}
          >
            {trace.user_id}
          </Link>
        </span>
      )}
      {runs.slice(0, 3).map((run) => (
        <span key={run} className="text-muted">
          run{" "}
          <Link
            to="/p/$experiment/runs/$run"
            params={{ experiment: trace.experiment_id, run }}
            className={LINK}
          >
            {run.slice(0, 12)}
          </Link>
        </span>
      ))}
      {tags.slice(0, TAGS_SHOWN).map(([key, value]) => (
        <Chip key={key} title={`${key}: ${value}`}>
          {key}: {value}
        </Chip>
      ))}
      {tags.length > TAGS_SHOWN && (
        <span
          className="text-muted"
          title={tags.map(([key, value]) => `${key}: ${value}`).join("\n")}
        >
          and {tags.length - TAGS_SHOWN} more tags
        </span>
      )}
      <span className="ml-auto flex items-center gap-1">
        <CopyButton text={trace.trace_id} what="Copy id" />
        {children}
      </span>
    </header>
  );
}

function Figure({
  label,
  value,
  title,
  isAfter = false,
}: {
  label: string;
  value: string;
  title?: string;
  isAfter?: boolean;
}) {
  if (!value) return null;
  return (
    <span title={title} className="whitespace-nowrap tabular-nums">
      {!isAfter && <span className="text-muted">{label} </span>}
      {value}
      {isAfter && <span className="text-muted"> {label}</span>}
    </span>
  );
}
