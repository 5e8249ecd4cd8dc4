/** What the Compare page shows, as it stands in the address. */

import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";

import type { Family, RowsWanted, RunsWanted, SheetAsked, Take, Target } from "../../api/compare";
import { makeLink } from "../../api/views";
import type { Search } from "../../router";

export const TABS = [
  { id: "params", label: "Params" },
  { id: "metrics", label: "Metrics" },
  { id: "code", label: "Code" },
  { id: "environment", label: "Environment" },
  { id: "data", label: "Data" },
  { id: "media", label: "Media" },
  { id: "run", label: "Tags & run" },
  { id: "why", label: "Why better" },
] as const;

export type Tab = (typeof TABS)[number]["id"];

const TAKES: readonly Take[] = ["last", "min", "max", "mean"];
const IGNORED = "mere.compare.ignore";
/** What only says how the machines were. */
const USUAL_IGNORED: readonly string[] = ["system/*"];

export interface CompareState {
  search: Search;
  /** Which runs; null where the address names none. */
  of: RunsWanted | null;
  /** The short link that holds the ids, where there are too many for the address. */
  set: string;
  tab: Tab;
  rows: RowsWanted;
  target: Target;
}

/** A list of texts as it stands in the address; an empty one does not. */
export function joined(texts: readonly string[]): string {
  return texts.length ? JSON.stringify(texts) : "";
}

/** The same read; what is no list of texts is none, as a link may come from anywhere. */
export function parted(text: string | undefined): string[] {
  try {
    const found: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(found) ? found.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}

export function idsOf(text: string | undefined): string[] {
  return [...new Set((text ?? "").split(/[,~\s]+/).filter(Boolean))];
}

/** What is ignored, unless the address says otherwise: as somebody left it last. */
export function storedIgnored(): string[] {
  const text = localStorage.getItem(IGNORED);
  return text === null ? [...USUAL_IGNORED] : parted(text);
}

/** The change that ignores some keys: in the address, and for the next time in this browser. */
export function ignoring(keys: readonly string[]): Search {
  localStorage.setItem(IGNORED, joined(keys));
  // An empty list is said, too: it is another than none.
  return { ignore: JSON.stringify(keys) };
}

export function runsOf(search: Search): RunsWanted | null {
  const ids = idsOf(search["runs"]);
  const order = search["sort"] ? { order: [search["sort"]] } : {};
  if (ids.length) return { runs: ids, ...order };
  const experiments = idsOf(search["experiments"]);
  if (!experiments.length && !search["q"]) return null;
  return {
    ...(experiments.length ? { experiments } : {}),
    filter: search["q"] ?? "",
    view: search["shelf"] === "deleted" ? "deleted" : "active",
    ...order,
  };
}

export function readState(search: Search, ignored: readonly string[]): CompareState {
  const tab = TABS.find((one) => one.id === search["tab"])?.id ?? "params";
  const order = search["order"];
  const take = TAKES.find((one) => one === search["take"]) ?? "last";
  const metric = search["metric"] ?? "";
  return {
    search,
    of: runsOf(search),
    set: search["set"] ?? "",
    tab,
    rows: {
      is_all: search["all"] === "1",
      search: search["find"] ?? "",
      ignore: search["ignore"] === undefined ? ignored : parted(search["ignore"]),
      order: order === "effect" || order === "differences" ? order : "key",
      is_tree: search["tree"] !== "0",
      closed: parted(search["closed"]),
      baseline: search["base"] ?? null,
      take,
      less: parted(search["less"]),
      more: parted(search["more"]),
    },
    target: {
      metric,
      take: search["by"] === "min" || search["by"] === "max" ? search["by"] : "last",
      less: search["goal"] === "less",
    },
  };
}

const NO_TARGET: Target = { metric: "", take: "last", less: false };

/** What a sheet is asked for: of the state only what tells it from others of its family. */
export function sheetOf(
  of: RunsWanted,
  family: Family,
  { rows, target }: Pick<CompareState, "rows" | "target">,
): SheetAsked {
  if (family !== "metrics")
    return { of, family, rows: { ...rows, take: "last", less: [], more: [] }, target };
  // Effects are on a metric, and of params and the like.
  const order = rows.order === "effect" ? "key" : rows.order;
  return { of, family, rows: { ...rows, order }, target: NO_TARGET };
}

export type SetState = (changes: Search, isReplaced?: boolean) => void;

export function useCompareState(): { state: CompareState; set: SetState } {
  const search: Search = useSearch({ strict: false });
  const navigate = useNavigate();
  // As it was when the page was opened: going back takes back what was ignored since.
  const [ignored] = useState(storedIgnored);
  const state = useMemo(() => readState(search, ignored), [search, ignored]);
  const set = useCallback<SetState>(
    (changes, isReplaced = false) =>
      void navigate({
        to: ".",
        search: (before: Search) => ({ ...before, ...changes }),
        replace: isReplaced,
        resetScroll: false,
      } as Parameters<typeof navigate>[0]),
    [navigate],
  );
  return { state, set };
}

/** As many ids as the address has room for; more are kept by the server under a short link. */
export const IDS_MAX = 40;

/** The address that compares some runs, and who is the baseline. */
export async function searchOf(ids: readonly string[]): Promise<Search> {
  if (ids.length <= IDS_MAX) return { runs: ids.join(","), set: undefined };
  return { set: await makeLink(`/compare?runs=${ids.join(",")}`), runs: undefined };
}

/** The same runs as Python. */
export function pythonOf(of: RunsWanted, tab: Tab): string {
  const conditions = of.filter ? [of.runs || of.experiments ? `(${of.filter})` : of.filter] : [];
  const listed = (ids: readonly string[]) => ids.map((id) => `'${id}'`).join(", ");
  if (of.runs) conditions.push(`run_id in (${listed(of.runs)})`);
  if (of.experiments) conditions.push(`experiment_id in (${listed(of.experiments)})`);
  const columns = ["run_id", "name", tab === "metrics" ? "metrics" : "params"];
  const words = [`filter=${JSON.stringify(conditions.join(" and "))}`];
  words.push(`view=${JSON.stringify(of.runs ? "all" : "active")}`);
  words.push(`columns=${JSON.stringify(columns)}`);
  return `mere.runs(${words.join(", ")})`;
}
