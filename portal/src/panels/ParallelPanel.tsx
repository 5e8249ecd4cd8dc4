/** Runs as lines across columns; dragging along an axis keeps those that pass there. */

import { useCallback, useMemo, useRef, useState, type PointerEvent } from "react";

import type { Surface } from "./Canvas";
import { Canvas } from "./Canvas";
import { keyOf, type Cell } from "./data";
import { passing, ramp, type Brush } from "./brushes";
import { scaleOf } from "./scales";

const BOX = { side: 44, top: 26, bottom: 14 };
const GRAB_PX = 22;
const BRUSH_MIN = 0.01;
export function Parallel({
  rows,
  columns,
}: {
  rows: readonly Record<string, Cell>[];
  columns: readonly string[];
}) {
  const [brushes, setBrushes] = useState<ReadonlyMap<number, Brush>>(new Map());
  const dragged = useRef<{ column: number; from: number } | null>(null);
  const { scales, places } = useMemo(() => {
    const scales = columns.map((name) => scaleOf(rows.map((row) => row[name])));
    const places = rows.map((row) => columns.map((name, i) => scales[i]!.place(row[name])));
    return { scales, places };
  }, [rows, columns]);
  const kept = useMemo(() => passing(places, brushes), [places, brushes]);

  const paint = useCallback(
    ({ ctx, width, height, looks, shade }: Surface) => {
      const px = (column: number) => xOf(column, columns.length, width);
      const py = (share: number) => BOX.top + (1 - share) * (height - BOX.top - BOX.bottom);
      const alpha = rows.length > 500 ? 0.25 : 0.6;
      for (const isKept of [false, true])
        places.forEach((row, i) => {
          if (kept[i] !== isKept) return;
          ctx.globalAlpha = isKept ? alpha : 0.06;
          const last = row[row.length - 1];
          ctx.strokeStyle =
            isKept && typeof last === "number" ? ramp(last, shade === "dark") : looks.muted;
          ctx.beginPath();
          let isDown = false;
          row.forEach((at, column) => {
            if (at === null) isDown = false;
            else if (isDown) ctx.lineTo(px(column), py(at));
            else {
              ctx.moveTo(px(column), py(at));
              isDown = true;
            }
          });
          ctx.stroke();
        });
      ctx.globalAlpha = 1;
      scales.forEach((scale, column) => {
        const x = px(column);
        ctx.strokeStyle = looks.muted;
        ctx.beginPath();
        ctx.moveTo(x, py(1));
        ctx.lineTo(x, py(0));
        ctx.stroke();
        const brush = brushes.get(column);
        if (brush) {
          ctx.fillStyle = looks.accent;
          ctx.globalAlpha = 0.35;
          ctx.fillRect(x - 6, py(brush[1]), 12, py(brush[0]) - py(brush[1]));
          ctx.globalAlpha = 1;
        }
        ctx.textAlign = "center";
        ctx.fillStyle = looks.text;
        const name = keyOf(columns[column]!);
        ctx.fillText(name.length > 16 ? `…${name.slice(-15)}` : name, x, 13);
        const isEnd = column === columns.length - 1;
        ctx.textAlign = isEnd ? "left" : "right";
        for (const { at, text } of scale.ticks) {
          ctx.lineWidth = 3;
          ctx.strokeStyle = looks.panel;
          ctx.strokeText(text.slice(0, 9), x + (isEnd ? 5 : -5), py(at) + 4);
          ctx.lineWidth = 1;
          ctx.fillStyle = looks.muted;
          ctx.fillText(text.slice(0, 9), x + (isEnd ? 5 : -5), py(at) + 4);
        }
      });
    },
    [rows, columns, scales, places, kept, brushes],
  );

  const share = (event: PointerEvent<HTMLCanvasElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const at = 1 - (event.clientY - box.top - BOX.top) / (box.height - BOX.top - BOX.bottom);
    return Math.max(0, Math.min(1, at));
  };
  const begin = (event: PointerEvent<HTMLCanvasElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const left = event.clientX - box.left;
    const column = columns.findIndex(
      (_, i) => Math.abs(xOf(i, columns.length, box.width) - left) < GRAB_PX,
    );
    if (column < 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    dragged.current = { column, from: share(event) };
  };
  const brush = (event: PointerEvent<HTMLCanvasElement>) => {
    if (dragged.current === null) return;
    const { column, from } = dragged.current;
    const to = share(event);
    setBrushes((old) => {
      const next = new Map(old);
      if (Math.abs(to - from) < BRUSH_MIN) next.delete(column);
      else next.set(column, [Math.min(from, to), Math.max(from, to)]);
      return next;
    });
  };
  const end = (event: PointerEvent<HTMLCanvasElement>) => {
    brush(event);
    dragged.current = null;
  };
  const left = kept.filter(Boolean).length;
  return (
    <>
      <Canvas
        paint={paint}
        label={`${rows.length} runs across ${columns.map(keyOf).join(", ")}`}
        onPointerDown={begin}
        onPointerMove={brush}
        onPointerUp={end}
      />
      {brushes.size > 0 && (
        <button
          type="button"
          className="absolute right-2 bottom-0 rounded bg-chosen px-1.5 text-[11px]"
          onClick={() => setBrushes(new Map())}
        >
          {left.toLocaleString("en")} of {rows.length.toLocaleString("en")} runs: show all
        </button>
      )}
    </>
  );
}

function xOf(column: number, columns: number, width: number): number {
  if (columns === 1) return width / 2;
  return BOX.side + (column / (columns - 1)) * (width - 2 * BOX.side);
}
