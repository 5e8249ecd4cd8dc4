/**
 * The chart itself: uPlot for axes, scales, crosshair and selection; our own painting of lines.
 *
 * A thousand lines of six hundred buckets are painted straight from their typed arrays, which
 * takes a tenth of what it takes uPlot to make as many series. Whoever replaces uPlot replaces
 * this module.
 */

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import { type Drawn, type Extent, nearestAt } from "./drawing";
import { focusOf } from "./focus";
import { hoverAt } from "./hover";
import type { HoverStore } from "./HoverCard";
import { looksNow, type Looks } from "./looks";
import { type Frame, paintFocus, paintLines, placer } from "./paint";
import type { Shade } from "./palette";
import type { Axis } from "./series";
import { clock, CLOCK_STEPS, logRules, logTick, tick, timeTicks } from "./words";

export interface EngineOptions {
  axis: Axis;
  shade: Shade;
  isLogX: boolean;
  isLogY: boolean;
  /** Charts of one board have one crosshair. */
  board: string;
  store: HoverStore;
  onRange: (range: [number, number] | null) => void;
}

export interface EngineView {
  drawn: readonly Drawn[];
  extent: Extent;
}

const SELECT_MIN_PX = 5;
const REACH_PX = 60;

export class Engine {
  private readonly plot: uPlot;
  private readonly overlay = document.createElement("canvas");
  private readonly looks: Looks = looksNow();
  private readonly leave: () => void;
  private isHere = false;
  private focused: { line: Drawn; at: number } | null = null;
  paints = 0;

  constructor(
    private readonly host: HTMLElement,
    private readonly options: EngineOptions,
    private view: EngineView,
  ) {
    this.plot = new uPlot(this.describe(), this.corners(), host);
    this.overlay.className = "pointer-events-none absolute inset-0 h-full w-full";
    this.plot.over.append(this.overlay);
    this.plot.over.addEventListener("pointerenter", () => (this.isHere = true));
    this.plot.over.addEventListener("pointerleave", () => (this.isHere = false));
    this.leave = focusOf(options.board).listen((colourBy) => {
      if (!this.isHere) this.focus(colourBy);
    });
  }

  show(view: EngineView): void {
    if (view === this.view) return;
    this.view = view;
    this.plot.setData(this.corners(), true);
    this.highlight(null);
  }

  resize(width: number, height: number): void {
    const [w, h] = [Math.round(width), Math.round(height)];
    if (w > 0 && h > 0 && (w !== this.plot.width || h !== this.plot.height))
      this.plot.setSize({ width: w, height: h });
  }

  /** Move the crosshair by the keyboard; by a share of the width. */
  nudge(share: number): void {
    const { width, height } = this.plot.over.getBoundingClientRect();
    const left = this.plot.cursor.left ?? -1;
    this.isHere = true;
    const now = left < 0 ? width / 2 : left + share * width;
    this.plot.setCursor({
      left: Math.max(0, Math.min(width - 1, now)),
      top: this.plot.cursor.top !== undefined && left >= 0 ? this.plot.cursor.top : height / 2,
    });
  }

  /** Zoom by the keyboard, around the crosshair; `factor` is that of what is shown. */
  zoom(factor: number): void {
    const { x } = this.view.extent;
    const left = this.plot.cursor.left ?? -1;
    const middle = left < 0 ? (x[0] + x[1]) / 2 : this.plot.posToVal(left, "x");
    this.options.onRange([middle - (middle - x[0]) * factor, middle + (x[1] - middle) * factor]);
  }

  hideCrosshair(): void {
    this.isHere = false;
    this.plot.setCursor({ left: -10, top: -10 });
  }

  destroy(): void {
    this.leave();
    this.options.store.set(null);
    this.plot.destroy();
  }

  /** uPlot's own data: the corners of what is shown, which it never draws. */
  private corners(): uPlot.AlignedData {
    const { x, y } = this.view.extent;
    return [
      [x[0], x[1]],
      [y[0], y[1]],
    ];
  }

