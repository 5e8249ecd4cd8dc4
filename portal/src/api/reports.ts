/** Reports, their versions, and the data that their panels pin. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

import { get, send, type Schema } from "./call";
import { useTicks } from "./live";

export type Report = Schema<"Report">;
export type ReportText = Schema<"ReportText">;
export type ReportVersion = Schema<"ReportVersion">;
export type Pin = Schema<"Pin">;
export type PinAnswer = Schema<"PinAnswer">;
export type ReportShelf = "all" | "published" | "draft" | "mine";

const PAGE = 100;

/** A stretch of the reports that one may read. */
export function useReports(
  search: string,
  state: ReportShelf,
  offset = 0,
  limit = PAGE,
  isOn = true,
) {
  return useQuery({
    queryKey: ["reports", search, state, offset, limit],
    enabled: isOn,
    queryFn: ({ signal }) =>
      get("/api/v1/reports", { query: { search, state, offset, limit }, signal }),
    staleTime: 5_000,
    placeholderData: (before) => before,
  });
}

/** Ask anew for the list whenever a report is saved, published, deleted or restored. */
export function useReportTicks(): void {
  const client = useQueryClient();
  const act = useCallback(() => void client.invalidateQueries({ queryKey: ["reports"] }), [client]);
  useTicks(TOPICS, act);
}

const TOPICS = ["reports"];
export const REPORTS_PAGE = PAGE;

export const reportKey = (id: string) => ["report", id];

export function readReport(
  id: string,
  version?: number,
  signal?: AbortSignal,
): Promise<ReportText> {
  return get("/api/v1/reports/{report_id}", {
    path: { report_id: id },
    query: { version: version ?? null },
    signal,
  });
}

export function useReport(id: string, version?: number) {
  return useQuery({
    queryKey: [...reportKey(id), version ?? null],
    queryFn: ({ signal }) => readReport(id, version, signal),
    staleTime: 10_000,
  });
}

export function useVersions(id: string) {
  return useQuery({
    queryKey: [...reportKey(id), "versions"],
    queryFn: async ({ signal }) =>
      (await get("/api/v1/reports/{report_id}/versions", { path: { report_id: id }, signal }))
        .versions,
  });
}

export function useDiff(id: string, older: number, newer: number) {
  return useQuery({
    queryKey: [...reportKey(id), "diff", older, newer],
    enabled: older > 0 && older !== newer,
    queryFn: async ({ signal }) =>
      (
        await get("/api/v1/reports/{report_id}/diff", {
          path: { report_id: id },
          query: { older, newer },
          signal,
        })
      ).text,
    staleTime: Infinity,
  });
}

export function createReport(title: string, body: string): Promise<ReportText> {
  return send("post", "/api/v1/reports", { body: { title, body } });
}

/** Refused with `changed_meanwhile` where there is a later version than `was`. */
export function saveReport(
  id: string,
  text: { title: string; body: string; was: number },
): Promise<ReportText> {
  return send("put", "/api/v1/reports/{report_id}", { path: { report_id: id }, body: text });
}

export function publishReport(id: string, version: number | null): Promise<Report> {
  return send("put", "/api/v1/reports/{report_id}/published", {
    path: { report_id: id },
    body: { version },
  });
}

export function setEditors(id: string, editors: readonly string[]): Promise<Report> {
  return send("put", "/api/v1/reports/{report_id}/editors", {
    path: { report_id: id },
    body: { editors },
  });
}

export function restoreVersion(id: string, version: number, was: number): Promise<ReportText> {
  return send("post", "/api/v1/reports/{report_id}/versions/restore", {
    path: { report_id: id },
    body: { version, was },
  });
}

export async function deleteReport(id: string): Promise<void> {
  await send("delete", "/api/v1/reports/{report_id}", { path: { report_id: id } });
}

export function restoreReport(id: string): Promise<Report> {
  return send("post", "/api/v1/reports/{report_id}/restore", { path: { report_id: id } });
}

/** The questions that a panel asks, as a pin answers them. */
export type PinPart = NonNullable<
  NonNullable<Parameters<typeof send<"post", "/api/v1/pins">>[2]["body"]>["parts"]
>[number];

export function makePin(parts: PinPart[]): Promise<Pin> {
  return send("post", "/api/v1/pins", { body: { parts } });
}

/** Pinned data never changes, so it is asked for once. */
export function usePin(id: string | undefined) {
  return useQuery({
    queryKey: ["pin", id],
    enabled: id !== undefined,
    queryFn: ({ signal }) => get("/api/v1/pins/{pin_id}", { path: { pin_id: id ?? "" }, signal }),
    staleTime: Infinity,
  });
}
