/** Texts that are written in a page and kept in its address, so that a link shows them, too. */

import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useState } from "react";

import type { Search } from "../router";

/** A text that one writes, and what of it is on its way to the address. */
export interface Written {
  text: string;
  /** What the address had when it was looked at last. */
  address: string;
  sent: readonly string[];
}

/**
 * The same after the address changed. It follows what one writes a little later: what was sent
 * there must not come back over what was written meanwhile. Anything else is news.
 */
export function arrived(before: Written, address: string): Written {
  const place = before.sent.indexOf(address);
  if (place < 0) return { text: address, address, sent: [] };
  return { text: before.text, address, sent: before.sent.slice(place + 1) };
}

/** A text of the address, and how to change it; an empty one is left out. */
export function useSearchText(name: string): [string, (value: string) => void] {
  const address = useSearch({ strict: false, select: (search: Search) => search[name] ?? "" });
  const [kept, setKept] = useState<Written>({ text: address, address, sent: [] });
  const navigate = useNavigate();
  const now = kept.address === address ? kept : arrived(kept, address);
  if (now !== kept) setKept(now);
  const change = useCallback(
    (text: string) => {
      setKept((before) => ({ ...before, text, sent: [...before.sent, text] }));
      void navigate({
        to: ".",
        search: (search: Search) => ({ ...search, [name]: text || undefined }),
        replace: true,
      });
    },
    [name, navigate],
  );
  return [now.text, change];
}
