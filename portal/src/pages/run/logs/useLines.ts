/** The lines in sight, of a million: blocks that are kept, and asked anew only if they can grow. */

import { useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

import { getJson } from "../../../api/client";
import { useTicks } from "../../../api/live";

export interface LogLine {
  line: number;
  stream: string | null;
  timestamp_us: number | null;
  text: string | null;
}

interface Window {
  lines: LogLine[];
  /** Null where the lines were not counted. */
  total: number | null;
  processes: Record<string, number> | null;
}

export const BLOCK_LINES = 500;
const NO_PROCESSES: Record<string, number> = {};

function windowOf(run: string, process: number, first: number, limit: number, signal: AbortSignal) {
  // To count takes longer than to read a stretch: that is asked for once, of the last line.
  const query = { process, first, limit, is_counted: first < 0 };
  return getJson<Window>(`/api/v1/runs/${run}/console`, query, signal);
}

/** How many lines there are; a tick asks again. */
export function useLogSize(run: string, process: number) {
  const client = useQueryClient();
  const act = useCallback(
    () => void client.invalidateQueries({ queryKey: ["log", run] }),
    [client, run],
  );
  useTicks([`log:${run}`], act);
  const found = useQuery({
    queryKey: ["log", run, "size", process],
    queryFn: ({ signal }) => windowOf(run, process, -1, 1, signal),
    staleTime: 5_000,
  });
  return {
    query: found,
    total: found.data?.total ?? 0,
    processes: found.data?.processes ?? NO_PROCESSES,
  };
}

/** The blocks that a stretch of lines lies in. */
export function blocksOf(first: number, last: number): number[] {
  const from = Math.max(0, Math.floor(first / BLOCK_LINES));
  const to = Math.floor(last / BLOCK_LINES);
  return Array.from({ length: to - from + 1 }, (_, number) => from + number);
}

/** Lines by their number, as far as they have come. */
export function useLines(
  run: string,
  process: number,
  first: number,
  last: number,
  total: number,
): { lines: ReadonlyMap<number, LogLine>; error: unknown } {
  return useQueries({
    queries: (total > 0 ? blocksOf(first, last) : []).map((block) => {
      // A whole block never changes; the last one is another block for each size of the log.
      const known = Math.min(BLOCK_LINES, total - block * BLOCK_LINES);
      return {
        queryKey: ["logBlock", run, process, block, known],
        queryFn: ({ signal }: { signal: AbortSignal }) =>
          windowOf(run, process, block * BLOCK_LINES, known, signal),
        staleTime: Infinity,
        gcTime: 60_000,
        placeholderData: (before: Window | undefined) => before,
      };
    }),
    combine: (results) => {
      const lines = new Map<number, LogLine>();
      for (const one of results)
        for (const line of one.data?.lines ?? []) lines.set(line.line, line);
      return { lines, error: results.find((one) => one.isError)?.error ?? null };
    },
  });
}
