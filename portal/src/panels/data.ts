/** What boards ask the server: series, and columns of runs. */

import { useQuery } from "@tanstack/react-query";
import {
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";

import { postArrow, sendJson } from "../api/client";
import { useTicks } from "../api/live";
import { decodeSeries } from "../plot/series";
import { experimentsOf } from "./keys";
import { SeriesLoader, type Ask, type Held, type Wanted } from "./loader";

export const askSeries: Ask = async (body, signal) => {
  const { table, headers } = await postArrow("/api/v1/series", body, signal);
  if (table === null) return { answer: null, cursor: headers.get("Mere-Cursor") ?? "" };
  const answer = decodeSeries(table);
  return { answer, cursor: answer.cursor };
};

/**
 * A loader for as long as a component is shown. Ticks make it ask for what is new.
 *
 * Give it `buckets` where a chart has room for few.
 */
export function useLoader(topics: readonly string[], buckets?: number): SeriesLoader {
  const [loader] = useState(() => new SeriesLoader(askSeries, undefined, buckets));
  useTicks(topics, loader.tick);
  useEffect(() => () => loader.stop(), [loader]);
  return loader;
}

export function useHeld(loader: SeriesLoader, id: string): Held {
  return useSyncExternalStore(
    useCallback((tell) => loader.listen(id, tell), [loader, id]),
    () => loader.get(id),
  );
}

/** So long a request waits for the names of more metrics that are in view. */
const INCOMPLETE_MS = 300;

/** Tell a loader what is on the screen; not complete while names of metrics are on their way. */
export function useWanted(
  loader: SeriesLoader,
  wanted: readonly Wanted[],
  isComplete: boolean,
): void {
  const last = useRef<readonly Wanted[]>([]);
  // Charts are painted in effects: the server is asked before it, and works meanwhile.
  useLayoutEffect(() => {
    const isSame =
      last.current.length === wanted.length &&
      wanted.every((one, i) => {
        const old = last.current[i]!;
        return (
          old.id === one.id &&
          old.runs === one.runs &&
          old.axis === one.axis &&
          old.lower === one.lower &&
          old.upper === one.upper &&
          old.hasMeans === one.hasMeans &&
          old.keys.join("\n") === one.keys.join("\n")
        );
      });
    if (isSame) return;
    last.current = wanted;
    loader.show(wanted, isComplete ? undefined : INCOMPLETE_MS);
  }, [loader, wanted, isComplete]);
  useEffect(() => () => void (last.current = []), [loader]);
}

export type Cell = string | number | boolean | null;
export interface Columns {
  total: number;
  rows: Record<string, Cell>[];
}

export const WINDOW_MAX = 10_000;

/** Columns of all runs of an experiment that pass a filter, ten thousand at most. */
export function useColumns(experiment: string, filter: string, columns: readonly string[]) {
  return useQuery({
    queryKey: ["columns", experiment, filter, columns],
    enabled: columns.length > 0,
    queryFn: ({ signal }) =>
      sendJson<Columns>(
        "POST",
        "/api/v1/runs/window",
        {
          experiments: experimentsOf(experiment),
          filter,
          columns: ["name", ...columns.filter((name) => name !== "name")],
          limit: WINDOW_MAX,
        },
        signal,
      ),
    staleTime: 15_000,
  });
}

/** A key as the filter language writes it. */
export function columnOf(family: "metrics" | "params", key: string): string {
  return `${family}.${/^[A-Za-z_][\w]*$/.test(key) ? key : `\`${key.replaceAll("`", "``")}\``}`;
}

/** The key of a column, without family and backquotes. */
export function keyOf(column: string): string {
  const name = column.replace(/^(?:\w+\()?(?:metrics|params)\./, "").replace(/\)$/, "");
  return name.startsWith("`") ? name.slice(1, -1).replaceAll("``", "`") : name;
}
