/** What the page of a trace asks the server, and how it keeps up with what comes. */

import { keepPreviousData, queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";

import { useTicks } from "../../api/live";
import { findSpans, readSpan, readTrace } from "../../api/traces";

/** A trace that grows is read anew this often, and no more. */
const PAUSE_MS = 2_000;

export function traceHead(trace: string) {
  return queryOptions({
    queryKey: ["trace", trace],
    queryFn: ({ signal }) => readTrace(trace, signal),
    staleTime: 5_000,
  });
}

export function useTrace(trace: string) {
  return useQuery(traceHead(trace));
}

/** Keep a trace and its spans as they are now: spans are read again only where they changed. */
export function useTraceTicks(trace: string, experiment: string, updatedAt: string | null): void {
  const client = useQueryClient();
  const timer = useRef(0);
  const advanced = useCallback(() => {
    if (timer.current) return;
    timer.current = window.setTimeout(() => {
      timer.current = 0;
      void client.invalidateQueries({ queryKey: ["trace", trace], exact: true });
    }, PAUSE_MS);
  }, [client, trace]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  useTicks(experiment ? [`traces:${experiment}`] : [], advanced);
  const known = useRef(updatedAt);
  useEffect(() => {
    const before = known.current;
    known.current = updatedAt;
    if (before === null || before === updatedAt) return;
    void client.invalidateQueries({ queryKey: ["trace", trace, "spans"] });
    void client.invalidateQueries({ queryKey: ["trace", trace, "span"] });
  }, [client, trace, updatedAt]);
}

export function useSpan(trace: string, span: string, isWhole: boolean) {
  return useQuery({
    queryKey: ["trace", trace, "span", span, isWhole],
    queryFn: ({ signal }) => readSpan(trace, span, isWhole, signal),
    enabled: span !== "",
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  });
}

export function useMatches(trace: string, text: string) {
  return useQuery({
    queryKey: ["trace", trace, "matches", text],
    queryFn: ({ signal }) => findSpans(trace, text, signal),
    enabled: text !== "",
    placeholderData: keepPreviousData,
    staleTime: 10_000,
  });
}
