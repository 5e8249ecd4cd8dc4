/** Evaluation datasets as the native protocol tells them: found, looked through, changed. */

import { queryOptions } from "@tanstack/react-query";

import { get, send, type Schema } from "./call";

export type EvaluationDataset = Schema<"EvaluationDataset">;
export type EvaluationRecord = Schema<"EvaluationRecord">;
export type EvaluationRecordRow = Schema<"EvaluationRecordRow">;

/** What some of a list are wanted by. */
export interface Wanted {
  text: string;
  order: string;
  is_descending: boolean;
}

const NAMED_MAX = 1_000;
const ONE = "/api/v1/evaluation-datasets/{dataset_id}";

/** All that is asked of evaluation datasets; ticks of datasets ask for it anew. */
const KEY = ["datasets", "evaluation"] as const;

export const evaluationDatasetsKey = (wanted: Wanted) => [...KEY, "search", wanted];
export const evaluationRecordsKey = (dataset_id: string, wanted: Wanted) => [
  ...KEY,
  dataset_id,
  "records",
  wanted,
];

export function askEvaluationDatasets(
  wanted: Wanted,
  offset: number,
  limit: number,
  signal: AbortSignal,
) {
  return get("/api/v1/evaluation-datasets", { query: { ...wanted, offset, limit }, signal });
}

/** Those that something may be added to, by name. */
export const evaluationDatasetsNamed = queryOptions({
  queryKey: [...KEY, "named"],
  queryFn: async ({ signal }) => {
    const query = { order: "name", is_descending: false, limit: NAMED_MAX };
    return (await get("/api/v1/evaluation-datasets", { query, signal })).datasets;
  },
});

export const evaluationDatasetAsked = (dataset_id: string) =>
  queryOptions({
    queryKey: [...KEY, dataset_id],
    queryFn: ({ signal }) => get(ONE, { path: { dataset_id }, signal }),
    staleTime: 5_000,
  });

export function createEvaluationDataset(name: string, experiment_ids: readonly string[]) {
  return send("post", "/api/v1/evaluation-datasets", { body: { name, experiment_ids } });
}

export function changeEvaluationDataset(
  dataset_id: string,
  change: { tags?: Record<string, string | null>; experiments?: Record<string, boolean> },
) {
  return send("patch", ONE, { path: { dataset_id }, body: change });
}

export function deleteEvaluationDataset(dataset_id: string) {
  return send("delete", ONE, { path: { dataset_id } });
}

export function askEvaluationRecords(
  dataset_id: string,
  wanted: Wanted,
  offset: number,
  limit: number,
  signal: AbortSignal,
) {
  const query = { ...wanted, offset, limit };
  return get(`${ONE}/records`, { path: { dataset_id }, query, signal });
}

export const evaluationRecordAsked = (dataset_id: string, record_id: string) =>
  queryOptions({
    queryKey: [...KEY, dataset_id, "record", record_id],
    queryFn: ({ signal }) =>
      get(`${ONE}/records/{record_id}`, { path: { dataset_id, record_id }, signal }),
    staleTime: 5_000,
  });

export function removeEvaluationRecords(dataset_id: string, records: readonly string[]) {
  return send("post", `${ONE}/records/remove`, { path: { dataset_id }, body: { records } });
}
