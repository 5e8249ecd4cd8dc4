/** Keys of the panel that is pointed at or has the focus; of all panels where none is. */

import { useEffect, useMemo, useState } from "react";

import { AXES } from "../plot/words";
import { useKeys, type Key } from "../shell/keys";
import { settingsOf, smoothingOf, USUAL, type Board, type ChartSettings } from "./settings";

interface Given {
  board: Board;
  onChange: (panel: string | null, changes: Partial<ChartSettings>) => void;
  onFull: (panel: string) => void;
}

type Next = (now: ChartSettings) => Partial<ChartSettings>;

const CHANGES: readonly { keys: string; does: string; next: Next }[] = [
  {
    keys: "s",
    does: "Smooth the lines, or not",
    next: (now) => smoothingOf(now.smoothing === "none" ? "twema" : "none"),
  },
  { keys: "l", does: "Logarithmic y axis", next: (now) => ({ isLogY: !now.isLogY }) },
  { keys: "o", does: "Leave out outliers", next: (now) => ({ isClipped: !now.isClipped }) },
  { keys: "b", does: "Bands from least to greatest", next: (now) => ({ hasBands: !now.hasBands }) },
  { keys: "a", does: "Next x axis", next: nextAxis },
  { keys: "r", does: "Reset the zoom", next: () => ({ range: null }) },
];

function nextAxis(now: ChartSettings): Partial<ChartSettings> {
  const at = AXES.findIndex((one) => one.axis === now.axis);
  return { axis: AXES[(at + 1) % AXES.length]!.axis, range: null };
}

/** Which panel keys are for, and what they do; apart from React, as pointing changes nothing. */
class Pointing {
  panel: string | null = null;

  constructor(private given: Given) {}

  take(given: Given): void {
    this.given = given;
  }

  change(next: Next): void {
    const { board, onChange } = this.given;
    const now = this.panel === null ? { ...USUAL, ...board.all } : settingsOf(board, this.panel);
    onChange(this.panel, next(now));
  }

  full(): void {
    if (this.panel !== null) this.given.onFull(this.panel);
  }
}

/** Returns what makes an element that of a panel: spread it into its attributes. */
export function usePanelKeys(given: Given) {
  const [pointing] = useState(() => new Pointing(given));
  useEffect(() => pointing.take(given));
  const keys = useMemo<Key[]>(
    () => [
      ...CHANGES.map(({ keys, does, next }) => ({ keys, does, act: () => pointing.change(next) })),
      {
        keys: "f",
        does: "Show the panel pointed at in full screen",
        act: () => pointing.full(),
      },
    ],
    [pointing],
  );
  useKeys("Charts (the one pointed at, or all)", keys);
  return useMemo(
    () => (panel: string | null) => {
      const enter = () => void (pointing.panel = panel);
      const leave = () => void (pointing.panel = null);
      return { onPointerEnter: enter, onPointerLeave: leave, onFocus: enter, onBlur: leave };
    },
    [pointing],
  );
}
