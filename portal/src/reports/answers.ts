/** What panels show, live or as it was pinned: rows of runs, series, results of queries. */

import { useQuery } from "@tanstack/react-query";

import { get } from "../api/call";
import { arrowOf } from "../api/arrow";
import { postArrow, sendJson } from "../api/client";
import { makePin, usePin, type Pin, type PinAnswer, type PinPart } from "../api/reports";
import type { Cell, Columns } from "../panels/data";
import { askSeries } from "../panels/data";
import { columnsOf } from "../panels/ExtraPanel";
import type { Ask } from "../panels/loader";
import { decodeSeries } from "../plot/series";
import { windowOf, type ImagePanel, type ReportPanel, type RunsOf, type SqlPanel } from "./panel";

type Row = Record<string, Cell>;

interface Found<T> {
  data: T | undefined;
  error: unknown;
  retry: () => void;
}

/** The experiment of a panel; refused to who may not read it. */
export function useHome(experiment: string, isOn: boolean) {
  return useQuery({
    queryKey: ["experiment", experiment],
    enabled: isOn,
    queryFn: ({ signal }) =>
      get("/api/v1/experiments/{experiment_id}", { path: { experiment_id: experiment }, signal }),
    staleTime: 60_000,
    retry: false,
  });
}

/** Something of a pin, or what the server says now. */
function useEither<T>(
  pin: string | undefined,
  ofPin: (pin: Pin) => T,
  live: { data: T | undefined; error: unknown; refetch: () => unknown },
): Found<T> {
  const pinned = usePin(pin);
  if (pin === undefined)
    return { data: live.data, error: live.error, retry: () => void live.refetch() };
  return {
    data: pinned.data && ofPin(pinned.data),
    error: pinned.error,
    retry: () => void pinned.refetch(),
  };
}

/** What a part was answered; what it does not have is left out. */
const answerOf = (pin: Pin, kind: string): Partial<PinAnswer> =>
  pin.answers.find((one) => one.kind === kind) ?? {};

/** The runs of a panel, with some columns. */
export function useRows(
  panel: RunsOf & { pin?: string },
  columns: readonly string[],
  isOn = true,
): Found<Columns> {
  const window = windowOf(panel, columns);
  const live = useQuery({
    queryKey: ["report rows", window],
    enabled: panel.pin === undefined && isOn,
    queryFn: ({ signal }) => sendJson<Columns>("POST", "/api/v1/runs/window", window, signal),
    staleTime: 60_000,
  });
  return useEither(panel.pin, columnsIn, live);
}

function columnsIn(pin: Pin): Columns {
  const answer = answerOf(pin, "window");
  return { rows: (answer.rows ?? []) as Row[], total: answer.total ?? 0 };
}

/** Answers charts out of a pin, whatever part of the x axis they ask for. */
export function askOfPin(pin: Pin): Ask {
  return () => {
    const text = answerOf(pin, "series").arrow;
    const answer = text ? decodeSeries(arrowOf(text)) : null;
    return Promise.resolve({ answer, cursor: "" });
  };
}

export const askLive = askSeries;

/** The result of a query: names of columns, and rows of texts. */
export interface Result {
  columns: string[];
  rows: string[][];
  total: number;
}

/** So many rows of a result are shown. */
export const RESULT_ROWS = 200;

export function useResult(panel: SqlPanel): Found<Result> {
  const live = useQuery({
    queryKey: ["report sql", panel.query],
    enabled: panel.pin === undefined,
    queryFn: async ({ signal }) =>
      resultOf((await postArrow("/api/v1/sql", { query: panel.query }, signal)).table),
    staleTime: 60_000,
    retry: false,
  });
  return useEither(panel.pin, resultIn, live);
}

function resultIn(pin: Pin): Result {
  const text = answerOf(pin, "sql").arrow;
  return resultOf(text ? arrowOf(text) : null);
}

function resultOf(table: ReturnType<typeof arrowOf> | null): Result {
  if (table === null) return { columns: [], rows: [], total: 0 };
  const columns = table.names.map(String);
  const shown = Math.min(RESULT_ROWS, table.numRows);
  const rows = Array.from({ length: shown }, (_, row) =>
    columns.map((_, at) =>
      textOf(table.getChildAt(at).at(row), String(table.schema.fields[at]?.type.typeId)),
    ),
  );
  return { columns, rows, total: table.numRows };
}

/** How Arrow numbers its kind of moments; they come as milliseconds. */
const TIMESTAMP = "10";

function textOf(value: unknown, type: string): string {
  if (value === null || value === undefined) return "";
  if (type === TIMESTAMP && typeof value === "number")
    return new Date(value).toISOString().replace(".000Z", "Z");
  if (typeof value === "object") return JSON.stringify(value instanceof Map ? [...value] : value);
  return String(value);
}

/** Where the image of a panel is. */
export function useImage(panel: ImagePanel): Found<string> {
  const path = panel.path.split("/").map(encodeURIComponent).join("/");
  const address = `/api/v1/artifacts/${encodeURIComponent(panel.run)}/files/${path}?inline=true`;
  return useEither(panel.pin, imageIn, { data: address, error: null, refetch: () => undefined });
}

function imageIn(pin: Pin): string {
  const { data, media_type: kind } = answerOf(pin, "file");
  return `data:${kind ?? "image/png"};base64,${data ?? ""}`;
}

/** Keep the data of a panel as it is now; the panel with its pin. */
export async function pinned(panel: ReportPanel, columns: readonly string[]): Promise<ReportPanel> {
  const { pin_id } = await makePin(await partsOf(panel, columns));
  return { ...panel, pin: pin_id };
}

/** Histograms are read file by file, and stay live. */
export const canPin = (panel: ReportPanel): boolean => panel.kind !== "histogram";

/** The columns of runs that a panel needs; for importance, these are the params there are. */
export function columnsFor(panel: ReportPanel, params: readonly string[]): readonly string[] {
  switch (panel.kind) {
    case "runs":
      return panel.columns;
    case "scatter":
    case "bar":
    case "parallel":
    case "importance":
      return columnsOf(panel, params);
    default:
      return NONE;
  }
}

const NONE: readonly string[] = [];

async function partsOf(panel: ReportPanel, columns: readonly string[]): Promise<PinPart[]> {
  if (panel.kind === "sql") return [{ kind: "sql", query: panel.query }];
  if (panel.kind === "image") return [{ kind: "file", run: panel.run, path: panel.path }];
  const window = windowOf(panel, columns);
  const rows: PinPart = { kind: "window", request: window };
  if (panel.kind !== "lines") return [rows];
  const found = await sendJson<Columns>("POST", "/api/v1/runs/window", window);
  const lines = {
    runs: found.rows.map((row) => String(row["run_id"])),
    keys: panel.keys,
    x: panel.settings?.axis ?? "step",
    buckets: BUCKETS,
  };
  const request = { panels: [lines], measures: ["lo", "hi", "last", "mean", "nan", "inf"] };
  return [rows, { kind: "series", request } as PinPart];
}

const BUCKETS = 300;
