/** Whether there is room for two panes beside each other. */

import { useSyncExternalStore } from "react";

const WIDE = "(min-width: 1000px)";

export function useWide(): boolean {
  return useSyncExternalStore(
    (tell) => {
      const media = window.matchMedia(WIDE);
      media.addEventListener("change", tell);
      return () => media.removeEventListener("change", tell);
    },
    () => window.matchMedia(WIDE).matches,
  );
}
