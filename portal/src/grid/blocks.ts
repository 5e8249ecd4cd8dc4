/** Blocks: 200 rows of the grid as the server sends them, columns of values by their names. */

import { postArrow } from "../api/client";
import type { Value } from "./tree";

export const BLOCK_ROWS = 200;
/** As many columns as the server gives at once. */
export const COLUMNS_MAX = 100;
/** As many rows as the server gives at once. */
const ROWS_MAX = 10_000;
/** As many runs as can be changed at once. */
export const RUNS_MAX = 100_000;

export type View = "active" | "deleted" | "all";

/** Which runs there are, and in which order. */
export interface RowQuery {
  experiments: readonly string[];
  filter: string;
  order: readonly string[];
  group: readonly string[];
  view: View;
}

/** A stretch of the rows behind a path of groups. */
export interface WindowPart {
  path: readonly Value[];
  offset: number;
  limit: number;
  columns: readonly string[];
  since?: string | null;
}

/** What the server answered; `null` instead of one where nothing changed. */
export interface WindowAnswer {
  total: number;
  isGrouped: boolean;
  tag: string;
  rows: number;
  ids: readonly string[];
  values: ReadonlyMap<string, ArrayLike<unknown>>;
}

export type Ask = (
  query: RowQuery,
  part: WindowPart,
  signal?: AbortSignal,
) => Promise<WindowAnswer | null>;

/** Rows that are kept. A block is never changed: what is new makes another one. */
export interface Block {
  rows: number;
  ids: readonly string[];
  values: ReadonlyMap<string, ArrayLike<unknown>>;
  /** The columns that were asked for: groups have values for few of them. */
  asked: ReadonlySet<string>;
  /** What to pass as `since` if exactly the columns `tagged` are asked for again. */
  tag: string;
  tagged: string;
}

/** Ask the server for a window. */
export const askWindow: Ask = async (query, part, signal) => {
  const { table, headers } = await postArrow("/api/v1/runs/window", { ...query, ...part }, signal);
  if (table === null) return null;
  const said = table.schema.metadata?.get("window") ?? headers.get("Mere-Window") ?? "{}";
  const about = JSON.parse(said) as { total: number; is_grouped: boolean; tag: string };
  const values = new Map<string, ArrayLike<unknown>>();
  for (const [index, name] of table.names.entries())
    values.set(String(name), table.getChildAt(index).toArray() as ArrayLike<unknown>);
  const ids = about.is_grouped ? [] : Array.from(values.get("run_id") ?? [], String);
  return {
    total: about.total,
    isGrouped: about.is_grouped,
    tag: about.tag,
    rows: table.numRows,
    ids,
    values,
  };
};

export function blockOf(answer: WindowAnswer, columns: readonly string[]): Block {
  return {
    rows: answer.rows,
    ids: answer.ids,
    values: answer.values,
    asked: new Set(columns),
    tag: answer.tag,
    tagged: columns.join("\n"),
  };
}

/** A block with more columns; null where the rows are not the same ones any more. */
export function widened(
  block: Block,
  answer: WindowAnswer,
  columns: readonly string[],
): Block | null {
  if (block.rows !== answer.rows) return null;
  if (block.ids.some((id, index) => id !== answer.ids[index])) return null;
  const [before, after] = [block.values.get("value"), answer.values.get("value")];
  for (let index = 0; index < (before?.length ?? 0); index += 1)
    if (before?.[index] !== after?.[index]) return null;
  return {
    rows: block.rows,
    ids: block.ids,
    values: new Map([...block.values, ...answer.values]),
    asked: new Set([...block.asked, ...columns]),
    tag: "",
    tagged: "",
  };
}

/** The ids of all runs behind a path, or of a stretch of them; at most `RUNS_MAX`. */
export async function askIds(
  ask: Ask,
  query: RowQuery,
  path: readonly Value[],
  first = 0,
  last = RUNS_MAX - 1,
): Promise<string[]> {
  const ids: string[] = [];
  const flat = { ...query, group: query.group.slice(0, path.length) };
  let offset = first;
  while (offset <= last && ids.length < RUNS_MAX) {
    const limit = Math.min(ROWS_MAX, last - offset + 1);
    const answer = await ask(flat, { path, offset, limit, columns: [] });
    ids.push(...(answer?.ids ?? []));
    offset += limit;
    if (answer === null || offset >= answer.total) break;
  }
  return ids;
}