  private describe(): uPlot.Options {
    const { axis, isLogX, isLogY, board, onRange } = this.options;
    const { looks } = this;
    const line = { stroke: looks.line, width: 1 };
    const shared = {
      stroke: looks.muted,
      font: looks.font,
      grid: line,
      ticks: { ...line, size: 4 },
    };
    const formats: Record<Axis, Partial<uPlot.Axis>> = {
      time: { values: (_, splits, __, ___, every) => timeTicks(splits, every), size: 40 },
      step: { values: textsOf(isLogX ? logTick : tick) },
      relative: { values: textsOf(clock), ...(!isLogX && { incrs: [...CLOCK_STEPS] }) },
    };
    return {
      width: Math.max(120, this.host.clientWidth),
      height: Math.max(80, this.host.clientHeight),
      legend: { show: false },
      series: [{}, { paths: () => null, points: { show: false } }],
      scales: {
        x: {
          time: axis === "time",
          distr: isLogX ? 3 : 1,
          range: () => [...this.view.extent.x],
        },
        y: { distr: isLogY ? 3 : 1, range: () => [...this.view.extent.y] },
      },
      axes: [
        { ...shared, size: 26, gap: 3, ...formats[axis], ...ruled(isLogX, shared) },
        {
          ...shared,
          size: (_, values) => 14 + 6.4 * Math.max(2, ...(values ?? []).map((v) => v?.length ?? 0)),
          gap: 4,
          values: textsOf(isLogY ? logTick : tick),
          ...ruled(isLogY, shared),
        },
      ],
      padding: [8, null, 0, null],
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false, dist: SELECT_MIN_PX },
        bind: {
          dblclick: () => () => {
            onRange(null);
            return null;
          },
        },
        sync: {
          key: `${board} ${axis}`,
          setSeries: false,
          scales: ["x", null],
          // Where one selects, the others only follow the crosshair.
          filters: { pub: (type) => type !== "mousedown" && type !== "mouseup" },
        },
      },
      hooks: {
        draw: [() => this.paint()],
        setCursor: [() => this.point()],
        setSelect: [() => this.select()],
      },
    };
  }

  private frame(box: { left: number; top: number; width: number; height: number }): Frame {
    const { extent } = this.view;
    const { isLogX, isLogY } = this.options;
    return { ...box, ratio: uPlot.pxRatio, x: extent.x, y: extent.y, isLogX, isLogY };
  }

  private paint(): void {
    paintLines(this.plot.ctx, this.frame(this.plot.bbox), this.view.drawn, this.options.shade);
    this.paints += 1;
    performance.mark("plot:painted");
  }

  private select(): void {
    const { left, width } = this.plot.select;
    if (width < SELECT_MIN_PX) return;
    const [from, to] = [left, left + width].map((px) => this.plot.posToVal(px, "x"));
    this.plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.options.onRange([from!, to!]);
  }

  private point(): void {
    const left = this.plot.cursor.left ?? -1;
    const top = this.plot.cursor.top ?? -1;
    const { store, board } = this.options;
    if (left < 0) {
      store.set(null);
      if (this.isHere || this.focused) focusOf(board).set(null);
      this.focus(null);
      return;
    }
    if (!this.isHere) return;
    const height = this.plot.over.clientHeight;
    const x = this.plot.posToVal(left, "x");
    const reach = Math.abs(this.plot.posToVal(left + REACH_PX, "x") - x);
    const py = placer(this.view.extent.y, this.options.isLogY, height, 0);
    const hover = hoverAt(this.view.drawn, x, reach, (value) => Math.abs(py(value) - top));
    const offset = this.plot.over.offsetLeft;
    store.set(hover && { hover, left: left + offset, room: this.host.clientWidth });
    this.highlight(hover ? { line: hover.nearest, at: hover.nearestAt } : null);
    focusOf(board).set(hover?.nearest.colourBy ?? null);
  }

  /** Show a run of another chart's crosshair here. */
  private focus(colourBy: string | null): void {
    const line = this.view.drawn.find((one) => one.colourBy === colourBy);
    const left = this.plot.cursor.left ?? -1;
    if (line === undefined) return this.highlight(null);
    const at = nearestAt(line, left < 0 ? Infinity : this.plot.posToVal(left, "x"));
    this.highlight(at < 0 ? null : { line, at });
  }

  private highlight(found: { line: Drawn; at: number } | null): void {
    if (found?.line === this.focused?.line && found?.at === this.focused?.at) return;
    this.focused = found;
    const ctx = this.clearOverlay();
    if (found === null || ctx === null) return;
    const { width, height } = this.overlay;
    const frame = this.frame({ left: 0, top: 0, width, height });
    paintFocus(ctx, frame, found.line, found.at, this.options.shade, this.looks.panel);
  }

  private clearOverlay(): CanvasRenderingContext2D | null {
    const { clientWidth, clientHeight } = this.plot.over;
    const [width, height] = [clientWidth, clientHeight].map((px) =>
      Math.round(px * uPlot.pxRatio),
    ) as [number, number];
    if (this.overlay.width !== width) this.overlay.width = width;
    if (this.overlay.height !== height) this.overlay.height = height;
    const ctx = this.overlay.getContext("2d");
    ctx?.clearRect(0, 0, width, height);
    return ctx;
  }
}

/** Rules and marks of an axis: fewer where it is logarithmic. */
function ruled(
  isLog: boolean,
  { grid, ticks }: { grid: uPlot.Axis.Grid; ticks: uPlot.Axis.Ticks },
) {
  const filter = (_: uPlot, splits: number[]) => logRules(splits);
  return isLog ? { grid: { ...grid, filter }, ticks: { ...ticks, filter } } : {};
}

/** Splits that a logarithmic axis leaves out come as null. */
function textsOf(text: (value: number) => string) {
  return (_: uPlot, splits: (number | null)[]) => splits.map((v) => (v === null ? "" : text(v)));
}
