/**
 * What a column is: a name of the filter language, and how it is shown.
 *
 * The same text asks the server for the column, sorts by it and stands in the address, so there is
 * no second name for anything. A metric's column may be its last value, its least, greatest or mean.
 */

export type Family = "attributes" | "metrics" | "params" | "tags";

/** What of a metric is shown; `curve` draws all of it, `number` reads a param or tag as one. */
export type Take = "last" | "min" | "max" | "mean" | "curve" | "count" | "step" | "number";

export type Kind =
  | "curve"
  | "name"
  | "status"
  | "text"
  | "logged"
  | "number"
  | "time"
  | "duration"
  | "id";

/** A column's text, read. */
export interface Reading {
  family: Family;
  key: string;
  take: Take;
  kind: Kind;
}

/** A column as somebody arranged it. */
export interface Column {
  text: string;
  isPinned: boolean;
  width: number;
}

export const METRIC_TAKES: readonly Take[] = ["last", "min", "max", "mean", "curve"];
export const WIDTH_MIN = 56;
export const WIDTH_MAX = 800;

/** The attributes that every run has, in the order they are offered. */
export const ATTRIBUTES: readonly { name: string; label: string; kind: Kind }[] = [
  { name: "name", label: "Name", kind: "name" },
  { name: "status", label: "Status", kind: "status" },
  { name: "started_at", label: "Started", kind: "time" },
  { name: "ended_at", label: "Ended", kind: "time" },
  { name: "duration", label: "Duration", kind: "duration" },
  { name: "created_by", label: "Created by", kind: "text" },
  { name: "kind", label: "Kind", kind: "text" },
  { name: "group", label: "Group", kind: "text" },
  { name: "parent", label: "Parent", kind: "id" },
  { name: "repeats", label: "Repeats", kind: "id" },
  { name: "notes", label: "Notes", kind: "text" },
  { name: "entrypoint", label: "Entry point", kind: "text" },
  { name: "git_commit", label: "Commit", kind: "id" },
  { name: "git_branch", label: "Branch", kind: "text" },
  { name: "git_remote", label: "Repository", kind: "text" },
  { name: "host", label: "Host", kind: "text" },
  { name: "python", label: "Python", kind: "text" },
  { name: "experiment", label: "Experiment", kind: "text" },
  { name: "updated_at", label: "Updated", kind: "time" },
  { name: "deleted_at", label: "Deleted", kind: "time" },
  { name: "artifact_location", label: "Files", kind: "text" },
  { name: "lifecycle", label: "Lifecycle", kind: "text" },
];

const BARE = /^[^\s()'"`,=!<>~;]+$/;
const CALL = /^\s*([a-z]+)\s*\(\s*([\s\S]+?)\s*\)\s*$/i;
const KEYED = /^(metrics?|params?|tags?)\.(?:`((?:[^`]|``)*)`|([\s\S]+))$/;
const FAMILIES: Record<string, Family> = {
  metric: "metrics",
  metrics: "metrics",
  param: "params",
  params: "params",
  tag: "tags",
  tags: "tags",
};

/** How a key is written in the language: in backquotes, where it has to be. */
export function textOf(family: Family, key: string, take: Take = "last"): string {
  if (family === "attributes") return key;
  const name = `${family}.${BARE.test(key) ? key : `\`${key.replaceAll("`", "``")}\``}`;
  return take === "last" ? name : `${take}(${name})`;
}

const known = new Map<string, Reading>();
const KNOWN_MAX = 20_000;

/** What a column's text stands for; each cell asks, so it is kept. */
export function read(text: string): Reading {
  const found = known.get(text);
  if (found !== undefined) return found;
  if (known.size >= KNOWN_MAX) known.clear();
  const reading = readAnew(text);
  known.set(text, reading);
  return reading;
}

function readAnew(text: string): Reading {
  const call = CALL.exec(text);
  const take = (call?.[1]?.toLowerCase() ?? "last") as Take;
  const name = call?.[2] ?? text;
  const keyed = KEYED.exec(name);
  if (keyed === null) {
    const kind = ATTRIBUTES.find((one) => one.name === name)?.kind ?? "text";
    return { family: "attributes", key: name, take, kind };
  }
  const family = FAMILIES[keyed[1] ?? ""] ?? "tags";
  const key = keyed[2] === undefined ? (keyed[3] ?? "") : keyed[2].replaceAll("``", "`");
  if (take === "curve") return { family, key, take, kind: "curve" };
  const kind = family === "metrics" || take === "number" ? "number" : "logged";
  return { family, key, take, kind };
}

