/** The list of traces, live: what one reads stays, and how many newer ones there are is told. */

import { keepPreviousData, queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef } from "react";

import { useTicks } from "../../api/live";
import {
  readOverview,
  readSessions,
  readWindow,
  type Assessment,
  type Trace,
  type TraceSession,
  type TraceSessionPage,
  type TraceWant,
  type TraceWindow,
} from "../../api/traces";
import { useWindow, windowPage, type Windowed } from "../../ui/useWindow";

/** Ticks come more often while traces arrive; the list asks this often, and no more. */
const PAUSE_MS = 2_000;
const TOPICS_MAX = 500;

/** A trace with what is said of it. */
export interface TraceRow extends Trace {
  said: readonly Assessment[];
}

type Page = Pick<TraceWindow, "total" | "newer"> & {
  rows: readonly TraceRow[];
  /** Until when it looked; null where there was nothing yet. */
  asOf: number | null;
};

export interface TraceListing {
  list: Windowed<Page, TraceRow>;
  newer: number;
  showNewer: () => void;
}

const listKey = (want: TraceWant, order: string) => ["traces", "list", want, order];

async function readPage(
  asked: TraceWant & { order: string; offset: number; limit: number },
  signal: AbortSignal,
): Promise<Page> {
  const { total, newer, traces, assessments, as_of_us } = await readWindow(asked, signal);
  const rows = traces.map((one) => ({ ...one, said: assessments[one.trace_id] ?? [] }));
  return { total, newer, rows, asOf: total > 0 ? as_of_us : null };
}

/** The first of the list, as it is now. */
export function firstTraces(want: TraceWant, order: string) {
  return windowPage(
    listKey(want, order),
    (offset, limit, signal) => readPage({ ...want, order, offset, limit }, signal),
    0,
  );
}

export function useTraceList(want: TraceWant, order: string): TraceListing {
  const key = useMemo(() => listKey(want, order), [want, order]);
  const client = useQueryClient();
  // Whichever window comes first says until when the others are to look.
  const asOf = useRef<{ key: unknown; us: number | null }>({ key: null, us: null });
  const list = useWindow<Page, TraceRow>(
    key,
    async (offset, limit, signal) => {
      if (asOf.current.key !== key) {
        const isBegun = asOf.current.key === null; // the page may have asked for the first before
        const first = client.getQueryData(firstTraces(want, order).queryKey);
        asOf.current = { key, us: (isBegun && first?.asOf) || null };
      }
      const asked = { ...want, as_of_us: asOf.current.us, order, offset, limit };
      const page = await readPage(asked, signal);
      if (asOf.current.key === key) asOf.current.us ??= page.asOf;
      return page;
    },
    (page) => page.rows,
  );
  const showNewer = useCallback(() => {
    asOf.current = { key, us: null };
    void client.invalidateQueries({ queryKey: key });
  }, [client, key]);
  return { list, newer: list.first?.newer ?? 0, showNewer };
}

export function useSessions(want: TraceWant): Windowed<TraceSessionPage, TraceSession> {
  const key = useMemo(() => ["traces", "sessions", want], [want]);
  return useWindow<TraceSessionPage, TraceSession>(
    key,
    (offset, limit, signal) => readSessions({ ...want, offset, limit }, signal),
    (page) => page.sessions,
  );
}

export function tracesOverview(want: TraceWant) {
  return queryOptions({
    queryKey: ["traces", "overview", want],
    queryFn: ({ signal }) => readOverview(want, signal),
    staleTime: 5_000,
  });
}

export function useOverview(want: TraceWant) {
  return useQuery({ ...tracesOverview(want), placeholderData: keepPreviousData });
}

/** Keep all that is shown of traces as it is now. */
export function useListTicks(experiments: readonly string[]): void {
  const client = useQueryClient();
  const timer = useRef(0);
  const advanced = useCallback(() => {
    if (timer.current) return;
    timer.current = window.setTimeout(() => {
      timer.current = 0;
      void client.invalidateQueries({ queryKey: ["traces"] });
    }, PAUSE_MS);
  }, [client]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const topics = useMemo(
    () => experiments.slice(0, TOPICS_MAX).map((one) => `traces:${one}`),
    [experiments],
  );
  useTicks(topics, advanced);
}
