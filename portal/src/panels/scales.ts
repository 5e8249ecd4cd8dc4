/** Scales of our own canvases: numbers on a line, even or logarithmic, and names in a row. */

import { number } from "../ui/format";
import type { Cell } from "./data";

/** A cell as a number; params are texts that may hold one. */
export function numeric(cell: Cell | undefined): number | null {
  if (typeof cell === "number") return Number.isFinite(cell) ? cell : null;
  if (typeof cell !== "string" || cell.trim() === "") return null;
  const value = Number(cell);
  return Number.isFinite(value) ? value : null;
}

export interface Scale {
  kind: "number" | "names";
  isLog: boolean;
  /** From 0 to 1; null where a row has no value. */
  place: (cell: Cell | undefined) => number | null;
  ticks: { at: number; text: string }[];
}

const NAMES_SHOWN = 12;

/**
 * The scale that fits a column: of numbers if nearly all of its values are such.
 *
 * It is logarithmic where `isLog` says so, or, if that is not said, where positive values span
 * more than three powers of ten, as learning rates do.
 */
export function scaleOf(cells: readonly (Cell | undefined)[], isLog?: boolean): Scale {
  const present = cells.filter((cell) => cell !== null && cell !== undefined && cell !== "");
  const values = present.map(numeric).filter((value) => value !== null);
  if (present.length > 0 && values.length < present.length * 0.9) return nameScale(present);
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  if (!(least <= most)) [least, most] = [0, 1];
  const isPowers = isLog === undefined ? least > 0 && most / least > 1_000 : isLog;
  if (isPowers) {
    const positive = values.filter((value) => value > 0);
    least = positive.length ? positive.reduce((a, b) => Math.min(a, b)) : 1;
    most = Math.max(most, least);
  }
  const to = isPowers ? Math.log10 : (value: number) => value;
  const [a, b] = [to(least), to(most)];
  const share = (value: number) => (a === b ? 0.5 : (to(value) - a) / (b - a));
  return {
    kind: "number",
    isLog: isPowers,
    place: (cell) => {
      const value = numeric(cell);
      return value === null || (isPowers && value <= 0) ? null : share(value);
    },
    ticks: ticksOf(least, most, isPowers).map((value) => ({
      at: share(value),
      text: number(value),
    })),
  };
}

function nameScale(cells: readonly (Cell | undefined)[]): Scale {
  const names = [...new Set(cells.map(String))].sort();
  const places = new Map(
    names.map((name, i) => [name, names.length === 1 ? 0.5 : i / (names.length - 1)]),
  );
  const every = Math.ceil(names.length / NAMES_SHOWN);
  return {
    kind: "names",
    isLog: false,
    place: (cell) =>
      cell === null || cell === undefined || cell === ""
        ? null
        : (places.get(String(cell)) ?? null),
    ticks: names
      .filter((_, i) => i % every === 0)
      .map((name) => ({ at: places.get(name)!, text: name })),
  };
}

/** Round values from the least to the greatest. */
export function ticksOf(least: number, most: number, isLog: boolean, wanted = 5): number[] {
  if (least === most) return [least];
  if (isLog) {
    const [a, b] = [Math.ceil(Math.log10(least) - 1e-9), Math.floor(Math.log10(most) + 1e-9)];
    if (b > a) {
      const every = Math.ceil((b - a + 1) / (wanted + 2));
      return Array.from(
        { length: Math.floor((b - a) / every) + 1 },
        (_, i) => 10 ** (a + i * every),
      );
    }
  }
  const rough = (most - least) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? power * 10;
  const found: number[] = [];
  for (let value = Math.ceil(least / step) * step; value <= most + step * 1e-9; value += step)
    found.push(Number(value.toPrecision(12)));
  return found;
}
