/** What of the list of traces is in its address: filter, choices among facets, time, order, view. */

import type { TraceWant } from "../../api/traces";
import type { Search } from "../../router";

export const FACETS = [
  ["experiment", "Experiment"],
  ["status", "Status"],
  ["name", "Name"],
  ["model", "Model"],
  ["user", "User"],
  ["session", "Session"],
  ["tag", "Tag"],
] as const;

export type FacetName = (typeof FACETS)[number][0];

export const SPANS_OF_TIME = [
  ["", "All time", 0],
  ["1h", "Last hour", 3_600_000],
  ["24h", "Last 24 hours", 86_400_000],
  ["7d", "Last 7 days", 604_800_000],
  ["30d", "Last 30 days", 2_592_000_000],
] as const;

export type Choices = Partial<Record<FacetName, readonly string[]>>;

/** The values of a facet in an address: one as it is, several (or an odd one) as a JSON list. */
export function valuesOf(text: string | undefined): readonly string[] {
  if (!text) return [];
  if (!text.startsWith("[")) return [text];
  try {
    const found = JSON.parse(text) as unknown;
    if (Array.isArray(found)) return found.map(String);
  } catch {
    // It only looks like a list.
  }
  return [text];
}

export function textOf(values: readonly string[]): string | undefined {
  if (values.length === 0) return undefined;
  const [only] = values;
  const isPlain = values.length === 1 && only !== undefined && only !== "" && !only.startsWith("[");
  return isPlain ? only : JSON.stringify(values);
}

export function choicesOf(search: Search): Choices {
  const found: Choices = {};
  for (const [name] of FACETS) {
    const values = valuesOf(search[name]);
    if (values.length) found[name] = values;
  }
  return found;
}

/** A number of an address; undefined where there is none. */
function moment(text: string | undefined): number | undefined {
  const found = Number(text);
  return text && Number.isFinite(found) && found >= 0 ? Math.floor(found) : undefined;
}

/** From when to when, in milliseconds since the epoch; `now` is for "the last hour". */
export function rangeOf(search: Search, now: number): [number | undefined, number | undefined] {
  const last = SPANS_OF_TIME.find(([id]) => id !== "" && id === search.last);
  if (last) return [now - last[2], undefined];
  return [moment(search.from), moment(search.to)];
}

/** What the server is asked, as the address has it. */
export function wantOf(search: Search, now: number): TraceWant {
  const [from, to] = rangeOf(search, now);
  const chosen = choicesOf(search);
  return {
    ...(search.q ? { filter: search.q } : {}),
    ...(search.text ? { text: search.text } : {}),
    ...(search.run ? { run_id: search.run } : {}),
    ...(Object.keys(chosen).length ? { chosen: chosen as Record<string, string[]> } : {}),
    ...(from === undefined ? {} : { from_us: from * 1000 }),
    ...(to === undefined ? {} : { until_us: to * 1000 }),
  };
}

/** The order of the filter language: `-started_at` is `started_at DESC`. */
export function serverOrder(by: string, isDescending: boolean): string {
  return `${by} ${isDescending ? "DESC" : "ASC"}`;
}

/** Whether anything narrows the list down. */
export function isNarrowed(search: Search): boolean {
  const names = ["q", "text", "run", "from", "to", "last", ...FACETS.map(([name]) => name)];
  return names.some((name) => search[name]);
}

export const CLEARED: Search = Object.fromEntries(
  ["q", "text", "run", "from", "to", "last", ...FACETS.map(([name]) => name)].map((name) => [
    name,
    undefined,
  ]),
);
