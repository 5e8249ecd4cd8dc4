/** One panel of a report: what it shows, or why it shows nothing. */

import { useMemo, useState } from "react";

import { ColumnsChart, useParams as useAllParams } from "../panels/ExtraPanel";
import { Histograms } from "../panels/HistogramPanel";
import { PanelFrame } from "../panels/PanelFrame";
import { ApiError } from "../api/client";
import { Button, Waiting } from "../ui";
import { count } from "../ui/format";
import { columnsFor, useHome, useImage, useResult, useRows } from "./answers";
import { LinesView } from "./LinesView";
import type { ChartPanel, ImagePanel, ReportPanel, RunsPanel, SqlPanel } from "./panel";
import { RunsTable } from "./RunsTable";
import { titleOfPanel } from "./titles";

const CHART_PX = 320;
const NOTHING: readonly string[] = [];

export function PanelView({ panel }: { panel: ReportPanel }) {
  if (panel.kind === "image") return <ImageView panel={panel} />;
  if (panel.kind === "sql") return <ResultView panel={panel} />;
  return <OfExperiment panel={panel} />;
}

/** Panels of an experiment: whoever may not read it is told so, and not shown an empty chart. */
function OfExperiment({ panel }: { panel: ChartPanel | RunsPanel }) {
  const home = useHome(panel.experiment, panel.pin === undefined);
  const title = titleOfPanel(panel);
  if (home.isError)
    return <Refused title={title} error={home.error} retry={() => void home.refetch()} />;
  if (panel.pin === undefined && home.data?.lifecycle === "deleted")
    return (
      <Blank title={title}>
        The experiment {home.data.name} was deleted. Restore it, or remove this panel.
      </Blank>
    );
  if (panel.kind === "runs") return <RunsView panel={panel} />;
  if (panel.kind === "lines")
    return (
      <div style={{ height: CHART_PX }}>
        <LinesView
          panel={panel}
          title={title}
          refused={(error, retry) => <Refused title={title} error={error} retry={retry} />}
        />
      </div>
    );
  if (panel.kind === "histogram")
    return (
      <div style={{ height: CHART_PX }}>
        <PanelFrame title={title} told={`run ${panel.run.slice(0, 8)}`}>
          <Histograms run={panel.run} name={panel.name} />
        </PanelFrame>
      </div>
    );
  return <ColumnsView panel={panel} title={title} />;
}

type OfColumns = Extract<ChartPanel, { kind: "scatter" | "bar" | "parallel" | "importance" }>;

function ColumnsView({ panel, title }: { panel: OfColumns; title: string }) {
  const isImportance = panel.kind === "importance";
  const isLive = panel.pin === undefined;
  const known = useAllParams(panel.experiment, isImportance && isLive);
  const found = useRows(
    panel,
    columnsFor(panel, known ?? NOTHING),
    !isImportance || known !== null,
  );
  const rows = found.data?.rows;
  const runs = useMemo(
    () => rows?.map((row) => ({ runId: String(row["run_id"]), name: String(row["name"]) })) ?? [],
    [rows],
  );
  // What was pinned has its params in its rows.
  const params = isLive
    ? (known ?? NOTHING)
    : Object.keys(rows?.[0] ?? {}).filter((name) => name.startsWith("params."));
  if (found.error) return <Refused title={title} error={found.error} retry={found.retry} />;
  return (
    <div style={{ height: CHART_PX }}>
      <PanelFrame
        title={title}
        told={rows && toldOf(rows.length, found.data?.total ?? 0, isImportance)}
      >
        {rows === undefined ? (
          <Waiting what="Loading runs" />
        ) : (
          <ColumnsChart extra={panel} rows={rows} runs={runs} params={params} />
        )}
      </PanelFrame>
    </div>
  );
}

function toldOf(shown: number, total: number, isImportance: boolean): string {
  const many =
    shown < total ? `${shown.toLocaleString("en")} of ${count(total, "run")}` : count(total, "run");
  return isImportance ? `${many} · says nothing of causes` : many;
}

