/** Undo and redo of the Explore page: Ctrl Z and Ctrl Shift Z. */

import { useCallback, useEffect, useRef, useState } from "react";

import type { Search } from "../../router";
import { undoChange } from "./changes";
import { done, NOTHING, redone, undone, type Step } from "./undo";

/** What was said last at the foot of the page, and whether it can be undone there. */
export interface Said {
  text: string;
  canUndo: boolean;
  isError: boolean;
}

interface Wanted {
  search: Search;
  set: (search: Search) => void;
  onRuns: () => void;
}

export function useUndo({ search, set, onRuns }: Wanted) {
  const [piles, setPiles] = useState(NOTHING);
  const [said, setSaid] = useState<Said | null>(null);

  const say = useCallback(
    (text: string, canUndo = false, isError = false) => setSaid({ text, canUndo, isError }),
    [],
  );
  const isKnown = useRef(false);
  const remember = useCallback((step: Step) => {
    isKnown.current ||= step.kind === "view";
    setPiles((now) => done(now, step));
  }, []);

  // The board of charts writes into the address by itself: its changes are steps as well.
  const before = useRef(search);
  useEffect(() => {
    const old = before.current;
    if (old === search) return;
    before.current = search;
    if (old["panels"] !== search["panels"] && !isKnown.current)
      setPiles((now) => done(now, { kind: "view", search: old }));
    isKnown.current = false;
  }, [search]);

  /** Take a step, and return the one that takes it back. */
  async function take(step: Step): Promise<Step | null> {
    if (step.kind === "view") {
      isKnown.current = true;
      const cleared = Object.fromEntries(Object.keys(search).map((name) => [name, undefined]));
      set({ ...cleared, ...step.search });
      return { kind: "view", search };
    }
    const change = await undoChange(step.undo);
    onRuns();
    return change.undo === null ? null : { kind: "runs", undo: change.undo, said: step.said };
  }

  async function go(isBack: boolean): Promise<void> {
    const step = (isBack ? piles.past : piles.future).at(-1);
    if (step === undefined) return say(isBack ? "Nothing to undo." : "Nothing to do again.");
    try {
      const counter = await take(step);
      setPiles((now) => (isBack ? undone(now, counter) : redone(now, counter)));
      if (step.kind === "runs") say(`${isBack ? "Undone" : "Done again"}: ${step.said}`);
      else setSaid(null);
    } catch (error) {
      setPiles((now) => (isBack ? undone(now, null) : redone(now, null)));
      say(error instanceof Error ? error.message : String(error), false, true);
    }
  }

  return {
    said,
    say,
    hush: () => setSaid(null),
    remember,
    undo: () => void go(true),
    redo: () => void go(false),
  };
}
