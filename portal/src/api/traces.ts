/** Traces as the native protocol tells them: the list, one with its spans, what is said of it. */

import { get, send, type Schema } from "./call";
import { getArrow, getJson } from "./client";

export type Trace = Schema<"Trace">;
export type Assessment = Schema<"Assessment">;
export type TraceWindow = Schema<"TraceWindow">;
export type TraceOverview = Schema<"TraceOverview">;
export type TraceSession = Schema<"TraceSession">;
export type TraceSessionPage = Schema<"TraceSessionPage">;
export type TracePage = Schema<"TracePage">;
export type LogSpan = Schema<"LogSpan">;

/** Which traces are wanted; what is left out does not matter. */
export type TraceWant = Partial<
  Pick<
    Schema<"TraceWindowRequest">,
    "filter" | "text" | "chosen" | "run_id" | "from_us" | "until_us" | "as_of_us" | "experiments"
  >
>;

export interface SpanEvent {
  name: string;
  time_ns: string;
  attributes: Record<string, unknown>;
}

export interface SpanLink {
  trace_id: string;
  span_id: string;
  attributes: Record<string, unknown>;
}

export interface Usage {
  model: string | null;
  input_tokens: number | null;
  output_tokens: number | null;
  total_tokens: number | null;
  cached_tokens: number | null;
  input_cost: number | null;
  output_cost: number | null;
  cost: number | null;
}

/** One span with its values. */
export interface Span {
  trace_id: string;
  span_id: string;
  parent_span_id: string | null;
  name: string;
  kind: string;
  start_ns: string;
  end_ns: string | null;
  status: string;
  status_message: string | null;
  attributes: Record<string, unknown>;
  events: SpanEvent[];
  links: SpanLink[];
  resource: Record<string, unknown>;
  scope: Record<string, unknown>;
  dropped: Record<string, number>;
  /** What is cut off here, by its name. */
  large: Record<string, string>;
  meaning: {
    type?: string;
    model?: string;
    inputs?: unknown;
    outputs?: unknown;
    usage?: Usage;
  };
}

export function readWindow(
  want: TraceWant & { order?: string; offset?: number; limit?: number },
  signal?: AbortSignal,
): Promise<TraceWindow> {
  return send("post", "/api/v1/traces/window", { body: want, signal });
}

export function readOverview(want: TraceWant, signal?: AbortSignal): Promise<TraceOverview> {
  return send("post", "/api/v1/traces/overview", { body: want, signal });
}

export function readSessions(
  want: TraceWant & { offset?: number; limit?: number },
  signal?: AbortSignal,
): Promise<TraceSessionPage> {
  return send("post", "/api/v1/traces/sessions", { body: want, signal });
}

/** A trace without its spans, and what is said of it. */
export function readTrace(trace_id: string, signal?: AbortSignal): Promise<TracePage> {
  return get("/api/v1/traces/{trace_id}", { path: { trace_id }, query: { spans: false }, signal });
}

/** Names and times of all spans of a trace, as a table. */
export function readSpanTable(trace_id: string, signal?: AbortSignal) {
  return getArrow(`/api/v1/traces/${encodeURIComponent(trace_id)}/spans`, {}, signal);
}

export function readSpan(
  trace_id: string,
  span_id: string,
  whole: boolean,
  signal?: AbortSignal,
): Promise<Span> {
  const path = `/api/v1/traces/${encodeURIComponent(trace_id)}/spans/${encodeURIComponent(span_id)}`;
  return getJson<Span>(path, { whole }, signal);
}

export function findSpans(trace_id: string, text: string, signal?: AbortSignal) {
  return get("/api/v1/traces/{trace_id}/matches", { path: { trace_id }, query: { text }, signal });
}

export function readLog(trace_id: string, offset: number, limit: number, signal?: AbortSignal) {
  return get("/api/v1/traces/{trace_id}/log", {
    path: { trace_id },
    query: { offset, limit },
    signal,
  });
}

export function tagTraces(traces: readonly string[], tags: Record<string, string | null>) {
  return send("post", "/api/v1/traces/tags", { body: { traces, tags } });
}

export function deleteTraces(traces: readonly string[]) {
  return send("post", "/api/v1/traces/delete", { body: { traces } });
}

export function restoreTraces(traces: readonly string[]) {
  return send("post", "/api/v1/traces/restore", { body: { traces } });
}

export function addToDataset(traces: readonly string[], dataset_id: string) {
  return send("post", "/api/v1/traces/to-dataset", { body: { traces, dataset_id } });
}

/** What somebody says of a trace. */
export interface Saying {
  name: string;
  value: unknown;
  kind: string;
  rationale: string | null;
  span_id?: string | null;
  overrides?: string | null;
}

export function say(trace_id: string, saying: Saying): Promise<Assessment> {
  return send("post", "/api/v1/traces/{trace_id}/assessments", {
    path: { trace_id },
    body: saying as never,
  });
}

export function changeSaying(
  trace_id: string,
  assessment_id: string,
  change: Partial<Pick<Saying, "name" | "value" | "rationale">>,
): Promise<Assessment> {
  return send("patch", "/api/v1/traces/{trace_id}/assessments/{assessment_id}", {
    path: { trace_id, assessment_id },
    body: change as never,
  });
}

export function takeBack(trace_id: string, assessment_id: string) {
  return send("delete", "/api/v1/traces/{trace_id}/assessments/{assessment_id}", {
    path: { trace_id, assessment_id },
  });
}
