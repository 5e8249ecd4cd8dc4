/** Which runs are chosen; in the address as long as they fit into it. */

import { useCallback, useState } from "react";

import { readSelection, writeSelection, type Selection } from "../../grid/selection";

export function useSelection(
  text: string | undefined,
  onText: (text: string | undefined) => void,
): [Selection, (selection: Selection) => void] {
  const [seen, setSeen] = useState(text);
  const [selection, setSelection] = useState(() => readSelection(text));
  // The address changed otherwise: by Back, by a link, or by undo.
  if (text !== seen) {
    setSeen(text);
    setSelection(readSelection(text));
  }
  const choose = useCallback(
    (next: Selection) => {
      const written = writeSelection(next) || undefined;
      setSeen(written);
      setSelection(next);
      onText(written);
    },
    [onText],
  );
  return [selection, choose];
}
