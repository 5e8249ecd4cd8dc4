/** One comment: who said it and when, what it says, and what one may do with it. */

import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useRef, useState } from "react";

import { ApiError } from "../api/client";
import { edit, takeBack, useNews, type Person, type Said, type Subject } from "../api/discussion";
import { Button, Chip, cx, Dialog } from "../ui";
import { ago, when } from "../ui/format";
import { Composer } from "./Composer";

const CommentText = lazy(() => import("./Text"));

export interface Shown {
  of: Subject;
  people: Readonly<Record<string, Person>>;
  /** The comment that the address names. */
  anchor: string;
  /** Comments of others that came after this moment are new. */
  openedAt: number;
  me: string;
}

/** Who wrote something; a removed account keeps its name. */
export function Author({ name, person }: { name: string; person: Person | undefined }) {
  return (
    <span className="min-w-0 truncate font-semibold" title={person?.display_name || name}>
      {name === "local" ? "this machine" : name}
      {person?.is_gone && <span className="font-normal text-muted"> (no account any more)</span>}
    </span>
  );
}

export function CommentView({ said, shown }: { said: Said; shown: Shown }) {
  const { comment } = said;
  const [isEditing, setEditing] = useState(false);
  const [isAsked, setAsked] = useState(false);
  const isMeant = shown.anchor === comment.comment_id;
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!isMeant) return;
    box.current?.scrollIntoView({ block: "center" });
    box.current?.focus({ preventScroll: true });
  }, [isMeant]);
  const isNew =
    comment.written_by !== shown.me && new Date(comment.said_at).getTime() > shown.openedAt;
  return (
    <article
      ref={box}
      id={`c-${comment.comment_id}`}
      tabIndex={-1}
      aria-label={`Comment of ${comment.written_by}, ${ago(comment.said_at)}`}
      className={cx(
        "group min-w-0 rounded px-3 py-2 outline-offset-[-2px]",
        isMeant && "bg-chosen",
      )}
    >
      <header className="mb-1 flex min-w-0 flex-wrap items-center gap-x-2">
        <Author name={comment.written_by} person={shown.people[comment.written_by]} />
        <Link
          to="."
          search
          hash={`c-${comment.comment_id}`}
          title={`${when(comment.said_at)}; a link to this comment`}
          className="text-muted hover:underline"
        >
          <time dateTime={comment.said_at}>{ago(comment.said_at)}</time>
        </Link>
        {comment.edited_at && comment.text !== null && (
          <span className="text-muted" title={when(comment.edited_at)}>
            edited
          </span>
        )}
        {isNew && <Chip title="It came while you were here">new</Chip>}
        {!isEditing && (
          <span className="ml-auto flex gap-1 text-muted group-focus-within:text-text group-hover:text-text">
            {said.may_edit && (
              <Button look="quiet" className="!h-6" onClick={() => setEditing(true)}>
                Edit
              </Button>
            )}
            {said.may_delete && (
              <Button look="quiet" className="!h-6" onClick={() => setAsked(true)}>
                Delete
              </Button>
            )}
          </span>
        )}
      </header>
      {comment.text === null ? (
        <p className="text-muted italic" title={when(comment.deleted_at)}>
          Deleted by {comment.deleted_by ?? "somebody"}, {ago(comment.deleted_at)}
        </p>
      ) : isEditing ? (
        <Editing said={said} of={shown.of} onDone={() => setEditing(false)} />
      ) : (
        <Suspense fallback={<p className="whitespace-pre-wrap">{comment.text.slice(0, 2_000)}</p>}>
          <CommentText text={comment.text} names={comment.mentions} />
        </Suspense>
      )}
      <Deleting said={said} isOpen={isAsked} onClose={() => setAsked(false)} />
    </article>
  );
}

/** The text is changed in place; what others changed meanwhile is shown and not written over. */
function Editing({ said, of, onDone }: { said: Said; of: Subject; onDone: () => void }) {
  const news = useNews();
  const { comment } = said;
  const [was, setWas] = useState(comment);
  const isOvertaken = was.text !== comment.text;
  return (
    <>
      <Composer
        of={of}
        name={comment.comment_id}
        label="The comment, in Markdown. Ctrl and Enter saves."
        start={was.text ?? ""}
        send="Save"
        isFocused
        onCancel={onDone}
        onSend={async (text) => {
          try {
            await edit(was, text);
            onDone();
          } catch (refusal) {
            if (!(refusal instanceof ApiError && refusal.code === "changed_meanwhile"))
              throw refusal;
            throw new Error("It was changed elsewhere meanwhile: see below.", { cause: refusal });
          } finally {
            news();
          }
        }}
      />
      {isOvertaken && (
        <div role="alert" className="mt-2 rounded border border-warn p-2">
          <p>The comment was changed meanwhile. It says now:</p>
          <pre className="my-2 max-h-40 overflow-auto rounded bg-raised p-2 whitespace-pre-wrap">
            {comment.text ?? "(deleted)"}
          </pre>
          {comment.text !== null && (
            <Button onClick={() => setWas(comment)}>Replace it with mine</Button>
          )}
        </div>
      )}
    </>
  );
}

function Deleting(props: { said: Said; isOpen: boolean; onClose: () => void }) {
  const news = useNews();
  const [error, setError] = useState("");
  const { comment } = props.said;
  async function act() {
    try {
      await takeBack(comment);
      news();
      props.onClose();
    } catch (refusal) {
      setError(refusal instanceof Error ? refusal.message : String(refusal));
    }
  }
  return (
    <Dialog title="Delete this comment?" isOpen={props.isOpen} onClose={props.onClose}>
      <p>Its text is removed for good. Answers to it stay, below a line that says so.</p>
      {error && (
        <p role="alert" className="mt-2 text-bad">
          {error}
        </p>
      )}
      <div className="mt-3 flex justify-end gap-2">
        <Button onClick={props.onClose}>Keep it</Button>
        <Button look="danger" onClick={() => void act()}>
          Delete
        </Button>
      </div>
    </Dialog>
  );
}
