/**
 * What reviewers said of a run or a version, and who is asked still:
 * `<Reviews of={{ kind: "model", id: "digits/3" }} />`.
 */

import { useState } from "react";

import {
  useDiscussionTicks,
  useReviews,
  type Review,
  type ReviewState,
  type Subject,
} from "../api/discussion";
import { Button, cx, Failure, Waiting } from "../ui";
import { ago, when } from "../ui/format";
import { ReviewDialog } from "./ReviewDialog";

const LOOKS: Record<string, readonly [string, string, string]> = {
  requested: ["○", "asked for a review", "text-accent"],
  approved: ["✓", "approved", "text-good"],
  rejected: ["✕", "rejected", "text-bad"],
  comment: ["·", "remarked", "text-muted"],
};

/** Who was asked and said nothing since. */
export function waitingFor(reviews: readonly Review[]): string[] {
  const open = new Set<string>();
  for (const one of reviews) {
    if (one.state === "requested") one.reviewers.forEach((name) => open.add(name));
    else if (one.reviewed_by) open.delete(one.reviewed_by);
  }
  return [...open].sort();
}

/** The last request, approval or rejection: where all that leaves it. */
export function stage(reviews: readonly Review[]): string | null {
  return reviews.filter((one) => one.state !== "comment").at(-1)?.state ?? null;
}

export default function Reviews({ of }: { of: Subject }) {
  const found = useReviews(of);
  const [said, setSaid] = useState<ReviewState | null>(null);
  useDiscussionTicks();
  if (found.isPending) return <Waiting what="Loading reviews" />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  const reviews = found.data;
  const waiting = waitingFor(reviews);
  return (
    <section aria-label="Reviews" className="rounded border border-line bg-panel">
      <header className="flex min-h-9 flex-wrap items-center gap-2 border-b border-line px-3 py-1">
        <h2 className="font-semibold">Reviews</h2>
        <Stage state={stage(reviews)} />
        <span className="ml-auto flex gap-1">
          <Button look="quiet" onClick={() => setSaid("requested")}>
            Ask for one
          </Button>
          <Button onClick={() => setSaid("approved")}>Review</Button>
        </span>
      </header>
      {waiting.length > 0 && (
        <p className="border-b border-line px-3 py-1.5">
          Waiting for <strong className="font-medium break-words">{waiting.join(", ")}</strong>
        </p>
      )}
      {reviews.length === 0 && (
        <p className="p-3 text-muted">
          Nobody reviewed it yet. Those whom you ask find it in their inbox.
        </p>
      )}
      <ol className="max-h-96 overflow-auto" tabIndex={reviews.length > 8 ? 0 : undefined}>
        {[...reviews].reverse().map((one) => (
          <Word key={one.review_id} one={one} />
        ))}
      </ol>
      {said && <ReviewDialog of={of} state={said} onClose={() => setSaid(null)} />}
    </section>
  );
}

function Stage({ state }: { state: string | null }) {
  if (state === null) return null;
  const [mark, , look] = LOOKS[state] ?? ["·", state, "text-muted"];
  return (
    <span className={cx("whitespace-nowrap", look)}>
      <span aria-hidden="true">{mark}</span> {state}
    </span>
  );
}

function Word({ one }: { one: Review }) {
  const [mark, words, look] = LOOKS[one.state] ?? ["·", one.state, "text-muted"];
  return (
    <li className="border-b border-line px-3 py-1.5 last:border-0">
      <p className="flex flex-wrap items-baseline gap-x-2">
        <span className={look} aria-hidden="true">
          {mark}
        </span>
        <span className="min-w-0 break-words">
          <strong className="font-medium">{one.reviewed_by ?? "somebody"}</strong> {words}
          {one.reviewers.length > 0 && ` by ${one.reviewers.join(", ")}`}
        </span>
        <time
          dateTime={one.reviewed_at ?? undefined}
          title={when(one.reviewed_at)}
          className="ml-auto text-muted"
        >
          {ago(one.reviewed_at)}
        </time>
      </p>
      {one.comment && <p className="pl-4 break-words whitespace-pre-wrap">{one.comment}</p>}
    </li>
  );
}
