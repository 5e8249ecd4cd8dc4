/** Small parts that most pages are made of: boxes, facts, commands, remarks. */

import { useState, type ReactNode, type Ref } from "react";

import { ago, when } from "./format";
import { Button, cx } from "./index";

/** A titled box; `side` is at the right of its title. */
export function Section({
  title,
  side,
  children,
  className,
}: {
  title: ReactNode;
  side?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  return (
    <section className={cx("rounded border border-line bg-panel", className)}>
      <header className="flex min-h-9 items-center gap-2 border-b border-line px-3 py-1">
        <h2 className="font-semibold">{title}</h2>
        <span className="ml-auto flex items-center gap-1">{side}</span>
      </header>
      {children}
    </section>
  );
}

/** Names and what they are; those without a value are left out. */
export function Facts({ of }: { of: readonly (readonly [string, ReactNode])[] }) {
  const known = of.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return (
    <dl className="grid grid-cols-[max-content_minmax(0,1fr)] gap-x-4 gap-y-1 p-3">
      {known.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-muted">{name}</dt>
          <dd className="min-w-0 break-words">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function CopyButton({ text, what = "Copy" }: { text: string; what?: string }) {
  const [isDone, setDone] = useState(false);
  const copy = () =>
    void navigator.clipboard.writeText(text).then(() => {
      setDone(true);
      window.setTimeout(() => setDone(false), 1_500);
    });
  return (
    <Button
      look="quiet"
      onClick={copy}
      aria-label={`${isDone ? "Copied" : what}: ${text.slice(0, 80)}`}
    >
      <span aria-live="polite">{isDone ? "Copied" : what}</span>
    </Button>
  );
}

/** A command with a button that copies it. */
export function CommandLine({ text, why }: { text: string; why?: string }) {
  return (
    <div className="min-w-0">
      {why && <p className="text-muted">{why}</p>}
      <div className="flex items-start gap-1 rounded bg-raised">
        <code
          tabIndex={0}
          className="min-w-0 flex-1 overflow-x-auto px-2 py-1 font-mono text-xs whitespace-pre"
        >
          {text}
        </code>
        <CopyButton text={text} />
      </div>
    </div>
  );
}

export function SearchBox({
  label,
  value,
  onChange,
  className,
  ref,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  className?: string;
  ref?: Ref<HTMLInputElement>;
}) {
  return (
    <input
      ref={ref}
      type="search"
      aria-label={label}
      placeholder={label}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      className={cx("h-7 min-w-0 rounded border border-line bg-ground px-2", className)}
    />
  );
}

/** An entry of a list of what happened: when it was, and what. */
export function Happened({ at, children }: { at: string | number; children: ReactNode }) {
  return (
    <li className="flex gap-3 border-b border-line px-3 py-1.5 last:border-0">
      <time
        dateTime={new Date(at).toISOString()}
        title={when(at)}
        className="w-28 shrink-0 whitespace-nowrap text-muted"
      >
        {ago(at)}
      </time>
      <div className="min-w-0 flex-1 break-words">{children}</div>
    </li>
  );
}

/** The end of a form in a dialog: what there is to say before the buttons, and these. */
export function FormFoot({
  does = "Save",
  isReady = true,
  onClose,
  children,
  className,
}: {
  /** What the form does, on its button. */
  does?: string;
  isReady?: boolean;
  onClose: () => void;
  children?: ReactNode;
  className?: string;
}) {
  return (
    <div className={cx("flex items-center justify-end gap-2", className)}>
      {children}
      <Button onClick={onClose}>Cancel</Button>
      <Button type="submit" look="main" disabled={!isReady}>
        {does}
      </Button>
    </div>
  );
}

/** A remark in a box: nothing here, and why. */
export function Remark({ children }: { children: ReactNode }) {
  return <p className="p-3 text-muted">{children}</p>;
}

/** Whether a text holds all words of another, in any case. */
export function holds(text: string, words: string): boolean {
  const lower = text.toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word));
}

/** A run as people call it. */
export function runLabel(run: { name: string | null; run_id: string }): string {
  return run.name ?? run.run_id.slice(0, 12);
}
