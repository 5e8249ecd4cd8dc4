/** What of an address a view is made of, as text that is the same for the same view. */

import type { Search } from "../router";

/** What an address says that is no part of a view: which view it was, and what is selected. */
const PASSING = ["saved", "sel"];

/** What is behind the `?` of a page, without what passes. */
export function stateOf(search: Search): string {
  const names = Object.keys(search).filter((name) => search[name] && !PASSING.includes(name));
  return new URLSearchParams(names.sort().map((name) => [name, search[name]!])).toString();
}

export function searchOf(state: string): Search {
  return Object.fromEntries(new URLSearchParams(state));
}

/** Changes that lead from one search to a view: what the view does not say is taken away. */
export function leadTo(view: { view_id: string; state?: string }, from: Search): Search {
  const cleared = Object.fromEntries(Object.keys(from).map((name) => [name, undefined]));
  return { ...cleared, ...searchOf(view.state ?? ""), saved: view.view_id };
}

/** Whether a page no longer shows what a view says. */
export function isChanged(view: { state?: string }, search: Search): boolean {
  return stateOf(searchOf(view.state ?? "")) !== stateOf(search);
}
