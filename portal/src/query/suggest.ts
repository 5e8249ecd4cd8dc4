/** Suggestions for a filter as far as it was written, and what is wrong with it where. */

import { send, type Schema } from "../api/call";

export type Suggestion = Schema<"Suggestion">;
export type Problem = Schema<"Problem">;
export type SuggestionPage = Schema<"SuggestionPage">;

/** What a filter is of. */
export type Filtered = "runs" | "traces";

/** `experiments` is null for all that one may read. */
export function askSuggestions(
  text: string,
  at: number,
  experiments: readonly string[] | null,
  of: Filtered = "runs",
  signal?: AbortSignal,
): Promise<SuggestionPage> {
  return send("post", "/api/v1/suggest", { body: { text, at, experiments, of }, signal });
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
