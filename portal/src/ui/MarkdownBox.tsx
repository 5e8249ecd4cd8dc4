/** A text in Markdown, edited in place beside how it will look, and never over what others wrote. */

import { lazy, Suspense, useMemo, useState } from "react";

import { ApiError } from "../api/client";
import { Remark, Section } from "./parts";
import { useKeys, type Key } from "../shell/keys";
import { Button, Keys } from "./index";

const Markdown = lazy(() => import("./Markdown"));

interface Props {
  title: string;
  text: string;
  /** The key that begins the editing. */
  keyName: string;
  /** What stands there while there is no text. */
  nothing: string;
  /** Write it; `was` is what was there when the editing began. It raises where that is refused. */
  onSave: (text: string, was: string) => Promise<unknown>;
  /** Ask for the text anew: as it was written, or as somebody else did meanwhile. */
  refresh: () => Promise<unknown>;
}

interface Draft {
  text: string;
  /** The text that was there when the editing began. */
  was: string;
}

export function MarkdownBox(props: Props) {
  const { title, text, keyName, nothing } = props;
  const [draft, setDraft] = useState<Draft | null>(null);
  const keys = useMemo<Key[]>(
    () => [
      {
        keys: keyName,
        does: `Edit the ${title.toLowerCase()}`,
        act: () => setDraft((open) => open ?? { text, was: text }),
      },
    ],
    [keyName, text, title],
  );
  useKeys(title, keys);
  if (draft) return <Editor {...props} draft={draft} setDraft={setDraft} />;
  return (
    <Section
      title={title}
      side={
        <Button look="quiet" onClick={() => setDraft({ text, was: text })}>
          {text ? "Edit" : "Write"} <Keys of={keyName} />
        </Button>
      }
    >
      {text ? (
        <Suspense fallback={<pre className="p-3 whitespace-pre-wrap">{text}</pre>}>
          <Markdown text={text} />
        </Suspense>
      ) : (
        <Remark>{nothing}</Remark>
      )}
    </Section>
  );
}

function Editor({
  title,
  text,
  onSave,
  refresh,
  draft,
  setDraft,
}: Props & { draft: Draft; setDraft: (draft: Draft | null) => void }) {
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const isOvertaken = text !== draft.was;

  async function write({ text, was }: Draft) {
    try {
      await onSave(text, was);
    } catch (refusal) {
      if (refusal instanceof ApiError && refusal.code === "changed_meanwhile") await refresh();
      throw refusal;
    }
    await refresh();
  }

  async function save() {
    setBusy(true);
    setError("");
    try {
      await write(draft);
      setDraft(null);
    } catch (refusal) {
      setError(refusal instanceof Error ? refusal.message : String(refusal));
    } finally {
      setBusy(false);
    }
  }

  return (
    <Section
      title={title}
      side={
        <>
          <Button look="quiet" onClick={() => setDraft(null)}>
            Cancel <Keys of="Esc" />
          </Button>
          <Button look="main" disabled={isBusy} onClick={() => void save()}>
            Save
          </Button>
        </>
      }
    >
      <div className="grid gap-3 p-3 lg:grid-cols-2">
        <textarea
          autoFocus
          aria-label={`${title} in Markdown. Ctrl and Enter saves.`}
          value={draft.text}
          rows={12}
          onChange={(event) => setDraft({ ...draft, text: event.target.value })}
          onKeyDown={(event) => {
            if (event.key === "Escape" && draft.text === draft.was) setDraft(null);
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void save();
          }}
          className="w-full rounded border border-line bg-ground p-2 font-mono text-xs"
        />
        <div
          role="group"
          aria-label="How it will look"
          className="min-w-0 overflow-auto rounded bg-ground"
        >
          <Suspense fallback={null}>
            <Markdown text={draft.text} />
          </Suspense>
        </div>
      </div>
      {isOvertaken && (
        <div role="alert" className="mx-3 mb-3 rounded border border-warn p-2">
          <p>Somebody else changed it while you wrote. It is now:</p>
          <pre className="my-2 max-h-40 overflow-auto rounded bg-raised p-2 whitespace-pre-wrap">
            {text || "(empty)"}
          </pre>
          <Button onClick={() => setDraft({ ...draft, was: text })}>Replace it with mine</Button>
        </div>
      )}
      {error && !isOvertaken && (
        <p role="alert" className="px-3 pb-3 text-bad">
          {error}
        </p>
      )}
    </Section>
  );
}
