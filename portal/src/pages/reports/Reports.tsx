/** All reports that one may read, searched by words, the one changed last first. */

import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useRef, useState } from "react";

import {
  createReport,
  REPORTS_PAGE,
  useReports,
  useReportTicks,
  type Report,
  type ReportShelf,
} from "../../api/reports";
import type { Search } from "../../router";
import { useKeys, type Key } from "../../shell/keys";
import { Button, Chip, Empty, Failure, Keys, Waiting } from "../../ui";
import { ago, count, when } from "../../ui/format";

const SHELVES: readonly [ReportShelf, string][] = [
  ["all", "All"],
  ["published", "Published"],
  ["draft", "Drafts"],
  ["mine", "Mine"],
];

const BEGINNING = `What was asked, what was tried, and what came out of it.

Put a panel in between by **+ Panel**: charts, runs, images and tables are live until they are pinned.
`;

export default function Reports() {
  const search: Search = useSearch({ strict: false });
  const navigate = useNavigate();
  const words = search["q"] ?? "";
  const shelf = SHELVES.find(([name]) => name === search["shelf"])?.[0] ?? "all";
  const offset = Math.max(0, Math.floor(Number(search["from"]) || 0));
  const found = useReports(words, shelf, offset);
  useReportTicks();
  const [error, setError] = useState<unknown>(null);
  const bar = useRef<HTMLInputElement>(null);
  const set = (changes: Search) =>
    void navigate({
      to: ".",
      search: (old: Search) => ({ ...old, from: undefined, ...changes }),
      replace: true,
    });
  const write = useMemo(
    () => () =>
      void createReport("Untitled report", BEGINNING).then(
        ({ report }) =>
          void navigate({
            to: "/reports/$report",
            params: { report: report.report_id },
            search: { edit: "1" },
          }),
        setError,
      ),
    [navigate],
  );
  const keys = useMemo<Key[]>(
    () => [
      { keys: "/", does: "Find a report", act: () => bar.current?.focus() },
      { keys: "n", does: "Write a report", act: write },
    ],
    [write],
  );
  useKeys("Reports", keys);
  const total = found.data?.total ?? 0;
  const isAll = !words && shelf === "all";
  return (
    <div className="mx-auto max-w-5xl p-4">
      <div className="mb-3 flex flex-wrap items-center gap-3">
        <h1 className="text-lg font-semibold">Reports</h1>
        <span className="text-muted" role="status">
          {found.data && count(total, "report")}
        </span>
        <input
          ref={bar}
          type="search"
          aria-label="Find a report"
          placeholder="Find by words"
          value={words}
          onChange={(event) => set({ q: event.target.value || undefined })}
          className="ml-auto h-7 w-64 rounded border border-line bg-panel px-2"
        />
        <label>
          <span className="sr-only">Which reports</span>
          <select
            value={shelf}
            onChange={(event) =>
              set({ shelf: event.target.value === "all" ? undefined : event.target.value })
            }
            className="h-7 rounded border border-line bg-panel px-1"
          >
            {SHELVES.map(([name, label]) => (
              <option key={name} value={name}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <Button look="main" onClick={write}>
          Write a report
        </Button>
      </div>
      {error !== null && <Failure error={error} />}
      {found.isError ? (
        <Failure error={found.error} onRetry={() => void found.refetch()} />
      ) : found.data === undefined ? (
        <Waiting />
      ) : total === 0 ? (
        isAll ? (
          <Empty title="No reports yet">
            Say what your runs showed, with charts that stay live or stay as they were: press{" "}
            <Keys of="n" /> to write one.
          </Empty>
        ) : (
          <Empty title="No report matches">Its title or text must hold all the words.</Empty>
        )
      ) : (
        <ul className="rounded border border-line bg-panel">
          {found.data.reports.map((report) => (
            <Row key={report.report_id} report={report} />
          ))}
        </ul>
      )}
      {total > REPORTS_PAGE && (
        <nav aria-label="More reports" className="mt-2 flex items-center gap-2">
          <Button
            disabled={offset === 0}
            onClick={() => set({ from: String(Math.max(0, offset - REPORTS_PAGE)) })}
          >
            Newer
          </Button>
          <span className="text-muted">
            {offset + 1} to {Math.min(total, offset + REPORTS_PAGE)}
          </span>
          <Button
            disabled={offset + REPORTS_PAGE >= total}
            onClick={() => set({ from: String(offset + REPORTS_PAGE) })}
          >
            Older
          </Button>
        </nav>
      )}
    </div>
  );
}

function Row({ report }: { report: Report }) {
  return (
    <li className="border-b border-line px-3 py-2 last:border-0">
      <div className="flex items-center gap-2">
        <Link
          to="/reports/$report"
          params={{ report: report.report_id }}
          dir="auto"
          title={report.title}
          className="min-w-0 truncate font-medium text-accent hover:underline"
        >
          {report.title}
        </Link>
        <State report={report} />
        <span className="ml-auto shrink-0 text-muted" title={when(report.changed_at)}>
          {report.owner}, {ago(report.changed_at)}
        </span>
      </div>
      {report.excerpt && (
        <p dir="auto" className="line-clamp-2 break-words text-muted">
          {report.excerpt}
        </p>
      )}
    </li>
  );
}

/** Whether others read it. */
export function State({ report }: { report: Report }) {
  if (report.published === null) return <Chip title="Only its editors see it">draft</Chip>;
  return (
    <>
      <Chip title="Whoever may read what it shows reads it">published</Chip>
      {report.may_change && report.published !== report.version && (
        <Chip title="The newest version is not published">changed since</Chip>
      )}
    </>
  );
}
