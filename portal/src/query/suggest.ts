/** Suggestions for a filter as far as it was written, and what is wrong with it where. */

import { sendJson } from "../api/client";

export interface Suggestion {
  text: string;
  kind: "name" | "key" | "operator" | "value" | "word";
  detail: string;
  runs: number | null;
}

export interface Problem {
  start: number;
  end: number;
  message: string;
}

export interface SuggestionPage {
  start: number;
  end: number;
  items: Suggestion[];
  problem: Problem | null;
}

export function askSuggestions(
  text: string,
  at: number,
  experiments: readonly string[],
  signal?: AbortSignal,
): Promise<SuggestionPage> {
  return sendJson("POST", "/api/v1/suggest", { text, at, experiments }, signal);
}

/** The filter with a suggestion put in, and where the cursor goes. */
export function inserted(
  text: string,
  page: Pick<SuggestionPage, "start" | "end">,
  item: Suggestion,
): { text: string; at: number } {
  const rest = text.slice(page.end);
  const isOpen = item.text.endsWith(".");
  const space = isOpen || rest.startsWith(" ") ? "" : " ";
  const before = text.slice(0, page.start) + item.text + space;
  const isSpaceNext = !isOpen && space === "";
  return { text: before + rest, at: before.length + (isSpaceNext ? 1 : 0) };
}

/** The text in three parts: before what is wrong, what is wrong, and behind it. */
export function parted(text: string, problem: Problem | null): [string, string, string] {
  if (problem === null) return [text, "", ""];
  const start = Math.min(problem.start, text.length);
  const wrong = text.slice(start, Math.max(problem.end, start));
  return [text.slice(0, start), wrong || " ", text.slice(start + wrong.length)];
}
