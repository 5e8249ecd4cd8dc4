/** What is painted of a trace: bars in the rows in sight, and all of it, small, above them. */

import type { Surface } from "../../panels/Canvas";
import { shown, type BarColours } from "./colours";
import type { CriticalPath } from "./critical";
import { lengthOf, marks, type Sight } from "./times";
import { isError, ODD, type Spans, type Tree } from "./tree";

export const ROW_PX = 24;
const BAR_PX = 12;
const LABEL_GAP = 5;
const MARKS_PX = 90;

export interface Painted {
  spans: Spans;
  tree: Tree;
  colours: BarColours;
  path: CriticalPath | null;
  sight: Sight;
}

/** Colours that the looks of charts do not have. */
function tokens() {
  const styles = getComputedStyle(document.documentElement);
  return {
    bad: styles.getPropertyValue("--bad").trim(),
    warn: styles.getPropertyValue("--warn").trim(),
  };
}

/** The bars of some rows, from the top; `rows` are spans. */
export function paintBars(surface: Surface, painted: Painted, rows: readonly number[]): void {
  const { ctx, width, height, looks, shade } = surface;
  const { spans, tree, colours, path, sight } = painted;
  const { bad } = tokens();
  const scale = width / (sight[1] - sight[0]);
  const x = (ms: number) => (ms - sight[0]) * scale;
  ctx.strokeStyle = looks.line;
  ctx.lineWidth = 1;
  for (const mark of marks(sight[0], sight[1], width / MARKS_PX)) {
    const at = Math.round(x(mark)) + 0.5;
    ctx.beginPath();
    ctx.moveTo(at, 0);
    ctx.lineTo(at, height);
    ctx.stroke();
  }
  ctx.textBaseline = "middle";
  rows.forEach((span, row) => {
    const middle = row * ROW_PX + ROW_PX / 2;
    const [from, until] = [x(tree.begin[span]!), x(tree.end[span]!)];
    if (until < 0 || from > width) return paintAside(surface, middle, until < 0);
    const left = Math.max(from, -2);
    const right = Math.max(Math.min(until, width + 2), left + 2);
    ctx.fillStyle = isError(spans, span) ? bad : shown(colours.of(span), shade);
    const isOpen = (tree.odd[span]! & ODD.open) !== 0;
    ctx.globalAlpha = isOpen ? 0.35 : 0.85;
    ctx.fillRect(left, middle - BAR_PX / 2, right - left, BAR_PX);
    ctx.globalAlpha = 1;
    if (isOpen) paintOpenEnd(surface, left, right, middle);
    for (const stretch of path?.stretches.get(span) ?? []) {
      const start = Math.max(x(stretch.from), -2);
      const stop = Math.min(x(stretch.until), width + 2);
      ctx.fillStyle = looks.text;
      if (stop > start) ctx.fillRect(start, middle + BAR_PX / 2 + 1, Math.max(stop - start, 1), 2);
    }
    paintLabel(surface, labelOf(painted, span), left, right, middle);
  });
}

function labelOf({ spans, tree }: Painted, span: number): string {
  if (tree.odd[span]! & ODD.open) return "running";
  const words = [lengthOf(spans.duration[span]!)];
  const tokens = spans.tokens[span]!;
  if (!Number.isNaN(tokens)) words.push(`${tokens.toLocaleString("en")} tokens`);
  return words.join(" · ");
}

function paintLabel(
  { ctx, width, looks }: Surface,
  label: string,
  left: number,
  right: number,
  middle: number,
): void {
  const size = ctx.measureText(label).width;
  ctx.fillStyle = looks.muted;
  if (right + LABEL_GAP + size < width) ctx.fillText(label, right + LABEL_GAP, middle + 0.5);
  else if (left - LABEL_GAP - size > 0) ctx.fillText(label, left - LABEL_GAP - size, middle + 0.5);
  else {
    // On the bar itself, where it is as wide as the page: on a patch, as bars have all colours.
    ctx.fillStyle = looks.panel;
    ctx.fillRect(width - size - 8, middle - 7, size + 8, 14);
    ctx.fillStyle = looks.text;
    ctx.fillText(label, width - size - 4, middle + 0.5);
  }
}

