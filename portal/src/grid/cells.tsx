/** What stands in a cell: numbers, times and statuses as people read them. */

import { Status } from "../ui";
import { ago, duration, number, when } from "../ui/format";
import type { Block } from "./blocks";
import { read, type Kind } from "./columns";
import type { Value } from "./tree";

/** The text of a value, for titles, groups and copying. */
export function textOfValue(kind: Kind, value: unknown): string {
  if (value === null || value === undefined) return "";
  if (kind === "time") return when(value as number);
  if (kind === "duration") return duration(Number(value));
  if (typeof value === "number") return number(value);
  return String(value);
}

export function CellValue({ kind, value, now }: { kind: Kind; value: unknown; now: number }) {
  if (value === null || value === undefined || value === "")
    return <span className="text-muted/60">–</span>;
  if (kind === "status") return <Status value={String(value)} />;
  if (kind === "time")
    return <span title={when(value as number)}>{ago(value as number, now)}</span>;
  if (kind === "id") return <span className="font-mono text-xs">{String(value).slice(0, 8)}</span>;
  const text = textOfValue(kind, value);
  return <span title={kind === "number" ? String(value) : text}>{text}</span>;
}

/** What groups have of a column: its mean, and between which values. */
export function GroupValue({ block, at, text }: { block: Block; at: number; text: string }) {
  const { kind } = read(text);
  const mean = block.values.get(`mean(${text})`)?.[at];
  if (typeof mean !== "number") return null;
  const low = textOfValue(kind, block.values.get(`min(${text})`)?.[at]);
  const high = textOfValue(kind, block.values.get(`max(${text})`)?.[at]);
  return (
    <span className="italic" title={`mean; from ${low} to ${high}`}>
      {textOfValue(kind, mean)}
    </span>
  );
}

export function groupText(by: string, value: Value): string {
  if (value === null) return "none";
  const { kind } = read(by);
  return kind === "status" ? String(value).toLowerCase() : textOfValue(kind, value);
}
