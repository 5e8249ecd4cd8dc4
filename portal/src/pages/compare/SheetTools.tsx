/** Above a sheet: which keys are shown, in which order, what is ignored, and the export. */

import { useState, type ReactNode } from "react";

import {
  exportSheet,
  type RowsWanted,
  type RunsWanted,
  type SheetAsked,
  type SheetPage,
  type Target,
} from "../../api/compare";
import { isLessBetter } from "../../metrics/direction";
import { Button, Failure } from "../../ui";
import { count } from "../../ui/format";
import { SearchBox } from "../../ui/parts";
import { MetricChoice } from "./MetricChoice";
import { ignoring, type SetState } from "./state";

const ORDERS = [
  ["key", "By key"],
  ["differences", "Most different values first"],
  ["effect", "Strongest effect first"],
] as const;

export function SheetTools(props: {
  of: RunsWanted;
  asked: SheetAsked;
  page: SheetPage | undefined;
  rows: RowsWanted;
  target: Target;
  set: SetState;
  tools?: ReactNode;
}) {
  const { rows, set, page, target, asked } = props;
  const isMetrics = asked.family === "metrics";
  const [isBusy, setBusy] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const orders = ORDERS.filter(([id]) => id !== "effect" || (!isMetrics && target.metric));

  async function download() {
    setBusy(true);
    setFailed(null);
    try {
      save(await exportSheet(asked), `${asked.family}.csv`);
    } catch (error) {
      setFailed(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <>
      <div className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line bg-panel px-3 py-1.5">
        <SearchBox
          label="Find keys"
          value={rows.search}
          onChange={(find) => set({ find: find || undefined }, true)}
          className="w-48"
        />
        <label className="flex items-center gap-1.5">
          <input
            type="checkbox"
            checked={!rows.is_all}
            onChange={(event) => set({ all: event.target.checked ? undefined : "1" })}
            className="accent-(--accent)"
          />
          Only what differs
        </label>
        <label>
          <span className="sr-only">Order of the keys</span>
          <select
            value={rows.order}
            onChange={(event) =>
              set({ order: event.target.value === "key" ? undefined : event.target.value })
            }
            className="h-7 rounded border border-line bg-panel px-1"
          >
            {orders.map(([id, label]) => (
              <option key={id} value={id}>
                {id === "effect" ? `${label} (on ${target.metric.slice(0, 30)})` : label}
              </option>
            ))}
          </select>
        </label>
        {!isMetrics && (
          <MetricChoice
            key={target.metric}
            metric={target.metric}
            of={props.of}
            label="Effect on which metric?"
            className="w-44"
            onChoose={(metric) =>
              set({
                metric: metric || undefined,
                goal: metric && isLessBetter(metric) ? "less" : undefined,
                order: metric ? "effect" : undefined,
              })
            }
          />
        )}
        {rows.order === "key" && (
          <Button
            aria-pressed={rows.is_tree}
            onClick={() => set({ tree: rows.is_tree ? "0" : undefined })}
          >
            {rows.is_tree ? "As a list" : "As a tree"}
          </Button>
        )}
        <span className="text-muted" role="status">
          {page && said(page, rows.is_all)}
        </span>
        <span className="ml-auto flex items-center gap-1">
          {rows.ignore.length > 0 && <Ignored ignored={rows.ignore} set={set} />}
          {props.tools}
          <Button disabled={isBusy} onClick={() => void download()}>
            {isBusy ? "Exporting …" : "CSV"}
          </Button>
        </span>
      </div>
      {failed !== null && <Failure error={failed} />}
    </>
  );
}

function Ignored({ ignored, set }: { ignored: readonly string[]; set: SetState }) {
  return (
    <details className="relative">
      <summary className="flex h-7 cursor-pointer list-none items-center rounded border border-line px-2.5 font-medium hover:bg-raised">
        Ignoring {ignored.length}
      </summary>
      <ul className="absolute right-0 z-30 mt-1 max-h-72 w-72 overflow-auto rounded-md border border-line bg-panel p-1 shadow-lg">
        {ignored.map((one) => (
          <li key={one} className="flex items-center gap-2 px-2 py-0.5">
            <span className="min-w-0 flex-1 truncate font-mono text-xs" title={one}>
              {one}
            </span>
            <Button
              look="quiet"
              onClick={() => set(ignoring(ignored.filter((other) => other !== one)))}
              aria-label={`Ignore ${one} no more`}
            >
              ✕
            </Button>
          </li>
        ))}
      </ul>
    </details>
  );
}

function said(page: SheetPage, isAll: boolean): string {
  const parts = [count(page.keys, "key")];
  if (page.same)
    parts.push(
      `${page.same.toLocaleString("en")} the same in all runs${isAll ? "" : ", not shown"}`,
    );
  if (page.ignored) parts.push(`${page.ignored.toLocaleString("en")} ignored`);
  return parts.join(" · ");
}

/** Give somebody a file. */
function save(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
