/** Experiments as the native protocol tells them. */

import { useQuery } from "@tanstack/react-query";

import { get, type Schema } from "./call";

export type Experiment = Schema<"ExperimentEntry">;

export function useExperiments() {
  return useQuery({
    queryKey: ["experiments"],
    queryFn: async ({ signal }) => (await get("/api/v1/experiments", { signal })).experiments,
    staleTime: 10_000,
  });
}
