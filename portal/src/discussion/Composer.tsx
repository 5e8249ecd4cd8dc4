/** Where one writes: Markdown with a look at how it will be, kept until it is sent. */

import { lazy, Suspense, useState, type RefObject } from "react";

import { TEXT_CHARS_MAX, type Subject } from "../api/discussion";
import { Button, cx, Keys } from "../ui";
import { MentionField } from "./MentionField";

const CommentText = lazy(() => import("./Text"));
const WARN_CHARS = 1_000;

/** A text that survives going to another page, until it is sent. */
export function useDraft(name: string, start = ""): [string, (text: string) => void] {
  const key = `mere.draft.${name}`;
  const [text, setText] = useState(() => sessionStorage.getItem(key) ?? start);
  function change(next: string) {
    setText(next);
    if (next && next !== start) sessionStorage.setItem(key, next);
    else sessionStorage.removeItem(key);
  }
  return [text, change];
}

export function Composer(props: {
  of: Subject;
  /** What the draft is kept under. */
  name: string;
  label: string;
  start?: string;
  send: string;
  onSend: (text: string) => Promise<void>;
  onCancel?: () => void;
  placeholder?: string;
  isFocused?: boolean;
  fieldRef?: RefObject<HTMLTextAreaElement | null>;
}) {
  const [text, setText] = useDraft(props.name, props.start);
  const [isPreview, setPreview] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const left = TEXT_CHARS_MAX - text.length;
  const isSendable = text.trim() !== "" && left >= 0 && !isBusy;

  async function send() {
    if (!isSendable) return;
    setBusy(true);
    setError("");
    try {
      await props.onSend(text);
      setText(props.start ?? "");
      setPreview(false);
    } catch (refusal) {
      setError(refusal instanceof Error ? refusal.message : String(refusal));
    } finally {
      setBusy(false);
    }
  }

  function cancel() {
    if (text !== (props.start ?? "") && !window.confirm("Throw away what you wrote?")) return;
    setText(props.start ?? "");
    props.onCancel?.();
  }

  return (
    <div className="min-w-0">
      {isPreview ? (
        <div
          role="group"
          aria-label="How it will look"
          className="min-h-16 rounded border border-line bg-ground p-2"
        >
          <Suspense fallback={null}>
            <CommentText text={text} names={[]} />
          </Suspense>
        </div>
      ) : (
        <MentionField
          of={props.of}
          label={props.label}
          value={text}
          onChange={setText}
          onSend={() => void send()}
          onCancel={props.onCancel && cancel}
          placeholder={props.placeholder ?? ""}
          isFocused={props.isFocused ?? false}
          fieldRef={props.fieldRef}
        />
      )}
      <div className="mt-1 flex flex-wrap items-center gap-2">
        <Button
          look="quiet"
          aria-pressed={isPreview}
          disabled={text.trim() === ""}
          onClick={() => setPreview(!isPreview)}
        >
          {isPreview ? "Write" : "Preview"}
        </Button>
        <span className={cx("text-xs", left < 0 ? "text-bad" : "text-muted")}>
          {left < WARN_CHARS
            ? left < 0
              ? `${(-left).toLocaleString("en")} characters too many`
              : `${left.toLocaleString("en")} characters left`
            : "Markdown; @ names people"}
        </span>
        <span className="ml-auto flex items-center gap-1">
          {props.onCancel && (
            <Button look="quiet" onClick={cancel}>
              Cancel
            </Button>
          )}
          <Button look="main" disabled={!isSendable} onClick={() => void send()}>
            {props.send}
          </Button>
          <Keys of="mod+Enter" />
        </span>
      </div>
      {error && (
        <p role="alert" className="mt-1 text-bad">
          {error}
        </p>
      )}
    </div>
  );
}
