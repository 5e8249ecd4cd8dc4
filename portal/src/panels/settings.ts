/**
 * How a board is arranged: what holds for all panels, for one of them, and which were added.
 *
 * It lives in the address (`panels`) as JSON that leaves out whatever is as usual, so that a link
 * shows what its sender saw, and "back" undoes.
 */

import { PLAIN, type PlotSettings } from "../plot/drawing";
import type { Axis } from "../plot/series";
import type { Smoothing } from "../plot/smooth";

/** What a chart of lines can be told. */
export interface ChartSettings extends PlotSettings {
  axis: Axis;
  range: readonly [number, number] | null;
}

export const USUAL: ChartSettings = { ...PLAIN, axis: "step", range: null };

/** A kind of smoothing with an amount that fits it. */
export function smoothingOf(kind: Smoothing): Partial<ChartSettings> {
  const amount = kind === "gaussian" ? 2 : kind === "mean" ? 10 : 0.6;
  return { smoothing: kind, amount };
}

/** A panel that somebody added. Names of columns are those of the filter language. */
export type Extra =
  | { kind: "lines"; keys: string[] }
  | { kind: "scatter"; x: string; y: string; isLogX?: boolean; isLogY?: boolean }
  | { kind: "bar"; column: string; by?: string }
  | { kind: "parallel"; columns: string[] }
  | { kind: "histogram"; run: string; name: string }
  | { kind: "importance"; metric: string };

export interface Board {
  all: Partial<ChartSettings>;
  /** By the id of the panel. */
  one: Record<string, Partial<ChartSettings>>;
  pinned: string[];
  extra: Extra[];
  /** Sections that are open although they begin closed, or closed although they begin open. */
  turned: string[];
}

export const EMPTY: Board = { all: {}, one: {}, pinned: [], extra: [], turned: [] };

/** Settings of a panel: its own, else those of the board, else the usual. */
export function settingsOf(board: Board, panel: string): ChartSettings {
  return { ...USUAL, ...board.all, ...board.one[panel] };
}

/** A board with something changed: for one panel, or for all (`panel` is null). */
export function change(board: Board, panel: string | null, changes: Partial<ChartSettings>): Board {
  if (panel !== null) {
    const own = pruned({ ...board.one[panel], ...changes }, { ...USUAL, ...board.all });
    const others = Object.entries(board.one).filter(([id]) => id !== panel);
    if (Object.keys(own).length) others.push([panel, own]);
    return { ...board, one: Object.fromEntries(others) };
  }
  // What is said for all holds for all: a panel's own word on the same is gone.
  const one: Board["one"] = {};
  for (const [id, own] of Object.entries(board.one)) {
    const left = Object.fromEntries(Object.entries(own).filter(([name]) => !(name in changes)));
    if (Object.keys(left).length) one[id] = left;
  }
  return { ...board, all: pruned({ ...board.all, ...changes }, USUAL), one };
}

function pruned(settings: Partial<ChartSettings>, usual: ChartSettings): Partial<ChartSettings> {
  return Object.fromEntries(
    Object.entries(settings).filter(
      ([name, value]) => value !== usual[name as keyof ChartSettings],
    ),
  );
}

export function toggled(list: readonly string[], one: string): string[] {
  return list.includes(one) ? list.filter((other) => other !== one) : [...list, one];
}

/** As text for the address; empty where all is as usual. */
export function encodeBoard(board: Board): string {
  const said: Partial<Board> = {};
  if (Object.keys(board.all).length) said.all = board.all;
  if (Object.keys(board.one).length) said.one = board.one;
  if (board.pinned.length) said.pinned = board.pinned;
  if (board.extra.length) said.extra = board.extra;
  if (board.turned.length) said.turned = board.turned;
  return Object.keys(said).length ? JSON.stringify(said) : "";
}

/** From the address; what cannot be read is left out, as a link may come from anywhere. */
export function decodeBoard(text: string | undefined): Board {
  if (!text) return EMPTY;
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    return EMPTY;
  }
  if (!isRecord(said)) return EMPTY;
  const one = isRecord(said["one"]) ? said["one"] : {};
  return {
    all: chartOf(said["all"]),
    one: Object.fromEntries(Object.entries(one).map(([id, own]) => [id, chartOf(own)])),
    pinned: textsOf(said["pinned"]),
    extra: Array.isArray(said["extra"]) ? said["extra"].filter(isExtra) : [],
    turned: textsOf(said["turned"]),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];

const WORDS: Partial<Record<keyof ChartSettings, readonly string[]>> = {
  axis: ["step", "time", "relative"],
  smoothing: ["none", "twema", "ema", "gaussian", "mean"],
  grouping: ["none", "mean", "minmax", "std", "stderr"],
};

function chartOf(value: unknown): Partial<ChartSettings> {
  if (!isRecord(value)) return {};
  const found: Record<string, unknown> = {};
  for (const [name, usual] of Object.entries(USUAL) as [keyof ChartSettings, unknown][]) {
    const own = value[name];
    const words = WORDS[name];
    const isRange =
      name === "range" &&
      Array.isArray(own) &&
      own.length === 2 &&
      own.every((edge) => Number.isFinite(edge)) &&
      own[0] < own[1];
    if (isRange || (words ? words.includes(own as string) : typeof own === typeof usual))
      if (name !== "range" || isRange) found[name] = own;
  }
  return found as Partial<ChartSettings>;
}

const SHAPES: Record<Extra["kind"], readonly string[]> = {
  lines: ["keys"],
  scatter: ["x", "y"],
  bar: ["column"],
  parallel: ["columns"],
  histogram: ["run", "name"],
  importance: ["metric"],
};

function isExtra(value: unknown): value is Extra {
  if (!isRecord(value)) return false;
  const kind = String(value["kind"]);
  const shape = Object.hasOwn(SHAPES, kind) ? SHAPES[kind as Extra["kind"]] : undefined;
  return (
    shape !== undefined &&
    shape.every((name) =>
      name === "keys" || name === "columns"
        ? Array.isArray(value[name]) && textsOf(value[name]).length === value[name].length
        : typeof value[name] === "string",
    )
  );
}
