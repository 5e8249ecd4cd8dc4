/**
 * The editor of a report: its text at the left, how it will look at the right.
 *
 * What is written is kept in the browser at once, and becomes a version when it is saved. Where
 * somebody else saved meanwhile, both texts are offered.
 */

import { useQueryClient } from "@tanstack/react-query";
import { useBlocker } from "@tanstack/react-router";
import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";

import { ApiError } from "../api/client";
import { readReport, reportKey, saveReport, type ReportText } from "../api/reports";
import { useLatest } from "../grid/latest";
import { useKeys, type Key } from "../shell/keys";
import { Button, cx, Dialog, Keys } from "../ui";
import { ago } from "../ui/format";
import { Told } from "../views/Told";
import type { Told as Words } from "../views/useViewActs";
import { pinned } from "./answers";
import { blocksOf, inserted, replaced, type Block } from "./blocks";
import { Conflict } from "./Conflict";
import { dropDraft, keepDraft, keptDraft } from "./drafts";
import { EditorBar } from "./EditorBar";
import { InsertPanel } from "./InsertPanel";
import { writePanel, type ReportPanel } from "./panel";
import { PanelText } from "./PanelText";
import { ReportBody, type PanelActs } from "./ReportBody";
import { useColumnsFor } from "./useColumnsFor";

const KEEP_MS = 400;

