/**
 * One chart of lines: the only one in the portal, on every page.
 *
 * Give it lines and how to show them; it keeps nothing but the crosshair. Zooming is told to
 * `onRange`, so that whoever has the data asks for finer buckets; until they come, what is there
 * is shown at the new range. The element with `data-plot` has `plot.debugState()` for tests.
 */

import { useEffect, useImperativeHandle, useMemo, useRef, type KeyboardEvent } from "react";

import { useTheme } from "../shell/theme";
import { bandsShown, drawLines, extentOf, PLAIN, type Line, type PlotSettings } from "./drawing";
import { Engine } from "./engine";
import { HoverCard, HoverStore } from "./HoverCard";
import { COLOURS } from "./palette";
import type { Axis } from "./series";
import { toldOf } from "./words";

export interface PlotProps {
  /** Names the chart to people and to tests. */
  title: string;
  lines: readonly Line[];
  axis: Axis;
  /** What differs from a plain chart. */
  settings?: Partial<PlotSettings>;
  /** The part of the x axis that is shown, in steps or seconds; null for all. */
  range?: readonly [number, number] | null;
  /** Somebody selected a part of the x axis, or wants all of it again (null). */
  onRange?: (range: [number, number] | null) => void;
  /** Charts of one board share the crosshair. */
  board?: string;
  /** Of the values, as `MB`. */
  unit?: string | undefined;
  /** How many points the buckets hold, as the server says. */
  told?: { points: number; width: number; isExact: boolean } | undefined;
  /** What to say where there are no lines yet. */
  waiting?: string | undefined;
}

/** What a test may know of a chart; see `debugState`. */
export interface PlotState {
  title: string;
  axis: Axis;
  theme: string;
  domain: { x: readonly [number, number]; y: readonly [number, number] };
  settings: PlotSettings;
  points: number;
  width: number;
  told: string;
  paints: number;
  lines: {
    id: string;
    label: string;
    colour: string;
    dash: number;
    x: number[];
    y: number[];
    lo: number[] | null;
    hi: number[] | null;
    nanAt: number[];
    infAt: number[];
  }[];
}

export interface PlotElement extends HTMLDivElement {
  /** `countLines` tells how many are drawn, at no cost: `debugState` copies all that they hold. */
  plot?: { debugState: () => PlotState; countLines: () => number };
}

const NUDGE = 0.01;
const nothing = () => undefined;

export function Plot({
  title,
  lines,
  axis,
  settings: given,
  range = null,
  onRange = nothing,
  board = "page",
  unit,
  told,
  waiting,
}: PlotProps) {
  const { shown: shade } = useTheme();
  const settings = useSettings(given);
  const drawn = useMemo(() => drawLines(lines, settings), [lines, settings]);
  const view = useMemo(
    () => ({ drawn, extent: extentOf(drawn, settings, range) }),
    [drawn, settings, range],
  );
  const host = useRef<HTMLDivElement>(null);
  const element = useRef<PlotElement>(null);
  const engine = useRef<Engine | null>(null);
  const latest = useRef({ view, onRange });
  const store = useMemo(() => new HoverStore(), []);
  useEffect(() => {
    latest.current = { view, onRange };
  });

  const { isLogX, isLogY } = settings;
  useEffect(() => {
    if (host.current === null) return;
    const made = new Engine(
      host.current,
      {
        axis,
        shade,
        isLogX,
        isLogY,
        board,
        store,
        onRange: (wanted) => latest.current.onRange(wanted),
      },
      latest.current.view,
    );
    engine.current = made;
    const watcher = new ResizeObserver(([entry]) => {
      if (entry) made.resize(entry.contentRect.width, entry.contentRect.height);
    });
    watcher.observe(host.current);
    return () => {
      watcher.disconnect();
      engine.current = null;
      made.destroy();
    };
  }, [axis, shade, isLogX, isLogY, board, store]);

  useEffect(() => engine.current?.show(view), [view]);

  const words = toldOf(
    lines.length,
    told?.points ?? 0,
    told?.width ?? 1,
    told?.isExact ?? true,
    axis,
    bandsShown(lines.length, settings),
  );
  const debugState = (): PlotState => ({
    title,
    axis,
    theme: shade,
    domain: view.extent,
    settings,
    points: told?.points ?? 0,
    width: told?.width ?? 1,
    told: words,
    paints: engine.current?.paints ?? 0,
    lines: drawn.map((line) => ({
      ...line,
      colour: COLOURS[shade][line.colour]!,
      x: [...line.x],
      y: [...line.y],
      lo: line.lo && [...line.lo],
      hi: line.hi && [...line.hi],
    })),
  });
  useImperativeHandle(element, () =>
    Object.assign(host.current!.parentElement as PlotElement, {
      plot: { debugState, countLines: () => drawn.length },
    }),
  );

  const press = (event: KeyboardEvent) => {
    const share = { ArrowLeft: -NUDGE, ArrowRight: NUDGE }[event.key];
    if (share !== undefined) engine.current?.nudge(event.shiftKey ? share * 10 : share);
    else if (event.key === "+" || event.key === "=") engine.current?.zoom(0.5);
    else if (event.key === "-" && range !== null) engine.current?.zoom(2);
    else if (event.key === "Escape") engine.current?.hideCrosshair();
    else return;
    event.preventDefault();
  };
  return (
    <div
      data-plot={title}
      tabIndex={0}
      role="group"
      aria-label={`Chart of ${title}: ${words}. Arrow keys move the crosshair, plus and minus zoom.`}
      onKeyDown={press}
      onBlur={() => engine.current?.hideCrosshair()}
      className="relative h-full min-h-0 w-full"
    >
      <div ref={host} aria-hidden="true" className="absolute inset-0" />
      {lines.length === 0 && (
        <div className="absolute inset-0 flex items-center justify-center bg-panel text-muted">
          {waiting ?? "No points here."}
        </div>
      )}
      <HoverCard store={store} axis={axis} shade={shade} unit={unit} width={told?.width ?? 1} />
    </div>
  );
}

/**
 * How to draw, as the same object while it says the same: whoever gives a new one with each
 * render, or one that has the range of x in it as well, has no line reckoned or painted twice.
 */
function useSettings(given: Partial<PlotSettings> | undefined): PlotSettings {
  const now = { ...PLAIN, ...given };
  const { smoothing, amount, isLogX, isLogY, isClipped, hasBands, grouping } = now;
  return useMemo(
    () => ({ smoothing, amount, isLogX, isLogY, isClipped, hasBands, grouping }),
    [smoothing, amount, isLogX, isLogY, isClipped, hasBands, grouping],
  );
}
