/** The names of metrics and params: pages of a tree, or of what was found in it. */

import { infiniteQueryOptions } from "@tanstack/react-query";

import { getJson } from "../api/client";

/** One level of the tree of keys, or what a search found. */
export interface KeyPage {
  nodes: { name: string; path: string; keys: number; runs: number }[];
  total: number;
  next_offset: number | null;
}

const PAGE = 200;

/** Where keys come from: those of one run, or else of the experiments that are asked for. */
export function keysUrl(family: "metrics" | "params", run: string): string {
  return run ? `/api/v1/runs/${encodeURIComponent(run)}/keys/${family}` : `/api/v1/keys/${family}`;
}

/** The ids of experiments: of one, or of several parted by commas. */
export function experimentsOf(text: string): string[] {
  return text.split(",");
}

/** Pages of a level of the tree (`below`), or of all keys that hold some words (`search`). */
export function keyPages(
  experiment: string,
  family: "metrics" | "params",
  { below = "", search = "", run = "" }: { below?: string; search?: string; run?: string },
) {
  return infiniteQueryOptions({
    queryKey: ["keys", family, experiment, below, search, run],
    initialPageParam: 0,
    queryFn: ({ pageParam, signal }) =>
      getJson<KeyPage>(
        keysUrl(family, run),
        {
          experiment: run ? null : experimentsOf(experiment),
          below,
          search,
          offset: pageParam,
          limit: PAGE,
        },
        signal,
      ),
    getNextPageParam: (page) => page.next_offset,
    staleTime: 30_000,
  });
}
