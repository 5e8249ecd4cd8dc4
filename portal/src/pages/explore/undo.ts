/**
 * What can be undone: changes of the view and changes of runs, in the order they were made.
 *
 * To undo a change of runs gives another one, which undoes that; so going to and fro needs no more
 * than two piles.
 */

import type { Search } from "../../router";

export type Step = { kind: "view"; search: Search } | { kind: "runs"; undo: string; said: string };

export interface Piles {
  past: readonly Step[];
  future: readonly Step[];
}

export const NOTHING: Piles = { past: [], future: [] };

const STEPS_MAX = 100;

/** Something was done that `step` takes back; what was undone before cannot come back then. */
export function done(piles: Piles, step: Step): Piles {
  return { past: [...piles.past, step].slice(-STEPS_MAX), future: [] };
}

/** The last step was taken back, and `counter` would do it again. */
export function undone(piles: Piles, counter: Step | null): Piles {
  const future = counter === null ? piles.future : [...piles.future, counter];
  return { past: piles.past.slice(0, -1), future };
}

/** The step undone last was done again, and `counter` would take it back. */
export function redone(piles: Piles, counter: Step | null): Piles {
  const past = counter === null ? piles.past : [...piles.past, counter];
  return { past, future: piles.future.slice(0, -1) };
}
