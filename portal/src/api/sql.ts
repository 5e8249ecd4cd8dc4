/** SQL: one query in, an Arrow table out; and what there is to ask. */

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import type { Table } from "@uwdata/flechette";

import { get, type Schema } from "./call";
import { ApiError, postArrow, postFile } from "./client";

export type SqlTable = Schema<"TableShown">;
export type SqlState = Schema<"StateShown">;

/** So many rows are shown; more are for files. */
export const ROWS_MAX = 10_000;

/** A query, and the state it reads; empty for now. */
export interface Question {
  sql: string;
  asOf: string;
}

export interface SqlResult {
  table: Table;
  /** What cut it, where there is more. */
  cut: "rows" | "bytes" | null;
  /** Of the answer. */
  bytes: number;
  /** How long the server took. */
  seconds: number;
}

/** A problem with a query, and where in it; counted as JavaScript counts characters. */
export interface Problem {
  message: string;
  start: number;
  end: number;
}

const PATH = "/api/v1/sql";
// Nothing is lost: whole numbers of 64 bits and decimals of 128 are told apart to their last digit.
const EXACT = { useBigInt: true, useDate: false, useDecimalInt: true };

function bodyOf({ sql, asOf }: Question) {
  return { query: sql, as_of: asOf || null };
}

export async function runSql(question: Question, signal: AbortSignal): Promise<SqlResult> {
  const body = { ...bodyOf(question), limit: ROWS_MAX };
  const { table, headers, bytes } = await postArrow(PATH, body, signal, EXACT);
  if (table === null) throw new ApiError(200, "unreadable", "the server answered with nothing");
  const cut = table.schema.metadata?.get("cut");
  return {
    table,
    cut: cut === "rows" || cut === "bytes" ? cut : null,
    bytes,
    seconds: tookOf(headers.get("Server-Timing")),
  };
}

function tookOf(timing: string | null): number {
  return Number(/dur=([\d.]+)/.exec(timing ?? "")?.[1] ?? NaN) / 1000;
}

export const FILES = {
  csv: "text/csv",
  parquet: "application/vnd.apache.parquet",
  arrow: "application/vnd.apache.arrow.stream",
} as const;

/** All rows as a file, up to what the server gives at once. */
export function saveSql(question: Question, kind: keyof typeof FILES): Promise<Blob> {
  return postFile(PATH, bodyOf(question), FILES[kind]);
}

/** Where an error says that a query is wrong; null where it says nothing of a place. */
export function problemOf(error: unknown, sql: string): Problem | null {
  if (!(error instanceof ApiError)) return null;
  const { start, end } = error.details;
  if (typeof start !== "number" || typeof end !== "number") return null;
  // The server counts code points, of which some take two of JavaScript's characters.
  const points = [...sql];
  const at = (count: number) => points.slice(0, count).join("").length;
  return { message: error.message, start: at(start), end: Math.max(at(end), at(start) + 1) };
}

export function useSqlTables(asOf: string) {
  return useQuery({
    queryKey: ["sql", "tables", asOf],
    queryFn: async ({ signal }) =>
      (await get("/api/v1/sql/tables", { query: { as_of: asOf || null }, signal })).tables,
    staleTime: 30_000,
  });
}

/** One table of a dataset: its columns are asked for when it is opened. */
export function useSqlTable(table: string, asOf: string, isWanted: boolean) {
  return useQuery({
    queryKey: ["sql", "table", table, asOf],
    enabled: isWanted,
    queryFn: ({ signal }) =>
      get("/api/v1/sql/tables/{table}", {
        path: { table },
        query: { as_of: asOf || null },
        signal,
      }),
    staleTime: 30_000,
  });
}

/** The states that are kept, page by page, the newest first. */
export function useSqlStates(isWanted: boolean) {
  return useInfiniteQuery({
    queryKey: ["sql", "states"],
    enabled: isWanted,
    initialPageParam: null as number | null,
    queryFn: ({ pageParam, signal }) =>
      get("/api/v1/sql/states", { query: { before: pageParam }, signal }),
    getNextPageParam: (page) => page.before,
    staleTime: 10_000,
  });
}
