/** Which params go along with a metric, strongest first; in plain figures, named as such. */

import { useMemo } from "react";

import { number } from "../ui/format";
import { keyOf, type Cell } from "./data";
import { importances } from "./importance";

export function ImportanceList({
  rows,
  metric,
  columns,
}: {
  rows: readonly Record<string, Cell>[];
  metric: string;
  columns: readonly string[];
}) {
  const found = useMemo(() => importances(rows, metric, columns), [rows, metric, columns]);
  if (found.length === 0)
    return (
      <p className="p-4 text-muted">
        There is nothing to compare: at least five runs must have the metric and params that differ.
      </p>
    );
  return (
    <div tabIndex={0} className="h-full overflow-auto px-1.5" aria-label="Params by weight">
      <table className="w-full text-xs">
        <thead className="text-left text-muted">
          <tr>
            <th className="font-medium">Param</th>
            <th className="w-1/3 font-medium">Share of variance</th>
            <th className="pl-2 font-medium">How it was reckoned</th>
          </tr>
        </thead>
        <tbody>
          {found.map((one) => (
            <tr key={one.column}>
              <th scope="row" className="max-w-32 truncate pr-2 text-left font-normal">
                {keyOf(one.column)}
              </th>
              <td>
                <span className="flex items-center gap-1.5">
                  <span className="h-3 flex-1 rounded-sm bg-raised">
                    <span
                      className={
                        one.kind === "rank" && (one.correlation ?? 1) < 0
                          ? "block h-full rounded-sm bg-warn"
                          : "block h-full rounded-sm bg-accent"
                      }
                      style={{ width: `${one.weight * 100}%` }}
                    />
                  </span>
                  <span className="w-10 tabular-nums">{Math.round(one.weight * 100)} %</span>
                </span>
              </td>
              <td className="truncate pl-2 text-muted">
                {one.correlation === null
                  ? "variance between its values"
                  : `rank correlation ${number(Number(one.correlation.toFixed(2)))}`}
                , {one.runs.toLocaleString("en")} runs
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
