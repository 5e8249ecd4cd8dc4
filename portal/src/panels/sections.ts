/** Which sections a board has, and which metric is where, without knowing all of them. */

import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";

import { getJson } from "../api/client";
import { experimentsOf, keysUrl, type KeyPage } from "./keys";
import type { PlacedPanel, SectionSize } from "./layout";
import type { Board } from "./settings";
import { useKeyPages } from "./useKeyPages";

export const PINNED = "pinned";
export const ADDED = "added";
export const TOP = "top";
export const FOUND = "found";

const PAGE = 200;
const OPEN_SECTIONS = 6;
const OPEN_KEYS = 24;

export interface Section extends SectionSize {
  title: string;
}

export interface Sections {
  sections: Section[];
  /** Keys of the first level that are no branches. */
  top: string[];
  /** Levels of more than a page go on. */
  more: (() => void) | null;
  isLoading: boolean;
  error: unknown;
}

/** Which of an experiment's metrics a board is about: those of one run, those below a prefix. */
export interface Scope {
  run: string;
  below: string;
}

/** The sections of an experiment's metrics; with `search`, one of all that was found. */
export function useSections(
  experiment: string,
  board: Board,
  search: string,
  scope: Scope,
): Sections {
  // What is below a prefix is one section: all its keys hold the prefix, so it finds them.
  const words = search || scope.below;
  const level = useKeyPages(experiment, "metrics", scope, !words);
  const finds = useKeyPages(experiment, "metrics", { ...scope, search: words }, words !== "");
  const sections = useMemo(
    () =>
      words
        ? [
            {
              id: FOUND,
              title: search ? "Found" : scope.below,
              panels: finds.data?.pages[0]?.total ?? 0,
              isOpen: true,
            },
          ]
        : sectionsOf(level.data?.pages ?? [], board),
    [words, search, finds.data, level.data, board, scope.below],
  );
  const top = useMemo(() => leavesOf(level.data?.pages ?? []), [level.data]);
  const active = words ? finds : level;
  return {
    sections,
    top,
    more: !words && level.hasNextPage ? () => void level.fetchNextPage() : null,
    isLoading: active.isPending,
    error: active.error,
  };
}

export function leavesOf(pages: readonly KeyPage[]): string[] {
  return pages.flatMap((page) =>
    page.nodes.filter((node) => node.keys === 0).map((node) => node.path),
  );
}

/** Pinned, added, keys without a prefix, and a section for each prefix; machines come last. */
export function sectionsOf(pages: readonly KeyPage[], board: Board): Section[] {
  const made: Omit<Section, "isOpen">[] = [];
  if (board.pinned.length) made.push({ id: PINNED, title: "Pinned", panels: board.pinned.length });
  if (board.extra.length) made.push({ id: ADDED, title: "Added", panels: board.extra.length });
  const top = leavesOf(pages).length;
  if (top) made.push({ id: TOP, title: "Metrics", panels: top });
  const branches = pages.flatMap((page) => page.nodes.filter((node) => node.keys > 0));
  const isMachine = (path: string) => /^(system|gpu|cpu)/.test(path);
  branches.sort((a, b) => Number(isMachine(a.path)) - Number(isMachine(b.path)));
  for (const node of branches)
    made.push({ id: `/${node.path}`, title: node.path, panels: node.keys });
  return made.map((section, place) => {
    const opens =
      !section.id.startsWith("/") ||
      (place < OPEN_SECTIONS && section.panels <= OPEN_KEYS && !isMachine(section.title));
    return { ...section, isOpen: opens !== board.turned.includes(section.id) };
  });
}

export interface ShownPanel extends PlacedPanel {
  /** Null until the page of keys it is on has come. */
  key: string | null;
}

/** The metrics of the panels in view; pages of keys are asked for as they come into view. */
export function useShownKeys(
  experiment: string,
  panels: readonly PlacedPanel[],
  known: { board: Board; top: readonly string[]; search: string; scope: Scope },
): ShownPanel[] {
  const { board, top, search, scope } = known;
  const isPaged = (section: string) => section === FOUND || section.startsWith("/");
  const wanted = [
    ...new Set(
      panels
        .filter((panel) => isPaged(panel.section))
        .map((panel) => `${Math.floor(panel.index / PAGE)} ${panel.section}`),
    ),
  ];
  const pages = useQueries({
    queries: wanted.map((name) => {
      const cut = name.indexOf(" ");
      const [page, section] = [Number(name.slice(0, cut)), name.slice(cut + 1)];
      const below = section === FOUND ? scope.below : section.slice(1);
      // All keys below a branch hold its name, so a search for it lists them without a tree.
      const words = section === FOUND ? search || scope.below : below.replaceAll(/\s+/g, " ");
      return {
        queryKey: ["keys", "metrics", experiment, below, words, page, scope.run],
        queryFn: ({ signal }: { signal: AbortSignal }) =>
          getJson<KeyPage>(
            keysUrl("metrics", scope.run),
            {
              experiment: scope.run ? null : experimentsOf(experiment),
              below,
              search: words,
              offset: page * PAGE,
              limit: PAGE,
            },
            signal,
          ),
        staleTime: 30_000,
      };
    }),
  });
  return panels.map((panel) => {
    if (panel.section === PINNED) return { ...panel, key: board.pinned[panel.index] ?? null };
    if (panel.section === TOP) return { ...panel, key: top[panel.index] ?? null };
    const page = pages[wanted.indexOf(`${Math.floor(panel.index / PAGE)} ${panel.section}`)];
    return { ...panel, key: page?.data?.nodes[panel.index % PAGE]?.path ?? null };
  });
}
