/** What people write about a run: Markdown, edited in place, and never over what others wrote. */

import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, useState } from "react";

import { ApiError } from "../../api/client";
import { useKeys, type Key } from "../../shell/keys";
import { Button, Keys } from "../../ui";
import { changeRun, type Run } from "./data";
import { Remark, Section } from "./parts";

const Markdown = lazy(() => import("./Markdown"));

interface Draft {
  text: string;
  /** The notes that were there when the editing began. */
  was: string;
}

export function Notes({ run }: { run: Run }) {
  const notes = run.notes ?? "";
  const [draft, setDraft] = useState<Draft | null>(null);
  const keys = useMemo<Key[]>(
    () => [
      {
        keys: "n",
        does: "Edit the notes",
        act: () => setDraft((open) => open ?? { text: notes, was: notes }),
      },
    ],
    [notes],
  );
  useKeys("Notes", keys);
  const edit = () => setDraft({ text: notes, was: notes });
  if (draft) return <Editor run={run} draft={draft} setDraft={setDraft} />;
  return (
    <Section
      title="Notes"
      side={
        <Button look="quiet" onClick={edit}>
          {notes ? "Edit" : "Write"} <Keys of="n" />
        </Button>
      }
    >
      {notes ? (
        <Suspense fallback={<pre className="p-3 whitespace-pre-wrap">{notes}</pre>}>
          <Markdown text={notes} />
        </Suspense>
      ) : (
        <Remark>None yet. Say why this run was made and what it showed; Markdown is fine.</Remark>
      )}
    </Section>
  );
}

function Editor({
  run,
  draft,
  setDraft,
}: {
  run: Run;
  draft: Draft;
  setDraft: (draft: Draft | null) => void;
}) {
  const client = useQueryClient();
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const isOvertaken = (run.notes ?? "") !== draft.was;

  async function save() {
    setBusy(true);
    setError("");
    try {
      await changeRun(run.run_id, { notes: draft.text, was: draft.was });
      await client.invalidateQueries({ queryKey: ["run", run.run_id, "page"] });
      setDraft(null);
    } catch (refusal) {
      if (refusal instanceof ApiError && refusal.code === "changed_meanwhile")
        await client.invalidateQueries({ queryKey: ["run", run.run_id, "page"] });
      setError(refusal instanceof Error ? refusal.message : String(refusal));
    } finally {
      setBusy(false);
    }
  }

  return (
    <Section
      title="Notes"
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
          aria-label="Notes in Markdown. Ctrl and Enter saves."
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
          <p>Somebody else changed the notes while you wrote. They are now:</p>
          <pre className="my-2 max-h-40 overflow-auto rounded bg-raised p-2 whitespace-pre-wrap">
            {run.notes || "(empty)"}
          </pre>
          <Button onClick={() => setDraft({ ...draft, was: run.notes ?? "" })}>
            Replace them with mine
          </Button>
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
