/** One run as the native protocol tells it: what is asked, how long it holds, what makes it new. */

import { keepPreviousData, queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

import { getJson, sendJson } from "../../api/client";
import type { LineageNode } from "../../api/lineage";
import { useTicks } from "../../api/live";

export interface Run {
  run_id: string;
  experiment_id: string;
  parent_run_id: string | null;
  kind: string;
  name: string | null;
  status: string;
  lifecycle: string;
  started_at: string | null;
  ended_at: string | null;
  heartbeat_at: string | null;
  created_by: string | null;
  params: Record<string, string>;
  tags: Record<string, string>;
  source: Source | null;
  notes: string | null;
  group_name: string | null;
  repeats: string | null;
  seeds: Record<string, string>;
  deleted_at: string | null;
  updated_at: string | null;
}

interface Source {
  entrypoint: string | null;
  git_remote: string | null;
  git_commit: string | null;
  git_dirty: boolean | null;
  host: string | null;
  python: string | null;
  pid: number | null;
}

export interface ChildRun {
  run_id: string;
  name: string | null;
  status: string;
  started_at: string | null;
  ended_at: string | null;
  kind: string;
}

export interface RunPageData {
  run: Run;
  experiment: string | null;
  metrics: number;
  children: ChildRun[];
  children_total: number;
}

export type MetricOrder = "key" | "last" | "min" | "max" | "count" | "step";

export interface RunMetric {
  key: string;
  summary: {
    step: number;
    timestamp: string;
    value: number | null;
    min: number | null;
    max: number | null;
    count: number;
  };
  odd: Record<string, "nan" | "inf" | "-inf">;
}

export interface Repeat {
  run_id: string;
  experiment_id: string;
  name: string | null;
  status: string | null;
  at_us: number | null;
  verdict: string | null;
  metrics: string | null;
  difference: string | null;
}

export interface LineageGraph {
  root: string;
  nodes: LineageNode[];
  edges: { source: string; target: string; context: string | null }[];
  left_out: Record<string, number>;
}

export interface RunEvent {
  at_us: number;
  kind: string;
  what: string;
  label: string | null;
  who: string | null;
  count: number;
  bytes: number | null;
  context: string | null;
}

export interface CodePage {
  git: {
    remote: string | null;
    commit: string | null;
    branch: string | null;
    is_dirty: boolean | null;
  };
  command: {
    entrypoint: string | null;
    is_module: boolean | null;
    arguments: string[] | null;
    folder: string | null;
  } | null;
  kind: string | null;
  files: CodeFile[];
  deleted: string[];
  left_out: { path: string; reason: string; size: number | null; detail: string | null }[];
  has_diff: boolean;
  problem: string | null;
}

export interface CodeFile {
  path: string;
  size: number;
  is_executable: boolean;
  link: string | null;
}

export interface CodeText {
  text: string | null;
  size: number;
  is_cut: boolean;
  problem: string | null;
}

export interface Distribution {
  name: string;
  version: string;
  url?: string;
  commit?: string;
  vcs?: string;
  is_editable?: boolean;
  local?: string;
}

/** Values that are the usual ones are left out by the server. */
export interface Environment {
  python: string;
  implementation?: string;
  build?: string;
  options?: string[];
  path?: string[];
  platform?: string;
  system?: string;
  machine?: string;
  cpu?: string;
  cuda?: string;
  driver?: string;
  gpus?: string[];
  distributions?: Distribution[];
  variables?: Record<string, string>;
  mere?: string;
}

export interface RunEnvironment {
  environment: Environment | null;
  digest: string | null;
  problem: string | null;
}

const at = (run: string) => `/api/v1/runs/${encodeURIComponent(run)}`;

/** What changes while the run does is behind `["run", id]`: a tick asks for all of it anew. */
export function runPage(run: string) {
  return queryOptions({
    queryKey: ["run", run, "page"],
    queryFn: ({ signal }) => getJson<RunPageData>(at(run), {}, signal),
    staleTime: 5_000,
  });
}

export function useRun(run: string) {
  return useQuery(runPage(run));
}

export function useRunTicks(run: string): void {
  const client = useQueryClient();
  const act = useCallback(
    () => void client.invalidateQueries({ queryKey: ["run", run] }),
    [client, run],
  );
  useTicks([`run:${run}`], act);
}

export const METRICS_A_PAGE = 200;

export interface MetricsWanted {
  search: string;
  order: MetricOrder;
  isDescending: boolean;
  page: number;
}

export function useRunMetrics(run: string, wanted: MetricsWanted) {
  return useQuery({
    queryKey: ["run", run, "metrics", wanted],
    queryFn: ({ signal }) =>
      getJson<{ metrics: RunMetric[]; total: number }>(
        `${at(run)}/metrics/list`,
        {
          search: wanted.search,
          order: wanted.order,
          is_descending: wanted.isDescending,
          offset: wanted.page * METRICS_A_PAGE,
          limit: METRICS_A_PAGE,
        },
        signal,
      ),
    placeholderData: keepPreviousData,
    staleTime: 5_000,
  });
}

export function useRepeats(run: string) {
  return useQuery({
    queryKey: ["run", run, "repeats"],
    queryFn: async ({ signal }) =>
      (await getJson<{ repeats: Repeat[] }>(`${at(run)}/repeats`, {}, signal)).repeats,
    staleTime: 5_000,
  });
}

export function useLineage(run: string) {
  return useQuery({
    queryKey: ["run", run, "lineage"],
    queryFn: ({ signal }) => getJson<LineageGraph>(`${at(run)}/lineage`, {}, signal),
    staleTime: 5_000,
  });
}

export function useActivity(run: string) {
  return useQuery({
    queryKey: ["run", run, "activity"],
    queryFn: async ({ signal }) =>
      (await getJson<{ events: RunEvent[] }>(`${at(run)}/activity`, {}, signal)).events,
    staleTime: 5_000,
  });
}

/** Code and environment may be told some seconds late, and never change after that. */
export function useCode(run: string) {
  return useQuery({
    queryKey: ["runCode", run],
    queryFn: ({ signal }) => getJson<CodePage>(`${at(run)}/code`, {}, signal),
    staleTime: (query) => (query.state.data?.problem ? 5_000 : Infinity),
  });
}

export function useCodeText(run: string, path: string | null) {
  const tail = path === null ? "/code/diff" : "/code/file";
  return useQuery({
    queryKey: ["runCode", run, "text", path],
    queryFn: ({ signal }) =>
      getJson<CodeText>(at(run) + tail, path === null ? {} : { path }, signal),
    staleTime: Infinity,
  });
}

export function useEnvironment(run: string) {
  return useQuery({
    queryKey: ["runEnvironment", run],
    queryFn: ({ signal }) => getJson<RunEnvironment>(`${at(run)}/environment`, {}, signal),
    staleTime: (query) => (query.state.data?.problem ? 5_000 : Infinity),
  });
}

/** Write notes or a name; refused (409) where the notes are no longer those that were edited. */
export function changeRun(
  run: string,
  change: { name?: string; notes?: string; was?: string },
): Promise<{ name: string | null; notes: string | null }> {
  return sendJson("PATCH", at(run), change);
}

/** Set tags; null removes one. The answer's `undo` takes it back. */
export function changeTags(
  run: string,
  tags: Record<string, string | null>,
): Promise<{ changed: number; undo: string | null }> {
  return sendJson("POST", "/api/v1/runs/changes", { action: "tag", runs: [run], tags });
}

export function undoChange(undo: string): Promise<unknown> {
  return sendJson("POST", `/api/v1/runs/changes/${undo}/undo`);
}
