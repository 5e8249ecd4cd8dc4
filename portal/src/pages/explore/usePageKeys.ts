/** The keys of the Explore page, beside those of its grid. */

import { useMemo } from "react";

import { useLatest } from "../../grid/latest";
import { useKeys, type Key } from "../../shell/keys";

export interface PageActs {
  filter: () => void;
  undo: () => void;
  redo: () => void;
  python: () => void;
  link: () => void;
  columns: () => void;
  compare: () => void;
  nobody: () => void;
}

const KEYS: readonly [string, string, keyof PageActs][] = [
  ["/", "Filter the runs", "filter"],
  ["v", "Choose the columns", "columns"],
  ["y", "Copy a link to this view", "link"],
  ["shift+y", "Copy this view as Python", "python"],
  ["c", "Compare the runs selected", "compare"],
  ["Escape", "Select nothing", "nobody"],
  ["mod+z", "Undo", "undo"],
  ["mod+shift+z", "Do again", "redo"],
];

export function usePageKeys(acts: PageActs): void {
  const latest = useLatest(acts);
  const keys = useMemo<Key[]>(
    () => KEYS.map(([keys, does, name]) => ({ keys, does, act: () => latest()[name]() })),
    [latest],
  );
  useKeys("Explore", keys);
}
