/** Comparing runs: which ones, windows of sheets of keys by runs, and what explains a metric. */

import { keepPreviousData, queryOptions, useQueries, useQuery } from "@tanstack/react-query";

import { get, send, type Schema } from "./call";
import { postFile } from "./client";

export type Family = Schema<"Family">;
export type ComparedRun = Schema<"ComparedRun">;
export type ComparedRuns = Schema<"ComparedRuns">;
export type SheetRow = Schema<"SheetRow">;
export type SheetPage = Schema<"SheetPage">;
export type Factor = Schema<"Factor">;
export type MediaKey = Schema<"MediaKey">;
export type Medium = Schema<"Medium">;
export type Cell = string | number | null;

/** Which runs; see `RunsWanted` of the API. */
export interface RunsWanted {
  runs?: readonly string[];
  experiments?: readonly string[];
  filter?: string;
  order?: readonly string[];
  view?: "active" | "deleted";
  /** As they were picked by an earlier answer. */
  tag?: string;
}

export type Take = "last" | "min" | "max" | "mean";

/** Which rows of a sheet, without the window of it. */
export interface RowsWanted {
  is_all: boolean;
  search: string;
  ignore: readonly string[];
  order: "key" | "effect" | "differences";
  is_tree: boolean;
  closed: readonly string[];
  baseline: string | null;
  take: Take;
  less: readonly string[];
  more: readonly string[];
}

export interface Target {
  metric: string;
  take: "last" | "min" | "max";
  less: boolean;
}

/** So many rows and columns are asked for at once. */
export const BLOCK_ROWS = 60;
export const BLOCK_COLUMNS = 40;
const HEADS = 500;

/** What is compared does not change by itself: a button asks for it anew. */
const FOREVER = { staleTime: Infinity, gcTime: 300_000 } as const;

/** All that this page asked is behind this key. */
export const COMPARED = "compare";

/** The heads of the runs, and the tag under which all windows are of the same runs. */
export function comparedRuns(of: RunsWanted | null) {
  return queryOptions({
    queryKey: [COMPARED, "runs", of],
    queryFn: ({ signal }) =>
      send("post", "/api/v1/compare/runs", { body: { of: of ?? {}, limit: HEADS }, signal }),
    ...FOREVER,
  });
}

export function useCompared(of: RunsWanted | null) {
  return useQuery({
    ...comparedRuns(of),
    enabled: of !== null,
    placeholderData: keepPreviousData,
  });
}

/** The page of heads that a column's is on. */
export const headPage = (column: number) => Math.floor(column / HEADS);

/** Heads of runs beyond the first ones, by the pages that are in sight. */
export function useMoreHeads(of: RunsWanted, total: number, from: number, to: number) {
  const pages: number[] = [];
  for (let page = from; page <= to; page++) if (page > 0 && page * HEADS < total) pages.push(page);
  const found = useQueries({
    queries: pages.map((page) => ({
      queryKey: [COMPARED, "heads", of, page],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        send("post", "/api/v1/compare/runs", {
          body: { of, offset: page * HEADS, limit: HEADS },
          signal,
        }),
      ...FOREVER,
    })),
  });
  return (index: number): ComparedRun | undefined =>
    found[pages.indexOf(headPage(index))]?.data?.runs[index % HEADS];
}

/** How many points the runs have by now. */
export async function countPoints(of: RunsWanted, signal?: AbortSignal): Promise<number> {
  return (await send("post", "/api/v1/compare/points", { body: { of }, signal })).points;
}

export interface SheetAsked {
  of: RunsWanted;
  family: Family;
  rows: RowsWanted;
  target: Target;
}

/** A window of a sheet. */
export function askSheet(
  { of, family, rows, target }: SheetAsked,
  window: {
    offset: number;
    limit: number;
    column_offset: number;
    column_limit: number;
    chars?: number;
  },
  signal?: AbortSignal,
): Promise<SheetPage> {
  return send("post", "/api/v1/compare/sheet", {
    body: { of, family, rows: { ...rows, ...window }, target },
    signal,
  });
}

/** The whole sheet for a spreadsheet. */
export function exportSheet({ of, family, rows, target }: SheetAsked): Promise<Blob> {
  return postFile("/api/v1/compare/csv", { of, family, rows, target }, "text/csv");
}

export function useWhy(of: RunsWanted, target: Target, ignore: readonly string[]) {
  return useQuery({
    queryKey: [COMPARED, "why", of, target, ignore],
    enabled: target.metric !== "",
    queryFn: ({ signal }) =>
      send("post", "/api/v1/compare/why", { body: { of, target, ignore }, signal }),
    placeholderData: keepPreviousData,
    ...FOREVER,
  });
}

export function useCodeDiff(first: string, second: string) {
  return useQuery({
    queryKey: [COMPARED, "code", first, second],
    enabled: first !== "" && second !== "" && first !== second,
    queryFn: ({ signal }) => get("/api/v1/compare/code", { query: { first, second }, signal }),
    ...FOREVER,
  });
}

export function useMediaNames(of: RunsWanted, search: string) {
  return useQuery({
    queryKey: [COMPARED, "media", of, search],
    queryFn: ({ signal }) =>
      send("post", "/api/v1/compare/media", {
        body: { of, media: { search, limit: 500 } },
        signal,
      }),
    placeholderData: keepPreviousData,
    ...FOREVER,
  });
}

export interface MediaAsked {
  name: string;
  step: number | null;
  offset: number;
  limit: number;
}

export function useMedia(of: RunsWanted, media: MediaAsked) {
  return useQuery({
    queryKey: [COMPARED, "media", of, "files", media],
    enabled: media.name !== "",
    queryFn: ({ signal }) => send("post", "/api/v1/compare/media", { body: { of, media }, signal }),
    placeholderData: keepPreviousData,
    ...FOREVER,
  });
}
