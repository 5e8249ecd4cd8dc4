/** Painting lines on a canvas: bands, then lines, then marks of what is no number. */

import { lowerBound, type Drawn } from "./drawing";
import { COLOURS, DASHES, type Shade } from "./palette";

/** A stretch of a canvas in its own pixels, and which x and y it shows. */
export interface Frame {
  left: number;
  top: number;
  width: number;
  height: number;
  /** Canvas pixels for one CSS pixel. */
  ratio: number;
  x: readonly [number, number];
  y: readonly [number, number];
  isLogX: boolean;
  isLogY: boolean;
}

/** From a value to its place; NaN where a logarithmic axis has none. */
export function placer(
  [least, most]: readonly [number, number],
  isLog: boolean,
  start: number,
  end: number,
): (value: number) => number {
  const [a, b] = isLog ? [Math.log10(least), Math.log10(most)] : [least, most];
  const scale = (end - start) / (b - a || 1);
  if (!isLog) return (value) => start + (value - a) * scale;
  return (value) => (value > 0 ? start + (Math.log10(value) - a) * scale : NaN);
}

function placers(frame: Frame) {
  return {
    px: placer(frame.x, frame.isLogX, frame.left, frame.left + frame.width),
    py: placer(frame.y, frame.isLogY, frame.top + frame.height, frame.top),
  };
}

/** The buckets of a line that are in view, with a neighbour on each side. */
function inView(line: Drawn, [left, right]: readonly [number, number]): [number, number] {
  const from = lowerBound(line.x, left);
  const to = lowerBound(line.x, right);
  return [Math.max(0, from - 1), Math.min(line.x.length, to + 1)];
}

/** How strongly a line is drawn, by how many there are. */
function weightOf(lines: number): { width: number; alpha: number } {
  if (lines <= 20) return { width: 1.6, alpha: 1 };
  if (lines <= 100) return { width: 1.2, alpha: 0.8 };
  return { width: 1, alpha: lines <= 300 ? 0.55 : 0.4 };
}

export function paintLines(
  ctx: CanvasRenderingContext2D,
  frame: Frame,
  lines: readonly Drawn[],
  shade: Shade,
): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(frame.left, frame.top, frame.width, frame.height);
  ctx.clip();
  ctx.lineJoin = "round";
  const { width, alpha } = weightOf(lines.length);
  for (const line of lines) {
    if (line.lo === null || line.hi === null) continue;
    ctx.globalAlpha = lines.length > 5 ? 0.12 : 0.2;
    ctx.fillStyle = COLOURS[shade][line.colour]!;
    fillBand(ctx, frame, line, line.lo, line.hi);
  }
  for (const line of lines) {
    ctx.strokeStyle = COLOURS[shade][line.colour]!;
    if (line.raw !== null && lines.length <= 100) {
      ctx.globalAlpha = 0.25;
      ctx.lineWidth = frame.ratio;
      ctx.setLineDash([]);
      stroke(ctx, frame, line, line.raw);
    }
    ctx.globalAlpha = alpha;
    ctx.lineWidth = width * frame.ratio;
    ctx.setLineDash(DASHES[line.dash]!.map((length) => length * frame.ratio));
    stroke(ctx, frame, line, line.y);
  }
  ctx.setLineDash([]);
  ctx.globalAlpha = 1;
  for (const line of lines) marks(ctx, frame, line, shade);
  ctx.restore();
}

/** One line alone, stronger than the rest: the one that is pointed at. */
export function paintFocus(
  ctx: CanvasRenderingContext2D,
  frame: Frame,
  line: Drawn,
  at: number,
  shade: Shade,
  ground: string,
): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(frame.left, frame.top, frame.width, frame.height);
  ctx.clip();
  ctx.lineJoin = "round";
  ctx.strokeStyle = ground;
  ctx.lineWidth = 5 * frame.ratio;
  stroke(ctx, frame, line, line.y);
  ctx.strokeStyle = COLOURS[shade][line.colour]!;
  ctx.lineWidth = 2.5 * frame.ratio;
  stroke(ctx, frame, line, line.y);
  const { px, py } = placers(frame);
  ctx.beginPath();
  ctx.arc(px(line.x[at]!), py(line.y[at]!), 4 * frame.ratio, 0, 7);
  ctx.fillStyle = COLOURS[shade][line.colour]!;
  ctx.fill();
  ctx.lineWidth = 1.5 * frame.ratio;
  ctx.strokeStyle = ground;
  ctx.stroke();
  ctx.restore();
}

function stroke(
  ctx: CanvasRenderingContext2D,
  frame: Frame,
  line: Drawn,
  values: Float64Array,
): void {
  const { px, py } = placers(frame);
  const [from, to] = inView(line, frame.x);
  ctx.beginPath();
  let isDown = false;
  for (let i = from; i < to; i++) {
    const x = px(line.x[i]!);
    const y = py(values[i]!);
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      isDown = false;
      continue;
    }
    if (isDown) ctx.lineTo(x, y);
    else {
      ctx.moveTo(x, y);
      isDown = true;
      // A value between two gaps would not be seen without a dot.
      const after = i + 1 < to ? py(values[i + 1]!) : NaN;
      if (!Number.isFinite(after)) ctx.lineTo(x + frame.ratio * 3, y);
    }
  }
  ctx.stroke();
}

function fillBand(
  ctx: CanvasRenderingContext2D,
  frame: Frame,
  line: Drawn,
  lo: Float64Array,
  hi: Float64Array,
): void {
  const { px, py } = placers(frame);
  const [from, to] = inView(line, frame.x);
  const bottom = frame.top + frame.height;
  ctx.beginPath();
  for (let i = from; i < to; i++) {
    const y = py(hi[i]!);
    if (Number.isFinite(y)) ctx.lineTo(px(line.x[i]!), y);
  }
  for (let i = to - 1; i >= from; i--) {
    if (!Number.isFinite(hi[i]!)) continue;
    const y = py(lo[i]!);
    ctx.lineTo(px(line.x[i]!), Number.isFinite(y) ? y : bottom);
  }
  ctx.fill();
}

/** Small triangles: NaN at the lower edge, infinities at the upper. */
function marks(ctx: CanvasRenderingContext2D, frame: Frame, line: Drawn, shade: Shade): void {
  if (line.nanAt.length + line.infAt.length === 0) return;
  const { px } = placers(frame);
  const size = 4 * frame.ratio;
  ctx.fillStyle = COLOURS[shade][line.colour]!;
  const triangle = (x: number, base: number, tip: number) => {
    ctx.beginPath();
    ctx.moveTo(x - size, base);
    ctx.lineTo(x + size, base);
    ctx.lineTo(x, tip);
    ctx.fill();
  };
  const bottom = frame.top + frame.height;
  for (const x of line.nanAt) triangle(px(x), bottom, bottom - 2 * size);
  for (const x of line.infAt) triangle(px(x), frame.top, frame.top + 2 * size);
}
