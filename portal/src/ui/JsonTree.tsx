/** A JSON value as a tree that is opened bit by bit; what is not open is not in the page. */

import { useState } from "react";

import { Button, cx } from "./index";

/** So many entries of a list or mapping are shown at first, and with each further step. */
const STEP = 100;
const TEXT_CHARS = 400;

export function JsonTree({
  value,
  name,
  depth = 0,
  openDepth = 2,
}: {
  value: unknown;
  name?: string;
  depth?: number;
  /** Down to which depth it is open at first. */
  openDepth?: number;
}) {
  if (typeof value !== "object" || value === null)
    return (
      <div className="py-px pl-4 font-mono text-xs break-words whitespace-pre-wrap">
        <Name of={name} />
        <Leaf value={value} />
      </div>
    );
  return <Branch value={value} name={name} depth={depth} openDepth={openDepth} />;
}

function Branch({
  value,
  name,
  depth,
  openDepth,
}: {
  value: object;
  name: string | undefined;
  depth: number;
  openDepth: number;
}) {
  const isList = Array.isArray(value);
  const size = isList ? value.length : Object.keys(value).length;
  const [isOpen, setOpen] = useState(depth < openDepth && size <= STEP);
  const [most, setMost] = useState(STEP);
  const [before, after] = isList ? ["[", "]"] : ["{", "}"];
  if (size === 0)
    return (
      <div className="py-px pl-4 font-mono text-xs">
        <Name of={name} />
        <span className="text-muted">
          {before}
          {after}
        </span>
      </div>
    );
  const entries = isOpen ? Object.entries(value).slice(0, most) : [];
  return (
    <div className="font-mono text-xs">
      <button
        type="button"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
        className="flex max-w-full items-baseline gap-1 rounded py-px text-left hover:bg-raised"
      >
        <span aria-hidden="true" className="w-3 shrink-0 text-center text-muted">
          {isOpen ? "▾" : "▸"}
        </span>
        <span className="min-w-0 truncate">
          <Name of={name} />
          <span className="text-muted">
            {before}
            {!isOpen && "…"}
            {!isOpen && after} {size.toLocaleString("en")} {isList ? "items" : "fields"}
          </span>
        </span>
      </button>
      {isOpen && (
        <div className="ml-1.5 border-l border-line pl-2">
          {entries.map(([key, one]) => (
            <JsonTree key={key} name={key} value={one} depth={depth + 1} openDepth={openDepth} />
          ))}
          {size > most && (
            <Button look="quiet" onClick={() => setMost(most + 10 * STEP)}>
              Show more of {size.toLocaleString("en")}
            </Button>
          )}
        </div>
      )}
    </div>
  );
}

function Name({ of }: { of: string | undefined }) {
  return of === undefined ? null : <span className="text-accent">{of}: </span>;
}

function Leaf({ value }: { value: unknown }) {
  const [isWhole, setWhole] = useState(false);
  if (typeof value !== "string")
    return <span className={cx(value === null ? "text-muted" : "text-warn")}>{String(value)}</span>;
  const isLong = value.length > TEXT_CHARS && !isWhole;
  return (
    <span className="text-good">
      {isLong ? `${value.slice(0, TEXT_CHARS)}…` : value}
      {isLong && (
        <Button look="quiet" className="ml-1 font-sans" onClick={() => setWhole(true)}>
          All {value.length.toLocaleString("en")} characters
        </Button>
      )}
    </span>
  );
}
