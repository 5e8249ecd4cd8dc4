/** Which runs are chosen; in the address as long as they fit into it. */

import { useCallback, useState } from "react";

import { readSelection, writeSelection, type Selection } from "../../grid/selection";

type Text = string | undefined;

interface Kept {
  selection: Selection;
  /** What the address had when it was looked at last, and what is on its way to it. */
  address: Text;
  sent: readonly Text[];
}

export function useSelection(
  text: Text,
  onText: (text: Text) => void,
): [Selection, (selection: Selection) => void] {
  const [kept, setKept] = useState<Kept>(() => ({
    selection: readSelection(text),
    address: text,
    sent: [],
  }));
  const now = kept.address === text ? kept : arrived(kept, text);
  if (now !== kept) setKept(now);
  const choose = useCallback(
    (next: Selection) => {
      const written = writeSelection(next) || undefined;
      setKept((before) => chosen(before, next, written));
      onText(written);
    },
    [onText],
  );
  return [now.selection, choose];
}

/** Somebody chose: the address follows a little later, unless it is the same. */
export function chosen(before: Kept, selection: Selection, written: Text): Kept {
  const last = before.sent.length ? before.sent.at(-1) : before.address;
  return { ...before, selection, sent: last === written ? before.sent : [...before.sent, written] };
}

/** The address changed: by what was sent there, or else by Back, a link or undo, which is news. */
export function arrived(before: Kept, address: Text): Kept {
  const place = before.sent.indexOf(address);
  if (place < 0) return { selection: readSelection(address), address, sent: [] };
  return { ...before, address, sent: before.sent.slice(place + 1) };
}
