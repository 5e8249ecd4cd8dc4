/** Two panes beside each other, with a border that is dragged or moved by arrows. */

import { useState, type CSSProperties, type ReactNode } from "react";

import { cx } from "./index";

const LEAST = 20;
const MOST = 85;

export function Panes({
  keptAs,
  label,
  share: first = 50,
  left,
  right,
}: {
  /** Under which name this browser remembers where the border is. */
  keptAs: string;
  label: string;
  /** How much of the width, in hundredths, the left one has at first. */
  share?: number;
  left: ReactNode;
  right: ReactNode;
}) {
  const [share, setShare] = useShare(keptAs, first);
  return (
    <div className="flex h-full min-h-0 flex-1">
      <div className="min-w-0" style={{ width: `${share}%` }}>
        {left}
      </div>
      <Border label={label} share={share} onShare={setShare} className="w-1.5 border-x" />
      <div className="min-w-0 flex-1">{right}</div>
    </div>
  );
}

/** How much of a width one part has, in hundredths; this browser remembers it. */
export function useShare(keptAs: string, first: number): [number, (share: number) => void] {
  const [share, setShare] = useState(() => stored(keptAs, first));
  return [
    share,
    (next) => {
      const kept = Math.round(Math.max(LEAST, Math.min(MOST, next)));
      setShare(kept);
      localStorage.setItem(keptAs, String(kept));
    },
  ];
}

/** A border between two parts of its parent, dragged or moved by arrows. */
export function Border({
  label,
  share,
  onShare,
  className,
  style,
}: {
  label: string;
  share: number;
  onShare: (share: number) => void;
  className?: string;
  style?: CSSProperties;
}) {
  return (
    <div
      role="separator"
      aria-label={label}
      aria-orientation="vertical"
      aria-valuenow={share}
      aria-valuemin={LEAST}
      aria-valuemax={MOST}
      tabIndex={0}
      onKeyDown={(event) => {
        const by = { ArrowLeft: -2, ArrowRight: 2 }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        onShare(share + by);
      }}
      onPointerDown={(event) => {
        event.preventDefault();
        const bar = event.currentTarget;
        const box = bar.parentElement?.getBoundingClientRect();
        if (!box) return;
        bar.setPointerCapture(event.pointerId);
        bar.onpointermove = (move) => onShare(((move.clientX - box.left) / box.width) * 100);
        bar.onpointerup = () => {
          bar.onpointermove = null;
          bar.onpointerup = null;
        };
      }}
      style={style}
      className={cx(
        "shrink-0 cursor-col-resize border-line bg-ground hover:bg-accent/40",
        className,
      )}
    />
  );
}

function stored(keptAs: string, first: number): number {
  const share = Number(localStorage.getItem(keptAs));
  return share >= LEAST && share <= MOST ? share : first;
}
