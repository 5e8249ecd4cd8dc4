/** Registered models and their versions: what is asked, and how they are changed. */

import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

import { get, send, type Schema } from "./call";
import { useTicks } from "./live";

export type ModelSummary = Schema<"ModelSummary">;
export type Model = Schema<"RegisteredModel">;
export type Version = Schema<"ModelVersion">;
export type VersionRow = Schema<"ModelVersionRow">;
export type VersionWindow = Schema<"ModelVersionWindow">;
export type VersionDetail = Schema<"VersionDetail">;
export type ModelEvent = Schema<"ModelEvent">;
export type Comparison = Schema<"Comparison">;
export type Gate = Schema<"Gate">;
export type GateResult = Schema<"GateResult">;
export type Review = Schema<"Review">;
export type Change = Schema<"ModelChange">;

export interface ModelsWanted {
  search: string;
  review: string;
  live: string;
  order: string;
  is_descending: boolean;
}

export interface VersionsWanted {
  search: string;
  metric: string[];
  order: string;
  is_descending: boolean;
}

/** A version is named by its model and its number. */
export interface VersionKey {
  name: string;
  version: string;
}

export function askModels(
  wanted: ModelsWanted,
  offset: number,
  limit: number,
  signal?: AbortSignal,
) {
  return get("/api/v1/model-catalogue", { query: { ...wanted, offset, limit }, signal });
}

export function askVersions(
  name: string,
  wanted: VersionsWanted,
  offset: number,
  limit: number,
  signal?: AbortSignal,
) {
  return get("/api/v1/models/{name}/version-window", {
    path: { name },
    query: { ...wanted, offset, limit },
    signal,
  });
}

export function useModel(name: string) {
  return useQuery({
    queryKey: ["models", name, "model"],
    queryFn: ({ signal }) => get("/api/v1/models/{name}", { path: { name }, signal }),
    staleTime: 5_000,
  });
}

export function useVersion({ name, version }: VersionKey) {
  return useQuery({
    queryKey: ["models", name, "version", version],
    queryFn: ({ signal }) =>
      get("/api/v1/models/{name}/versions/{version}", { path: { name, version }, signal }),
    staleTime: 5_000,
  });
}

export function useHistory(name: string, version: number | undefined, limit: number) {
  return useQuery({
    queryKey: ["models", name, "history", version, limit],
    queryFn: ({ signal }) =>
      get("/api/v1/models/{name}/history", {
        path: { name },
        query: { version: version ?? null, limit },
        signal,
      }),
    placeholderData: keepPreviousData,
    staleTime: 5_000,
  });
}

export function useComparison({ name, version }: VersionKey, base: string) {
  return useQuery({
    queryKey: ["models", name, "comparison", version, base],
    queryFn: ({ signal }) =>
      get("/api/v1/models/{name}/versions/{version}/comparison", {
        path: { name, version },
        query: { base },
        signal,
      }),
    enabled: base !== "",
    staleTime: 5_000,
  });
}

export function useGates(name: string) {
  return useQuery({
    queryKey: ["models", name, "gates"],
    queryFn: ({ signal }) => get("/api/v1/models/{name}/gates", { path: { name }, signal }),
    staleTime: 5_000,
  });
}

/** What the gates before an alias say of a version; nothing is moved. */
export function useGateCheck({ name, version }: VersionKey, alias: string) {
  return useQuery({
    queryKey: ["models", name, "gate check", version, alias],
    queryFn: async ({ signal }) =>
      (
        await get("/api/v1/models/{name}/versions/{version}/gates/{alias}", {
          path: { name, version, alias },
          signal,
        })
      ).gates,
    enabled: version !== "" && alias !== "",
    retry: false,
  });
}

/** All that is shown of the registry is behind `["models"]`: a tick asks for it anew. */
export function useModelTicks(): void {
  const client = useQueryClient();
  const act = useCallback(() => void client.invalidateQueries({ queryKey: ["models"] }), [client]);
  useTicks(["models"], act);
}

export const createModel = (body: Partial<Schema<"NewModel">> & { name: string }) =>
  send("post", "/api/v1/models", { body });

export const changeModel = (name: string, body: Partial<Change>) =>
  send("patch", "/api/v1/models/{name}", { path: { name }, body });

export const deleteModel = (name: string) =>
  send("delete", "/api/v1/models/{name}", { path: { name } });

export const changeVersion = (path: VersionKey, body: Partial<Change>) =>
  send("patch", "/api/v1/models/{name}/versions/{version}", { path, body });

export const deleteVersion = (path: VersionKey) =>
  send("delete", "/api/v1/models/{name}/versions/{version}", { path });

export const moveAlias = (name: string, alias: string, version: number) =>
  send("put", "/api/v1/models/{name}/aliases/{alias}", {
    path: { name, alias },
    body: { version },
  });

export const removeAlias = (name: string, alias: string) =>
  send("delete", "/api/v1/models/{name}/aliases/{alias}", { path: { name, alias } });

export const addReview = (path: VersionKey, state: string, comment: string) =>
  send("post", "/api/v1/models/{name}/versions/{version}/reviews", {
    path,
    body: { state, comment: comment || null },
  });

export const setGate = (
  name: string,
  gate: string,
  body: { condition: string; alias: string | null; description: string | null },
) => send("put", "/api/v1/models/{name}/gates/{gate}", { path: { name, gate }, body });

export const removeGate = (name: string, gate: string) =>
  send("delete", "/api/v1/models/{name}/gates/{gate}", { path: { name, gate } });

export const tryGate = (path: VersionKey, condition: string, alias: string | null) =>
  send("post", "/api/v1/models/{name}/versions/{version}/gate-tests", {
    path,
    body: { condition, alias },
  });
