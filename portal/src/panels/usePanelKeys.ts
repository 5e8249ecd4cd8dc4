/** Keys of the panel that is pointed at or has the focus; of all panels where none is. */

import { useEffect, useMemo, useRef } from "react";

import { AXES } from "../plot/words";
import { useKeys, type Key } from "../shell/keys";
import { settingsOf, USUAL, type Board, type ChartSettings } from "./settings";
import { smoothingOf } from "./SettingsPopover";

interface Given {
  board: Board;
  onChange: (panel: string | null, changes: Partial<ChartSettings>) => void;
  onFull: (panel: string) => void;
}

/** Returns what makes an element that of a panel: spread it into its attributes. */
export function usePanelKeys(given: Given) {
  const latest = useRef(given);
  const active = useRef<string | null>(null);
  useEffect(() => {
    latest.current = given;
  });
  const keys = useMemo<Key[]>(() => {
    const act = (
      keys: string,
      does: string,
      next: (now: ChartSettings) => Partial<ChartSettings>,
    ) => ({
      keys,
      does,
      act: () => {
        const { board, onChange } = latest.current;
        const panel = active.current;
        const now = panel === null ? { ...USUAL, ...board.all } : settingsOf(board, panel);
        onChange(panel, next(now));
      },
    });
    return [
      act("s", "Smooth the lines, or not", (now) =>
        smoothingOf(now.smoothing === "none" ? "twema" : "none"),
      ),
      act("l", "Logarithmic y axis", (now) => ({ isLogY: !now.isLogY })),
      act("o", "Leave out outliers", (now) => ({ isClipped: !now.isClipped })),
      act("b", "Bands from least to greatest", (now) => ({ hasBands: !now.hasBands })),
      act("a", "Next x axis", (now) => {
        const at = AXES.findIndex((one) => one.axis === now.axis);
        return { axis: AXES[(at + 1) % AXES.length]!.axis, range: null };
      }),
      act("r", "Reset the zoom", () => ({ range: null })),
      {
        keys: "f",
        does: "Show the panel pointed at in full screen",
        act: () => active.current !== null && latest.current.onFull(active.current),
      },
    ];
  }, []);
  useKeys("Charts (the one pointed at, or all)", keys);
  return useMemo(
    () => (panel: string | null) => ({
      onPointerEnter: () => void (active.current = panel),
      onPointerLeave: () => void (active.current = null),
      onFocus: () => void (active.current = panel),
      onBlur: () => void (active.current = null),
    }),
    [],
  );
}
