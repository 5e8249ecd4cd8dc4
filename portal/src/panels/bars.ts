/** Bars of a column: of each run, or the means of groups. */

import type { Cell } from "./data";
import { numeric } from "./scales";

export interface Bar {
  id: string;
  label: string;
  value: number;
  runs: number;
}

/** The bars, greatest first, or in the order of the rows. */
export function barsOf(
  rows: readonly Record<string, Cell>[],
  column: string,
  by: string | undefined,
  isInOrder = false,
): Bar[] {
  const groups = new Map<string, Bar>();
  for (const row of rows) {
    const value = numeric(row[column]);
    if (value === null) continue;
    const id = by ? String(row[by] ?? "none") : String(row["run_id"]);
    const known = groups.get(id);
    if (known) {
      known.value += (value - known.value) / ++known.runs;
    } else groups.set(id, { id, label: by ? id : String(row["name"]), value, runs: 1 });
  }
  const bars = [...groups.values()];
  return isInOrder ? bars : bars.sort((a, b) => b.value - a.value);
}
