/** How many traces began when, failed ones in red, and how long they took; dragging narrows the time. */

import { useCallback, useRef, useState, type PointerEvent } from "react";

import type { TraceOverview } from "../../api/traces";
import { Canvas, type Surface } from "../../panels/Canvas";
import { shown } from "../trace/colours";
import { lengthOf } from "../trace/times";
import { Button, Dialog } from "../../ui";
import { when } from "../../ui/format";

const TOP_PX = 4;
const CLICK_PX = 4;

type Range = readonly [number, number];

export function Histogram({
  overview,
  onRange,
}: {
  overview: TraceOverview;
  /** In milliseconds since the epoch. */
  onRange: (from: number, to: number) => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<Range | null>(null);
  const [hover, setHover] = useState<number | null>(null);
  const [isTable, setTable] = useState(false);
  const paint = useCallback((surface: Surface) => paintBars(surface, overview), [overview]);
  const { from_us: from, until_us: until, step_us: step, moments } = overview;
  if (from === null || until === null || moments.length === 0) return null;
  const [first, last] = edges(overview);
  const under =
    hover === null
      ? undefined
      : moments.find((one) => one.at_us <= hover && hover < one.at_us + step);

  function momentOf(event: PointerEvent): number {
    const around = box.current!.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - around.left) / around.width));
    return first + share * (last - first);
  }

  function finish() {
    if (drag === null) return;
    setDrag(null);
    const [a, b] = [Math.min(...drag), Math.max(...drag)];
    const width = box.current?.clientWidth ?? 1;
    if (((b - a) / (last - first)) * width >= CLICK_PX) onRange(a / 1000, b / 1000);
    else if (under) onRange(under.at_us / 1000, (under.at_us + step) / 1000);
  }

  return (
    <div className="flex shrink-0 items-stretch gap-2 border-b border-line bg-panel px-3 py-1">
      <div className="min-w-0 flex-1">
        <div
          ref={box}
          className="relative h-14 cursor-crosshair touch-none"
          title="Drag over a stretch of time, or click a bar"
          onPointerDown={(event) => {
            if (event.button !== 0) return;
            event.currentTarget.setPointerCapture(event.pointerId);
            const at = momentOf(event);
            setDrag([at, at]);
          }}
          onPointerMove={(event) => {
            const at = momentOf(event);
            setHover(at);
            if (drag) setDrag([drag[0], at]);
          }}
          onPointerLeave={() => setHover(null)}
          onPointerUp={finish}
        >
          <Canvas
            paint={paint}
            label={`Traces over time, from ${when(from / 1000)} to ${when(until / 1000)}`}
          />
          {drag && (
            <div
              className="pointer-events-none absolute inset-y-0 border-x border-accent bg-accent/20"
              style={{
                left: `${((Math.min(...drag) - first) / (last - first)) * 100}%`,
                width: `${(Math.abs(drag[1] - drag[0]) / (last - first)) * 100}%`,
              }}
            />
          )}
        </div>
        <div className="flex justify-between text-[11px] text-muted tabular-nums">
          <span>{when(from / 1000)}</span>
          <span aria-hidden="true">
            {under
              ? `${when(under.at_us / 1000)}: ${under.traces.toLocaleString("en")} traces, ${under.errors.toLocaleString("en")} failed, p95 ${lengthOf(under.p95_ms ?? NaN)}`
              : `a bar is ${lengthOf(step / 1000)}; the line is the p95 latency`}
          </span>
          <span>{when(until / 1000)}</span>
        </div>
      </div>
      <Button look="quiet" onClick={() => setTable(true)}>
        As a table
      </Button>
      <Dialog title="Traces over time" isOpen={isTable} onClose={() => setTable(false)}>
        <Table overview={overview} onRange={onRange} />
      </Dialog>
    </div>
  );
}

/** The whole bars that the time asked for begins and ends in. */
function edges({ from_us, until_us, step_us }: TraceOverview): Range {
  const first = Math.floor((from_us ?? 0) / step_us) * step_us;
  const last = Math.ceil((until_us ?? 0) / step_us) * step_us;
  return [first, Math.max(last, first + step_us)];
}

function paintBars({ ctx, width, height, looks, shade }: Surface, overview: TraceOverview): void {
  const { moments, step_us: step } = overview;
  const [first, last] = edges(overview);
  const most = Math.max(...moments.map((one) => one.traces), 1);
  const slowest = Math.max(...moments.map((one) => one.p95_ms ?? 0), 1e-9);
  const bad = getComputedStyle(document.documentElement).getPropertyValue("--bad").trim();
  const wide = (step / (last - first)) * width;
  const x = (us: number) => ((us - first) / (last - first)) * width;
  for (const one of moments) {
    const tall = Math.max(2, (one.traces / most) * (height - TOP_PX));
    const failed = one.errors ? Math.max(2, (one.errors / one.traces) * tall) : 0;
    const [left, long] = [x(one.at_us) + 0.5, Math.max(1, wide - 1)];
    ctx.fillStyle = shown(0, shade);
    ctx.globalAlpha = 0.6;
    ctx.fillRect(left, height - tall, long, tall - failed);
    ctx.globalAlpha = 1;
    ctx.fillStyle = bad;
    ctx.fillRect(left, height - failed, long, failed);
  }
  ctx.strokeStyle = looks.text;
  ctx.lineWidth = 1;
  ctx.globalAlpha = 0.7;
  ctx.beginPath();
  let before = NaN;
  for (const one of moments) {
    if (one.p95_ms === null) continue;
    const [at, y] = [x(one.at_us + step / 2), height - (one.p95_ms / slowest) * (height - TOP_PX)];
    // A line over hours without traces would say something of them.
    if (one.at_us - before > step) ctx.moveTo(at - 1.5, y);
    ctx.lineTo(at, y);
    before = one.at_us;
  }
  ctx.stroke();
  ctx.globalAlpha = 1;
  ctx.strokeStyle = looks.line;
  ctx.strokeRect(0, height - 0.5, width, 0);
}

function Table({
  overview,
  onRange,
}: {
  overview: TraceOverview;
  onRange: (from: number, to: number) => void;
}) {
  const step = overview.step_us / 1000;
  return (
    <table className="w-full">
      <thead className="text-left text-muted">
        <tr>
          {["From", "Traces", "Failed", "p50", "p95"].map((head, at) => (
            <th key={head} className={at ? "px-2 text-right font-medium" : "px-2 font-medium"}>
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {overview.moments.map((one) => (
          <tr key={one.at_us} className="border-t border-line tabular-nums">
            <td className="px-2">
              <button
                type="button"
                className="text-accent hover:underline"
                onClick={() => onRange(one.at_us / 1000, one.at_us / 1000 + step)}
              >
                {when(one.at_us / 1000)}
              </button>
            </td>
            <td className="px-2 text-right">{one.traces.toLocaleString("en")}</td>
            <td className="px-2 text-right">{one.errors.toLocaleString("en")}</td>
            <td className="px-2 text-right">{lengthOf(one.p50_ms ?? NaN)}</td>
            <td className="px-2 text-right">{lengthOf(one.p95_ms ?? NaN)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
