/** Experiments as the native protocol tells them. */

import { useQuery } from "@tanstack/react-query";

import { getJson } from "./client";

export interface Experiment {
  experiment_id: string;
  name: string;
  lifecycle: string;
  tags: Record<string, string>;
  created_by: string | null;
  created_at: string | null;
  runs: number;
  last_run_at: string | null;
}

export function useExperiments() {
  return useQuery({
    queryKey: ["experiments"],
    queryFn: async ({ signal }) =>
      (await getJson<{ experiments: Experiment[] }>("/api/v1/experiments", {}, signal)).experiments,
    staleTime: 10_000,
  });
}
