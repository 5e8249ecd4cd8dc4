/** Small questions: which tag, which name, which note. */

import { useState, type FormEvent } from "react";

import { Button, Dialog } from "../../ui";

const FIELD = "h-8 w-full rounded border border-line bg-ground px-2";

export interface Asked {
  kind: "tag" | "rename" | "note";
  text: string;
}

export interface Told {
  key: string;
  text: string;
  isRemoved: boolean;
}

const TITLES = { tag: "Tag", rename: "Rename", note: "Note on" };

export default function Prompt({
  asked,
  whom,
  onTell,
  onClose,
}: {
  asked: Asked;
  /** Of which runs, in words. */
  whom: string;
  onTell: (told: Told) => void;
  onClose: () => void;
}) {
  const [key, setKey] = useState("");
  const [text, setText] = useState(asked.text);

  function submit(event: FormEvent) {
    event.preventDefault();
    onTell({ key: key.trim(), text, isRemoved: false });
  }

  return (
    <Dialog title={`${TITLES[asked.kind]} ${whom}`} isOpen onClose={onClose} width="26rem">
      <form onSubmit={submit} className="flex flex-col gap-3">
        {asked.kind === "tag" && (
          <label className="flex flex-col gap-1">
            Tag
            <input
              autoFocus
              required
              value={key}
              placeholder="team"
              onChange={(event) => setKey(event.target.value)}
              className={FIELD}
            />
          </label>
        )}
        <label className="flex flex-col gap-1">
          {asked.kind === "tag" ? "Value" : asked.kind === "rename" ? "Name" : "Note"}
          {asked.kind === "note" ? (
            <textarea
              autoFocus
              rows={6}
              value={text}
              onChange={(event) => setText(event.target.value)}
              className="rounded border border-line bg-ground p-2"
            />
          ) : (
            <input
              autoFocus={asked.kind === "rename"}
              required={asked.kind === "rename"}
              value={text}
              onChange={(event) => setText(event.target.value)}
              className={FIELD}
            />
          )}
        </label>
        <div className="flex justify-end gap-2">
          {asked.kind === "tag" && (
            <Button
              look="quiet"
              className="mr-auto"
              disabled={!key.trim()}
              onClick={() => onTell({ key: key.trim(), text, isRemoved: true })}
            >
              Remove this tag
            </Button>
          )}
          <Button onClick={onClose}>Cancel</Button>
          <Button look="main" type="submit">
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
