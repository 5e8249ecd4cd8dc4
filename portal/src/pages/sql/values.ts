/**
 * Values of a result as text, exact and however they are nested.
 *
 * The text is made by the column's type, not by what JavaScript takes a value for: a decimal comes
 * as a whole number, a time as milliseconds, an interval as three numbers. It can be asked for only
 * so many characters of it, and then costs no more than these.
 */

import { Type, type DataType, type Table } from "@uwdata/flechette";

export interface Column {
  /** Its place in the table: names may come twice. */
  at: number;
  name: string;
  type: DataType;
  typeName: string;
  kind: "number" | "time" | "text" | "other";
}

export function columnsOf(table: Table): Column[] {
  return table.schema.fields.map(({ name, type }, at) => ({
    at,
    name,
    type,
    typeName: typeName(type),
    kind: kindOf(type),
  }));
}

export function valueAt(table: Table, row: number, column: number): unknown {
  return table.getChildAt(column)?.at(row) as unknown;
}

function kindOf(type: DataType): Column["kind"] {
  switch (type.typeId) {
    case Type.Int:
    case Type.Float:
    case Type.Decimal:
      return "number";
    case Type.Date:
    case Type.Timestamp:
      return "time";
    case Type.Utf8:
    case Type.LargeUtf8:
    case Type.Utf8View:
    case Type.Bool:
      return "text";
    case Type.Dictionary:
      return kindOf(type.dictionary);
    default:
      return "other";
  }
}

const FLOATS = ["half", "float", "double"];
const UNITS = ["s", "ms", "us", "ns"];

/** A type by the name that SQL people know. */
export function typeName(type: DataType): string {
  switch (type.typeId) {
    case Type.Null:
      return "null";
    case Type.Int:
      return `${type.signed ? "" : "u"}int${type.bitWidth}`;
    case Type.Float:
      return FLOATS[type.precision] ?? "float";
    case Type.Decimal:
      return `decimal(${type.precision},${type.scale})`;
    case Type.Utf8:
    case Type.LargeUtf8:
    case Type.Utf8View:
      return "string";
    case Type.Binary:
    case Type.LargeBinary:
    case Type.BinaryView:
    case Type.FixedSizeBinary:
      return "binary";
    case Type.Bool:
      return "boolean";
    case Type.Date:
      return "date";
    case Type.Time:
      return "time";
    case Type.Timestamp:
      return `timestamp${UNITS[type.unit] === "us" ? "" : `_${UNITS[type.unit] ?? ""}`}${type.timezone ? ` ${type.timezone}` : ""}`;
    case Type.Interval:
    case Type.Duration:
      return "interval";
    case Type.List:
    case Type.LargeList:
    case Type.FixedSizeList:
    case Type.ListView:
    case Type.LargeListView:
      return `list<${typeName(type.children[0]!.type)}>`;
    case Type.Struct:
      return `struct<${type.children.map((one) => `${one.name}: ${typeName(one.type)}`).join(", ")}>`;
    case Type.Map: {
      const [key, value] = entryTypes(type);
      return `map<${typeName(key)}, ${typeName(value)}>`;
    }
    case Type.Dictionary:
      return typeName(type.dictionary);
    case Type.Union:
      return `union<${type.children.map((one) => typeName(one.type)).join(", ")}>`;
    default:
      return "value";
  }
}

type Entries = Extract<DataType, { typeId: typeof Type.Map }>;

function entryTypes(type: Entries): [DataType, DataType] {
  const entry = type.children[0]!.type as Extract<DataType, { typeId: typeof Type.Struct }>;
  return [entry.children[0]!.type, entry.children[1]!.type];
}

/** The text of a value, cut behind so many characters; null is told by whoever shows it. */
export function textOf(value: unknown, type: DataType, most = Infinity): string {
  if (typeof value === "string") return value.slice(0, most);
  const out = new Writer(most);
  write(out, value, type, false);
  return out.text;
}

class Writer {
  text = "";
  constructor(private readonly most: number) {}

  get isFull(): boolean {
    return this.text.length >= this.most;
  }

  put(text: string): void {
    if (!this.isFull) this.text += text.slice(0, this.most - this.text.length);
  }
}

function write(out: Writer, value: unknown, type: DataType, isInside: boolean): void {
  if (value === null || value === undefined) return out.put("null");
  switch (type.typeId) {
    case Type.Decimal:
      return out.put(decimal(value, type.scale));
    case Type.Date:
      return out.put(moment(Number(value), "day"));
    case Type.Timestamp:
      return out.put(moment(Number(value), type.timezone ? "zone" : "plain"));
    case Type.Time:
      return out.put(timeOfDay(value, type.unit));
    case Type.Interval:
      return out.put(interval(value));
    case Type.Dictionary:
      return write(out, value, type.dictionary, isInside);
    case Type.Struct:
      return writeEach(
        out,
        "{}",
        type.children.map((one) => [
          one.name,
          (value as Record<string, unknown>)[one.name],
          one.type,
        ]),
      );
    case Type.Map: {
      const [, inner] = entryTypes(type);
      const pairs = value as Iterable<readonly [unknown, unknown]>;
      return writeEach(
        out,
        "{}",
        lazily(pairs, ([key, one]) => [String(key), one, inner]),
      );
    }
    case Type.List:
    case Type.LargeList:
    case Type.FixedSizeList:
    case Type.ListView:
    case Type.LargeListView: {
      const inner = type.children[0]!.type;
      return writeEach(
        out,
        "[]",
        lazily(value as Iterable<unknown>, (one) => [null, one, inner]),
      );
    }
    default:
      return out.put(plain(value, isInside));
  }
}

