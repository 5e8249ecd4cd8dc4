/** Which chart a result can be shown as, and the data of it; nothing here draws. */

import type { Table } from "@uwdata/flechette";

import type { Line } from "../../plot/drawing";
import type { Cell } from "../../panels/data";
import { numberOf, textOf, valueAt, type Column } from "./values";

export const KINDS = ["line", "bar", "scatter", "histogram"] as const;
export type Kind = (typeof KINDS)[number];

/** What is drawn: columns by name, as the address has them. */
export interface Chart {
  kind: Kind;
  x: string;
  /** Empty for all numbers of a chart of lines. */
  y: string;
  /** Splits rows into lines or colours; empty for no such. */
  by: string;
}

const LINES_MAX = 60;
const LABEL_CHARS = 80;

const isNumber = (column: Column) => column.kind === "number";
const isOrdered = (column: Column) => column.kind === "number" || column.kind === "time";

/** The chart that fits the columns best; null where there is no number to draw. */
export function fitting(columns: readonly Column[], table: Table): Chart | null {
  const numbers = columns.filter(isNumber);
  const time = columns.find((one) => one.kind === "time");
  const text = columns.find((one) => one.kind === "text");
  const first = numbers[0];
  if (first === undefined) return null;
  // A line needs two places at least.
  if (time && isVaried(table, time))
    return { kind: "line", x: time.name, y: "", by: text?.name ?? "" };
  if (text && numbers.length === 1) return { kind: "bar", x: text.name, y: first.name, by: "" };
  const second = numbers[1];
  if (second === undefined) return { kind: "histogram", x: first.name, y: "", by: "" };
  // A text before the numbers names them; one behind them tells their points apart.
  if (text && text.at < first.at && !isAscending(table, first))
    return { kind: "bar", x: text.name, y: first.name, by: "" };
  const kind = isAscending(table, first) ? "line" : "scatter";
  const y = kind === "line" ? "" : second.name;
  return { kind, x: first.name, y, by: text?.name ?? "" };
}

function isVaried(table: Table, column: Column): boolean {
  const first = valueAt(table, 0, column.at);
  for (let row = 1; row < table.numRows; row++)
    if (valueAt(table, row, column.at) !== first) return true;
  return false;
}

function isAscending(table: Table, column: Column): boolean {
  let last = -Infinity;
  for (let row = 0; row < table.numRows; row++) {
    const value = numberOf(valueAt(table, row, column.at), column.type);
    if (value === null || value < last) return false;
    last = value;
  }
  return table.numRows > 1;
}

/** The columns that may stand for a part of a chart. */
export function offered(part: "x" | "y" | "by", kind: Kind, columns: readonly Column[]): Column[] {
  if (part === "y") return columns.filter(isNumber);
  if (part === "by") return columns.filter((one) => one.kind !== "other");
  if (kind === "bar") return columns.filter((one) => one.kind !== "other");
  return columns.filter(kind === "line" ? isOrdered : isNumber);
}

/** A chart with its columns mended: another kind, or another result, may not have them. */
export function mended(wanted: Chart, columns: readonly Column[]): Chart | null {
  const pick = (part: "x" | "y" | "by", name: string, isNeeded: boolean) => {
    const choice = offered(part, wanted.kind, columns);
    if (choice.some((one) => one.name === name)) return name;
    if (!isNeeded) return "";
    const other = choice.find((one) => part !== "y" || one.name !== wanted.x) ?? choice[0];
    return other?.name ?? null;
  };
  const x = pick("x", wanted.x, true);
  const y = pick("y", wanted.y, wanted.kind === "bar" || wanted.kind === "scatter");
  const by = pick("by", wanted.by, false);
  if (x === null || y === null || by === null) return null;
  return { kind: wanted.kind, x, y, by };
}

function named(columns: readonly Column[], name: string): Column | undefined {
  return columns.find((one) => one.name === name);
}

function label(table: Table, row: number, column: Column | undefined): string {
  if (column === undefined) return "";
  const value = valueAt(table, row, column.at);
  return value === null || value === undefined ? "null" : textOf(value, column.type, LABEL_CHARS);
}

