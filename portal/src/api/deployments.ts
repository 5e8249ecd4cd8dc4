/** Deployments: what runs where, since when, and what ran there before. */

import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { get, send, type Schema } from "./call";

export type Deployment = Schema<"Deployment">;
export type DeploymentRow = Schema<"DeploymentRow">;
export type DeploymentWindow = Schema<"DeploymentWindow">;
export type DeploymentMatrix = Schema<"DeploymentMatrix">;
export type DatasetUse = Schema<"DatasetUse">;
export type NewDeployment = Schema<"NewDeployment">;

/** Everything but the window itself; see the server's `DeploymentsWanted`. */
export interface DeploymentsWanted {
  search?: string;
  environment?: string;
  application?: string;
  model?: string;
  version?: number | null;
  state?: string;
  concern?: string;
  day?: string | null;
  order?: string;
  is_descending?: boolean;
}

export function askDeployments(
  wanted: DeploymentsWanted,
  offset: number,
  limit: number,
  signal?: AbortSignal,
) {
  return get("/api/v1/deployments/window", { query: { ...wanted, offset, limit }, signal });
}

export function useMatrix(wanted: DeploymentsWanted, offset: number, limit: number) {
  return useQuery({
    queryKey: ["models", "deployment matrix", wanted, offset, limit],
    queryFn: ({ signal }) =>
      get("/api/v1/deployments/matrix", { query: { ...wanted, offset, limit }, signal }),
    placeholderData: keepPreviousData,
    staleTime: 5_000,
  });
}

export function useUses(dataset: string, day: string) {
  return useQuery({
    queryKey: ["models", "dataset uses", dataset, day],
    queryFn: async ({ signal }) =>
      (await get("/api/v1/deployments/uses", { query: { dataset, day: day || null }, signal }))
        .uses,
    enabled: dataset !== "",
    staleTime: 5_000,
  });
}

export const deploy = (
  body: Partial<NewDeployment> &
    Pick<NewDeployment, "model" | "version" | "environment" | "application">,
) => send("post", "/api/v1/deployments", { body });

export const retire = (deployment_id: string, reason: string) =>
  send("post", "/api/v1/deployments/{deployment_id}/retire", {
    path: { deployment_id },
    body: { reason: reason || null },
  });