type Part = readonly [name: string | null, value: unknown, type: DataType];

function* lazily<T>(items: Iterable<T>, make: (item: T) => Part): Generator<Part> {
  for (const item of items) yield make(item);
}

function writeEach(out: Writer, brackets: string, parts: Iterable<Part>): void {
  out.put(brackets[0]!);
  let isFirst = true;
  for (const [name, value, type] of parts) {
    if (out.isFull) return;
    if (!isFirst) out.put(", ");
    isFirst = false;
    if (name !== null) out.put(`${JSON.stringify(name)}: `);
    write(out, value, type, true);
  }
  out.put(brackets[1]!);
}

const BYTES_SHOWN = 100_000;

function plain(value: unknown, isInside: boolean): string {
  if (typeof value === "string") return isInside ? JSON.stringify(value) : value;
  if (value instanceof Uint8Array) {
    const hex = Array.from(value.subarray(0, BYTES_SHOWN), (byte) =>
      byte.toString(16).padStart(2, "0"),
    ).join("");
    return `0x${hex}${value.length > BYTES_SHOWN ? "…" : ""}`;
  }
  if (typeof value === "object")
    return JSON.stringify(value, (_, one: unknown) =>
      typeof one === "bigint" ? one.toString() : one,
    );
  return String(value);
}

function decimal(value: unknown, scale: number): string {
  const digits = String(value)
    .replace("-", "")
    .padStart(scale + 1, "0");
  const sign = String(value).startsWith("-") ? "-" : "";
  if (scale <= 0) return sign + digits;
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function moment(ms: number, form: "day" | "plain" | "zone"): string {
  const whole = Math.floor(ms);
  const found = new Date(whole);
  if (Number.isNaN(found.getTime())) return ms > 0 ? "infinity" : "-infinity";
  const [day, time] = found.toISOString().split("T") as [string, string];
  if (form === "day") return day;
  const micros = Math.round((ms - whole) * 1000);
  const fraction = time.slice(9, 12) + String(micros).padStart(3, "0").slice(0, 3);
  const behind = fraction.replace(/0+$/, "");
  return `${day} ${time.slice(0, 8)}${behind ? `.${behind}` : ""}${form === "zone" ? "Z" : ""}`;
}

function timeOfDay(value: unknown, unit: number): string {
  const parts = [1, 1e3, 1e6, 1e9][unit] ?? 1;
  const seconds = Number(value) / parts;
  const text = moment(seconds * 1000, "plain").slice(11);
  return text || "00:00:00";
}

function interval(value: unknown): string {
  const [months = 0, days = 0, nanos = 0] = Array.from(value as ArrayLike<number>, Number);
  const words = [];
  if (months) words.push(`${months} mon`);
  if (days) words.push(`${days} d`);
  if (nanos || words.length === 0) words.push(`${nanos / 1e9} s`);
  return words.join(" ");
}

/** A value as a number to sort or to draw by; times are seconds. Null where it is none. */
export function numberOf(value: unknown, type: DataType): number | null {
  if (value === null || value === undefined) return null;
  if (type.typeId === Type.Decimal) return Number(value) / 10 ** type.scale;
  if (type.typeId === Type.Date || type.typeId === Type.Timestamp) return Number(value) / 1000;
  if (typeof value === "number" || typeof value === "bigint") return Number(value);
  return null;
}

/** The rows of a column in order: nulls last whichever way, NaN before them. */
export function sorted(table: Table, column: Column, isDescending: boolean): Uint32Array {
  const rows = Uint32Array.from({ length: table.numRows }, (_, i) => i);
  const isOfNumbers = column.kind === "number" || column.kind === "time";
  const keys = Array.from(rows, (row) => {
    const value = valueAt(table, row, column.at);
    if (value === null || value === undefined) return null;
    if (typeof value === "bigint") return value;
    return isOfNumbers ? numberOf(value, column.type) : textOf(value, column.type, 1_000);
  });
  const rank = (key: (typeof keys)[number]) =>
    key === null ? 2 : typeof key === "number" && Number.isNaN(key) ? 1 : 0;
  const way = isDescending ? -1 : 1;
  return rows.sort((a, b) => {
    const [x, y] = [keys[a]!, keys[b]!];
    const ranks = rank(x) - rank(y);
    if (ranks !== 0) return ranks;
    if (x === y || rank(x) > 0) return a - b;
    return (x < y ? -1 : x > y ? 1 : a - b) * way;
  });
}
