/** What stands in the cells: values with what differs from the baseline, metrics with the best. */

import type { Cell, SheetRow } from "../../api/compare";
import { cx } from "../../ui";
import { number } from "../../ui/format";
import { changed } from "./changed";

/** Of texts of more characters, only what differs is emphasised. */
const SHORT = 12;

/** A value of a param, package or the like. */
export function TextCell({
  value,
  base,
  isOther,
}: {
  value: Cell | undefined;
  base: Cell;
  /** Than that of the baseline. */
  isOther: boolean;
}) {
  if (value === undefined) return <Waiting />;
  if (value === null)
    return (
      <span
        title="The run has no such key"
        className={cx("h-full w-full px-2 leading-6.5 text-muted", isOther && OTHER)}
      >
        –
      </span>
    );
  const text = String(value);
  const [head, middle, tail] =
    isOther && base !== null && text.length > SHORT && !text.startsWith("…")
      ? changed(String(base), text)
      : ["", text, ""];
  return (
    <span
      title={text}
      className={cx(
        "h-full w-full truncate px-2 font-mono text-xs leading-6.5 whitespace-pre",
        isOther && OTHER,
      )}
    >
      {head && (
        <span className="text-muted">{head.length > 24 ? `…${head.slice(-12)}` : head}</span>
      )}
      {middle}
      {tail && <span className="text-muted">{tail}</span>}
    </span>
  );
}

const OTHER = "bg-warn/15 shadow-[inset_2px_0_0_var(--warn)]";

/** A metric: the best of a row is marked, and how far it is from the baseline. */
export function MetricCell({
  value,
  row,
  isBase,
}: {
  value: Cell | undefined;
  row: SheetRow | undefined;
  isBase: boolean;
}) {
  if (value === undefined || row === undefined) return <Waiting />;
  if (value === null)
    return (
      <span className="w-full px-2 text-right text-muted" title="The run has no such metric">
        –
      </span>
    );
  if (typeof value === "string")
    return (
      <span className="w-full px-2 text-right text-bad" title="No number">
        {ODD[value] ?? value}
      </span>
    );
  const isBest = row.best !== null && value === row.best;
  const difference = typeof row.base === "number" && !isBase ? value - row.base : null;
  return (
    <span
      title={`${value}${isBest ? ", the best of all runs" : ""}`}
      className="flex w-full items-baseline justify-end gap-1.5 px-2 whitespace-nowrap tabular-nums"
    >
      {difference !== null && difference !== 0 && (
        <span
          className={cx(
            "text-[11px]",
            row.best === null
              ? "text-muted"
              : difference < 0 === row.less
                ? "text-good"
                : "text-bad",
          )}
        >
          {difference > 0 ? "+" : "−"}
          {number(Math.abs(Number(difference.toPrecision(3))))}
        </span>
      )}
      <span className={isBest ? "font-semibold text-good" : undefined}>
        {isBest && <span aria-label="best">★ </span>}
        {number(value)}
      </span>
    </span>
  );
}

export const ODD: Record<string, string> = { nan: "NaN", inf: "∞", "-inf": "−∞" };

function Waiting() {
  return <span aria-hidden="true" className="mx-2 h-2.5 w-16 rounded bg-raised" />;
}

/** How much of a metric goes along with a key. */
export function EffectBar({ effect }: { effect: number }) {
  const share = Math.round(effect * 100);
  return (
    <span
      className="flex w-16 shrink-0 items-center gap-1"
      title={`${share} % of the variance of the metric's ranks goes along with it`}
    >
      <span className="h-2 flex-1 overflow-hidden rounded-sm bg-ground">
        <span className="block h-full bg-accent" style={{ width: `${share}%` }} />
      </span>
      <span className="w-8 text-right text-[11px] text-muted tabular-nums">{share} %</span>
    </span>
  );
}
