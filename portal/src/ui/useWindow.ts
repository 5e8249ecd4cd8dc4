/**
 * A long list of which only what is in sight is asked for: windows of the server, kept as pages.
 *
 * While another order or search is on its way, what was shown stays.
 */

import { keepPreviousData, queryOptions, useQueries, useQuery } from "@tanstack/react-query";
import { useCallback, useState } from "react";

const PAGE = 100;
/** Pages around what is in sight that are asked for at once, at most. */
const PAGES_MAX = 4;

export interface Windowed<Page, Row> {
  /** Another one for another search or order: then it is looked at from the top again. */
  id: string;
  /** The first page: it has what is told of the list as a whole. */
  first: Page | undefined;
  total: number;
  rowAt: (index: number) => Row | undefined;
  /** Say which rows are in sight. */
  see: (from: number, to: number) => void;
  isPending: boolean;
  error: unknown;
  retry: () => void;
}

type AskPage<Page> = (offset: number, limit: number, signal: AbortSignal) => Promise<Page>;

/** One page of a list, by its number. */
export function windowPage<Page>(key: readonly unknown[], ask: AskPage<Page>, page: number) {
  return queryOptions({
    queryKey: [...key, "window", page],
    queryFn: ({ signal }) => ask(page * PAGE, PAGE, signal),
    staleTime: 5_000,
  });
}

export function useWindow<Page extends { total: number }, Row>(
  key: readonly unknown[],
  ask: AskPage<Page>,
  rowsOf: (page: Page) => readonly Row[],
): Windowed<Page, Row> {
  const [[from, to], setRange] = useState([0, 0]);
  const options = (page: number) => windowPage(key, ask, page);
  const first = useQuery({ ...options(0), placeholderData: keepPreviousData });
  const wanted = pagesOf(from, to);
  const pages = useQueries({ queries: wanted.map(options) });
  const found = new Map<number, Page>();
  wanted.forEach((page, at) => {
    const data = pages[at]?.data;
    if (data !== undefined) found.set(page, data);
  });
  if (first.data !== undefined) found.set(0, first.data);
  const see = useCallback((start: number, end: number) => {
    setRange((before) => {
      const same = pagesOf(...before).join() === pagesOf(start, end).join();
      return same ? before : [start, end];
    });
  }, []);
  const broken = first.isError ? first : pages.find((one) => one.isError);
  return {
    id: JSON.stringify(key),
    first: first.data,
    total: first.data?.total ?? 0,
    rowAt: (index) => {
      const page = found.get(Math.floor(index / PAGE));
      return page && rowsOf(page)[index % PAGE];
    },
    see,
    isPending: first.isPending,
    error: broken?.error ?? null,
    retry: () => void broken?.refetch(),
  };
}

/** The pages that hold some rows; the first one is asked for anyway. */
export function pagesOf(from = 0, to = 0): number[] {
  const start = Math.floor(from / PAGE);
  const end = Math.min(Math.floor(to / PAGE), start + PAGES_MAX - 1);
  return Array.from({ length: end - start + 1 }, (_, at) => start + at).filter((one) => one > 0);
}
