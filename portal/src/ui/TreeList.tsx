/** A tree of files as a list of rows: only those in sight are in the page, and keys walk it. */

import { useRef, type KeyboardEvent } from "react";

import { cx } from "./index";
import { useFixedRows } from "./useFixedRows";

export interface TreeRow {
  path: string;
  name: string;
  depth: number;
  isFolder: boolean;
  isOpen: boolean;
  note: string;
}

const ROW_PX = 24;

export function TreeList({
  label,
  rows,
  chosen,
  onChoose,
  onToggle,
}: {
  label: string;
  rows: readonly TreeRow[];
  chosen: string;
  onChoose: (row: TreeRow) => void;
  onToggle: (row: TreeRow, isOpen: boolean) => void;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const list = useFixedRows(scroller, rows.length, ROW_PX);
  const at = rows.findIndex((row) => row.path === chosen);
  const isInPage = list.rows.some((item) => item.index === at);

  function press(event: KeyboardEvent) {
    const row = rows[at];
    const go = (to: number) => {
      const next = rows[Math.max(0, Math.min(rows.length - 1, to))];
      if (!next) return;
      onChoose(next);
      list.see(rows.indexOf(next));
    };
    const acts: Record<string, () => void> = {
      ArrowDown: () => go(at + 1),
      ArrowUp: () => go(at - 1),
      Home: () => go(0),
      End: () => go(rows.length - 1),
      ArrowRight: () => (row?.isFolder && !row.isOpen ? onToggle(row, true) : go(at + 1)),
      ArrowLeft: () => {
        if (row?.isFolder && row.isOpen) onToggle(row, false);
        else if (row) go(rows.findLastIndex((one, place) => place < at && one.depth < row.depth));
      },
      Enter: () => row?.isFolder && onToggle(row, !row.isOpen),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  return (
    <div
      ref={scroller}
      role="tree"
      aria-label={label}
      tabIndex={0}
      onKeyDown={press}
      aria-activedescendant={isInPage ? rowId(label, at) : undefined}
      className="min-h-0 flex-1 overflow-auto"
    >
      <div className="relative" style={{ height: list.height }}>
        {list.rows.map((item) => {
          const row = rows[item.index]!;
          return (
            <div
              key={row.path}
              id={rowId(label, item.index)}
              role="treeitem"
              aria-level={row.depth + 1}
              aria-selected={row.path === chosen}
              aria-expanded={row.isFolder ? row.isOpen : undefined}
              onClick={() => {
                onChoose(row);
                if (row.isFolder) onToggle(row, !row.isOpen);
              }}
              className={cx(
                "absolute inset-x-0 flex cursor-default items-center gap-1 pr-2",
                row.path === chosen ? "bg-chosen" : "hover:bg-raised",
              )}
              style={{ height: ROW_PX, top: item.top, paddingLeft: 8 + row.depth * 14 }}
            >
              <span aria-hidden="true" className="w-3 shrink-0 text-muted">
                {row.isFolder ? (row.isOpen ? "▾" : "▸") : ""}
              </span>
              <span className="min-w-0 flex-1 truncate" title={row.path}>
                {row.name}
              </span>
              <span className="shrink-0 text-xs text-muted tabular-nums">{row.note}</span>
            </div>
          );
        })}
      </div>
    </div>
  );
}

function rowId(label: string, index: number): string {
  return `tree-${label.replace(/\W+/g, "-")}-${index}`;
}
