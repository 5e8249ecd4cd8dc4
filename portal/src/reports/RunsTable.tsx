/** The runs of a panel as a table. */

import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { CellValue } from "../grid/cells";
import { isNumeric, labelOf, read } from "../grid/columns";
import type { Cell } from "../panels/data";
import { Button, cx } from "../ui";

const PAGE = 50;

export function RunsTable({
  title,
  experiment,
  columns,
  rows,
}: {
  title: string;
  experiment: string;
  columns: readonly string[];
  rows: readonly Record<string, Cell>[];
}) {
  const [shown, setShown] = useState(PAGE);
  const [now] = useState(Date.now);
  const others = columns.filter((name) => name !== "name");
  const side = (name: string) => isNumeric(read(name).kind) && "text-right";
  if (rows.length === 0)
    return <p className="p-4 text-muted">No run matches; those that did may have been deleted.</p>;
  return (
    <div tabIndex={0} role="group" aria-label={title} className="max-h-96 overflow-auto">
      <table className="w-full tabular-nums">
        <thead className="sticky top-0 bg-panel text-left text-muted">
          <tr>
            <th scope="col" className="border-b border-line px-2 py-1 font-medium">
              Run
            </th>
            {others.map((name) => (
              <th
                key={name}
                scope="col"
                className={cx("border-b border-line px-2 font-medium", side(name))}
              >
                {labelOf(name)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, shown).map((row) => (
            <tr key={String(row["run_id"])} className="border-b border-line last:border-0">
              <th scope="row" className="max-w-64 truncate px-2 py-0.5 text-left font-normal">
                <Link
                  to="/p/$experiment/runs/$run"
                  params={{ experiment, run: String(row["run_id"]) }}
                  className="text-accent hover:underline"
                >
                  {row["name"] || String(row["run_id"]).slice(0, 8)}
                </Link>
              </th>
              {others.map((name) => (
                <td key={name} className={cx("max-w-64 truncate px-2", side(name))}>
                  <CellValue kind={read(name).kind} value={row[name]} now={now} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > shown && (
        <Button look="quiet" onClick={() => setShown((many) => many + PAGE)}>
          Show more
        </Button>
      )}
    </div>
  );
}
