/** What rows are sorted by: keys of the filter language, the first one first. */

import { isDescendingFirst, read, splitTexts } from "./columns";

export interface SortKey {
  text: string;
  isDescending: boolean;
}

export function readSort(text: string | undefined): SortKey[] {
  return splitTexts(text ?? "").map((part) => {
    const found = /^([\s\S]+?)\s+(asc|desc)$/i.exec(part);
    return {
      text: found?.[1] ?? part,
      isDescending: found?.[2]?.toLowerCase() === "desc",
    };
  });
}

export function writeSort(keys: readonly SortKey[]): string {
  return keys.map((key) => orderOf(key)).join("; ");
}

/** A key as the server wants it. */
export function orderOf(key: SortKey): string {
  return key.isDescending ? `${key.text} desc` : key.text;
}

/**
 * What a click on a column's head does: best first, then the other way round, then not at all.
 * With `isAdded` the other keys stay, and the column becomes the last of them.
 */
export function turnSort(keys: readonly SortKey[], text: string, isAdded: boolean): SortKey[] {
  const first = isDescendingFirst(read(text).kind);
  const at = keys.findIndex((key) => key.text === text);
  const known = keys[at];
  const next: SortKey | null =
    known === undefined
      ? { text, isDescending: first }
      : known.isDescending === first
        ? { text, isDescending: !first }
        : null;
  if (!isAdded) return next === null ? [] : [next];
  const rest = [...keys];
  if (known === undefined) return next === null ? rest : [...rest, next];
  rest.splice(at, 1, ...(next === null ? [] : [next]));
  return rest;
}

/** Sort by one column and nothing else. */
export function setSort(text: string, isDescending: boolean): SortKey[] {
  return [{ text, isDescending }];
}
