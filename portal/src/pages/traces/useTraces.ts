/** The list of traces, live: what one reads stays, and how many newer ones there are is told. */

import { useQuery, useQueryClient, keepPreviousData } from "@tanstack/react-query";
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
import { useWindow, type Windowed } from "../../ui/useWindow";

/** Ticks come twice a second while traces arrive; the list asks this often, and no more. */
const PAUSE_MS = 2_000;
const TOPICS_MAX = 500;

/** A trace with what is said of it. */
export interface TraceRow extends Trace {
  said: readonly Assessment[];
}

type Page = Pick<TraceWindow, "total" | "newer"> & { rows: readonly TraceRow[] };

export interface TraceListing {
  list: Windowed<Page, TraceRow>;
  newer: number;
  showNewer: () => void;
}

/** `key` tells one question from another. */
export function useTraceList(want: TraceWant, order: string): TraceListing {
  const key = useMemo(() => ["traces", "list", want, order], [want, order]);
  const client = useQueryClient();
  // Whichever window comes first says until when the others are to look.
  const asOf = useRef<{ key: unknown; us: number | null }>({ key, us: null });
  const list = useWindow<Page, TraceRow>(
    key,
    async (offset, limit, signal) => {
      if (asOf.current.key !== key) asOf.current = { key, us: null };
      const page = await readWindow(
        { ...want, as_of_us: asOf.current.us, order, offset, limit },
        signal,
      );
      if (asOf.current.key === key && page.total > 0) asOf.current.us ??= page.as_of_us;
      const { total, newer, traces, assessments } = page;
      const rows = traces.map((one) => ({ ...one, said: assessments[one.trace_id] ?? [] }));
      return { total, newer, rows };
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

export function useOverview(want: TraceWant) {
  return useQuery({
    queryKey: ["traces", "overview", want],
    queryFn: ({ signal }) => readOverview(want, signal),
    placeholderData: keepPreviousData,
    staleTime: 5_000,
  });
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
