/** Who did what to what, the newest first: filtered by kind and by person, followed live. */

import { useCallback, useMemo, type ReactNode } from "react";
import { useQueryClient } from "@tanstack/react-query";

import { useActivityFeed, type ActivityEvent } from "../../api/discussion";
import { useTicks } from "../../api/live";
import { useSession } from "../../api/session";
import { SubjectLink } from "../../discussion/SubjectLink";
import { Button, cx, Empty, Failure, Status, Waiting } from "../../ui";
import { count } from "../../ui/format";
import { Happened } from "../../ui/parts";
import { useSearchText } from "../../ui/useSearchText";
import { day, folded, type Told } from "./fold";

const KINDS = [
  ["comment", "Comments"],
  ["review", "Reviews"],
  ["started", "Runs started"],
  ["ended", "Runs ended"],
  ["version", "Model versions"],
  ["alias", "Aliases"],
  ["deployed", "Deployments"],
  ["retired", "Retirements"],
  ["dataset", "Datasets"],
  ["report", "Reports"],
] as const;
const TOPICS = ["discussions", "models"];
const SHOWN_OF_MANY = 5;

export default function Activity() {
  const [kindText, setKinds] = useSearchText("kind");
  const [who, setWho] = useSearchText("who");
  const session = useSession();
  const me = session.data?.name ?? "";
  const kinds = useMemo(() => (kindText ? kindText.split(",") : []), [kindText]);
  const feed = useActivityFeed({ kinds, who });
  const client = useQueryClient();
  const act = useCallback(
    () => void client.invalidateQueries({ queryKey: ["activity"] }),
    [client],
  );
  useTicks(TOPICS, act);
  const told = useMemo(
    () => folded(feed.data?.pages.flatMap((page) => page.events) ?? []),
    [feed.data],
  );
  const toggle = (kind: string) =>
    setKinds(
      (kinds.includes(kind) ? kinds.filter((one) => one !== kind) : [...kinds, kind]).join(","),
    );
  return (
    <div className="mx-auto flex max-w-4xl flex-col gap-3 p-4">
      <header className="flex flex-wrap items-center gap-3">
        <h1 className="text-lg font-semibold">Activity</h1>
        <label className="ml-auto flex items-center gap-1">
          By
          <input
            type="search"
            value={who}
            placeholder="anybody"
            onChange={(event) => setWho(event.target.value.trim())}
            className="h-7 w-40 rounded border border-line bg-panel px-2"
          />
        </label>
        {session.data?.kind === "user" && (
          <Button aria-pressed={who === me} onClick={() => setWho(who === me ? "" : me)}>
            Me
          </Button>
        )}
      </header>
      <div role="group" aria-label="Only these kinds" className="flex flex-wrap gap-1">
        {KINDS.map(([kind, label]) => (
          <Button
            key={kind}
            aria-pressed={kinds.includes(kind)}
            className={cx(kinds.includes(kind) && "!border-accent !bg-chosen")}
            onClick={() => toggle(kind)}
          >
            {label}
          </Button>
        ))}
        {kinds.length > 0 && (
          <Button look="quiet" onClick={() => setKinds("")}>
            All kinds
          </Button>
        )}
      </div>
      {feed.isPending && <Waiting />}
      {feed.isError && <Failure error={feed.error} onRetry={() => void feed.refetch()} />}
      {feed.isSuccess && told.length === 0 && (
        <Empty title="Nothing happened">
          {kinds.length > 0 || who
            ? "Nothing of these kinds, by this person. Choose others above."
            : "Runs, versions, comments, reviews and deployments show here as they come."}
        </Empty>
      )}
      <Days told={told} />
      {feed.hasNextPage && (
        <Button
          className="self-center"
          disabled={feed.isFetchingNextPage}
          onClick={() => void feed.fetchNextPage()}
        >
          Show what was before
        </Button>
      )}
    </div>
  );
}

function Days({ told }: { told: readonly Told[] }) {
  const days = new Map<string, Told[]>();
  for (const one of told) {
    const name = day(one[0]);
    const known = days.get(name);
    if (known) known.push(one);
    else days.set(name, [one]);
  }
  return (
    <>
      {[...days].map(([name, entries]) => (
        <section key={name} className="rounded border border-line bg-panel">
          <h2 className="border-b border-line px-3 py-1.5 font-semibold">{name}</h2>
          <ol>
            {entries.map((one) => (
              <Entry key={`${one[0].kind} ${one[0].id}`} told={one} />
            ))}
          </ol>
        </section>
      ))}
    </>
  );
}

function Entry({ told }: { told: Told }) {
  const [event] = told;
  return (
    <Happened at={event.at_us / 1000}>
      <p className="break-words">
        {event.who && event.kind !== "ended" && (
          <strong className="font-medium">{event.who} </strong>
        )}
        {told.length > 1 ? many(told) : sentence(event)}
      </p>
      {event.text && event.kind !== "alias" && (
        <p className="line-clamp-2 break-words text-muted">{event.text}</p>
      )}
    </Happened>
  );
}

/** Runs in a row: how many, and the first of them. */
function many(told: Told): ReactNode {
  const [event] = told;
  const shown = told.slice(0, SHOWN_OF_MANY);
  const rest = told.length - shown.length;
  return (
    <>
      {event.kind === "started" ? (
        `${event.who ? "started" : "Started:"} ${count(told.length, "run")}: `
      ) : (
        <>
          {count(told.length, "run")}
          <Of who={event.who} /> ended: <Status value={event.what ?? ""} />
          {": "}
        </>
      )}
      {shown.map((one, number) => (
        <span key={one.id}>
          {number > 0 && ", "}
          <SubjectLink of={one} />
        </span>
      ))}
      {rest > 0 && ` and ${rest.toLocaleString("en")} more`}
    </>
  );
}

function Of({ who }: { who: string | null }) {
  return who && <> of {who}</>;
}

const REVIEWS: Record<string, string> = {
  requested: "asked for a review of",
  approved: "approved",
  rejected: "rejected",
  comment: "remarked on",
};

function sentence(event: ActivityEvent): ReactNode {
  const it = (
    <SubjectLink
      of={event}
      isTalk={event.kind === "comment" || event.kind === "review"}
      comment={event.kind === "comment" ? event.id : null}
    />
  );
  switch (event.kind) {
    case "started":
      return (
        <>
          {event.who ? "started run" : "Started: run"} {it}
        </>
      );
    case "ended":
      return (
        <>
          Run {it}
          <Of who={event.who} /> ended: <Status value={event.what ?? ""} />
        </>
      );
    case "version":
      return <>made model version {it}</>;
    case "alias":
      return event.text === "removed" ? (
        <>
          took alias <b className="font-medium">{event.what}</b> away from {it}
        </>
      ) : (
        <>
          moved alias <b className="font-medium">{event.what}</b> to {it}
        </>
      );
    case "deployed":
      return (
        <>
          deployed {it} to {event.what}
        </>
      );
    case "retired":
      return (
        <>
          retired {it} from {event.what}
        </>
      );
    case "dataset":
      return <>wrote dataset {it}</>;
    case "report":
      return (
        <>
          saved version {event.what} of report {it}
        </>
      );
    case "comment":
      return (
        <>
          {event.what ? "answered on" : "commented on"} {it}
        </>
      );
    case "review":
      return (
        <>
          {REVIEWS[event.what ?? ""] ?? "reviewed"} {it}
        </>
      );
    default:
      return it;
  }
}
