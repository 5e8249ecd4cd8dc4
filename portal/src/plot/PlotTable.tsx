/** What a chart shows, as a table: for who cannot see it, and for who wants the numbers. */

import { useMemo, useState } from "react";

import { Button, Dialog } from "../ui";
import { count, number } from "../ui/format";
import { nearestAt, type Line } from "./drawing";
import { edgeOf, type Axis } from "./series";
import { place } from "./words";

const ROWS_SHOWN = 200;
const PLACES = 5;

export function PlotTable({
  title,
  lines,
  axis,
  onClose,
}: {
  title: string;
  lines: readonly Line[];
  axis: Axis;
  onClose: () => void;
}) {
  const [shown, setShown] = useState(ROWS_SHOWN);
  const places = useMemo(() => placesOf(lines), [lines]);
  return (
    <Dialog title={`${title}: the data`} isOpen onClose={onClose} width="64rem">
      <div className="mb-2 flex items-center gap-3 text-muted">
        {count(lines.length, "line")}
        <Button onClick={() => save(`${title.replace(/\W+/g, "-")}.csv`, csvOf(lines))}>
          Save all buckets as CSV
        </Button>
      </div>
      <table className="w-full tabular-nums">
        <thead className="text-right text-muted">
          <tr className="border-b border-line">
            <th className="py-1 pr-3 text-left font-medium">Line</th>
            {["Least", "Greatest", "Last", "NaN", "Infinite"].map((name) => (
              <th key={name} className="px-2 font-medium">
                {name}
              </th>
            ))}
            {places.map((x) => (
              <th key={x} className="px-2 font-medium">
                at {place(x, axis)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {lines.slice(0, shown).map((line) => (
            <Row key={line.id} line={line} places={places} />
          ))}
        </tbody>
      </table>
      {shown < lines.length && (
        <Button className="mt-2" onClick={() => setShown(shown + ROWS_SHOWN * 5)}>
          Show more: {(lines.length - shown).toLocaleString("en")} are left
        </Button>
      )}
    </Dialog>
  );
}

function Row({ line, places }: { line: Line; places: readonly number[] }) {
  const { series } = line;
  const total = (counts: Int32Array) => counts.reduce((sum, one) => sum + one, 0);
  const drawn = { ...series, id: "", colourBy: "", label: "", colour: 0, dash: 0 };
  const at = (x: number) => {
    const found = nearestAt(
      { ...drawn, y: series.last, raw: null, lo: null, hi: null, nanAt: [], infAt: [] },
      x,
    );
    return found < 0 ? "" : number(series.last[found]);
  };
  return (
    <tr className="border-b border-line text-right last:border-0">
      <th scope="row" className="max-w-72 truncate py-0.5 pr-3 text-left font-normal">
        {line.label}
      </th>
      <td className="px-2">{number(fold(series.lo, Math.min, Infinity))}</td>
      <td className="px-2">{number(fold(series.hi, Math.max, -Infinity))}</td>
      <td className="px-2">{number(series.last[series.last.length - 1])}</td>
      <td className="px-2">{total(series.nan) || ""}</td>
      <td className="px-2">{total(series.inf) || ""}</td>
      {places.map((x) => (
        <td key={x} className="px-2">
          {at(x)}
        </td>
      ))}
    </tr>
  );
}

/** The least or greatest of the values that are numbers. */
function fold(values: Float64Array, better: (a: number, b: number) => number, start: number) {
  const found = values.reduce(
    (best, one) => (Number.isFinite(one) ? better(best, one) : best),
    start,
  );
  return Number.isFinite(found) ? found : null;
}

function placesOf(lines: readonly Line[]): number[] {
  let [left, right] = [Infinity, -Infinity];
  for (const { series } of lines)
    if (series.x.length) {
      left = Math.min(left, series.x[0]!);
      right = Math.max(right, series.x[series.x.length - 1]!);
    }
  if (!(left < right)) return [];
  return Array.from({ length: PLACES }, (_, i) => left + ((right - left) * i) / (PLACES - 1));
}

/** All buckets of all lines; a text that a spreadsheet would take for a formula is not one. */
export function csvOf(lines: readonly Line[]): string {
  const cell = (text: string) => {
    const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const rows = ["line,run,metric,x,least,greatest,last"];
  for (const { label, series } of lines) {
    const head = [label, series.runId, series.key].map(cell).join(",");
    for (let i = 0; i < series.x.length; i++) {
      const x = edgeOf(series.x[i]!, series.axis);
      rows.push([head, x, series.lo[i], series.hi[i], series.last[i]].join(","));
    }
  }
  return `${rows.join("\n")}\n`;
}

export function save(name: string, text: string, type = "text/csv"): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
