/** Saved views and short links. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

import { get, send, type Schema } from "./call";
import { useTicks } from "./live";

export type SavedView = Schema<"SavedView">;
export type Visibility = Schema<"Visibility">;

export interface ViewChange {
  name?: string;
  state?: string;
  visibility?: Visibility;
  is_locked?: boolean;
}

const keyOf = (page: string, experiment: string | null) => ["views", page, experiment] as const;

const TOPICS = ["views"];

/** The views of a page that one may see, live. */
export function useViews(page: string, experiment: string | null) {
  useTicks(TOPICS, useFreshViews(page, experiment));
  return useQuery({
    queryKey: keyOf(page, experiment),
    queryFn: async ({ signal }) =>
      (await get("/api/v1/views", { query: { page, experiment }, signal })).views,
    staleTime: 30_000,
  });
}

/** Ask for the views of a page anew. */
export function useFreshViews(page: string, experiment: string | null) {
  const client = useQueryClient();
  return useCallback(
    () => void client.invalidateQueries({ queryKey: keyOf(page, experiment) }),
    [client, page, experiment],
  );
}

export function createView(
  page: string,
  experiment: string | null,
  draft: Required<Pick<ViewChange, "name" | "state" | "visibility">>,
  forkedFrom: string | null = null,
): Promise<SavedView> {
  return send("post", "/api/v1/views", {
    body: { page, experiment, ...draft, forked_from: forkedFrom },
  });
}

/** Refused with `changed_meanwhile` where somebody else was quicker. */
export function changeView(view: SavedView, change: ViewChange): Promise<SavedView> {
  return send("patch", "/api/v1/views/{view_id}", {
    path: { view_id: view.view_id },
    body: { was: view.revision ?? 1, ...change },
  });
}

export async function deleteView(id: string): Promise<void> {
  await send("delete", "/api/v1/views/{view_id}", { path: { view_id: id } });
}

export function restoreView(id: string): Promise<SavedView> {
  return send("post", "/api/v1/views/{view_id}/restore", { path: { view_id: id } });
}

export function starView(id: string, isStarred: boolean): Promise<SavedView> {
  return send("put", "/api/v1/views/{view_id}/star", {
    path: { view_id: id },
    body: { is_starred: isStarred },
  });
}

export function setDefaultView(id: string, isDefault: boolean): Promise<SavedView> {
  return send("put", "/api/v1/views/{view_id}/default", {
    path: { view_id: id },
    body: { is_default: isDefault },
  });
}

/** The short link to an address of the portal. */
export async function makeLink(address: string): Promise<string> {
  return (await send("post", "/api/v1/links", { body: { address } })).link_id;
}

/** The address that a short link stands for. */
export async function resolveLink(id: string, signal: AbortSignal): Promise<string> {
  return (await get("/api/v1/links/{link_id}", { path: { link_id: id }, signal })).address;
}
