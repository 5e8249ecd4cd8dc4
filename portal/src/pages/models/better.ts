/** Metrics of two versions beside each other, and whether they became better. */

import { hasDirection, isLessBetter } from "../../metrics/direction";

export interface Delta {
  key: string;
  mine: number | string | undefined;
  other: number | string | undefined;
  /** How much larger this version's is; nothing where either is no number. */
  by: number | null;
  /** Nothing, too, where another value is neither better nor worse, as of a learning rate. */
  verdict: "better" | "worse" | "same" | null;
}

/** Metrics of two versions beside each other, those in both first. */
export function deltas(
  mine: Readonly<Record<string, number | string>>,
  other: Readonly<Record<string, number | string>>,
): Delta[] {
  const keys = [...new Set([...Object.keys(mine), ...Object.keys(other)])];
  return keys
    .map((key) => delta(key, mine[key], other[key]))
    .sort(
      (a, b) =>
        Number(b.by !== null) - Number(a.by !== null) ||
        a.key.localeCompare(b.key, "en", { numeric: true }),
    );
}

function delta(key: string, mine: Delta["mine"], other: Delta["other"]): Delta {
  if (typeof mine !== "number" || typeof other !== "number")
    return { key, mine, other, by: null, verdict: null };
  const by = mine - other;
  if (by === 0) return { key, mine, other, by, verdict: "same" };
  if (!hasDirection(key)) return { key, mine, other, by, verdict: null };
  const isBetter = isLessBetter(key) ? by < 0 : by > 0;
  return { key, mine, other, by, verdict: isBetter ? "better" : "worse" };
}
