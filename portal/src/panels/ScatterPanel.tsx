/** Runs as points: one column against another. */

import { useCallback, useMemo, useState, type PointerEvent } from "react";

import { colourIndex, COLOURS } from "../plot/palette";
import type { Surface } from "./Canvas";
import { Canvas } from "./Canvas";
import { keyOf, type Cell } from "./data";
import type { PanelRun } from "./LinesPanel";
import { cell } from "./RowsTable";
import { scaleOf } from "./scales";

const BOX = { left: 52, right: 14, top: 10, bottom: 36 };
const NEAR_PX = 14;

export function Scatter({
  rows,
  runs,
  x,
  y,
  colours,
}: {
  rows: readonly Record<string, Cell>[];
  runs: readonly PanelRun[];
  x: string;
  y: string;
  /** Of rows that are no runs, whose own colours may be alike. */
  colours?: ReadonlyMap<string, number>;
}) {
  const [pointed, setPointed] = useState<number | null>(null);
  const points = useMemo(() => {
    const scales = [x, y].map((name) => scaleOf(rows.map((row) => row[name]))) as [
      ReturnType<typeof scaleOf>,
      ReturnType<typeof scaleOf>,
    ];
    const places = rows.map((row) => [scales[0].place(row[x]), scales[1].place(row[y])] as const);
    return { scales, places };
  }, [rows, x, y]);
  const chosen = useMemo(() => new Set(runs.map((run) => run.runId)), [runs]);

  const paint = useCallback(
    ({ ctx, width, height, looks, shade }: Surface) => {
      const [w, h] = [width - BOX.left - BOX.right, height - BOX.top - BOX.bottom];
      const px = (share: number) => BOX.left + share * w;
      const py = (share: number) => BOX.top + (1 - share) * h;
      ctx.strokeStyle = looks.line;
      ctx.fillStyle = looks.muted;
      ctx.textAlign = "center";
      for (const { at, text } of points.scales[0].ticks) {
        rule(ctx, px(at), BOX.top, px(at), BOX.top + h);
        ctx.fillText(text.slice(0, 12), px(at), BOX.top + h + 14);
      }
      ctx.fillText(keyOf(x), BOX.left + w / 2, height - 6);
      ctx.textAlign = "right";
      for (const { at, text } of points.scales[1].ticks) {
        rule(ctx, BOX.left, py(at), BOX.left + w, py(at));
        ctx.fillText(text.slice(0, 8), BOX.left - 5, py(at) + 4);
      }
      // Runs of the board are painted last, above the others.
      for (const isChosen of [false, true])
        points.places.forEach(([a, b], i) => {
          const runId = String(rows[i]!["run_id"]);
          if (a === null || b === null || chosen.has(runId) !== isChosen) return;
          ctx.globalAlpha = isChosen ? 0.85 : 0.35;
          ctx.fillStyle = isChosen
            ? (COLOURS[shade][colours?.get(runId) ?? colourIndex(runId)] ?? looks.muted)
            : looks.muted;
          ctx.beginPath();
          ctx.arc(px(a), py(b), i === pointed ? 6 : rows.length > 2_000 ? 2 : 3.5, 0, 7);
          ctx.fill();
          if (i === pointed) {
            ctx.globalAlpha = 1;
            ctx.strokeStyle = looks.text;
            ctx.stroke();
          }
        });
      ctx.globalAlpha = 1;
    },
    [points, rows, chosen, pointed, x, colours],
  );
  const point = (event: PointerEvent<HTMLCanvasElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const [w, h] = [box.width - BOX.left - BOX.right, box.height - BOX.top - BOX.bottom];
    const [left, top] = [event.clientX - box.left, event.clientY - box.top];
    let [best, distance] = [-1, NEAR_PX];
    points.places.forEach(([a, b], i) => {
      if (a === null || b === null) return;
      const far = Math.hypot(BOX.left + a * w - left, BOX.top + (1 - b) * h - top);
      if (far < distance) [best, distance] = [i, far];
    });
    setPointed(best < 0 ? null : best);
  };
  const row = pointed === null ? undefined : rows[pointed];
  return (
    <>
      <Canvas
        paint={paint}
        label={`${keyOf(y)} against ${keyOf(x)} of ${rows.length} runs`}
        onPointerMove={point}
        onPointerLeave={() => setPointed(null)}
      />
      {row && (
        <div className="pointer-events-none absolute top-2 right-3 rounded border border-line bg-panel/95 px-2 py-1 text-xs shadow">
          <div className="font-semibold">{row["name"]}</div>
          {keyOf(x)}: {cell(row[x])}
          <br />
          {keyOf(y)}: {cell(row[y])}
        </div>
      )}
    </>
  );
}

function rule(ctx: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number): void {
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
}
