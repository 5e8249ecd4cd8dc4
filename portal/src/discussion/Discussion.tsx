/**
 * What is said of something: `<Discussion of={{ kind: "run", id }} />`.
 *
 * It asks for one stretch of threads at a time, follows what others say, and shows the comment that
 * the address names behind `#c-`. A model's version is `{ kind: "model", id: "digits/3" }`, a
 * dataset's `{ kind: "dataset", id: dataset_id }`, a report `{ kind: "report", id: report_id }`.
 */

import { useRouterState } from "@tanstack/react-router";
import { useMemo, useRef, useState } from "react";

import {
  say,
  THREADS_A_PAGE,
  useDiscussionTicks,
  useNews,
  useThreads,
  type Subject,
} from "../api/discussion";
import { useSession } from "../api/session";
import { useKeys, type Key } from "../shell/keys";
import { Button, Failure, Waiting } from "../ui";
import { count } from "../ui/format";
import type { Shown } from "./CommentView";
import { Composer } from "./Composer";
import { ThreadView } from "./ThreadView";

const WORDS: Record<Subject["kind"], string> = {
  run: "this run",
  model: "this version",
  dataset: "this version",
  report: "this report",
};

export default function Discussion({ of }: { of: Subject }) {
  const hash = useRouterState({ select: (state) => state.location.hash });
  const anchor = /^c-([0-9a-f]{32})$/.exec(hash)?.[1] ?? "";
  const session = useSession();
  const news = useNews();
  const [page, setPage] = useState(0);
  const [withResolved, setWithResolved] = useState(true);
  const [left, setLeft] = useState("");
  const [openedAt] = useState(() => Date.now());
  const field = useRef<HTMLTextAreaElement>(null);
  // Whoever turns the page leaves the comment that the address names.
  const around = anchor === left ? "" : anchor;
  const found = useThreads(of, { page, withResolved, around });
  useDiscussionTicks();
  const keys = useMemo<Key[]>(
    () => [{ keys: "c", does: "Write a comment", act: () => field.current?.focus() }],
    [],
  );
  useKeys("Discussion", keys);
  // A comment that is not there any more must not keep the others away.
  const isGone = around !== "" && found.isError;
  if (isGone) setLeft(anchor);

  if (found.isPending || isGone) return <Waiting what="Loading what was said" />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  const { threads, offset, total, unresolved, comments, people, is_open } = found.data;
  const shown: Shown = {
    of,
    people,
    anchor,
    openedAt,
    me: session.data?.name ?? "",
  };
  const listed = withResolved || around ? total : unresolved;
  const turn = (step: number) => {
    setLeft(anchor);
    setPage(Math.max(0, Math.floor(offset / THREADS_A_PAGE) + step));
  };
  return (
    <section aria-label="Discussion" className="flex min-w-0 flex-col gap-3">
      {is_open ? (
        <div className="rounded border border-line bg-panel p-3">
          <Composer
            of={of}
            name={`${of.kind}:${of.id}`}
            label={`Comment on ${WORDS[of.kind]}, in Markdown. Ctrl and Enter sends.`}
            send="Comment"
            placeholder={`Say something about ${WORDS[of.kind]}; @ names those who should know`}
            fieldRef={field}
            onSend={async (text) => {
              await say(of, text);
              setLeft(anchor);
              setPage(0);
              news();
            }}
          />
        </div>
      ) : (
        <p className="rounded border border-line bg-panel p-3 text-muted">
          It is in the bin: what was said can be read, and nothing is added until it is restored.
        </p>
      )}
      {total > 0 && (
        <div className="flex flex-wrap items-center gap-3">
          <span className="text-muted">
            {count(comments, "comment")}
            {unresolved < total && `, ${count(unresolved, "open thread")}`}
          </span>
          {(unresolved < total || !withResolved) && (
            <label className="flex items-center gap-1">
              <input
                type="checkbox"
                checked={!withResolved}
                onChange={(event) => {
                  setWithResolved(!event.target.checked);
                  setLeft(anchor);
                  setPage(0);
                }}
              />
              Only open threads
            </label>
          )}
          <Pages offset={offset} shown={threads.length} total={listed} turn={turn} />
        </div>
      )}
      {threads.length === 0 && (
        <p className="text-muted">
          {total === 0
            ? `Nobody said anything about ${WORDS[of.kind]} yet.`
            : "Every thread is resolved."}
        </p>
      )}
      <ol aria-label="Threads, the newest first" className="flex min-w-0 flex-col gap-3">
        {threads.map((thread) => (
          <ThreadView
            key={thread.head.comment.comment_id}
            thread={thread}
            shown={shown}
            isOpen={is_open}
          />
        ))}
      </ol>
      {threads.length > 5 && (
        <Pages offset={offset} shown={threads.length} total={listed} turn={turn} />
      )}
    </section>
  );
}

function Pages(props: {
  offset: number;
  shown: number;
  total: number;
  turn: (step: number) => void;
}) {
  const { offset, shown, total, turn } = props;
  if (total <= THREADS_A_PAGE) return null;
  const end = offset + shown;
  return (
    <span className="ml-auto flex items-center gap-1">
      <span className="text-muted tabular-nums">
        threads {(offset + 1).toLocaleString("en")} to {end.toLocaleString("en")} of{" "}
        {total.toLocaleString("en")}
      </span>
      <Button look="quiet" disabled={offset === 0} onClick={() => turn(-1)}>
        Newer
      </Button>
      <Button look="quiet" disabled={end >= total} onClick={() => turn(1)}>
        Older
      </Button>
    </span>
  );
}
