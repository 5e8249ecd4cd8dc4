/** The rows behind a panel as a table: the alternative to every canvas that shows runs. */

import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { Button, Dialog } from "../ui";
import { count, number } from "../ui/format";
import { keyOf, type Cell } from "./data";

const PAGE = 200;

export function RowsTable({
  title,
  experiment,
  rows,
  columns,
  onClose,
}: {
  title: string;
  experiment: string;
  rows: readonly Record<string, Cell>[];
  columns: readonly string[];
  onClose: () => void;
}) {
  const [shown, setShown] = useState(PAGE);
  return (
    <Dialog title={`${title}: the data`} isOpen onClose={onClose} width="56rem">
      <p className="mb-2 text-muted">{count(rows.length, "run")}</p>
      <table className="w-full tabular-nums">
        <thead className="text-left text-muted">
          <tr className="border-b border-line">
            <th className="py-1 pr-3 font-medium">Run</th>
            {columns.map((column) => (
              <th key={column} className="px-2 font-medium">
                {keyOf(column)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, shown).map((row) => (
            <tr key={String(row["run_id"])} className="border-b border-line last:border-0">
              <th scope="row" className="py-0.5 pr-3 text-left font-normal">
                <Link
                  to="/p/$experiment/runs/$run"
                  params={{ experiment, run: String(row["run_id"]) }}
                  className="hover:underline"
                >
                  {row["name"]}
                </Link>
              </th>
              {columns.map((column) => (
                <td key={column} className="px-2">
                  {cell(row[column])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {shown < rows.length && (
        <Button className="mt-2" onClick={() => setShown(shown + PAGE * 5)}>
          Show more: {(rows.length - shown).toLocaleString("en")} are left
        </Button>
      )}
    </Dialog>
  );
}

export function cell(value: Cell | undefined): string {
  return typeof value === "number" ? number(value) : String(value ?? "");
}
