/**
 * The graph: dragged, zoomed, and walked by keys. Small ones are drawn as SVG, large ones painted.
 *
 * It is one thing to the keyboard: the arrows go along the edges, and what one is at is said by a
 * live region. Who cannot use a picture has the list (`GraphList`), which says the same.
 */

import {
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type PointerEvent,
} from "react";

import type { LineageMap } from "../../api/lineage";
import { Button } from "../../ui";
import { GraphCanvas } from "./GraphCanvas";
import { GraphSvg } from "./GraphSvg";
import { said } from "./kinds";
import {
  centred,
  firstView,
  fitted,
  hit,
  seen,
  spotsOf,
  zoomed,
  type Size,
  type View,
} from "./view";
import { related, stepFrom, waysOf, type Step } from "./walk";

export interface Drawn {
  map: LineageMap;
  view: View;
  size: Size;
  /** The number of the node or group that one is at; -1 for none. */
  chosen: number;
  /** What has to do with it; null where all is alike. */
  lit: ReadonlySet<number> | null;
  /** What was searched for. */
  found: ReadonlySet<number>;
}

const SVG_MAX = 300;
const STEPS: Record<string, Step> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
};
const ZOOM = 1.3;
const LEGIBLE = 0.4;

export function Graph({
  map,
  chosen,
  found,
  onChoose,
  onGo,
}: {
  map: LineageMap;
  chosen: number;
  found: ReadonlySet<number>;
  onChoose: (at: number) => void;
  /** Go to the page of a node, or show all of a group. */
  onGo: (at: number) => void;
}) {
  const frame = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  const [moved, setMoved] = useState<{ of: string; view: View } | null>(null);
  const [trail, setTrail] = useState<readonly number[]>([]);
  const ways = useMemo(() => waysOf(map), [map]);
  const spots = useMemo(() => spotsOf(map), [map]);
  const lit = useMemo(() => (chosen < 0 ? null : related(chosen, ways)), [chosen, ways]);

  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const watcher = new ResizeObserver(() =>
      setSize({ width: element.clientWidth, height: element.clientHeight }),
    );
    watcher.observe(element);
    return () => watcher.disconnect();
  }, []);

  const first = useMemo(() => firstView(map, size), [map, size]);
  // Another root is another place; the same graph with more of it stays where it is.
  const view = moved?.of === map.root ? moved.view : first;
  const setView = useCallback((to: View) => setMoved({ of: map.root, view: to }), [map.root]);
  // What is chosen elsewhere (by a search, in the details, by the address) is brought into sight.
  const [looked, setLooked] = useState(-1);
  if (chosen !== looked && size.width > 0) {
    setLooked(chosen);
    const spot = spots[chosen];
    const to = spot ? seen(view, spot, size) : view;
    if (spot && to !== view) setView(view.scale < LEGIBLE ? centred(spot, size, 0.8) : to);
  }
  const zoom = useCallback(
    (factor: number, at = { x: size.width / 2, y: size.height / 2 }) =>
      setView(zoomed(view, factor, at)),
    [setView, size, view],
  );

  // React's own wheel listener is passive, and the page would scroll along.
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const turn = (event: WheelEvent) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const at = { x: event.clientX - box.left, y: event.clientY - box.top };
      zoom(Math.exp(-event.deltaY / 400), at);
    };
    element.addEventListener("wheel", turn, { passive: false });
    return () => element.removeEventListener("wheel", turn);
  }, [zoom]);

  const see = (at: number) => {
    const spot = spots[at];
    if (!spot) return;
    setView(view.scale < LEGIBLE ? centred(spot, size, 0.8) : seen(view, spot, size));
  };

  function press(event: KeyboardEvent) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = STEPS[event.key];
    const act = step ? () => walk(step) : OTHERS[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }
  function walk(step: Step) {
    const root = Math.max(
      0,
      map.nodes.findIndex((one) => one.node === map.root),
    );
    const to =
      chosen < 0 ? root : stepFrom(chosen, step, [...map.nodes, ...map.groups], ways, trail);
    if (to === chosen) return;
    if (step === "left" || step === "right") setTrail([...trail.slice(-200), chosen]);
    else setTrail([]);
    onChoose(to);
    see(to);
  }
  const OTHERS: Record<string, () => void> = {
    Enter: () => chosen >= 0 && onGo(chosen),
    Escape: () => onChoose(-1),
    "+": () => zoom(ZOOM),
    "=": () => zoom(ZOOM),
    "-": () => zoom(1 / ZOOM),
    "0": () => setView(fitted(map, size)),
    Home: () => {
      onChoose(0);
      see(0);
    },
  };

  const drag = useDrag(view, setView, (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const at = hit(spots, view, { x: event.clientX - box.left, y: event.clientY - box.top });
    setTrail([]);
    if (at >= map.nodes.length) onGo(at);
    else onChoose(at);
  });
  const drawn: Drawn = { map, view, size, chosen, lit, found };
  const isPainted = map.nodes.length + map.groups.length > SVG_MAX;
  return (
    <div className="relative min-h-0 min-w-0 flex-1">
      <div
        ref={frame}
        role="application"
        aria-label="Lineage graph"
        aria-describedby="graph-keys"
        tabIndex={0}
        onKeyDown={press}
        onDoubleClick={() => chosen >= 0 && onGo(chosen)}
        {...drag}
        className="absolute inset-0 cursor-grab touch-none overflow-hidden active:cursor-grabbing"
      >
        {size.width > 0 && (isPainted ? <GraphCanvas {...drawn} /> : <GraphSvg {...drawn} />)}
      </div>
      <p id="graph-keys" className="sr-only">
        The arrows go along the edges and along a column, Enter opens what one is at.
      </p>
      <p aria-live="polite" className="sr-only">
        {chosen >= 0 && said(map, chosen, ways)}
      </p>
      <div className="absolute right-2 bottom-2 flex gap-1">
        <Button aria-label="Smaller" title="Smaller (−)" onClick={() => zoom(1 / ZOOM)}>
          −
        </Button>
        <Button aria-label="Larger" title="Larger (+)" onClick={() => zoom(ZOOM)}>
          +
        </Button>
        <Button title="Show all of it (0)" onClick={() => setView(fitted(map, size))}>
          Fit
        </Button>
      </div>
    </div>
  );
}

const CLICK_PX = 4;

/** Dragging the view; what ends where it began is a click. */
function useDrag(
  view: View,
  onMove: (view: View) => void,
  onClick: (event: PointerEvent<HTMLDivElement>) => void,
) {
  const from = useRef<{ x: number; y: number; view: View; isDrag: boolean } | null>(null);
  return {
    onPointerDown: (event: PointerEvent<HTMLDivElement>) => {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      from.current = { x: event.clientX, y: event.clientY, view, isDrag: false };
    },
    onPointerMove: (event: PointerEvent<HTMLDivElement>) => {
      const start = from.current;
      if (!start) return;
      const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
      start.isDrag ||= Math.hypot(dx, dy) > CLICK_PX;
      if (start.isDrag) onMove({ ...start.view, x: start.view.x + dx, y: start.view.y + dy });
    },
    onPointerUp: (event: PointerEvent<HTMLDivElement>) => {
      const start = from.current;
      from.current = null;
      if (start && !start.isDrag) onClick(event);
    },
    onPointerCancel: () => {
      from.current = null;
    },
  };
}
