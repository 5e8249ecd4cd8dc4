/** What waits for one: those who mentioned one, answered, ask for a review; runs that failed. */

import { useState } from "react";

import { markRead, useInbox, useNews, type InboxItem } from "../api/discussion";
import { Button, cx, Failure, Waiting } from "../ui";
import { ago, when } from "../ui/format";
import { SubjectLink } from "./SubjectLink";

const KINDS: Record<string, readonly [string, string]> = {
  mention: ["@", "text-accent"],
  answer: ["↩", "text-accent"],
  review: ["○", "text-warn"],
  verdict: ["✓", "text-good"],
  failure: ["✕", "text-bad"],
};

/** What an entry says, before what it is about. */
export function words(item: InboxItem): string {
  const who = item.who ?? "somebody";
  switch (item.kind) {
    case "mention":
      return `${who} mentioned you on`;
    case "answer":
      return `${who} answered on`;
    case "review":
      return `${who} asks you to review`;
    case "verdict":
      return `${who} reviewed`;
    default:
      return item.text === "KILLED" ? "Killed:" : "Failed:";
  }
}

export function InboxEntry({ item, onGo }: { item: InboxItem; onGo?: () => void }) {
  const news = useNews();
  const [mark, look] = KINDS[item.kind] ?? ["·", "text-muted"];
  const read = () => void markRead([item.item]).then(news, () => undefined);
  return (
    <li className="flex min-w-0 items-start gap-2 border-b border-line px-3 py-1.5 last:border-0">
      <span aria-hidden="true" className={cx("w-4 shrink-0 text-center font-semibold", look)}>
        {mark}
      </span>
      <div className={cx("min-w-0 flex-1", item.is_read && "text-muted")}>
        <p className="break-words">
          {!item.is_read && <span className="sr-only">Not read: </span>}
          {words(item)}{" "}
          <SubjectLink
            of={item}
            comment={item.comment_id}
            isTalk={item.kind !== "failure"}
            onClick={() => {
              if (!item.is_read) read();
              onGo?.();
            }}
          />
        </p>
        {item.text && item.kind !== "failure" && (
          <p className="line-clamp-2 break-words text-muted">{item.text}</p>
        )}
      </div>
      <span className="flex shrink-0 items-center gap-1 text-muted">
        <time dateTime={new Date(item.at_us / 1000).toISOString()} title={when(item.at_us / 1000)}>
          {ago(item.at_us / 1000)}
        </time>
        {!item.is_read && (
          <Button
            look="quiet"
            className="!h-6 !px-1.5"
            aria-label={`Mark as read: ${words(item)} ${item.label}`}
            title="Mark as read"
            onClick={read}
          >
            ✓
          </Button>
        )}
      </span>
    </li>
  );
}

export default function Inbox({ onGo }: { onGo: () => void }) {
  const news = useNews();
  const [isUnreadOnly, setUnreadOnly] = useState(true);
  const found = useInbox(isUnreadOnly);
  if (found.isPending) return <Waiting />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  const { items, total, unread } = found.data;
  return (
    <>
      <div className="flex items-center gap-3 border-b border-line px-3 py-1.5">
        <h2 className="font-semibold">Inbox</h2>
        <label className="flex items-center gap-1">
          <input
            type="checkbox"
            checked={isUnreadOnly}
            onChange={(event) => setUnreadOnly(event.target.checked)}
          />
          Only what is not read
        </label>
        <Button
          look="quiet"
          className="ml-auto"
          disabled={unread === 0}
          onClick={() => void markRead(["*"]).then(news, () => undefined)}
        >
          Mark all as read
        </Button>
      </div>
      {items.length === 0 && (
        <p className="p-4 text-muted">
          {isUnreadOnly ? "Nothing waits for you." : "Nothing came in the last 60 days."} Mentions,
          answers, requests for reviews and failures of your runs come here.
        </p>
      )}
      <ul>
        {items.map((item) => (
          <InboxEntry key={item.item} item={item} onGo={onGo} />
        ))}
      </ul>
      {total > items.length && (
        <p className="px-3 py-2 text-muted">
          The newest {items.length} of {total.toLocaleString("en")}.
        </p>
      )}
    </>
  );
}
