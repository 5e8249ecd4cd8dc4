/** The metrics of a run: last value, extremes, number of points; the server searches and sorts. */

import { useDeferredValue, useState } from "react";

import { Button, Failure, Waiting } from "../../ui";
import { number, when } from "../../ui/format";
import { METRICS_A_PAGE, useRunMetrics, type MetricOrder, type RunMetric } from "./data";
import { Remark, SearchBox, Section } from "../../ui/parts";
import { useSearchText } from "../../ui/useSearchText";

const COLUMNS: readonly [MetricOrder, string][] = [
  ["key", "Metric"],
  ["last", "Last"],
  ["min", "Min"],
  ["max", "Max"],
  ["step", "Step"],
  ["count", "Points"],
];
const ODD = { nan: "NaN", inf: "∞", "-inf": "−∞" };

export function Metrics({ run, total }: { run: string; total: number }) {
  const [search, setSearch] = useSearchText("metrics");
  const [order, setOrder] = useState<MetricOrder>("key");
  const [isDescending, setDescending] = useState(false);
  const [page, setPage] = useState(0);
  const wanted = useDeferredValue(search);
  const found = useRunMetrics(run, { search: wanted, order, isDescending, page });
  const sort = (column: MetricOrder) => {
    setDescending(column === order ? !isDescending : column !== "key");
    setOrder(column);
    setPage(0);
  };
  return (
    <Section
      title={`Metrics (${total.toLocaleString("en")})`}
      side={
        total > 0 && (
          <SearchBox
            label="Find metrics"
            value={search}
            onChange={(text) => {
              setSearch(text);
              setPage(0);
            }}
          />
        )
      }
    >
      {total === 0 && (
        <Remark>
          No metrics yet: log them by <code>{'run.log({"loss": 0.5}, step=1)'}</code>.
        </Remark>
      )}
      {total > 0 && found.isPending && <Waiting />}
      {found.isError && <Failure error={found.error} onRetry={() => void found.refetch()} />}
      {total > 0 && found.data && (
        <>
          <div className="max-h-96 overflow-auto" tabIndex={0} role="group" aria-label="Metrics">
            <table className="w-full">
              <thead className="sticky top-0 bg-panel">
                <tr>
                  {COLUMNS.map(([column, label]) => (
                    <th
                      key={column}
                      scope="col"
                      aria-sort={
                        order === column ? (isDescending ? "descending" : "ascending") : "none"
                      }
                      className={column === "key" ? "text-left" : "text-right"}
                    >
                      <button
                        type="button"
                        onClick={() => sort(column)}
                        className="px-3 py-1 font-medium text-muted hover:text-text"
                      >
                        {label}
                        {order === column && (isDescending ? " ↓" : " ↑")}
                      </button>
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {found.data.metrics.map((metric) => (
                  <MetricRow key={metric.key} metric={metric} />
                ))}
              </tbody>
            </table>
          </div>
          {found.data.total === 0 && <Remark>No metric has “{wanted}” in its name.</Remark>}
          {found.data.total > METRICS_A_PAGE && (
            <Pages page={page} total={found.data.total} onPage={setPage} />
          )}
        </>
      )}
    </Section>
  );
}

function MetricRow({ metric }: { metric: RunMetric }) {
  const { summary, odd } = metric;
  const shown = (field: "value" | "min" | "max") => {
    const word = odd[field];
    return word ? ODD[word] : number(summary[field]);
  };
  const cell = "px-3 py-0.5 text-right whitespace-nowrap tabular-nums";
  return (
    <tr className="border-t border-line hover:bg-raised">
      <td className="px-3 py-0.5 break-all">{metric.key}</td>
      <td className={`${cell} font-medium`} title={String(summary.value)}>
        {shown("value")}
      </td>
      <td className={cell} title={String(summary.min)}>
        {shown("min")}
      </td>
      <td className={cell} title={String(summary.max)}>
        {shown("max")}
      </td>
      <td className={cell} title={when(summary.timestamp)}>
        {summary.step.toLocaleString("en")}
      </td>
      <td className={`${cell} text-muted`}>{summary.count.toLocaleString("en")}</td>
    </tr>
  );
}

function Pages(props: { page: number; total: number; onPage: (page: number) => void }) {
  const { page, total, onPage } = props;
  const last = Math.ceil(total / METRICS_A_PAGE) - 1;
  const first = page * METRICS_A_PAGE;
  return (
    <div className="flex items-center gap-2 border-t border-line px-3 py-1 text-muted">
      {(first + 1).toLocaleString("en")} to{" "}
      {Math.min(total, first + METRICS_A_PAGE).toLocaleString("en")} of {total.toLocaleString("en")}
      <Button className="ml-auto" disabled={page === 0} onClick={() => onPage(page - 1)}>
        Back
      </Button>
      <Button disabled={page >= last} onClick={() => onPage(page + 1)}>
        On
      </Button>
    </div>
  );
}
