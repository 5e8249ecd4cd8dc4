/**
 * Spans as a tree with a bar each: of fifty thousand rows only those in sight are in the page.
 *
 * Names are elements, bars are painted on one canvas that lies where the rows in sight do, and so
 * moves with them. A deep tree is shown from the shallowest row in sight on.
 */

import { useCallback, useEffect, useMemo, useRef, type KeyboardEvent } from "react";

import { Canvas, type Surface } from "../../panels/Canvas";
import { useTheme } from "../../shell/theme";
import { cx } from "../../ui";
import { Border, useShare } from "../../ui/Panes";
import { useFixedRows } from "../../ui/useFixedRows";
import { shown } from "./colours";
import { Minimap } from "./Minimap";
import { paintBars, ROW_PX, type Painted } from "./paint";
import { lengthOf, marks, zoomed, type Sight } from "./times";
import { isError, ODD, ODD_TEXTS, WARNED } from "./tree";

const INDENT_PX = 14;
const INDENT_LEAST_PX = 4;
/** A tree that is no deeper than this is indented as it is. */
const DEPTH_PLAIN = 14;

export interface WaterfallProps extends Painted {
  /** The spans that are shown, from top to bottom. */
  rows: Int32Array;
  chosen: number;
  collapsed: ReadonlySet<number>;
  matches: ReadonlySet<number>;
  whole: Sight;
  onSight: (sight: Sight) => void;
  onChoose: (span: number) => void;
  onCollapse: (span: number, isCollapsed: boolean) => void;
  onOpen: () => void;
}