/** Lines of a chart: one for each number, and for each value of `by`. */
export function linesOf(table: Table, columns: readonly Column[], chart: Chart): Line[] {
  const x = named(columns, chart.x);
  const by = named(columns, chart.by);
  if (x === undefined) return [];
  const chosen = named(columns, chart.y);
  const numbers = chosen ? [chosen] : columns.filter((one) => isNumber(one) && one !== x);
  const found = new Map<string, { name: string; points: [number, number][] }>();
  for (let row = 0; row < table.numRows; row++) {
    const place = numberOf(valueAt(table, row, x.at), x.type);
    if (place === null || !Number.isFinite(place)) continue;
    for (const number of numbers) {
      const value = numberOf(valueAt(table, row, number.at), number.type);
      if (value === null) continue;
      const name = [label(table, row, by), numbers.length > 1 || !by ? number.name : ""]
        .filter(Boolean)
        .join(" · ");
      const line = found.get(name) ?? { name, points: [] };
      if (line.points.length === 0) found.set(name, line);
      line.points.push([place, value]);
    }
  }
  return [...found.values()].slice(0, LINES_MAX).map(({ name, points }) => {
    points.sort((a, b) => a[0] - b[0]);
    return {
      id: name,
      colourBy: name,
      label: name,
      series: {
        ...gathered(points),
        runId: name,
        key: name,
        width: 1,
        axis: x.kind === "time" ? "time" : "step",
      },
    };
  });
}

/** Points in order of x; those at one place are their mean, between the least and the greatest. */
function gathered(points: readonly [number, number][]) {
  const xs: number[] = [];
  const [lo, hi, mean, nan, inf] = [[], [], [], [], []] as [
    number[],
    number[],
    number[],
    number[],
    number[],
  ];
  let finite = 0;
  for (const [x, y] of points) {
    const isFinite = Number.isFinite(y);
    if (xs.length === 0 || xs[xs.length - 1] !== x) {
      xs.push(x);
      for (const one of [lo, hi, mean]) one.push(NaN);
      nan.push(0);
      inf.push(0);
      finite = 0;
    }
    const at = xs.length - 1;
    if (Number.isNaN(y)) nan[at]! += 1;
    else if (!isFinite) inf[at]! += 1;
    else {
      finite += 1;
      lo[at] = finite === 1 ? y : Math.min(lo[at]!, y);
      hi[at] = finite === 1 ? y : Math.max(hi[at]!, y);
      mean[at] = finite === 1 ? y : mean[at]! + (y - mean[at]!) / finite;
    }
  }
  const [x, y] = [Float64Array.from(xs), Float64Array.from(mean)];
  return {
    x,
    bucket: x,
    lo: Float64Array.from(lo),
    hi: Float64Array.from(hi),
    last: y,
    mean: y,
    nan: Int32Array.from(nan),
    inf: Int32Array.from(inf),
  };
}

/** Rows as panels of runs know them: `run_id` is whose colour a row has. */
export function rowsOf(
  table: Table,
  columns: readonly Column[],
  chart: Chart,
): Record<string, Cell>[] {
  const [x, y, by] = [chart.x, chart.y, chart.by].map((name) => named(columns, name));
  return Array.from({ length: table.numRows }, (_, row) => {
    const cell = (column: Column | undefined): Cell => {
      if (column === undefined) return null;
      const value = valueAt(table, row, column.at);
      return isNumber(column) ? numberOf(value, column.type) : label(table, row, column);
    };
    const name = label(table, row, by ?? (chart.kind === "bar" ? x : undefined));
    return {
      run_id: chart.kind === "bar" ? String(row) : name,
      name,
      [chart.x]: cell(x),
      [chart.y]: cell(y),
    };
  });
}

export interface Bins {
  /** One more than there are counts. */
  edges: number[];
  counts: number[];
  /** Values that have no place: null, NaN and the infinities. */
  left: number;
}

/** How often the values of a column fall into each of some ranges of one width. */
export function binsOf(table: Table, column: Column, wanted = 40): Bins {
  const values: number[] = [];
  for (let row = 0; row < table.numRows; row++) {
    const value = numberOf(valueAt(table, row, column.at), column.type);
    if (value !== null && Number.isFinite(value)) values.push(value);
  }
  const left = table.numRows - values.length;
  if (values.length === 0) return { edges: [0, 1], counts: [0], left };
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) [least, most] = [Math.min(least, value), Math.max(most, value)];
  if (least === most) return { edges: [least - 0.5, most + 0.5], counts: [values.length], left };
  const many = Math.max(1, Math.min(wanted, Math.ceil(2 * Math.cbrt(values.length))));
  const width = (most - least) / many;
  const counts = new Array<number>(many).fill(0);
  for (const value of values) counts[Math.min(many - 1, Math.floor((value - least) / width))]! += 1;
  return { edges: Array.from({ length: many + 1 }, (_, i) => least + i * width), counts, left };
}
