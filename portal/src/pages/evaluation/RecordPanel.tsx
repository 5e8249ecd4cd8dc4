/** One record beside the list: all that it holds, readably, and where it came from. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, type ReactNode } from "react";

import { evaluationRecordAsked, type EvaluationRecord } from "../../api/evaluation";
import { useKeys, type Key } from "../../shell/keys";
import { Button, Failure, Waiting } from "../../ui";
import { when } from "../../ui/format";
import { CopyButton, Facts, Section } from "../../ui/parts";
import { ValueBox } from "../../values/ValueBox";
import { LINK } from "./parts";

interface Props {
  dataset: string;
  record: string;
  onClose: () => void;
  onRemove: () => void;
}

export function RecordPanel({ dataset, record, onClose, onRemove }: Props) {
  const found = useQuery(evaluationRecordAsked(dataset, record));
  const panel = useRef<HTMLElement>(null);
  const close = useRef(onClose);
  useEffect(() => void (close.current = onClose));
  // What is opened has the focus; when it is closed, the list has it again.
  useEffect(() => panel.current?.focus({ preventScroll: true }), [record]);
  useEffect(() => {
    const grid = panel.current?.parentElement?.querySelector<HTMLElement>("[role=grid]");
    return () => grid?.focus({ preventScroll: true });
  }, []);
  const keys = useMemo<Key[]>(
    () => [{ keys: "Escape", does: "Close the record", act: () => close.current() }],
    [],
  );
  useKeys("A record", keys);
  return (
    <section
      ref={panel}
      aria-label="The record"
      tabIndex={0}
      className="min-w-0 flex-1 overflow-auto"
    >
      <header className="sticky top-0 z-10 flex items-center gap-2 border-b border-line bg-panel px-3 py-1">
        <h2 className="min-w-0 truncate font-semibold" title={record}>
          Record <code className="text-xs font-normal text-muted">{record}</code>
        </h2>
        <CopyButton text={record} what="Copy id" />
        <span className="ml-auto flex items-center gap-1">
          <Button look="quiet" onClick={onRemove}>
            Remove
          </Button>
          <Button look="quiet" aria-label="Close the record" title="Escape" onClick={onClose}>
            ✕
          </Button>
        </span>
      </header>
      {found.isPending && <Waiting what="Loading the record" />}
      {found.isError && <Failure error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && <Whole key={record} of={found.data} />}
    </section>
  );
}

function Whole({ of }: { of: EvaluationRecord }) {
  return (
    <div className="flex flex-col gap-3 p-3">
      <ValueBox title="Inputs" value={of.inputs} />
      {isFull(of.expectations) && <ValueBox title="Expectations" value={of.expectations} />}
      {of.outputs !== null && <ValueBox title="Outputs" value={of.outputs} />}
      {isFull(of.tags) && <ValueBox title="Tags" value={of.tags} />}
      <Section title="About">
        <Facts
          of={[
            ["Source", sourceOf(of)],
            ["Added", `${when(of.made_at)}${of.created_by ? ` by ${of.created_by}` : ""}`],
            ["Changed", `${when(of.changed_at)}${of.changed_by ? ` by ${of.changed_by}` : ""}`],
          ]}
        />
      </Section>
    </div>
  );
}

const isFull = (fields: object) => Object.keys(fields).length > 0;

/** Where it came from: a link to the trace, or all that is told of it. */
function sourceOf({ source }: EvaluationRecord): ReactNode {
  if (!source) return null;
  const trace = traceOf(source["source_data"]);
  if (trace === "") return <code className="text-xs">{JSON.stringify(source)}</code>;
  return (
    <Link to="/traces/$trace" params={{ trace }} className={LINK}>
      {trace}
    </Link>
  );
}

function traceOf(data: unknown): string {
  const isKnown = typeof data === "object" && data !== null && "trace_id" in data;
  return isKnown && typeof data.trace_id === "string" ? data.trace_id : "";
}
