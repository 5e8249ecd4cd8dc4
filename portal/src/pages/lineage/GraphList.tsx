/** The graph as a list: each node with what it came from and what came of it. */

import { useMemo, useRef } from "react";

import type { LineageMap } from "../../api/lineage";
import { cx } from "../../ui";
import { count } from "../../ui/format";
import { useFixedRows } from "../../ui/useFixedRows";
import { groupLabel, KINDS, PageLink } from "./kinds";
import { waysOf } from "./walk";

const ROW_PX = 30;
const NAMED_MAX = 3;

export function GraphList({
  map,
  chosen,
  found,
  onChoose,
  onGo,
}: {
  map: LineageMap;
  chosen: number;
  found: ReadonlySet<number>;
  onChoose: (at: number) => void;
  onGo: (at: number) => void;
}) {
  const ways = useMemo(() => waysOf(map), [map]);
  // Searched for: only what was found; else all, from left to right.
  const shown = useMemo(() => {
    const all = [...map.nodes, ...map.groups].map((place, at) => ({ place, at }));
    const kept = found.size ? all.filter(({ at }) => found.has(at)) : all;
    return kept.sort((a, b) => a.place.column - b.place.column || a.place.row - b.place.row);
  }, [map, found]);
  const scroller = useRef<HTMLDivElement>(null);
  const list = useFixedRows(scroller, shown.length, ROW_PX);
  const label = (at: number) => {
    const group = map.groups[at - map.nodes.length];
    return group ? groupLabel(group.kind, group.count) : (map.nodes[at]?.label ?? "");
  };
  const names = (near: readonly number[]) => {
    const named = near.slice(0, NAMED_MAX).map(label).join(", ");
    return near.length > NAMED_MAX ? `${named} and ${near.length - NAMED_MAX} more` : named;
  };
  const cell = "min-w-0 truncate px-2";
  return (
    <div
      ref={scroller}
      tabIndex={0}
      role="table"
      aria-label={`${count(map.nodes.length, "node")} of the graph`}
      aria-rowcount={shown.length + 1}
      className="min-h-0 min-w-0 flex-1 overflow-auto"
    >
      <div role="rowgroup" className="sticky top-0 z-10 border-b border-line bg-panel text-muted">
        <div role="row" aria-rowindex={1} className={GRID}>
          {["Kind", "Name", "Status", "Came from", "Went into"].map((head) => (
            <span key={head} role="columnheader" className={cx(cell, "py-1 font-medium")}>
              {head}
            </span>
          ))}
        </div>
      </div>
      <div role="rowgroup" className="relative" style={{ height: list.height }}>
        {list.rows.map((item) => {
          const { at } = shown[item.index]!;
          const node = map.nodes[at];
          const group = map.groups[at - map.nodes.length];
          return (
            <div
              key={at}
              role="row"
              aria-rowindex={item.index + 2}
              onClick={() => onChoose(at)}
              className={cx(
                GRID,
                "absolute inset-x-0 items-center border-b border-line",
                at === chosen ? "bg-chosen" : "hover:bg-raised",
              )}
              style={{ height: item.height, top: item.top }}
            >
              <span role="cell" className={cx(cell, "text-muted")}>
                {KINDS[(node ?? group!).kind].one}
              </span>
              <span role="cell" className={cell}>
                {node ? (
                  <PageLink node={node} className="text-accent hover:underline">
                    <bdi>{node.label}</bdi>
                  </PageLink>
                ) : (
                  <button
                    type="button"
                    className="text-accent hover:underline"
                    onClick={() => onGo(at)}
                  >
                    {label(at)}
                  </button>
                )}
              </span>
              <span role="cell" className={cell}>
                {node?.status?.toLowerCase()}
              </span>
              <span role="cell" className={cell}>
                {names(ways.before[at] ?? [])}
              </span>
              <span role="cell" className={cell}>
                {names(ways.behind[at] ?? [])}
              </span>
            </div>
          );
        })}
      </div>
    </div>
  );
}

const GRID = "grid grid-cols-[7rem_minmax(10rem,1.4fr)_6rem_minmax(8rem,1.6fr)_minmax(8rem,1.6fr)]";
