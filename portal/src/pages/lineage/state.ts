/** What of the lineage page is in its address. */

import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";

import type { Search } from "../../router";
import { nodeAt } from "./kinds";

export const DEPTHS = { least: 1, usual: 4, most: 12 };
export const WIDTHS = [
  ["12", "12 of each"],
  ["50", "50 of each"],
  ["200", "200 of each"],
  ["10000", "all"],
] as const;

export interface LineageState {
  node: string;
  depth: number;
  direction: "both" | "up" | "down";
  width: number;
  open: readonly string[];
  chosen: string;
  isList: boolean;
}

/** The state, and how to change words of it; each change can be gone back from. */
export function useLineageState(): [LineageState, (change: Search, isStep?: boolean) => void] {
  const { kind = "", id = "" }: { kind?: string; id?: string } = useParams({ strict: false });
  const search: Search = useSearch({ strict: false });
  const navigate = useNavigate();
  const state = useMemo(() => read(kind, id, search), [kind, id, search]);
  const change = useCallback(
    (to: Search, isStep = false) =>
      void navigate({
        to: ".",
        search: (before: Search) => ({ ...before, ...to }),
        replace: !isStep,
      }),
    [navigate],
  );
  return [state, change];
}

export function read(kind: string, id: string, search: Search): LineageState {
  const depth = Math.round(Number(search["depth"] ?? DEPTHS.usual));
  const width = Number(search["width"] ?? WIDTHS[0][0]);
  const direction = search["way"];
  return {
    node: nodeAt(kind, id),
    depth: depth >= DEPTHS.least && depth <= DEPTHS.most ? depth : DEPTHS.usual,
    direction: direction === "up" || direction === "down" ? direction : "both",
    width: WIDTHS.some(([one]) => Number(one) === width) ? width : Number(WIDTHS[0][0]),
    open: opened(search["open"]),
    chosen: search["at"] ?? "",
    isList: search["show"] === "list",
  };
}

/** The nodes that are opened, as an address has them. */
export function opened(text: string | undefined): readonly string[] {
  try {
    const found: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(found) ? found.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}
