/** Names in what one writes: which one is being written, and where those that are known stand. */

/** A name that is being written: where it begins (at its `@`), and what of it there is. */
export interface Begun {
  start: number;
  word: string;
}

const WORD = /(^|[^\w@/.-])@(\[[^\]\n]{0,60}|[^\s:/\\<>"'`,;[\]]{0,60})$/;

/** The name that is being written at the cursor, if one is. */
export function begunAt(text: string, cursor: number): Begun | null {
  const before = text.slice(0, cursor);
  const match = WORD.exec(before);
  if (match === null) return null;
  const word = match[2] ?? "";
  return { start: cursor - word.length - 1, word: word.replace(/^\[/, "") };
}

/** How a name is written: with brackets where it is several words. */
export function written(name: string): string {
  return /^[^\s:/\\<>"'`,;[\]]+$/.test(name) ? `@${name}` : `@[${name}]`;
}

/** The text with a name in place of what was begun, and where the cursor is then. */
export function withName(
  text: string,
  begun: Begun,
  cursor: number,
  name: string,
): { text: string; at: number } {
  const rest = text.slice(cursor).replace(/^\]/, "");
  const put = written(name) + (/^[\s.,;:!?)]/.test(rest) ? "" : " ");
  const head = text.slice(0, begun.start) + put;
  return { text: head + rest, at: head.length };
}

/** A text in pieces: names of people who were told, and what is between them. */
export function pieces(
  text: string,
  names: readonly string[],
): { text: string; isName: boolean }[] {
  const known = names.map((name) => name.toLowerCase()).sort((a, b) => b.length - a.length);
  const found: { text: string; isName: boolean }[] = [];
  let from = 0;
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
    if (at > 0 && /[\w@/.-]/.test(text.charAt(at - 1))) continue;
    const rest = text.slice(at + 1).toLowerCase();
    const bracketed = known.find((name) => rest.startsWith(`[${name}]`));
    const name =
      bracketed ??
      known.find((one) => rest.startsWith(one) && !/^[\w-]/.test(rest.slice(one.length)));
    if (name === undefined) continue;
    const length = name.length + (bracketed === undefined ? 1 : 3);
    if (at > from) found.push({ text: text.slice(from, at), isName: false });
    const shown = bracketed === undefined ? text.slice(at, at + length) : `@${name}`;
    found.push({ text: shown, isName: true });
    from = at + length;
  }
  if (from < text.length) found.push({ text: text.slice(from), isName: false });
  return found;
}
