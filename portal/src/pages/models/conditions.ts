/** Conditions of gates, put together of parts in the language of searches. */

export interface Part {
  what: string;
  key: string;
  operator: string;
  value: string;
}

export interface What {
  id: string;
  label: string;
  /** What it is asked by name, such as a metric; nothing for what there is one of. */
  keyLabel?: string;
  operators: readonly string[];
  values?: readonly string[];
}

const OF_NUMBERS = [">=", ">", "<=", "<", "="] as const;
const OF_TEXTS = ["=", "!=", "like", "is not null"] as const;

export const WHATS: readonly What[] = [
  { id: "metrics", label: "Metric of its run", keyLabel: "Metric", operators: OF_NUMBERS },
  {
    id: "delta",
    label: "Metric, beside the alias's version",
    keyLabel: "Metric",
    operators: OF_NUMBERS,
  },
  {
    id: "review",
    label: "Review",
    operators: ["=", "!="],
    values: ["approved", "requested", "rejected"],
  },
  { id: "tags", label: "Tag of the version", keyLabel: "Tag", operators: OF_TEXTS },
  { id: "params", label: "Param of its run", keyLabel: "Param", operators: OF_TEXTS },
  {
    id: "run_status",
    label: "How its run ended",
    operators: ["="],
    values: ["FINISHED", "FAILED"],
  },
];

/** A key as the language has it: quoted where it holds more than letters, digits and dots. */
export function quotedKey(key: string): string {
  return /^[A-Za-z_][\w.]*$/.test(key) ? key : `\`${key.replaceAll("`", "``")}\``;
}

/** One comparison as text; empty while something is missing. */
export function written(part: Part): string {
  const what = WHATS.find((one) => one.id === part.what);
  if (!what || (what.keyLabel && !part.key.trim())) return "";
  const name = what.keyLabel ? `${what.id}.${quotedKey(part.key.trim())}` : what.id;
  if (part.operator === "is not null") return `${name} is not null`;
  const isNumber = what.operators === OF_NUMBERS;
  if (isNumber && (part.value.trim() === "" || !Number.isFinite(Number(part.value)))) return "";
  if (!isNumber && part.value === "") return "";
  const value = isNumber ? part.value.trim() : `'${part.value.replaceAll("'", "''")}'`;
  return `${name} ${part.operator} ${value}`;
}

/** A condition with one more part. */
export function joined(condition: string, part: string): string {
  const before = condition.trim();
  if (!before) return part;
  return `${/\bor\b/i.test(before) ? `(${before})` : before} and ${part}`;
}
