/** Datasets as the native protocol tells them: found, looked into, compared, described. */

import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

import { getJson, sendJson, url } from "./client";
import { useTicks } from "./live";

export type DatasetKind = "table" | "files" | "reference";

/** What all that is told of a version has. */
export interface DatasetFacts {
  dataset_id: string;
  version: number;
  kind: DatasetKind;
  rows: number | null;
  files: number | null;
  bytes: number | null;
  tags: Record<string, string>;
  created_by: string | null;
}

export interface DatasetSummary extends DatasetFacts {
  name: string;
  versions: number;
  written_at: string | null;
  used_at: string | null;
  runs: number;
}

export interface VersionRow extends DatasetFacts {
  digest: string | null;
  run_id: string | null;
  created_at: string | null;
  lifecycle: string;
}

export interface SchemaColumn {
  name: string;
  type: string;
  nullable: boolean;
}

type Value = string | number | boolean | null;

/** What a column holds; what its type does not have is left out. */
export interface ColumnProfile {
  name: string;
  type: string;
  nulls: number;
  distinct?: number;
  min?: Value;
  max?: Value;
  mean?: number | null;
  std?: number | null;
  quantiles?: Record<string, Value>;
  histogram?: { low: Value; high: Value; counts: number[] };
  top?: [Value, number][];
  nans?: number;
  infinite?: number;
  true?: number;
  length_max?: number;
}

export interface Profile {
  rows: number;
  sample_rows?: number;
  columns_left_out?: number;
  columns: ColumnProfile[];
}

export interface Dataset extends DatasetFacts {
  name: string;
  digest: string | null;
  source_type: string | null;
  source: string | null;
  table_name: string | null;
  snapshot_id: string | null;
  run_id: string | null;
  experiment_id: string | null;
  lifecycle: string;
  created_at: string | null;
  columns: SchemaColumn[];
  profile: Profile | null;
  other: Record<string, unknown>;
  previous: number | null;
  next: number | null;
}

export interface DatasetCard {
  name: string;
  notes: string | null;
  changed_by: string | null;
  changed_at: string | null;
}

export interface UsageRun {
  run_id: string;
  name: string | null;
  status: string | null;
  experiment_id: string | null;
  experiment: string | null;
  direction: "read" | "write";
  context: string | null;
  version: number | null;
  logged_at: string | null;
}

export interface Usage {
  runs: UsageRun[];
  runs_total: number;
  models: { name: string; version: number; aliases: string[]; live: string[] }[];
  models_total: number;
}

export interface RowWindow {
  columns: string[];
  types: string[];
  rows: unknown[][];
  offset: number;
  total: number;
  problem: string | null;
}

export interface DatasetFile {
  path: string;
  size: number;
  digest: string;
}

export interface DatasetDiff {
  before: string;
  after: string;
  is_same: boolean;
  columns_added: SchemaColumn[];
  columns_removed: SchemaColumn[];
  columns_changed: { name: string; before: SchemaColumn; after: SchemaColumn }[];
  rows: {
    before: number;
    after: number;
    added: number;
    removed: number;
    columns: string[];
    added_sample: { row: Record<string, unknown>; count: number }[];
    removed_sample: { row: Record<string, unknown>; count: number }[];
  } | null;
  files: {
    added: DatasetFile[];
    removed: DatasetFile[];
    changed: { path: string; before: DatasetFile; after: DatasetFile }[];
    unchanged: number;
    bytes_added: number;
    bytes_removed: number;
    bytes_unchanged: number;
  } | null;
}

const NAMES = "/api/v1/datasets";
const at = (id: string) => `/api/v1/dataset-versions/${encodeURIComponent(id)}`;

/** Ask anew for what is shown of datasets whenever one is written, described or used. */
export function useDatasetTicks(): void {
  const client = useQueryClient();
  const act = useCallback(
    () => void client.invalidateQueries({ queryKey: ["datasets"] }),
    [client],
  );
  useTicks(["datasets"], act);
}

export interface SearchWanted {
  text: string;
  order: string;
  is_descending: boolean;
}

export function askDatasets(
  wanted: SearchWanted,
  offset: number,
  limit: number,
  signal: AbortSignal,
): Promise<{ datasets: DatasetSummary[]; total: number }> {
  return getJson(NAMES, { ...wanted, offset, limit }, signal);
}

export function useCard(name: string) {
  return useQuery({
    queryKey: ["datasets", "card", name],
    queryFn: ({ signal }) => getJson<DatasetCard>(`${NAMES}/card`, { name }, signal),
    staleTime: 5_000,
  });
}

/** Write notes; refused (409) where the notes are no longer those that were edited. */
export function changeCard(name: string, notes: string, was: string): Promise<DatasetCard> {
  return sendJson("PATCH", `${NAMES}/card`, { name, notes, was });
}

export function askVersions(
  name: string,
  offset: number,
  limit: number,
  signal: AbortSignal,
): Promise<{ versions: VersionRow[]; total: number }> {
  return getJson(`${NAMES}/versions`, { name, offset, limit }, signal);
}

/** A version by name and number; the newest where no number is given. */
export function useVersion(name: string, version?: string) {
  return useQuery({
    queryKey: ["datasets", "version", name, version ?? "newest"],
    queryFn: ({ signal }) => getJson<Dataset>(`${NAMES}/version`, { name, version }, signal),
    staleTime: 5_000,
  });
}

/** Who used all versions of a dataset, or one of them. */
export function useUsage(of: { name: string } | { dataset_id: string }, limit = 100) {
  return useQuery({
    queryKey: ["datasets", "usage", of, limit],
    queryFn: ({ signal }) => getJson<Usage>(`${NAMES}/usage`, { ...of, limit }, signal),
    placeholderData: keepPreviousData,
    staleTime: 5_000,
  });
}

export function changeVersionTags(
  id: string,
  tags: Record<string, string | null>,
): Promise<Dataset> {
  return sendJson("PATCH", at(id), { tags });
}

export function deleteVersion(id: string): Promise<void> {
  return sendJson("DELETE", at(id));
}

export function restoreVersion(id: string): Promise<void> {
  return sendJson("POST", `${at(id)}/restore`);
}

export function askRows(
  id: string,
  columns: readonly string[],
  offset: number,
  limit: number,
  signal: AbortSignal,
): Promise<RowWindow> {
  return getJson(`${at(id)}/rows`, { column: columns, offset, limit }, signal);
}

export function valueUrl(id: string, row: number, column: string): string {
  return url(`${at(id)}/value`, { row, column });
}

export function fileAddress(id: string, path: string, isInline: boolean): string {
  return url(`${at(id)}/file`, { path, inline: isInline || undefined });
}

export function askFiles(
  id: string,
  text: string,
  offset: number,
  limit: number,
  signal: AbortSignal,
): Promise<{ files: DatasetFile[]; total: number; bytes: number }> {
  return getJson(`${at(id)}/files`, { text, offset, limit }, signal);
}

export function useDiff(before: string | undefined, after: string) {
  return useQuery({
    queryKey: ["datasetDiff", before, after],
    queryFn: ({ signal }) => getJson<DatasetDiff>(`${at(after)}/diff`, { before }, signal),
    enabled: before !== undefined,
    staleTime: Infinity,
  });
}
