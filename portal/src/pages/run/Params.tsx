/** What went into a run: all params, as a list or nested as a config, and the seeds. */

import { useMemo, useRef } from "react";

import { Button, Empty } from "../../ui";
import { count } from "../../ui/format";
import { nested } from "./config";
import { CopyButton, holds, Remark, SearchBox, Section } from "../../ui/parts";
import type { TabProps } from "./RunPage";
import { useSearchText } from "../../ui/useSearchText";
import { useFixedRows } from "../../ui/useFixedRows";

const ROW_PX = 26;

export default function Params({ page }: TabProps) {
  const { params, seeds } = page.run;
  const [wanted, setWanted] = useSearchText("q");
  const [view, setView] = useSearchText("as");
  const asJson = useMemo(() => JSON.stringify(nested(params), null, 2), [params]);
  const total = Object.keys(params).length;
  if (total === 0 && Object.keys(seeds).length === 0)
    return (
      <Empty title="No params">
        Give them to <code>start_run(params=…)</code>, nested ones too: they are stored as
        <code> a/b</code>.
      </Empty>
    );
  return (
    <div className="flex h-full flex-col gap-3 p-3">
      {Object.keys(seeds).length > 0 && (
        <Section title="Seeds">
          <ParamTable params={seeds} wanted="" height="8rem" />
        </Section>
      )}
      <Section
        title={count(total, "param")}
        className="flex min-h-0 flex-1 flex-col"
        side={
          <>
            <SearchBox label="Find params" value={wanted} onChange={setWanted} />
            <Button
              aria-pressed={view === "config"}
              onClick={() => setView(view === "config" ? "" : "config")}
            >
              {view === "config" ? "As a list" : "As a config"}
            </Button>
            <CopyButton text={asJson} what="Copy as JSON" />
          </>
        }
      >
        {view === "config" ? (
          <pre tabIndex={0} className="min-h-0 flex-1 overflow-auto p-3 font-mono text-xs">
            {asJson}
          </pre>
        ) : (
          <ParamTable params={params} wanted={wanted} height="100%" />
        )}
      </Section>
    </div>
  );
}

/** Params by key; only those that are seen are in the page. */
export function ParamTable({
  params,
  wanted,
  height,
}: {
  params: Record<string, string>;
  wanted: string;
  height: string;
}) {
  const shown = useMemo(
    () =>
      Object.entries(params)
        .filter(([key, value]) => holds(`${key} ${value}`, wanted))
        .sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true })),
    [params, wanted],
  );
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useFixedRows(scroller, shown.length, ROW_PX);
  if (shown.length === 0) return <Remark>None has “{wanted}” in its name or value.</Remark>;
  return (
    <div
      ref={scroller}
      className="min-h-0 flex-1 overflow-auto"
      style={{ maxHeight: height }}
      tabIndex={0}
      role="table"
      aria-label="Params"
      aria-rowcount={shown.length}
    >
      <div role="rowgroup" className="relative" style={{ height: rows.height }}>
        {rows.rows.map((item) => {
          const [key, value] = shown[item.index]!;
          return (
            <div
              key={key}
              role="row"
              aria-rowindex={item.index + 1}
              className="absolute inset-x-0 flex items-center gap-4 border-b border-line px-3 hover:bg-raised"
              style={{ height: ROW_PX, top: item.top }}
            >
              <span role="rowheader" className="w-2/5 shrink-0 truncate text-muted" title={key}>
                {key}
              </span>
              <span role="cell" className="truncate font-mono text-xs" title={value}>
                {value}
              </span>
            </div>
          );
        })}
      </div>
    </div>
  );
}
