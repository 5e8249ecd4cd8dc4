/** The names of metrics and params in a page, and how they keep up with what is logged. */

import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useRef } from "react";

import { useTicks } from "../api/live";
import { experimentsOf, keyPages } from "./keys";

export function useKeyPages(
  experiment: string,
  family: "metrics" | "params",
  of: { below?: string; search?: string; run?: string },
  isOn = true,
) {
  return useInfiniteQuery({ ...keyPages(experiment, family, of), enabled: isOn });
}

/** Ask for the keys anew when runs advance, but not more often than the server counts them. */
export function useFreshKeys(experiment: string): void {
  const client = useQueryClient();
  const asked = useRef(0);
  const act = useCallback(() => {
    if (Date.now() - asked.current < 30_000) return;
    asked.current = Date.now();
    void client.invalidateQueries({ queryKey: ["keys", "metrics", experiment] });
  }, [client, experiment]);
  useTicks(
    experimentsOf(experiment).map((id) => `runs:${id}`),
    act,
  );
}