/** What the server is asked for in a column's place, and sorts by: a curve's last value. */
export function askedOf(text: string): string {
  const { family, key, kind } = read(text);
  return kind === "curve" ? textOf(family, key) : text;
}

/** What stands above a column. */
export function labelOf(text: string): string {
  const { family, key } = read(text);
  if (family !== "attributes") return key;
  return ATTRIBUTES.find((one) => one.name === key)?.label ?? key;
}

export function isNumeric(kind: Kind): boolean {
  return kind === "number" || kind === "duration";
}

/** Which way a first click sorts: what is best or newest comes first. */
export function isDescendingFirst(kind: Kind): boolean {
  return kind === "number" || kind === "time" || kind === "duration";
}

export function usualWidth(text: string): number {
  const { kind, key } = read(text);
  if (kind === "name") return 220;
  if (kind === "curve") return 150;
  if (kind === "status" || kind === "duration") return 100;
  if (kind === "time") return 128;
  return Math.max(88, Math.min(180, 40 + key.length * 7));
}

export function column(text: string, isPinned = false, width = usualWidth(text)): Column {
  return { text, isPinned, width: Math.max(WIDTH_MIN, Math.min(WIDTH_MAX, Math.round(width))) };
}

/** Split at semicolons that are not within backquotes. */
export function splitTexts(text: string): string[] {
  const parts: string[] = [];
  let part = "";
  let isQuoted = false;
  for (const letter of text) {
    if (letter === "`") isQuoted = !isQuoted;
    if (letter === ";" && !isQuoted) {
      parts.push(part);
      part = "";
    } else part += letter;
  }
  parts.push(part);
  return parts.map((one) => one.trim()).filter(Boolean);
}

/** Columns as they stand in the address: `!name=240;status;max(metrics.acc)`. */
export function writeColumns(columns: readonly Column[]): string {
  return columns
    .map((one) => {
      const width = one.width === usualWidth(one.text) ? "" : `=${one.width}`;
      return `${one.isPinned ? "!" : ""}${one.text}${width}`;
    })
    .join(";");
}

export function readColumns(text: string | undefined): Column[] | null {
  if (!text) return null;
  const found = new Map<string, Column>();
  for (const part of splitTexts(text)) {
    const isPinned = part.startsWith("!");
    const body = isPinned ? part.slice(1) : part;
    const sized = /^([\s\S]*)=(\d+)$/.exec(body);
    const name = sized?.[1] ?? body;
    if (name && name !== "run_id" && !found.has(name))
      found.set(name, column(name, isPinned, sized ? Number(sized[2]) : undefined));
  }
  return found.size ? pinnedFirst([...found.values()]) : null;
}

/** Pinned columns stand left of the others. */
export function pinnedFirst(columns: readonly Column[]): Column[] {
  return [...columns.filter((one) => one.isPinned), ...columns.filter((one) => !one.isPinned)];
}

export function changeColumn(
  columns: readonly Column[],
  text: string,
  change: Partial<Column>,
): Column[] {
  return pinnedFirst(
    columns.map((one) =>
      one.text === text
        ? column(change.text ?? text, change.isPinned ?? one.isPinned, change.width ?? one.width)
        : one,
    ),
  );
}

/** Put a column before another one, or at the end; it is pinned where its new neighbour is. */
export function moveColumn(
  columns: readonly Column[],
  text: string,
  before: string | null,
): Column[] {
  const moved = columns.find((one) => one.text === text);
  if (moved === undefined || before === text) return [...columns];
  const rest = columns.filter((one) => one.text !== text);
  const at = before === null ? rest.length : rest.findIndex((one) => one.text === before);
  const neighbour = rest[at] ?? rest[at - 1];
  const placed = { ...moved, isPinned: neighbour?.isPinned ?? false };
  return pinnedFirst([...rest.slice(0, at), placed, ...rest.slice(at)]);
}

/** Move a column one place left or right among those of its kind. */
export function stepColumn(columns: readonly Column[], text: string, by: -1 | 1): Column[] {
  const at = columns.findIndex((one) => one.text === text);
  const other = columns[at + by];
  const moved = columns[at];
  if (moved === undefined || other === undefined || other.isPinned !== moved.isPinned)
    return [...columns];
  const next = [...columns];
  next[at] = other;
  next[at + by] = moved;
  return next;
}
