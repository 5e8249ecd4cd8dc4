/** Tags of anything: set, changed and removed in place; where it can be taken back, it is offered. */

import { useMemo, useRef, useState, type FormEvent } from "react";

import { Remark, Section } from "./parts";
import { useKeys, type Key } from "../shell/keys";
import { Button } from "./index";

interface Props {
  tags: Readonly<Record<string, string>>;
  /** Set a tag, or remove it where the value is null; may say how that is undone. */
  onChange: (tag: string, to: string | null) => Promise<Undo | null>;
}

export type Undo = () => Promise<unknown>;

export function TagBox({ tags, onChange }: Props) {
  const [undo, setUndo] = useState<Undo | null>(null);
  const [error, setError] = useState("");
  const key = useRef<HTMLInputElement>(null);
  const value = useRef<HTMLInputElement>(null);
  const keys = useMemo<Key[]>(
    () => [{ keys: "t", does: "Add a tag", act: () => key.current?.focus() }],
    [],
  );
  useKeys("Tags", keys);
  const listed = Object.entries(tags).sort(([a], [b]) => a.localeCompare(b));

  async function act(doing: () => Promise<Undo | null>) {
    setError("");
    try {
      const next = await doing();
      setUndo(() => next);
    } catch (refusal) {
      setError(refusal instanceof Error ? refusal.message : String(refusal));
    }
  }
  const change = (tag: string, to: string | null) => act(() => onChange(tag, to));

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
      title={`Tags (${listed.length})`}
      side={
        undo && (
          <Button look="quiet" onClick={() => void act(() => undo().then(() => null))}>
            Undo
          </Button>
        )
      }
    >
      {listed.length === 0 && <Remark>No tags yet.</Remark>}
      <ul className="max-h-72 overflow-auto">
        {listed.map(([tag, to]) => (
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