/** A bar out of sight: which way it is. */
function paintAside({ ctx, width, looks }: Surface, middle: number, isLeft: boolean): void {
  ctx.fillStyle = looks.muted;
  ctx.fillText(isLeft ? "◂" : "▸", isLeft ? 2 : width - 10, middle + 0.5);
}

function paintOpenEnd(surface: Surface, left: number, right: number, middle: number): void {
  const { ctx, looks } = surface;
  ctx.strokeStyle = looks.text;
  ctx.setLineDash([3, 3]);
  ctx.strokeRect(left + 0.5, middle - BAR_PX / 2 + 0.5, right - left, BAR_PX - 1);
  ctx.setLineDash([]);
}

/** The whole trace, small: its waterfall, or of many spans how many go on at a time. */
export function paintWhole(surface: Surface, painted: Omit<Painted, "sight">): void {
  const { spans, tree } = painted;
  if (tree.order.length <= surface.height) paintRows(surface, painted);
  else paintCrowd(surface, painted);
  const { ctx, width, height } = surface;
  const scale = width / (tree.until - tree.from);
  ctx.fillStyle = tokens().bad;
  for (const span of tree.order)
    if (isError(spans, span))
      ctx.fillRect(Math.min((tree.begin[span]! - tree.from) * scale, width - 2), height - 4, 2, 4);
}

function paintRows(surface: Surface, { tree, colours }: Omit<Painted, "sight">): void {
  const { ctx, width, height, shade } = surface;
  const scale = width / (tree.until - tree.from);
  const step = height / tree.order.length;
  const tall = Math.min(step, 6);
  tree.order.forEach((span, at) => {
    const from = (tree.begin[span]! - tree.from) * scale;
    const long = Math.max((tree.end[span]! - tree.begin[span]!) * scale, 1);
    ctx.fillStyle = shown(colours.of(span), shade);
    ctx.fillRect(Math.min(from, width - 1), at * step, long, Math.max(1, tall - 0.5));
  });
}

/** For each pixel how many spans of each colour go on, one colour upon the other. */
function paintCrowd(surface: Surface, { tree, colours }: Omit<Painted, "sight">): void {
  const { ctx, width, height, shade } = surface;
  const scale = width / (tree.until - tree.from);
  const places = Math.ceil(width) + 1;
  const byColour = new Map<number, Int32Array>();
  for (const span of tree.order) {
    const colour = colours.of(span);
    let steps = byColour.get(colour);
    if (!steps) byColour.set(colour, (steps = new Int32Array(places + 1)));
    const from = Math.floor((tree.begin[span]! - tree.from) * scale);
    const until = Math.floor((tree.end[span]! - tree.from) * scale);
    steps[Math.min(from, places)]!++;
    steps[Math.min(until + 1, places)]!--;
  }
  const totals = new Int32Array(places);
  const layers = [...byColour].map(([colour, steps]) => {
    for (let at = 1; at < places; at++) steps[at]! += steps[at - 1]!;
    for (let at = 0; at < places; at++) totals[at]! += steps[at]!;
    return { colour, steps };
  });
  const most = totals.reduce((a, b) => Math.max(a, b), 1);
  const tops = new Float64Array(places).fill(height);
  for (const { colour, steps } of layers) {
    ctx.fillStyle = shown(colour, shade);
    for (let at = 0; at < places; at++) {
      if (steps[at] === 0) continue;
      const tall = (steps[at]! / most) * (height - 2);
      tops[at]! -= tall;
      ctx.fillRect(at, tops[at]!, 1, tall);
    }
  }
}
