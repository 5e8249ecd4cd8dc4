/** Which run is looked at, and which of its tabs. */

import { useParams } from "@tanstack/react-router";

/** Which run, and which of its tabs. */
export function useAddress(): { experiment: string; run: string; tab: string } {
  const found: { experiment?: string; run?: string; tab?: string } = useParams({ strict: false });
  return { experiment: found.experiment ?? "", run: found.run ?? "", tab: found.tab ?? "overview" };
}
