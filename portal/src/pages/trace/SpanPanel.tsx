/** One span: what went in and came out, what it used, what happened, and all it says of itself. */

import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";

import type { Assessment, Span, SpanEvent } from "../../api/traces";
import { JsonTree } from "../../ui/JsonTree";
import { Button, Chip, Failure, Status, Waiting } from "../../ui";
import { dollars, number, when } from "../../ui/format";
import { CopyButton, Facts, holds, Remark, SearchBox, Section } from "../../ui/parts";
import { ValueBox } from "../../values/ValueBox";
import { Assessments } from "./Assessments";
import { useSpan } from "./data";
import { lengthOf } from "./times";
import { ODD_TEXTS, type Spans, type Tree } from "./tree";

export function SpanPanel({
  trace,
  spans,
  tree,
  span,
  assessments,
  onChoose,
  onClose,
  panelRef,
}: {
  trace: string;
  spans: Spans;
  tree: Tree;
  span: number;
  assessments: readonly Assessment[];
  onChoose: (span: number) => void;
  onClose: () => void;
  panelRef: React.RefObject<HTMLElement | null>;
}) {
  const id = spans.ids[span] ?? "";
  const [whole, setWhole] = useState("");
  const found = useSpan(trace, id, whole === id);
  const name = spans.names[span] || "(no name)";
  return (
    <section
      ref={panelRef}
      tabIndex={-1}
      aria-label={`Span ${name}`}
      className="flex h-full min-h-0 flex-col outline-none"
    >
      <header className="flex shrink-0 items-start gap-2 border-b border-line bg-panel px-3 py-1.5">
        <div className="min-w-0 flex-1">
          <h2 className="truncate font-semibold" title={name}>
            <bdi>{name}</bdi>
          </h2>
          <Above spans={spans} tree={tree} span={span} onChoose={onChoose} />
        </div>
        <Button look="quiet" onClick={onClose} aria-label="Close the span" title="Esc">
          ✕
        </Button>
      </header>
      <div
        className="flex min-h-0 flex-1 flex-col gap-3 overflow-auto p-3"
        tabIndex={0}
        role="group"
        aria-label="The span"
      >
        {found.isPending && <Waiting what="Loading the span" />}
        {found.isError && <Failure error={found.error} onRetry={() => void found.refetch()} />}
        {found.data && found.data.span_id === id && (
          <Details
            key={id}
            span={found.data}
            odd={tree.odd[span]!}
            spans={spans}
            row={span}
            onWhole={whole === id ? undefined : () => setWhole(id)}
          />
        )}
        <Assessments trace={trace} span={id} said={assessments} isRoot={tree.above[span]! < 0} />
      </div>
    </section>
  );
}

/** The way down to the span, of which the last few steps are shown. */
function Above({
  spans,
  tree,
  span,
  onChoose,
}: {
  spans: Spans;
  tree: Tree;
  span: number;
  onChoose: (span: number) => void;
}) {
  const way = [];
  for (let over = tree.above[span]!; over >= 0 && way.length < 3; over = tree.above[over]!)
    way.unshift(over);
  if (way.length === 0) return null;
  return (
    <nav aria-label="Spans above" className="flex min-w-0 items-center gap-1 text-xs text-muted">
      {tree.depth[way[0]!]! > 0 && <span>… /</span>}
      {way.map((over) => (
        <span key={over} className="flex min-w-0 items-center gap-1">
          <button
            type="button"
            onClick={() => onChoose(over)}
            className="min-w-0 max-w-40 truncate hover:underline"
          >
            {spans.names[over] || "(no name)"}
          </button>
          /
        </span>
      ))}
    </nav>
  );
}

