/** The tags of a run: set, changed and removed in place, each of which can be taken back. */

import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useRef, useState, type FormEvent } from "react";

import { useKeys, type Key } from "../../shell/keys";
import { Button } from "../../ui";
import { changeTags, undoChange, type Run } from "./data";
import { Remark, Section } from "./parts";

export function Tags({ run }: { run: Run }) {
  const client = useQueryClient();
  const [undo, setUndo] = useState<string | null>(null);
  const [error, setError] = useState("");
  const key = useRef<HTMLInputElement>(null);
  const value = useRef<HTMLInputElement>(null);
  const keys = useMemo<Key[]>(
    () => [{ keys: "t", does: "Add a tag", act: () => key.current?.focus() }],
    [],
  );
  useKeys("Tags", keys);
  const tags = Object.entries(run.tags).sort(([a], [b]) => a.localeCompare(b));

  async function act(doing: () => Promise<string | null>) {
    setError("");
    try {
      setUndo(await doing());
      await client.invalidateQueries({ queryKey: ["run", run.run_id, "page"] });
    } catch (refusal) {
      setError(refusal instanceof Error ? refusal.message : String(refusal));
    }
  }
  const change = (tag: string, to: string | null) =>
    act(async () => (await changeTags(run.run_id, { [tag]: to })).undo);

  function add(event: FormEvent) {
    event.preventDefault();
    if (!key.current || !value.current || !key.current.value.trim()) return;
    const [tag, to] = [key.current.value.trim(), value.current.value];
    void change(tag, to).then(() => {
      if (key.current) key.current.value = "";
      if (value.current) value.current.value = "";
      key.current?.focus();
    });
  }

  const field = "h-7 min-w-0 rounded border border-line bg-ground px-2";
  return (
    <Section
      title={`Tags (${tags.length})`}
      side={
        undo && (
          <Button look="quiet" onClick={() => void act(() => undoChange(undo).then(() => null))}>
            Undo
          </Button>
        )
      }
    >
      {tags.length === 0 && <Remark>No tags yet.</Remark>}
      <ul className="max-h-72 overflow-auto">
        {tags.map(([tag, to]) => (
          <li key={tag} className="group flex items-center gap-2 border-b border-line px-3 py-0.5">
            <span className="w-2/5 min-w-0 shrink-0 break-all text-muted">{tag}</span>
            <TagValue
              key={to}
              tag={tag}
              value={to}
              onChange={(text) => text !== to && void change(tag, text)}
            />
            <Button
              look="quiet"
              aria-label={`Remove ${tag}`}
              onClick={() => void change(tag, null)}
            >
              ✕
            </Button>
          </li>
        ))}
      </ul>
      <form onSubmit={add} className="flex gap-2 p-3">
        <input
          ref={key}
          aria-label="A new tag's name"
          placeholder="name (t)"
          className={`${field} flex-1`}
        />
        <input
          ref={value}
          aria-label="Its value"
          placeholder="value"
          className={`${field} flex-1`}
        />
        <Button type="submit">Add</Button>
      </form>
      {error && (
        <p role="alert" className="px-3 pb-3 text-bad">
          {error}
        </p>
      )}
    </Section>
  );
}

function TagValue(props: { tag: string; value: string; onChange: (text: string) => void }) {
  const [text, setText] = useState(props.value);
  return (
    <input
      aria-label={`The value of ${props.tag}`}
      value={text}
      onChange={(event) => setText(event.target.value)}
      onBlur={() => props.onChange(text)}
      onKeyDown={(event) => {
        if (event.key === "Enter") event.currentTarget.blur();
        if (event.key === "Escape") setText(props.value);
      }}
      className="h-6 min-w-0 flex-1 rounded border border-transparent bg-transparent px-1 hover:border-line"
    />
  );
}
