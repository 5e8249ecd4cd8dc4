/** The whole trace, small: drag over it to see a stretch of its time, drag that to move it. */

import { useCallback, useRef, useState, type KeyboardEvent, type PointerEvent } from "react";

import { Canvas, type Surface } from "../../panels/Canvas";
import { paintWhole, type Painted } from "./paint";
import { lengthOf, moved, within, zoomed, type Sight } from "./times";

const CLICK_PX = 4;

interface Drag {
  /** Where it began, as a share of the width. */
  at: number;
  isMove: boolean;
  sight: Sight;
}

export function Minimap({
  painted,
  sight,
  whole,
  onSight,
}: {
  painted: Omit<Painted, "sight">;
  sight: Sight;
  whole: Sight;
  onSight: (sight: Sight) => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<Drag | null>(null);
  const paint = useCallback((surface: Surface) => paintWhole(surface, painted), [painted]);
  const length = whole[1] - whole[0];
  const shares = sight.map((one) => (one - whole[0]) / length) as [number, number];
  const isWhole = shares[0] <= 0.0001 && shares[1] >= 0.9999;

  function shareOf(event: PointerEvent): number {
    const around = box.current!.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - around.left) / around.width));
  }

  function begin(event: PointerEvent) {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    const at = shareOf(event);
    setDrag({ at, isMove: !isWhole && at > shares[0] && at < shares[1], sight });
  }

  function move(event: PointerEvent) {
    if (drag === null) return;
    const at = shareOf(event);
    if (drag.isMove) {
      const by = (at - drag.at) * length;
      onSight(within([drag.sight[0] + by, drag.sight[1] + by], whole));
      return;
    }
    const around = box.current!.getBoundingClientRect();
    if (Math.abs(at - drag.at) * around.width < CLICK_PX) return;
    const ends = [drag.at, at].sort((a, b) => a - b).map((one) => whole[0] + one * length);
    onSight(within(ends as [number, number], whole));
  }

  function press(event: KeyboardEvent) {
    const middle = (sight[0] + sight[1]) / 2;
    const acts: Record<string, () => Sight> = {
      ArrowLeft: () => moved(sight, -0.2, whole),
      ArrowRight: () => moved(sight, 0.2, whole),
      ArrowUp: () => zoomed(sight, 1.6, middle, whole),
      ArrowDown: () => zoomed(sight, 1 / 1.6, middle, whole),
      Home: () => whole,
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    onSight(act());
  }

  return (
    <div
      ref={box}
      role="group"
      tabIndex={0}
      aria-label={`Time shown: ${lengthOf(sight[0])} to ${lengthOf(sight[1])} of ${lengthOf(length)}. Arrows move and zoom.`}
      title="Drag to zoom, double-click for all"
      onPointerDown={begin}
      onPointerMove={move}
      onPointerUp={() => setDrag(null)}
      onDoubleClick={() => onSight(whole)}
      onKeyDown={press}
      className="relative h-12 min-w-0 cursor-crosshair touch-none overflow-hidden bg-ground"
    >
      <Canvas paint={paint} label="The whole trace" />
      {!isWhole && (
        <>
          <Shade from={0} until={shares[0]} />
          <Shade from={shares[1]} until={1} />
          <div
            className="pointer-events-none absolute inset-y-0 border-x-2 border-accent"
            style={{ left: `${shares[0] * 100}%`, width: `${(shares[1] - shares[0]) * 100}%` }}
          />
        </>
      )}
    </div>
  );
}

function Shade({ from, until }: { from: number; until: number }) {
  return (
    <div
      className="pointer-events-none absolute inset-y-0 bg-ground opacity-75"
      style={{ left: `${from * 100}%`, width: `${Math.max(0, until - from) * 100}%` }}
    />
  );
}
