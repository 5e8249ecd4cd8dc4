/** A thread: the comment that began it, its answers, and where one answers. */

import { useState } from "react";

import { say, settle, useAnswers, useNews, type Said, type Thread } from "../api/discussion";
import { Button, Chip, Failure, Waiting } from "../ui";
import { ago, count, when } from "../ui/format";
import { CommentView, type Shown } from "./CommentView";
import { Composer } from "./Composer";

export function ThreadView({
  thread,
  shown,
  isOpen,
}: {
  thread: Thread;
  shown: Shown;
  /** Whether something may be added. */
  isOpen: boolean;
}) {
  const news = useNews();
  const [isAnswering, setAnswering] = useState(false);
  const [error, setError] = useState("");
  const head = thread.head.comment;
  const isSettled = head.resolved_at !== null;
  const [isFolded, setFolded] = useState(isSettled);
  const isMeant =
    shown.anchor === head.comment_id ||
    thread.answers.some((one) => one.comment.comment_id === shown.anchor);

  async function change() {
    try {
      await settle(head, !isSettled);
      setFolded(!isSettled);
      news();
    } catch (refusal) {
      setError(refusal instanceof Error ? refusal.message : String(refusal));
    }
  }

  return (
    <li className="rounded border border-line bg-panel">
      {isSettled && (
        <p className="flex flex-wrap items-center gap-2 px-3 pt-1.5 text-muted">
          <Chip>resolved</Chip>
          <span title={when(head.resolved_at)}>
            by {head.resolved_by}, {ago(head.resolved_at)}
          </span>
          <Button
            look="quiet"
            className="!h-6"
            aria-expanded={!isFolded || isMeant}
            onClick={() => setFolded(!isFolded)}
          >
            {isFolded && !isMeant ? "Show it" : "Fold"}
          </Button>
        </p>
      )}
      {isSettled && isFolded && !isMeant ? (
        <p className="truncate px-3 pb-1.5 text-muted">
          {head.written_by}: {head.text ?? "deleted"}
        </p>
      ) : (
        <>
          <CommentView said={thread.head} shown={shown} />
          <AnswersOf thread={thread} shown={shown} />
          {isAnswering ? (
            <div className="border-t border-line p-3">
              <Composer
                of={shown.of}
                name={`answer ${head.comment_id}`}
                label="Your answer, in Markdown. Ctrl and Enter sends."
                send="Answer"
                isFocused
                onCancel={() => setAnswering(false)}
                onSend={async (text) => {
                  await say(shown.of, text, head.comment_id);
                  setAnswering(false);
                  news();
                }}
              />
            </div>
          ) : (
            <p className="flex gap-1 border-t border-line px-2 py-1">
              {isOpen && (
                <Button look="quiet" onClick={() => setAnswering(true)}>
                  Answer
                </Button>
              )}
              {thread.may_resolve && (
                <Button look="quiet" onClick={() => void change()}>
                  {isSettled ? "Open again" : "Resolve"}
                </Button>
              )}
              {error && (
                <span role="alert" className="self-center text-bad">
                  {error}
                </span>
              )}
            </p>
          )}
        </>
      )}
    </li>
  );
}

/** The last answers; those before them when one asks, or when the address names one of them. */
function AnswersOf({ thread, shown }: { thread: Thread; shown: Shown }) {
  const last = thread.answers;
  const hidden = thread.answers_total - last.length;
  const ids = new Set(last.map((one) => one.comment.comment_id));
  const isBefore =
    shown.anchor > thread.head.comment.comment_id &&
    shown.anchor < (last[0]?.comment.comment_id ?? "");
  const [isWhole, setWhole] = useState(isBefore && hidden > 0);
  const all = useAnswers(shown.of, thread.head.comment.comment_id, thread.answers_total, isWhole);
  const pages = all.data?.pages ?? [];
  const earlier: Said[] = [...pages]
    .reverse()
    .flatMap((page) => page.answers)
    .filter((one) => !ids.has(one.comment.comment_id));
  const people = pages.reduce((found, page) => ({ ...found, ...page.people }), shown.people);
  if (thread.answers_total === 0) return null;
  return (
    <div className="ml-4 border-l-2 border-line pl-1">
      {hidden > 0 && !isWhole && (
        <Button look="quiet" onClick={() => setWhole(true)}>
          Show {count(hidden, "earlier answer")}
        </Button>
      )}
      {isWhole && all.isPending && <Waiting />}
      {isWhole && all.isError && <Failure error={all.error} onRetry={() => void all.refetch()} />}
      {isWhole && all.hasNextPage && (
        <Button look="quiet" onClick={() => void all.fetchNextPage()}>
          Show those before
        </Button>
      )}
      <ol aria-label="Answers">
        {[...earlier, ...last].map((one) => (
          <li key={one.comment.comment_id}>
            <CommentView said={one} shown={{ ...shown, people }} />
          </li>
        ))}
      </ol>
    </div>
  );
}