function RunsView({ panel }: { panel: RunsPanel }) {
  const found = useRows(panel, panel.columns);
  const title = titleOfPanel(panel);
  if (found.error) return <Refused title={title} error={found.error} retry={found.retry} />;
  return (
    <Framed
      title={title}
      told={found.data && toldOf(found.data.rows.length, found.data.total, false)}
    >
      {found.data === undefined ? (
        <Waiting what="Loading runs" />
      ) : (
        <RunsTable
          title={title}
          experiment={panel.experiment}
          columns={panel.columns}
          rows={found.data.rows}
        />
      )}
    </Framed>
  );
}

function ResultView({ panel }: { panel: SqlPanel }) {
  const found = useResult(panel);
  const title = titleOfPanel(panel);
  const result = found.data;
  if (found.error) return <Refused title={title} error={found.error} retry={found.retry} />;
  const more = result && result.total > result.rows.length;
  return (
    <Framed
      title={title}
      told={
        result &&
        (more
          ? `the first ${result.rows.length} of ${count(result.total, "row")}`
          : count(result.total, "row"))
      }
    >
      {result === undefined ? (
        <Waiting what="Asking" />
      ) : (
        <div tabIndex={0} role="group" aria-label={title} className="max-h-96 overflow-auto">
          <table className="w-full tabular-nums">
            <thead className="text-left text-muted">
              <tr className="border-b border-line">
                {result.columns.map((name, at) => (
                  <th key={at} scope="col" className="px-2 py-1 font-medium">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {result.rows.map((row, index) => (
                <tr key={index} className="border-b border-line last:border-0">
                  {row.map((value, at) => (
                    <td key={at} className="max-w-80 truncate px-2 py-0.5" title={value}>
                      {value}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Framed>
  );
}

function ImageView({ panel }: { panel: ImagePanel }) {
  const found = useImage(panel);
  const title = titleOfPanel(panel);
  if (found.error) return <Refused title={title} error={found.error} retry={found.retry} />;
  return (
    <Framed title={title}>
      {found.data === undefined ? (
        <Waiting what="Loading the image" />
      ) : (
        <ImageOf key={found.data} source={found.data} title={title} />
      )}
    </Framed>
  );
}

function ImageOf({ source, title }: { source: string; title: string }) {
  const [isBroken, setBroken] = useState(false);
  return (
    <div className="p-2">
      {isBroken ? (
        <p className="p-2 text-muted">
          This image cannot be shown: the run or the file was deleted, you may not read it, or it is
          no image.
        </p>
      ) : (
        <img
          src={source}
          alt={title}
          className="max-h-[32rem] max-w-full"
          onError={() => setBroken(true)}
        />
      )}
    </div>
  );
}

/** A frame that is as high as what is in it. */
function Framed({
  title,
  told,
  children,
}: {
  title: string;
  told?: string | undefined;
  children: React.ReactNode;
}) {
  return (
    <div className="[&>div]:h-auto">
      <PanelFrame title={title} told={told}>
        {children}
      </PanelFrame>
    </div>
  );
}

/** A panel that shows nothing, and why. */
export function Blank({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <Framed title={title}>
      <div data-said className="flex flex-col items-start gap-2 p-4 text-muted">
        {children}
      </div>
    </Framed>
  );
}

function Refused({ title, error, retry }: { title: string; error: unknown; retry: () => void }) {
  const status = error instanceof ApiError ? error.status : 0;
  if (status === 403)
    return (
      <Blank title={title}>
        You may not read what this panel shows. Ask an admin for a grant on its experiment.
      </Blank>
    );
  if (status === 404)
    return <Blank title={title}>What this panel shows is not there any more, or never was.</Blank>;
  return (
    <Blank title={title}>
      <p role="alert" className="whitespace-pre-wrap text-bad">
        {error instanceof Error ? error.message : String(error)}
      </p>
      <Button onClick={retry}>Try again</Button>
    </Blank>
  );
}