export function Editor({ loaded, onDone }: { loaded: ReportText; onDone: () => void }) {
  const id = loaded.report.report_id;
  const client = useQueryClient();
  const [kept] = useState(() => keptDraft(id));
  const begun = kept ?? { title: loaded.title, body: loaded.body, was: loaded.report.version ?? 1 };
  const [title, setTitle] = useState(begun.title);
  const [body, setBody] = useState(begun.body);
  const [was, setWas] = useState(begun.was);
  const [saved, setSaved] = useState({ title: loaded.title, body: loaded.body });
  const [told, say] = useState<Words | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [theirs, setTheirs] = useState<ReportText | null>(null);
  const [insertAt, setInsertAt] = useState<number | null>(null);
  const [changed, setChanged] = useState<Block | null>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const columnsFor = useColumnsFor();
  const isDirty = title !== saved.title || body !== saved.body;
  const shown = useDeferredValue(body);

  // Who comes to write goes on at the end.
  useEffect(() => {
    const area = field.current;
    area?.setSelectionRange(area.value.length, area.value.length);
  }, []);

  useEffect(() => {
    if (!isDirty) return;
    const timer = setTimeout(() => {
      if (!keepDraft(id, { title, body, was, at: Date.now() }))
        say({ text: "The browser has no room to keep this text: save it now.", isError: true });
    }, KEEP_MS);
    return () => clearTimeout(timer);
  }, [id, title, body, was, isDirty]);

  const leaving = useBlocker({
    shouldBlockFn: ({ current, next }) => isDirty && current.pathname !== next.pathname,
    enableBeforeUnload: () => isDirty,
    withResolver: true,
  });

  async function save(base = was): Promise<boolean> {
    setBusy(true);
    try {
      const made = await saveReport(id, { title, body, was: base });
      dropDraft(id);
      setSaved({ title: made.title, body: made.body });
      setWas(made.report.version ?? 1);
      setTheirs(null);
      client.setQueryData([...reportKey(id), null], made);
      void client.invalidateQueries({ queryKey: ["reports"] });
      void client.invalidateQueries({ queryKey: [...reportKey(id), "versions"] });
      say({ text: `Saved as version ${made.report.version}.` });
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.code === "changed_meanwhile")
        setTheirs(await readReport(id, Number(error.details["version"])));
      else say({ text: error instanceof Error ? error.message : String(error), isError: true });
      return false;
    } finally {
      setBusy(false);
    }
  }

  const done = async () => {
    if (!isDirty || (await save())) onDone();
  };
  const latest = useLatest({ save: () => void save(), insert: () => openInsert() });
  const keys = useMemo<Key[]>(
    () => [
      { keys: "mod+s", does: "Save a version", act: () => latest().save() },
      { keys: "mod+enter", does: "Save a version", act: () => latest().save() },
      { keys: "mod+shift+p", does: "Insert a panel", act: () => latest().insert() },
    ],
    [latest],
  );
  useKeys("Editor", keys);

  function openInsert(at = field.current?.selectionStart ?? body.length) {
    setInsertAt(at);
  }

  const acts: PanelActs = {
    pin: async (block, panel) => {
      try {
        const next = await pinned(panel, await columnsFor(panel));
        setBody((now) => swapped(now, block, next));
      } catch (error) {
        say({ text: error instanceof Error ? error.message : String(error), isError: true });
      }
    },
    unpin: (block, panel) => {
      const live = { ...panel };
      delete live.pin;
      setBody((now) => swapped(now, block, live));
    },
    change: (block) => setChanged(block),
    remove: (block) => setBody((now) => replaced(now, block, "")),
  };

  return (
    <div className="flex h-full flex-col">
      <h1 className="sr-only">Edit {title}</h1>
      <div className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line bg-panel px-3 py-1.5">
        <input
          aria-label="Title"
          value={title}
          maxLength={500}
          dir="auto"
          onChange={(event) => setTitle(event.target.value)}
          className="h-8 min-w-48 flex-1 rounded border border-line bg-ground px-2 text-[15px] font-semibold"
        />
        <span role="status" className={cx("text-xs", isDirty ? "text-warn" : "text-muted")}>
          {isDirty ? "not saved; kept in this browser" : `version ${was}`}
        </span>
        <Button disabled={isBusy || !isDirty || !title.trim()} onClick={() => void save()}>
          Save <Keys of="mod+s" />
        </Button>
        <Button look="main" disabled={isBusy || !title.trim()} onClick={() => void done()}>
          Done
        </Button>
      </div>
      {kept !== null && isDirty && (
        <p className="flex flex-wrap items-center gap-2 border-b border-line bg-chosen px-3 py-1">
          This is what you wrote {ago(kept.at)} and did not save.
          <Button
            look="quiet"
            className="h-6"
            onClick={() => {
              dropDraft(id);
              setTitle(loaded.title);
              setBody(loaded.body);
              setWas(loaded.report.version ?? 1);
            }}
          >
            Throw it away
          </Button>
        </p>
      )}
      <EditorBar field={field} onText={setBody} onPanel={() => openInsert()} />
      <div className="grid min-h-0 flex-1 grid-cols-1 grid-rows-2 lg:grid-cols-2 lg:grid-rows-1">
        <textarea
          ref={field}
          autoFocus
          aria-label="Text in Markdown. A slash at the beginning of a line inserts a panel."
          value={body}
          dir="auto"
          spellCheck
          onChange={(event) => setBody(event.target.value)}
          onKeyDown={(event) => {
            const { selectionStart: at, selectionEnd: to } = event.currentTarget;
            if (event.key !== "/" || at !== to || (at > 0 && body[at - 1] !== "\n")) return;
            event.preventDefault();
            openInsert(at);
          }}
          className="min-h-0 resize-none border-r border-line bg-ground p-3 font-mono text-xs leading-5 -outline-offset-2"
        />
        <div
          role="group"
          tabIndex={0}
          aria-label="How it will look"
          className="min-h-0 min-w-0 overflow-auto bg-ground py-2"
        >
          <ReportBody body={shown} acts={acts} />
        </div>
      </div>
      {insertAt !== null && (
        <InsertPanel
          experiment={experimentIn(body)}
          onClose={() => {
            setInsertAt(null);
            field.current?.focus();
          }}
          onInsert={(panel) => {
            setBody((now) => inserted(now, insertAt, writePanel(panel)));
            setInsertAt(null);
            field.current?.focus();
          }}
        />
      )}
      {changed?.kind === "panel" && (
        <PanelText
          text={changed.text}
          onClose={() => setChanged(null)}
          onChange={(panel) => {
            setBody((now) => swapped(now, changed, panel));
            setChanged(null);
          }}
        />
      )}
      {theirs && (
        <Conflict
          mine={{ title, body }}
          theirs={theirs}
          isBusy={isBusy}
          onMine={() => void save(theirs.shown)}
          onTheirs={() => {
            dropDraft(id);
            setTitle(theirs.title);
            setBody(theirs.body);
            setSaved(theirs);
            setWas(theirs.shown);
            setTheirs(null);
          }}
          onClose={() => setTheirs(null)}
        />
      )}
      <Dialog
        title="Leave without saving?"
        isOpen={leaving.status === "blocked"}
        onClose={() => leaving.reset?.()}
        width="26rem"
      >
        <p>
          What you wrote is kept in this browser, and shown when you edit this report again. Others
          do not see it.
        </p>
        <div className="mt-3 flex justify-end gap-2">
          <Button onClick={() => leaving.proceed?.()}>Leave</Button>
          <Button
            look="main"
            onClick={() => void save().then((isSaved) => isSaved && leaving.proceed?.())}
          >
            Save and leave
          </Button>
        </div>
      </Dialog>
      <Told told={told} onHush={() => say(null)} />
    </div>
  );
}

/** The experiment of the last panel before: the next one is of the same, most often. */
function experimentIn(body: string): string {
  for (const block of blocksOf(body).reverse())
    if (block.kind === "panel" && "panel" in block.read && "experiment" in block.read.panel)
      return block.read.panel.experiment;
  return "";
}

/** The text with another panel in place of a block, as long as that block is still there. */
function swapped(body: string, block: Block, panel: ReportPanel): string {
  if (block.kind !== "panel" || !body.slice(block.from, block.to).includes(block.text)) return body;
  return replaced(body, block, writePanel(panel));
}