export function Waterfall(props: WaterfallProps) {
  const { spans, tree, rows, chosen, sight, whole, onSight, colours, path } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [share, setShare] = useShare("mere.trace.names", 38);
  const list = useFixedRows(scroller, rows.length, ROW_PX);
  const places = useMemo(() => placesOf(rows, spans.ids.length), [rows, spans]);
  const at = chosen >= 0 ? (places[chosen] ?? -1) : -1;
  const first = list.rows[0]?.index ?? 0;
  const last = list.rows.at(-1)?.index ?? -1;
  const inSight = useMemo(() => Array.from(rows.subarray(first, last + 1)), [rows, first, last]);
  const base = useMemo(() => indentOf(tree.depth, inSight, tree.depthMax), [tree, inSight]);
  const paint = useCallback(
    (surface: Surface) => {
      paintBars(surface, { spans, tree, colours, path, sight }, inSight);
      performance.mark("waterfall:painted");
    },
    [spans, tree, colours, path, sight, inSight],
  );
  const small = useMemo(() => ({ spans, tree, colours, path }), [spans, tree, colours, path]);

  // What is chosen comes into sight, and stays where it is if it is there already.
  const { see } = list;
  const sees = useRef(see);
  useEffect(() => void (sees.current = see));
  useEffect(() => {
    if (at >= 0) sees.current(at);
  }, [at]);

  const zoomByWheel = useRef<(event: WheelEvent) => void>(() => undefined);
  useEffect(() => {
    zoomByWheel.current = (event) => {
      if (!event.ctrlKey || !scroller.current) return;
      event.preventDefault();
      const around = scroller.current.getBoundingClientRect();
      const left = around.left + (around.width * share) / 100;
      const part = Math.min(1, Math.max(0, (event.clientX - left) / (around.right - left)));
      const moment = sight[0] + part * (sight[1] - sight[0]);
      onSight(zoomed(sight, Math.exp(-event.deltaY / 300), moment, whole));
    };
  });
  useEffect(() => {
    const element = scroller.current;
    const act = (event: WheelEvent) => zoomByWheel.current(event);
    element?.addEventListener("wheel", act, { passive: false });
    return () => element?.removeEventListener("wheel", act);
  }, []);

  function press(event: KeyboardEvent) {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey) return;
    const act = moves(props, at, Math.max(1, last - first - 12))[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  return (
    <div className="relative flex h-full min-h-0 flex-col bg-panel">
      <div className="flex shrink-0 border-b border-line">
        <div
          className="flex items-end justify-between px-3 pb-0.5 text-xs text-muted"
          style={{ width: `${share}%` }}
        >
          <span>Spans</span>
          <span className="tabular-nums">{rows.length.toLocaleString("en")} shown</span>
        </div>
        <div className="min-w-0 flex-1">
          <Minimap painted={small} sight={sight} whole={whole} onSight={onSight} />
          <Ruler sight={sight} />
        </div>
      </div>
      <div className="relative min-h-0 flex-1">
        <div
          ref={scroller}
          role="tree"
          aria-label={`Spans of the trace, ${rows.length.toLocaleString("en")} shown`}
          tabIndex={0}
          onKeyDown={press}
          aria-activedescendant={at >= first && at <= last ? `span-${chosen}` : undefined}
          className="h-full overflow-x-hidden overflow-y-auto"
          data-waterfall={rows.length}
        >
          <div role="none" className="relative" style={{ height: list.height }}>
            {list.rows.map((item) => (
              <Row
                key={rows[item.index]}
                {...props}
                span={rows[item.index]!}
                top={item.top}
                share={share}
                indent={base}
              />
            ))}
            {inSight.length > 0 && (
              <div
                role="none"
                className="pointer-events-none absolute right-0"
                style={{
                  top: first * ROW_PX,
                  height: inSight.length * ROW_PX,
                  left: `${share}%`,
                }}
              >
                <Canvas paint={paint} label="Bars of the spans over time" aria-hidden="true" />
              </div>
            )}
          </div>
        </div>
        <Border
          label="Between names and bars"
          share={share}
          onShare={setShare}
          className="absolute inset-y-0 w-1 -translate-x-1/2 bg-transparent"
          style={{ left: `${share}%` }}
        />
      </div>
    </div>
  );
}

interface Indent {
  from: number;
  px: number;
}

/** From which depth on rows are indented, and by how much: what is in sight has to fit. */
function indentOf(depth: Int32Array, inSight: readonly number[], depthMax: number): Indent {
  if (depthMax <= DEPTH_PLAIN || inSight.length === 0) return { from: 0, px: INDENT_PX };
  let [least, most] = [Infinity, 0];
  for (const span of inSight) {
    least = Math.min(least, depth[span]!);
    most = Math.max(most, depth[span]!);
  }
  const px = (DEPTH_PLAIN * INDENT_PX) / Math.max(most - least, 1);
  return { from: least, px: Math.max(INDENT_LEAST_PX, Math.min(INDENT_PX, px)) };
}

function placesOf(rows: Int32Array, count: number): Int32Array {
  const places = new Int32Array(count).fill(-1);
  rows.forEach((span, row) => (places[span] = row));
  return places;
}

function moves(props: WaterfallProps, at: number, page: number): Record<string, () => void> {
  const { tree, rows, chosen, collapsed, onChoose, onCollapse, onOpen } = props;
  const go = (to: number) => {
    const span = rows[Math.max(0, Math.min(rows.length - 1, to))];
    if (span !== undefined) onChoose(span);
  };
  const isFolder = chosen >= 0 && tree.size[chosen]! > 1;
  return {
    ArrowDown: () => go(at + 1),
    ArrowUp: () => go(at - 1),
    PageDown: () => go(at + page),
    PageUp: () => go(at - page),
    Home: () => go(0),
    End: () => go(rows.length - 1),
    ArrowRight: () => {
      if (isFolder && collapsed.has(chosen)) onCollapse(chosen, false);
      else go(at + 1);
    },
    ArrowLeft: () => {
      if (isFolder && !collapsed.has(chosen)) onCollapse(chosen, true);
      else if (chosen >= 0 && tree.above[chosen]! >= 0) onChoose(tree.above[chosen]!);
    },
    Enter: onOpen,
  };
}

function Row(props: WaterfallProps & { span: number; top: number; share: number; indent: Indent }) {
  const { spans, tree, span, top, share, indent, chosen, collapsed, matches, path } = props;
  const { shown: shade } = useTheme();
  const isFolder = tree.size[span]! > 1;
  const isCollapsed = collapsed.has(span);
  const hidden = tree.size[span]! - 1;
  const bad = isError(spans, span);
  const badBelow = tree.errors[span]! - (bad ? 1 : 0);
  const odd = oddOf(tree.odd[span]!);
  const depth = tree.depth[span]!;
  const name = spans.names[span] || "(no name)";
  return (
    <div
      id={`span-${span}`}
      role="treeitem"
      aria-level={depth + 1}
      aria-selected={span === chosen}
      aria-expanded={isFolder ? !isCollapsed : undefined}
      aria-label={`${name}, ${tree.odd[span]! & ODD.open ? "running" : lengthOf(spans.duration[span]!)}${bad ? ", failed" : ""}${odd ? `, ${odd}` : ""}`}
      title={titleOf(props, span, odd)}
      onClick={() => props.onChoose(span)}
      onDoubleClick={() => isFolder && props.onCollapse(span, !isCollapsed)}
      className={cx(
        "absolute inset-x-0 flex cursor-default items-center",
        span === chosen ? "bg-chosen" : "hover:bg-raised",
        matches.has(span) && "shadow-[inset_3px_0_0_var(--warn)]",
      )}
      style={{ top, height: ROW_PX }}
    >
      <div className="flex min-w-0 items-center gap-1 pr-2 pl-2" style={{ width: `${share}%` }}>
        <span
          style={{ width: Math.max(0, depth - indent.from) * indent.px }}
          className="shrink-0"
        />
        {indent.from > 0 && (
          <span className="shrink-0 text-[10px] text-muted tabular-nums">{depth}</span>
        )}
        <span
          aria-hidden="true"
          onClick={(event) => {
            if (!isFolder) return;
            event.stopPropagation();
            props.onCollapse(span, !isCollapsed);
          }}
          className="w-4 shrink-0 text-center text-muted"
        >
          {isFolder ? (isCollapsed ? "▸" : "▾") : ""}
        </span>
        <span
          aria-hidden="true"
          className="h-2.5 w-2.5 shrink-0 rounded-sm"
          style={{ background: shown(props.colours.of(span), shade) }}
        />
        <bdi className={cx("min-w-0 truncate", path?.spans.has(span) && "font-semibold")}>
          {name}
        </bdi>
        {isCollapsed && (
          <span className="shrink-0 text-xs text-muted">+{hidden.toLocaleString("en")}</span>
        )}
        <span className="ml-auto flex shrink-0 items-center gap-1 text-xs">
          {odd && (
            <span aria-hidden="true" className="text-warn">
              ⚠
            </span>
          )}
          {bad && (
            <span aria-hidden="true" className="text-bad">
              ✕
            </span>
          )}
          {isCollapsed && badBelow > 0 && (
            <span aria-hidden="true" className="text-bad">
              ✕{badBelow}
            </span>
          )}
        </span>
      </div>
    </div>
  );
}

function oddOf(flags: number): string {
  return ODD_TEXTS.filter(([flag]) => flags & flag & WARNED)
    .map(([, text]) => text)
    .join(" ");
}

function titleOf({ spans, tree }: WaterfallProps, span: number, odd: string): string {
  const name = (spans.names[span] ?? "").slice(0, 300);
  const words = [spans.types[span] ?? spans.kinds[span], spans.models[span]].filter(Boolean);
  const began = `begins at ${lengthOf(tree.begin[span]! - tree.from)}`;
  return [name, words.join(", "), began, odd].filter(Boolean).join("\n");
}

function Ruler({ sight }: { sight: Sight }) {
  const length = sight[1] - sight[0];
  return (
    <div aria-hidden="true" className="relative h-5 overflow-hidden text-[11px] text-muted">
      {marks(sight[0], sight[1], 7).map((mark) => (
        <span
          key={mark}
          className="absolute top-0 border-l border-line pl-1 whitespace-nowrap"
          style={{ left: `${((mark - sight[0]) / length) * 100}%` }}
        >
          {lengthOf(mark)}
        </span>
      ))}
    </div>
  );
}
