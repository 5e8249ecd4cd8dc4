/** What people say of a run and of its review, beside what happened to it, the newest first. */

import { Link } from "@tanstack/react-router";
import { useMemo, type ReactNode } from "react";

import Discussion from "../../discussion/Discussion";
import Reviews from "../../discussion/Reviews";
import { Failure, Status, Waiting } from "../../ui";
import { count, size } from "../../ui/format";
import { useActivity, useLineage, type RunEvent } from "./data";
import { Happened, Remark, Section } from "../../ui/parts";
import type { TabProps } from "./RunPage";

export default function Activity({ page }: TabProps) {
  const of = { kind: "run", id: page.run.run_id } as const;
  return (
    <div className="mx-auto grid max-w-7xl items-start gap-3 p-3 lg:grid-cols-[minmax(0,3fr)_minmax(20rem,2fr)]">
      <Discussion key={of.id} of={of} />
      <div className="flex min-w-0 flex-col gap-3">
        <Reviews of={of} />
        <Story page={page} />
      </div>
    </div>
  );
}

function Story({ page }: TabProps) {
  const found = useActivity(page.run.run_id);
  const graph = useLineage(page.run.run_id).data;
  const names = useMemo(() => new Map(graph?.nodes.map((one) => [one.node, one.label])), [graph]);
  if (found.isPending) return <Waiting />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  return (
    <Section title="What happened">
      {found.data.length === 0 && <Remark>Nothing happened yet.</Remark>}
      <ol>
        {found.data.map((event, number) => (
          <Happened key={number} at={event.at_us / 1000}>
            {told(event, page.run.experiment_id, page.run.run_id, names)}
            {event.who && <span className="text-muted"> by {event.who}</span>}
          </Happened>
        ))}
      </ol>
    </Section>
  );
}

function told(
  event: RunEvent,
  experiment: string,
  run: string,
  names: ReadonlyMap<string, string>,
): ReactNode {
  const toRun = (
    <Link
      to="/p/$experiment/runs/$run"
      params={{ experiment, run: event.what }}
      className="text-accent underline decoration-1 underline-offset-2 hover:decoration-2"
    >
      {(event.kind === "child" && event.label) || event.what.slice(0, 12)}
    </Link>
  );
  switch (event.kind) {
    case "started":
      return "The run was started";
    case "ended":
      return (
        <>
          It ended: <Status value={event.what} />
        </>
      );
    case "child":
      return <>Nested run {toRun} was started</>;
    case "repeat":
      return <>It was repeated by {toRun}</>;
    case "files":
      return (
        <>
          <Link
            to="/p/$experiment/runs/$run/$tab"
            params={{ experiment, run, tab: "artifacts" }}
            search={{ path: event.what }}
            className="text-accent underline decoration-1 underline-offset-2 hover:decoration-2"
          >
            {event.count === 1 ? event.what : count(event.count, "file")}
          </Link>{" "}
          logged <span className="text-muted">{size(event.bytes)}</span>
        </>
      );
    case "read":
    case "write":
      return `It ${event.kind === "read" ? "read" : "wrote"} ${named(event.what, names)}${
        event.context ? ` for ${event.context}` : ""
      }`;
    case "version":
      return `Its model was registered as ${event.what.replace("/", " version ")}`;
    case "logged_model":
      return `It logged model ${event.label ?? event.what}`;
    default:
      return event.kind;
  }
}

/** A node of lineage as people call it: its kind and its name. */
function named(node: string, names: ReadonlyMap<string, string>): string {
  const [kind = "", id = ""] = node.split(/:(.*)/s);
  return `${kind.replace("_", " ")} ${names.get(node) ?? id}`;
}
