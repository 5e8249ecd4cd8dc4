/** Which columns the grid shows, and in which order. */

import { useDeferredValue, useMemo, useState } from "react";

import { Button, cx, Dialog } from "../ui";
import {
  ATTRIBUTES,
  changeColumn,
  column,
  labelOf,
  pinnedFirst,
  read,
  stepColumn,
  type Column,
  type Family,
} from "./columns";
import { KeyTree } from "./KeyTree";

const TABS: readonly [Family, string][] = [
  ["metrics", "Metrics"],
  ["params", "Params"],
  ["tags", "Tags"],
  ["attributes", "Attributes"],
];

export default function ColumnChooser({
  experiment,
  columns,
  usual,
  onColumns,
  onClose,
}: {
  experiment: string;
  columns: readonly Column[];
  usual: readonly Column[];
  onColumns: (columns: Column[]) => void;
  onClose: () => void;
}) {
  const [family, setFamily] = useState<Family>("metrics");
  const [search, setSearch] = useState("");
  const wanted = useDeferredValue(search);
  const shown = useMemo(() => new Set(columns.map((one) => one.text)), [columns]);

  function turn(text: string, isOn: boolean) {
    if (!isOn) onColumns(columns.filter((one) => one.text !== text));
    else if (!shown.has(text)) onColumns(pinnedFirst([...columns, column(text)]));
  }

  return (
    <Dialog title="Columns" isOpen onClose={onClose} width="58rem">
      <div className="grid h-[56vh] grid-cols-[1fr_20rem] gap-4">
        <section className="flex min-h-0 flex-col" aria-label="What there is">
          <div className="mb-2 flex items-center justify-between">
            <div role="tablist" aria-label="Kinds of columns" className="flex gap-1">
              {TABS.map(([name, label]) => (
                <button
                  key={name}
                  type="button"
                  role="tab"
                  aria-selected={family === name}
                  onClick={() => setFamily(name)}
                  className={cx(
                    "rounded px-2 py-1",
                    family === name ? "bg-chosen font-medium" : "hover:bg-raised",
                  )}
                >
                  {label}
                </button>
              ))}
            </div>
            <input
              type="search"
              aria-label="Find a key"
              placeholder="Find a key"
              value={search}
              onChange={(event) => setSearch(event.target.value)}
              className="h-7 w-56 rounded border border-line bg-ground px-2"
            />
          </div>
          <div
            role="tabpanel"
            className="min-h-0 flex-1 overflow-auto rounded border border-line p-1"
          >
            {family === "attributes" ? (
              <Attributes search={wanted} shown={shown} onTurn={turn} />
            ) : (
              <KeyTree
                key={family}
                family={family}
                experiment={experiment}
                search={wanted.trim()}
                shown={shown}
                onTurn={turn}
              />
            )}
          </div>
        </section>
        <section className="flex min-h-0 flex-col" aria-label="What is shown">
          <div className="mb-2 flex items-center">
            <h3 className="py-1 font-medium">{columns.length} shown</h3>
            <Button look="quiet" className="ml-auto" onClick={() => onColumns([...usual])}>
              As at first
            </Button>
          </div>
          <ol className="min-h-0 flex-1 overflow-auto rounded border border-line p-1">
            {columns.map((one) => (
              <ShownColumn
                key={one.text}
                one={one}
                columns={columns}
                onColumns={onColumns}
                onTurn={turn}
              />
            ))}
          </ol>
        </section>
      </div>
    </Dialog>
  );
}

function Attributes({
  search,
  shown,
  onTurn,
}: {
  search: string;
  shown: ReadonlySet<string>;
  onTurn: (text: string, isOn: boolean) => void;
}) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = ATTRIBUTES.filter((one) =>
    words.every((word) => `${one.name} ${one.label}`.toLowerCase().includes(word)),
  );
  return (
    <ul>
      {found.map((one) => (
        <li key={one.name}>
          <label className="flex items-center gap-2 rounded px-2 py-0.5 hover:bg-raised">
            <input
              type="checkbox"
              checked={shown.has(one.name)}
              onChange={(event) => onTurn(one.name, event.target.checked)}
              className="accent-(--accent)"
            />
            {one.label}
            <span className="ml-auto font-mono text-xs text-muted">{one.name}</span>
          </label>
        </li>
      ))}
    </ul>
  );
}

function ShownColumn({
  one,
  columns,
  onColumns,
  onTurn,
}: {
  one: Column;
  columns: readonly Column[];
  onColumns: (columns: Column[]) => void;
  onTurn: (text: string, isOn: boolean) => void;
}) {
  const { family, take } = read(one.text);
  const label = labelOf(one.text);
  const acts: [string, string, () => void][] = [
    ["↑", `Move ${label} up`, () => onColumns(stepColumn(columns, one.text, -1))],
    ["↓", `Move ${label} down`, () => onColumns(stepColumn(columns, one.text, 1))],
    ["✕", `Hide ${label}`, () => onTurn(one.text, false)],
  ];
  return (
    <li className="flex items-center gap-1 rounded px-1 py-0.5 hover:bg-raised">
      <button
        type="button"
        aria-pressed={one.isPinned}
        aria-label={`Pin ${label}`}
        title={one.isPinned ? "Pinned at the left" : "Pin at the left"}
        onClick={() => onColumns(changeColumn(columns, one.text, { isPinned: !one.isPinned }))}
        className={cx("w-5 rounded", one.isPinned ? "text-accent" : "text-muted")}
      >
        {one.isPinned ? "◆" : "◇"}
      </button>
      <span className="truncate" title={one.text}>
        {label}
      </span>
      {family !== "attributes" && (
        <span className="shrink-0 text-xs text-muted">
          {family}
          {take !== "last" && ` · ${take}`}
        </span>
      )}
      <span className="ml-auto flex shrink-0">
        {acts.map(([mark, name, act]) => (
          <button
            key={mark}
            type="button"
            aria-label={name}
            title={name}
            onClick={act}
            className="h-5 w-5 rounded text-muted hover:bg-chosen hover:text-text"
          >
            {mark}
          </button>
        ))}
      </span>
    </li>
  );
}
