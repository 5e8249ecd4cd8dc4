/** SQL that finds what a list shows. */

import { send } from "./call";
import type { TraceWant } from "./traces";

/** The runs of a grid. */
export interface RunsWanted {
  experiments: readonly string[];
  filter: string;
  order: readonly string[];
  group: readonly string[];
  view: string;
  columns: readonly string[];
}

/** SQL that finds the runs of a grid, in its order and with its columns. */
export async function askRunsSql(wanted: RunsWanted): Promise<string> {
  return (await send("post", "/api/v1/runs/window/sql", { body: wanted })).sql;
}

/** SQL that finds the traces of a list in that order. */
export async function askTracesSql(want: TraceWant, order: string): Promise<string> {
  return (await send("post", "/api/v1/traces/window/sql", { body: { ...want, order } })).sql;
}
