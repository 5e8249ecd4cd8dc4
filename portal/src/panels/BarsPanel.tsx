/** One column as bars: of each run, or the mean of runs that share another column's value. */

import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef } from "react";

import { colourIndex, COLOURS, coloursOf } from "../plot/palette";
import { useTheme } from "../shell/theme";
import { number } from "../ui/format";
import { barsOf } from "./bars";
import type { Cell } from "./data";

const BAR_PX = 20;

export function Bars({
  rows,
  column,
  by,
  isPlain = false,
}: {
  rows: readonly Record<string, Cell>[];
  column: string;
  by: string | undefined;
  /** The rows are no runs: bars are in their order, and in one colour. */
  isPlain?: boolean;
}) {
  const { shown: shade } = useTheme();
  const scroller = useRef<HTMLDivElement>(null);
  const bars = useMemo(() => barsOf(rows, column, by, isPlain), [rows, column, by, isPlain]);
  const colours = useMemo(() => (by ? coloursOf(bars.map((bar) => bar.id)) : null), [bars, by]);
  const most = bars.reduce((best, bar) => Math.max(best, Math.abs(bar.value)), 0) || 1;
  // eslint-disable-next-line react-hooks/incompatible-library -- its functions stay in this component
  const virtual = useVirtualizer({
    count: bars.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => BAR_PX,
    overscan: 4,
  });
  return (
    <div ref={scroller} tabIndex={0} className="h-full overflow-auto px-1.5" aria-label="Bars">
      <ol className="relative" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const bar = bars[item.index]!;
          return (
            <li
              key={bar.id}
              className="absolute right-0 left-0 flex h-5 items-center gap-2 text-xs"
              style={{ top: item.start }}
            >
              <span className="w-32 truncate text-right">
                {bar.label}
                {by && <span className="text-muted"> ({bar.runs})</span>}
              </span>
              <span className="h-3.5 flex-1">
                <span
                  className="block h-full rounded-sm"
                  style={{
                    width: `${(Math.abs(bar.value) / most) * 100}%`,
                    background:
                      COLOURS[shade][isPlain ? 0 : (colours?.get(bar.id) ?? colourIndex(bar.id))],
                    opacity: bar.value < 0 ? 0.5 : 1,
                  }}
                />
              </span>
              <span className="w-16 tabular-nums">{number(bar.value)}</span>
            </li>
          );
        })}
      </ol>
    </div>
  );
}
