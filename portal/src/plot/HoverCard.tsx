/** The values under the crosshair, beside it. */

import { useSyncExternalStore } from "react";

import { count, number } from "../ui/format";
import type { Hover } from "./hover";
import { COLOURS, type Shade } from "./palette";
import type { Axis } from "./series";
import { place, stepsOf } from "./words";

/** What a chart says of its crosshair; apart from React, as it changes with every frame. */
export class HoverStore {
  private watchers = new Set<() => void>();
  private shown: { hover: Hover; left: number; room: number } | null = null;

  watch = (tell: () => void): (() => void) => {
    this.watchers.add(tell);
    return () => void this.watchers.delete(tell);
  };

  get = () => this.shown;

  set(shown: { hover: Hover; left: number; room: number } | null): void {
    if (shown === null && this.shown === null) return;
    this.shown = shown;
    for (const tell of this.watchers) tell();
  }
}

export function HoverCard({
  store,
  axis,
  shade,
  unit,
  width,
}: {
  store: HoverStore;
  axis: Axis;
  shade: Shade;
  unit?: string | undefined;
  /** How many steps a bucket spans. */
  width: number;
}) {
  const shown = useSyncExternalStore(store.watch, store.get);
  if (shown === null) return null;
  const { hover, left, room } = shown;
  const side = left > room / 2 ? { right: room - left + 14 } : { left: left + 14 };
  return (
    <div
      style={side}
      className="pointer-events-none absolute top-2 z-20 max-w-80 rounded border border-line bg-panel/95 px-2 py-1.5 text-xs shadow-lg"
    >
      <div className="mb-1 text-muted">
        {axis === "step" ? stepsOf(hover.x, width) : place(hover.x, axis)}
        {hover.total > hover.rows.length && ` · nearest of ${count(hover.total, "line")}`}
      </div>
      {hover.rows.map((row) => (
        <div key={row.id} className={row.isNearest ? "flex gap-2 font-semibold" : "flex gap-2"}>
          <span
            aria-hidden="true"
            style={{ background: COLOURS[shade][row.colour] }}
            className="mt-[5px] h-2 w-2 shrink-0 rounded-full"
          />
          <span className="min-w-0 flex-1 truncate">{row.label}</span>
          <span className="tabular-nums">
            {number(row.value)}
            {unit ? ` ${unit}` : ""}
          </span>
          {row.isNearest && row.lo !== null && row.hi !== null && row.lo !== row.hi && (
            <span className="font-normal text-muted tabular-nums">
              {number(row.lo)} to {number(row.hi)}
            </span>
          )}
          {row.isNearest && row.raw !== null && (
            <span className="font-normal text-muted tabular-nums">raw {number(row.raw)}</span>
          )}
        </div>
      ))}
    </div>
  );
}
