/** What of the page is in its address, so that a link shows what its sender saw. */

import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";

import type { Search } from "../../router";

/** A text of the address, and how to change it; an empty one is left out. */
export function useSearchText(name: string): [string, (value: string) => void] {
  const value = useSearch({ strict: false, select: (search: Search) => search[name] ?? "" });
  const navigate = useNavigate();
  const change = useCallback(
    (text: string) =>
      void navigate({
        to: ".",
        search: (search: Search) => ({ ...search, [name]: text || undefined }),
        replace: true,
      }),
    [name, navigate],
  );
  return [value, change];
}

/** Which run, and which of its tabs. */
export function useAddress(): { experiment: string; run: string; tab: string } {
  const found: { experiment?: string; run?: string; tab?: string } = useParams({ strict: false });
  return { experiment: found.experiment ?? "", run: found.run ?? "", tab: found.tab ?? "overview" };
}
