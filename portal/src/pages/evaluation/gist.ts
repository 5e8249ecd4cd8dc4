/** What a record is about, in a line: the question itself where inputs are known to have one. */

import { messagesOf, opened } from "../../values/chat";

/** The gist of inputs as JSON; of what is cut off or of no known shape, the JSON. */
export function gistOf(json: string): string {
  const value = opened(json);
  const last = messagesOf(value)
    ?.at(-1)
    ?.parts.find((part) => part.kind === "text");
  if (last?.kind === "text") return last.text;
  if (typeof value !== "object" || value === null) return json;
  const [only, ...others] = Object.values(value as Record<string, unknown>);
  return typeof only === "string" && others.length === 0 ? only : json;
}
