/** A text with line numbers; only the lines in sight are in the page. */

import { useMemo, useRef } from "react";
import { useFixedRows } from "./useFixedRows";

const ROW_PX = 19;
const CHARS_MAX = 5_000;

export function TextView({ text, label }: { text: string; label: string }) {
  const lines = useMemo(() => {
    const found = text.split(/\r?\n/);
    if (found.at(-1) === "") found.pop();
    return found;
  }, [text]);
  const scroller = useRef<HTMLDivElement>(null);
  const list = useFixedRows(scroller, lines.length, ROW_PX);
  return (
    <div
      ref={scroller}
      tabIndex={0}
      role="group"
      aria-label={label}
      className="min-h-0 flex-1 overflow-auto font-mono text-xs"
    >
      <div className="relative w-max min-w-full" style={{ height: list.height }}>
        {list.rows.map((item) => (
          <div
            key={item.index}
            className="absolute left-0 flex pr-4 whitespace-pre"
            style={{ top: item.top, height: ROW_PX }}
          >
            <span className="w-14 shrink-0 pr-3 text-right text-muted tabular-nums select-none">
              {item.index + 1}
            </span>
            <span>{lines[item.index]!.slice(0, CHARS_MAX)}</span>
          </div>
        ))}
      </div>
    </div>
  );
}
