/** Lines that hold a text: found by the server a page at a time, gone through one by one. */

import { useInfiniteQuery } from "@tanstack/react-query";

import { getJson } from "../../../api/client";
import type { LogLine } from "./useLines";

const PAGE = 500;

interface Matches {
  lines: LogLine[];
  next_after: number | null;
}

export function useFind(run: string, process: number, text: string, isRegex: boolean) {
  const found = useInfiniteQuery({
    queryKey: ["logFind", run, process, text, isRegex],
    enabled: text !== "",
    initialPageParam: -1,
    queryFn: ({ pageParam, signal }) =>
      getJson<Matches>(
        `/api/v1/runs/${run}/console/search`,
        { text, process, after: pageParam, limit: PAGE, is_regex: isRegex },
        signal,
      ),
    getNextPageParam: (last) => last.next_after ?? undefined,
    staleTime: 10_000,
    retry: false,
  });
  const lines = found.data?.pages.flatMap((page) => page.lines.map((line) => line.line)) ?? [];
  return { query: found, lines };
}

/** Where in a text the wanted one is: pairs of begin and end. A wrong expression marks nothing. */
export function marksIn(text: string, wanted: string, isRegex: boolean): [number, number][] {
  if (!wanted) return [];
  let expression: RegExp;
  try {
    const plain = wanted.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    expression = new RegExp(isRegex ? wanted : plain, "gi");
  } catch {
    return [];
  }
  const found: [number, number][] = [];
  for (const match of text.matchAll(expression)) {
    if (match[0].length > 0) found.push([match.index, match.index + match[0].length]);
    if (found.length >= 50) break;
  }
  return found;
}
