/** What the Explore page shows, as it stands in the address. */

import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";

import { COLUMNS_MAX, type RowQuery, type View } from "../../grid/blocks";
import { column, read, readColumns, splitTexts, textOf, type Column } from "../../grid/columns";
import { orderOf, readSort, type SortKey } from "../../grid/sort";
import type { Search } from "../../router";

/** Which runs are offered: those in use, those put aside, those in the bin. */
export type Shelf = "active" | "archived" | "deleted";

/** What is beside what. */
export type Split = "both" | "table" | "charts";

export const SHELVES: readonly [Shelf, string][] = [
  ["active", "In use"],
  ["archived", "Archived"],
  ["deleted", "Deleted"],
];

const ARCHIVED = "tags.`mere.archived`";
/** As many runs are left out of "all that match" as a filter has room for. */
export const EXCEPT_MAX = 2_000;

export interface ExploreState {
  search: Search;
  filter: string;
  sort: SortKey[];
  group: string[];
  columns: Column[] | null;
  shelf: Shelf;
  split: Split;
  hidden: ReadonlySet<string>;
}

export const BASE_COLUMNS: readonly Column[] = [
  column("name", true),
  column("status"),
  column("started_at"),
  column("duration"),
  column("created_by"),
];

export function readState(search: Search): ExploreState {
  const shelf = SHELVES.find(([name]) => name === search["shelf"])?.[0] ?? "active";
  const split = search["show"];
  return {
    search,
    filter: search["q"] ?? "",
    sort: readSort(search["sort"]),
    group: splitTexts(search["group"] ?? ""),
    columns: readColumns(search["cols"]),
    shelf,
    split: split === "table" || split === "charts" ? split : "both",
    hidden: new Set((search["hide"] ?? "").split("~").filter(Boolean)),
  };
}

/** A filter and a condition that must hold as well. */
export function both(filter: string, condition: string): string {
  return filter.trim() ? `(${filter}) and ${condition}` : condition;
}

/** What to ask the server for. */
export function queryOf(experiment: string, state: ExploreState): RowQuery {
  const view: View = state.shelf === "deleted" ? "deleted" : "active";
  const filter =
    state.shelf === "deleted"
      ? state.filter
      : both(state.filter, `${ARCHIVED} is ${state.shelf === "archived" ? "not " : ""}null`);
  return {
    experiments: [experiment],
    filter,
    order: state.sort.map(orderOf),
    group: state.group,
    view,
  };
}

/** The query of all its runs but some. */
export function without(query: RowQuery, except: ReadonlySet<string>): RowQuery {
  if (except.size === 0) return query;
  const ids = [...except].map((id) => `'${id}'`).join(", ");
  return { ...query, filter: both(query.filter, `run_id not in (${ids})`) };
}

/** The state of the address, and how to change it. */
export function useExploreState() {
  const search: Search = useSearch({ strict: false });
  const navigate = useNavigate();
  const state = useMemo(() => readState(search), [search]);
  const set = useCallback(
    (changes: Search, isReplaced = false) =>
      void navigate({
        to: ".",
        search: (before: Search) => ({ ...before, ...changes }),
        replace: isReplaced,
      }),
    [navigate],
  );
  return { state, set };
}

/** The columns as SQL shows them: of a curve, the last value. */
export function sqlColumns(columns: readonly Column[]): string[] {
  const texts = columns.map(({ text }) => {
    const { family, key, take } = read(text);
    return take === "curve" ? textOf(family, key) : text;
  });
  return [...new Set(texts)].filter((text) => text !== "run_id").slice(0, COLUMNS_MAX);
}

/** The same question as a line of Python. */
export function pythonOf(experiment: string, state: ExploreState): string {
  const words = [JSON.stringify(experiment)];
  if (state.filter) words.push(`filter=${JSON.stringify(state.filter)}`);
  if (state.sort.length) words.push(`order=${JSON.stringify(state.sort.map(orderOf).join(", "))}`);
  return `mere.runs(${words.join(", ")})`;
}
