/** What happened to a model or a version, the newest first. */

import { useState, type ReactNode } from "react";

import { useHistory, type ModelEvent } from "../../api/models";
import { Button, Failure, Waiting } from "../../ui";
import { Happened, Remark, Section } from "../../ui/parts";
import { Alias, Person, VersionLink } from "./parts";

const STEP = 100;
const MOST = 1_000;

export function Timeline({ name, version }: { name: string; version?: number }) {
  const [limit, setLimit] = useState(STEP);
  const found = useHistory(name, version, limit);
  return (
    <Section title="History">
      {found.isPending && <Waiting />}
      {found.isError && <Failure error={found.error} onRetry={() => void found.refetch()} />}
      {found.data?.events.length === 0 && <Remark>Nothing happened yet.</Remark>}
      <ol>
        {found.data?.events.map((event, at) => (
          <Happened key={at} at={event.happened_at}>
            <div className="flex flex-wrap items-center gap-x-1.5">
              {told(event, name)}
              {event.who && (
                <span className="flex min-w-0 gap-1 text-muted">
                  by <Person name={event.who} />
                </span>
              )}
            </div>
            {event.words && event.kind !== "deployed" && (
              <p className="mt-0.5 border-l-2 border-line pl-2 break-words whitespace-pre-wrap text-muted">
                {event.words}
              </p>
            )}
          </Happened>
        ))}
      </ol>
      {found.data?.has_more && limit < MOST && (
        <div className="p-2">
          <Button onClick={() => setLimit(Math.min(MOST, limit + STEP))}>Show more</Button>
        </div>
      )}
    </Section>
  );
}

const REVIEWS: Record<string, readonly [look: string, word: string]> = {
  requested: ["text-warn", "Review requested of"],
  approved: ["text-good", "Approved"],
  rejected: ["text-bad", "Rejected"],
  comment: ["", "Said of"],
};

function told(event: ModelEvent, name: string): ReactNode {
  const version = event.version !== null && <VersionLink name={name} version={event.version} />;
  const review = REVIEWS[event.kind];
  if (review)
    return (
      <>
        <span className={review[0]}>{review[1]}</span> {version}
      </>
    );
  switch (event.kind) {
    case "model":
      return "The model was registered";
    case "version":
      return <>Version {version} was registered</>;
    case "deleted":
      return <>Version v{event.version} was deleted</>;
    case "alias":
      return (
        <>
          <Alias name={event.what ?? ""} /> moved
          {event.from_version !== null && (
            <>
              {" "}
              from <VersionLink name={name} version={event.from_version} />
            </>
          )}{" "}
          to {version}
        </>
      );
    case "alias removed":
      return (
        <>
          <Alias name={event.what ?? ""} /> was taken away from v{event.version}
        </>
      );
    case "gate":
      return <>Gate “{event.what}” was set</>;
    case "deployed":
      return (
        <>
          {version} went live in <bdi>{event.what}</bdi>
          {event.words && <span className="text-muted"> ({event.words})</span>}
        </>
      );
    case "retired":
      return (
        <>
          {version} was retired in <bdi>{event.what}</bdi>
        </>
      );
    default:
      return event.kind;
  }
}
