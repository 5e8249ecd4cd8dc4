/** Adding a chart that one looks at to a report, at its end. */

import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { createReport, readReport, saveReport, useReports, type Report } from "../api/reports";
import type { PanelRun } from "../panels/LinesPanel";
import type { ChartSettings, Extra } from "../panels/settings";
import { Button, Dialog, Waiting } from "../ui";
import { count } from "../ui/format";
import { titleOf } from "../panels/ExtraPanel";
import { writePanel, type ReportPanel } from "./panel";

const LISTED = 50;
/** As many runs are named one by one. */
const NAMED_MAX = 1_000;

export interface ChartAtHand {
  extra: Extra;
  settings: Partial<ChartSettings>;
}

export default function AddToReport({
  chart,
  experiment,
  filter,
  runs,
  onClose,
}: {
  chart: ChartAtHand;
  experiment: string;
  filter: string;
  runs: readonly PanelRun[];
  onClose: () => void;
}) {
  const [words, setWords] = useState("");
  const [isNamed, setNamed] = useState(runs.length === 1);
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [done, setDone] = useState<Report | null>(null);
  const found = useReports(words, "all", 0, LISTED);
  const offered = found.data?.reports.filter((report) => report.may_change) ?? [];
  const panel: ReportPanel = {
    ...chart.extra,
    experiment,
    ...(isNamed
      ? { runs: runs.slice(0, NAMED_MAX).map((run) => run.runId) }
      : filter && { filter }),
    ...(Object.keys(chart.settings).length && { settings: chart.settings }),
  };

  async function add(report: Report | null) {
    setBusy(true);
    setError("");
    try {
      if (report === null) {
        const made = await createReport(`About ${titleOf(chart.extra)}`, `${writePanel(panel)}\n`);
        return setDone(made.report);
      }
      const { title, body, shown } = await readReport(report.report_id);
      const text = [body.trimEnd(), writePanel(panel)].filter(Boolean).join("\n\n");
      const saved = await saveReport(report.report_id, { title, body: `${text}\n`, was: shown });
      setDone(saved.report);
    } catch (refusal) {
      setError(refusal instanceof Error ? refusal.message : String(refusal));
    } finally {
      setBusy(false);
    }
  }

  return (
    <Dialog title="Add this panel to a report" isOpen onClose={onClose} width="30rem">
      {done ? (
        <p role="status">
          Added to{" "}
          <Link
            to="/reports/$report"
            params={{ report: done.report_id }}
            className="font-medium text-accent hover:underline"
          >
            {done.title}
          </Link>
          .
        </p>
      ) : (
        <div className="flex flex-col gap-3">
          <fieldset>
            <legend className="mb-1 font-medium">Which runs</legend>
            <label className="flex items-center gap-2">
              <input
                type="radio"
                name="which"
                checked={!isNamed}
                onChange={() => setNamed(false)}
              />
              Whatever matches the filter when somebody reads it
            </label>
            <label className="flex items-center gap-2">
              <input type="radio" name="which" checked={isNamed} onChange={() => setNamed(true)} />
              {`These ${count(Math.min(runs.length, NAMED_MAX), "run")}, and no others`}
            </label>
          </fieldset>
          <input
            autoFocus
            type="search"
            aria-label="Find a report"
            placeholder="Find a report"
            value={words}
            onChange={(event) => setWords(event.target.value)}
            className="h-7 w-full rounded border border-line bg-ground px-2"
          />
          <ul className="max-h-56 overflow-auto rounded border border-line">
            {found.isPending && <Waiting />}
            {offered.map((report) => (
              <li key={report.report_id}>
                <button
                  type="button"
                  disabled={isBusy}
                  onClick={() => void add(report)}
                  className="w-full truncate px-2 py-1 text-left hover:bg-raised"
                >
                  {report.title}
                </button>
              </li>
            ))}
            {found.isSuccess && offered.length === 0 && (
              <li className="px-2 py-1 text-muted">
                No report that you may change has these words.
              </li>
            )}
          </ul>
          {error && (
            <p role="alert" className="text-bad">
              {error}
            </p>
          )}
          <div className="flex justify-end">
            <Button look="main" disabled={isBusy} onClick={() => void add(null)}>
              Add to a new report
            </Button>
          </div>
        </div>
      )}
    </Dialog>
  );
}
