/** Lines of metrics in a report: of runs by name or by filter, live or pinned. */

import { useEffect, useMemo, useState, type ReactNode } from "react";

import { usePin } from "../api/reports";
import { useWanted } from "../panels/data";
import { LinesPanel, type PanelRun } from "../panels/LinesPanel";
import { SeriesLoader, type Ask } from "../panels/loader";
import { PanelFrame } from "../panels/PanelFrame";
import { USUAL, type ChartSettings } from "../panels/settings";
import { needsMeans } from "../plot/drawing";
import { edgeOf } from "../plot/series";
import { Waiting } from "../ui";
import { askLive, askOfPin, useRows } from "./answers";
import type { ChartPanel } from "./panel";

type Lines = Extract<ChartPanel, { kind: "lines" }>;

const NO_COLUMNS: readonly string[] = [];

export function LinesView({
  panel,
  title,
  refused,
}: {
  panel: Lines;
  title: string;
  refused: (error: unknown, retry: () => void) => ReactNode;
}) {
  const found = useRows(panel, NO_COLUMNS);
  const pin = usePin(panel.pin);
  const ask = useMemo(() => (pin.data ? askOfPin(pin.data) : askLive), [pin.data]);
  const rows = found.data?.rows;
  const runs = useMemo(
    () =>
      rows?.map((row) => ({
        runId: String(row["run_id"]),
        name: String(row["name"] ?? "") || String(row["run_id"]).slice(0, 8),
      })),
    [rows],
  );
  if (found.error) return refused(found.error, found.retry);
  if (runs === undefined)
    return (
      <PanelFrame title={title}>
        <Waiting what="Loading runs" />
      </PanelFrame>
    );
  if (runs.length === 0 || pin.isPending !== (panel.pin === undefined))
    return (
      <PanelFrame title={title}>
        {runs.length === 0 ? (
          <p className="p-4 text-muted">No run matches; those that did may have been deleted.</p>
        ) : (
          <Waiting what="Loading lines" />
        )}
      </PanelFrame>
    );
  return <Drawn key={panel.pin ?? "live"} panel={panel} title={title} runs={runs} ask={ask} />;
}

function Drawn({
  panel,
  title,
  runs,
  ask,
}: {
  panel: Lines;
  title: string;
  runs: readonly PanelRun[];
  ask: Ask;
}) {
  const [loader] = useState(() => new SeriesLoader(ask));
  useEffect(() => () => loader.stop(), [loader]);
  const [own, setOwn] = useState<Partial<ChartSettings>>({});
  const settings = useMemo(() => ({ ...USUAL, ...panel.settings, ...own }), [panel.settings, own]);
  const { axis, range } = settings;
  const hasMeans = needsMeans(settings);
  const keys = panel.keys.join("\n");
  const wanted = useMemo(
    () => [
      {
        id: "lines",
        runs: runs.map((run) => run.runId),
        keys: keys.split("\n"),
        axis,
        lower: range && edgeOf(range[0], axis),
        upper: range && edgeOf(range[1], axis),
        hasMeans,
      },
    ],
    [runs, keys, axis, range, hasMeans],
  );
  useWanted(loader, wanted, true);
  return (
    <LinesPanel
      id="lines"
      title={title}
      keys={panel.keys}
      runs={runs}
      settings={settings}
      loader={loader}
      board={title}
      onChange={(changes) => setOwn((now) => ({ ...now, ...changes }))}
    />
  );
}
