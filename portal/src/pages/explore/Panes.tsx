/** Two panes beside each other, with a border that is dragged or moved by arrows. */

import { useState, type ReactNode } from "react";

import type { Split } from "./state";

const KEY = "mere.explore.split";
const LEAST = 20;
const MOST = 85;

function stored(): number {
  const share = Number(localStorage.getItem(KEY));
  return share >= LEAST && share <= MOST ? share : 50;
}

export function Panes({ split, left, right }: { split: Split; left: ReactNode; right: ReactNode }) {
  const [share, setShare] = useState(stored);

  function put(next: number) {
    const kept = Math.round(Math.max(LEAST, Math.min(MOST, next)));
    setShare(kept);
    localStorage.setItem(KEY, String(kept));
  }

  if (split === "table") return <div className="min-h-0 flex-1">{left}</div>;
  if (split === "charts") return <div className="min-h-0 flex-1">{right}</div>;
  return (
    <div className="flex min-h-0 flex-1">
      <div className="min-w-0" style={{ width: `${share}%` }}>
        {left}
      </div>
      <div
        role="separator"
        aria-label="Between table and charts"
        aria-orientation="vertical"
        aria-valuenow={share}
        aria-valuemin={LEAST}
        aria-valuemax={MOST}
        tabIndex={0}
        onKeyDown={(event) => {
          const by = { ArrowLeft: -2, ArrowRight: 2 }[event.key];
          if (by === undefined) return;
          event.preventDefault();
          put(share + by);
        }}
        onPointerDown={(event) => {
          event.preventDefault();
          const bar = event.currentTarget;
          const box = bar.parentElement?.getBoundingClientRect();
          if (!box) return;
          bar.setPointerCapture(event.pointerId);
          bar.onpointermove = (move) => put(((move.clientX - box.left) / box.width) * 100);
          bar.onpointerup = () => {
            bar.onpointermove = null;
            bar.onpointerup = null;
          };
        }}
        className="w-1.5 shrink-0 cursor-col-resize border-x border-line bg-ground hover:bg-accent/40"
      />
      <div className="min-w-0 flex-1">{right}</div>
    </div>
  );
}