function Details({
  span,
  odd,
  spans,
  row,
  onWhole,
}: {
  span: Span;
  odd: number;
  spans: Spans;
  row: number;
  onWhole: (() => void) | undefined;
}) {
  const { meaning } = span;
  const usage = meaning.usage;
  const cut = Object.keys(span.large);
  const began = Number(BigInt(span.start_ns) / 1000n) / 1000;
  return (
    <>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        {span.status !== "UNSET" && <Status value={span.status} />}
        <span className="tabular-nums">
          {span.end_ns === null ? "has not ended" : lengthOf(spans.duration[row]!)}
        </span>
        {meaning.type && <Chip>{meaning.type}</Chip>}
        {meaning.model && <Chip title="Model">{meaning.model}</Chip>}
        {usage?.total_tokens != null && (
          <span title={tokensTitle(usage)}>{number(usage.total_tokens)} tokens</span>
        )}
        {usage?.cost != null && <span>{dollars(usage.cost)}</span>}
      </div>
      {span.status_message && (
        <p role="note" className="rounded border border-bad p-2 break-words whitespace-pre-wrap">
          {span.status_message}
        </p>
      )}
      {ODD_TEXTS.filter(([flag]) => odd & flag).map(([flag, text]) => (
        <p key={flag} className="text-warn">
          ⚠ {text}
        </p>
      ))}
      {cut.length > 0 && onWhole && (
        <p className="flex flex-wrap items-center gap-2 rounded border border-line bg-panel p-2">
          {cut.length === 1 ? "A long value is" : `${cut.length} long values are`} cut here.
          <Button onClick={onWhole}>Show all of it</Button>
        </p>
      )}
      {meaning.inputs !== undefined && <ValueBox title="Input" value={meaning.inputs} />}
      {meaning.outputs !== undefined && <ValueBox title="Output" value={meaning.outputs} />}
      {span.events.length > 0 && <Events events={span.events} beganNs={span.start_ns} />}
      <Attributes title="Attributes" of={span.attributes} />
      <Section title="About">
        <Facts
          of={[
            ["Began", when(began)],
            ["Kind", span.kind.toLowerCase()],
            ["Provider", text(span.attributes["gen_ai.system"])],
            [
              "Span id",
              <span key="id" className="font-mono text-xs">
                {span.span_id}
                <CopyButton text={span.span_id} />
              </span>,
            ],
            [
              "Links",
              span.links.length === 0 ? null : (
                <span key="links" className="flex flex-wrap gap-2">
                  {span.links.slice(0, 50).map((link, place) => (
                    <Link
                      key={place}
                      to="/traces/$trace"
                      params={{ trace: link.trace_id }}
                      search={{ span: link.span_id }}
                      className="font-mono text-xs text-accent hover:underline"
                    >
                      {link.span_id}
                    </Link>
                  ))}
                </span>
              ),
            ],
          ]}
        />
      </Section>
      <Attributes title="What made it" of={{ ...span.resource, scope: span.scope }} />
    </>
  );
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function tokensTitle(usage: NonNullable<Span["meaning"]["usage"]>): string {
  const parts: [string, number | null][] = [
    ["in", usage.input_tokens],
    ["out", usage.output_tokens],
    ["cached", usage.cached_tokens],
  ];
  return parts
    .filter(([, value]) => value !== null)
    .map(([word, value]) => `${number(value)} ${word}`)
    .join(", ");
}

function Events({ events, beganNs }: { events: readonly SpanEvent[]; beganNs: string }) {
  return (
    <Section title={`Events (${events.length.toLocaleString("en")})`}>
      <ol className="flex max-h-96 flex-col overflow-auto" tabIndex={0} aria-label="Events">
        {events.map((event, place) => (
          <li key={place} className="border-b border-line p-2 last:border-0">
            <Event event={event} beganNs={beganNs} />
          </li>
        ))}
      </ol>
    </Section>
  );
}

function Event({ event, beganNs }: { event: SpanEvent; beganNs: string }) {
  const at = event.time_ns === "0" ? NaN : Number(BigInt(event.time_ns) - BigInt(beganNs)) / 1e6;
  const {
    "exception.type": type,
    "exception.message": message,
    "exception.stacktrace": stack,
    ...rest
  } = event.attributes;
  const isException = type !== undefined || message !== undefined;
  return (
    <>
      <p className={isException ? "font-medium text-bad" : "font-medium"}>
        {isException ? [text(type), text(message)].filter(Boolean).join(": ") : event.name}
        {!Number.isNaN(at) && (
          <span className="ml-2 text-xs font-normal text-muted">after {lengthOf(at)}</span>
        )}
      </p>
      {text(stack) && (
        <pre
          className="mt-1 max-h-72 overflow-auto rounded bg-raised p-2 font-mono text-xs"
          tabIndex={0}
        >
          {text(stack)}
        </pre>
      )}
      {Object.keys(rest).length > 0 && <JsonTree value={rest} openDepth={1} />}
    </>
  );
}

function Attributes({ title, of }: { title: string; of: Record<string, unknown> }) {
  const [wanted, setWanted] = useState("");
  const entries = useMemo(
    () =>
      Object.entries(of)
        .filter(([, value]) => !isEmpty(value))
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    [of],
  );
  const shown = wanted
    ? entries.filter(([key, value]) => holds(`${key} ${JSON.stringify(value)}`, wanted))
    : entries;
  if (entries.length === 0) return null;
  return (
    <Section
      title={`${title} (${entries.length.toLocaleString("en")})`}
      side={
        entries.length > 5 && (
          <SearchBox label={`Find in ${title.toLowerCase()}`} value={wanted} onChange={setWanted} />
        )
      }
    >
      <div className="max-h-96 overflow-auto p-2" tabIndex={0} role="group" aria-label={title}>
        {shown.slice(0, 500).map(([key, value]) => (
          <JsonTree key={key} name={key} value={value} openDepth={1} />
        ))}
        {shown.length === 0 && <Remark>None holds that.</Remark>}
        {shown.length > 500 && <Remark>The first 500 are shown: search for others.</Remark>}
      </div>
    </Section>
  );
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
