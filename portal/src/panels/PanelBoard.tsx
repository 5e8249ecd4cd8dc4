/**
 * The board of charts beside the grid: a section for each prefix of the metrics' names.
 *
 * It fills its parent and scrolls by itself. Of twelve thousand metrics only the panels in view
 * exist, a dozen at most; their keys come by the page, their series in one request for all of
 * them, and after that only what is new.
 */

import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";

import { needsMeans } from "../plot/drawing";
import { edgeOf } from "../plot/series";
import type { ChartAtHand } from "../reports/AddToReport";
import { Dialog, Empty, Failure, Waiting } from "../ui";
import { AddPanel } from "./AddPanel";
import { useLoader, useWanted } from "./data";
import { ExtraPanel, titleOf } from "./ExtraPanel";
import { experimentsOf } from "./keys";
import { layOut, PANEL_PX, panelsInView, type BoardLayout } from "./layout";
import { LinesPanel, type PanelRun } from "./LinesPanel";
import type { Wanted } from "./loader";
import { ADDED, useSections, useShownKeys, type Section, type ShownPanel } from "./sections";
import {
  change,
  settingsOf,
  toggled,
  type Board,
  type ChartSettings,
  type Extra,
} from "./settings";
import { Toolbar } from "./Toolbar";
import { useBoard } from "./useBoard";
import { useFreshKeys } from "./useKeyPages";
import { usePanelKeys } from "./usePanelKeys";
import { useViewport } from "./useViewport";

export type { PanelRun } from "./LinesPanel";

export interface PanelBoardProps {
  /** The id of the experiment; or several, parted by commas. */
  experiment: string;
  /** The runs whose lines are drawn, in the order of the grid. Keep the array until it changes. */
  runs: readonly PanelRun[];
  /** Which runs these are is not known yet. */
  isWaiting?: boolean;
  /** The grid's filter: which runs scatter, bars and the like are about. */
  filter?: string;
  /** Only metrics that this run has; else those of all runs of the experiment. */
  keysOf?: string;
  /** Only metrics whose names begin so. */
  below?: string;
  /** Whether new points are drawn as they come. */
  isLive?: boolean;
}

const AddToReport = lazy(() => import("../reports/AddToReport"));

/** Beyond so many runs, ticks are heard of the experiment instead of each run. */
const RUN_TOPICS_MAX = 40;
const PADDING_PX = 10;

export function PanelBoard({
  experiment,
  runs,
  isWaiting = false,
  filter = "",
  keysOf = "",
  below = "",
  isLive = true,
}: PanelBoardProps) {
  const [board, setBoard] = useBoard();
  const [search, setSearch] = useState("");
  const [full, setFull] = useState<string | null>(null);
  const [reported, setReported] = useState<ChartAtHand | null>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const viewport = useViewport(scroller);
  const runIds = useMemo(() => runs.map((run) => run.runId), [runs]);
  const topics = useMemo(() => {
    if (!isLive) return [];
    if (runIds.length <= RUN_TOPICS_MAX) return runIds.map((runId) => `run:${runId}`);
    return experimentsOf(experiment).map((id) => `runs:${id}`);
  }, [experiment, runIds, isLive]);
  const loader = useLoader(topics);
  useFreshKeys(experiment);

  const scope = useMemo(() => ({ run: keysOf, below }), [keysOf, below]);
  const catalogue = useSections(experiment, board, search, scope);
  const { sections, top } = catalogue;
  const layout = useMemo(
    () => layOut(sections, viewport.width - 2 * PADDING_PX),
    [sections, viewport.width],
  );
  const placed = useMemo(
    () => panelsInView(layout, viewport.top, viewport.height),
    [layout, viewport.top, viewport.height],
  );
  const shown = useShownKeys(experiment, placed, { board, top, search, scope });

  const wanted = useMemo(() => {
    const found = shown.flatMap((panel) => {
      const chart = chartOf(panel, board);
      return chart ? [wantedOf(chart, board, runIds)] : [];
    });
    if (full !== null) {
      const chart = chartOfId(full, board);
      found.push({ ...wantedOf(chart, board, runIds), id: `full ${full}` });
    }
    return found.filter((one, place) => found.findIndex((two) => two.id === one.id) === place);
  }, [shown, board, runIds, full]);
  useWanted(
    loader,
    wanted,
    !catalogue.isLoading && shown.every((panel) => panel.key !== null || panel.section === ADDED),
  );

  const onChange = useCallback(
    (panel: string | null, changes: Partial<ChartSettings>) =>
      setBoard((now) => change(now, panel, changes)),
    [setBoard],
  );
  const active = usePanelKeys({ board, onChange, onFull: setFull });

  /** A chart goes into a report as it is shown; a part of the x axis is left behind. */
  const report = (id: string, extra: Extra) => {
    const settings = { ...board.all, ...board.one[panelOf(id)] };
    delete settings.range;
    setReported({ extra, settings });
  };
  const chart = (id: string, key: string | null, keys: readonly string[], title: string) => (
    <LinesPanel
      id={id}
      title={title}
      keys={keys}
      runs={runs}
      isWaiting={isWaiting}
      settings={settingsOf(board, panelOf(id))}
      loader={loader}
      board={experiment}
      isPinned={key !== null && board.pinned.includes(key)}
      onChange={(changes) => onChange(panelOf(id), changes)}
      onAll={() => onChange(null, { ...settingsOf(board, panelOf(id)), range: null })}
      {...(key !== null && {
        onPin: () => setBoard((now) => ({ ...now, pinned: toggled(now.pinned, key) })),
      })}
      onReport={() => report(id, { kind: "lines", keys: [...keys] })}
      {...(id.startsWith("full ") ? { isTitled: true } : { onFull: () => setFull(id) })}
    />
  );
  const content = (panel: ShownPanel) => {
    if (panel.section === ADDED) {
      const extra = board.extra[panel.index];
      if (extra === undefined) return null;
      const onRemove = () =>
        setBoard((now) => ({ ...now, extra: now.extra.filter((_, at) => at !== panel.index) }));
      if (extra.kind === "lines")
        return (
          <LinesPanel
            id={extraId(panel.index)}
            title={titleOf(extra)}
            keys={extra.keys}
            runs={runs}
            isWaiting={isWaiting}
            settings={settingsOf(board, extraId(panel.index))}
            loader={loader}
            board={experiment}
            onChange={(changes) => onChange(extraId(panel.index), changes)}
            onFull={() => setFull(extraId(panel.index))}
            onReport={() => report(extraId(panel.index), extra)}
            onRemove={onRemove}
          />
        );
      return (
        <ExtraPanel
          extra={extra}
          experiment={experiment}
          filter={filter}
          runs={runs}
          onRemove={onRemove}
          onReport={() => report(extraId(panel.index), extra)}
        />
      );
    }
    if (panel.key === null)
      return <div className="h-full rounded border border-line bg-panel" aria-hidden="true" />;
    return chart(panel.key, panel.key, [panel.key], panel.key);
  };

  return (
    <section aria-label="Charts" className="flex h-full min-h-0 flex-col">
      <Toolbar
        board={board}
        search={search}
        onSearch={(text) => {
          setSearch(text);
          scroller.current?.scrollTo({ top: 0 });
        }}
        onChange={(changes) => onChange(null, changes)}
        onReset={() => setBoard((now) => ({ ...now, all: {}, one: {} }))}
        add={
          <AddPanel
            experiment={experiment}
            runs={runs}
            onAdd={(extra) => setBoard((now) => ({ ...now, extra: [...now.extra, extra] }))}
          />
        }
      />
      <div
        ref={scroller}
        data-board={experiment}
        className="relative min-h-0 flex-1 overflow-auto"
        style={{ padding: `0 ${PADDING_PX}px` }}
      >
        {catalogue.error ? (
          <Failure error={catalogue.error} />
        ) : catalogue.isLoading ? (
          <Waiting what="Looking for metrics" />
        ) : sections.every((section) => section.panels === 0) ? (
          <Nothing search={search} />
        ) : (
          <div className="relative" style={{ height: layout.height }}>
            <Heads
              layout={layout}
              sections={sections}
              viewport={viewport}
              onToggle={(id) => setBoard((now) => ({ ...now, turned: toggled(now.turned, id) }))}
            />
            {shown.map((panel) => (
              <div
                key={`${panel.section} ${panel.index}`}
                data-panel={panel.key ?? panel.index}
                className="absolute"
                style={{
                  left: panel.left,
                  top: panel.top,
                  width: layout.panelWidth,
                  height: PANEL_PX,
                }}
                {...active(panel.section === ADDED ? extraId(panel.index) : panel.key)}
              >
                {content(panel)}
              </div>
            ))}
          </div>
        )}
        {catalogue.more && <More onSeen={catalogue.more} />}
      </div>
      {reported !== null && (
        <Suspense fallback={null}>
          <AddToReport
            chart={reported}
            experiment={experiment}
            filter={filter}
            runs={runs}
            onClose={() => setReported(null)}
          />
        </Suspense>
      )}
      {full !== null && (
        <Dialog
          title={chartOfId(full, board).keys.join(", ")}
          isOpen
          onClose={() => setFull(null)}
          keepsKeys
          width="94vw"
        >
          <div className="h-[66vh]">
            {chart(
              `full ${full}`,
              null,
              chartOfId(full, board).keys,
              chartOfId(full, board).keys.join(", "),
            )}
          </div>
        </Dialog>
      )}
    </section>
  );
}

const extraId = (index: number): string => `added ${index}`;
/** Whose settings a chart has: full screen shows those of its panel. */
const panelOf = (id: string): string => id.replace(/^full /, "");

interface Chart {
  id: string;
  keys: readonly string[];
}

function chartOf(panel: ShownPanel, board: Board): Chart | null {
  if (panel.section === ADDED) {
    const extra = board.extra[panel.index];
    return extra?.kind === "lines" ? { id: extraId(panel.index), keys: extra.keys } : null;
  }
  return panel.key === null ? null : { id: panel.key, keys: [panel.key] };
}

function chartOfId(id: string, board: Board): Chart {
  const number = /^added (\d+)$/.exec(id)?.[1];
  const extra = number === undefined ? undefined : board.extra[Number(number)];
  return { id, keys: extra?.kind === "lines" ? extra.keys : [id] };
}

function wantedOf(chart: Chart, board: Board, runs: readonly string[]): Wanted {
  const settings = settingsOf(board, chart.id);
  const { axis, range } = settings;
  return {
    ...chart,
    runs,
    axis,
    hasMeans: needsMeans(settings),
    lower: range && edgeOf(range[0], axis),
    upper: range && edgeOf(range[1], axis),
  };
}

/** The heads of sections; those far from view are left out. */
function Heads({
  layout,
  sections,
  viewport,
  onToggle,
}: {
  layout: BoardLayout;
  sections: readonly Section[];
  viewport: { top: number; height: number };
  onToggle: (id: string) => void;
}) {
  const margin = 400;
  return layout.sections.map((placed, index) => {
    const { title, panels, isOpen, id } = sections[index]!;
    const isNear =
      placed.top > viewport.top - margin && placed.top < viewport.top + viewport.height + margin;
    if (!isNear) return null;
    return (
      <h2 key={id} className="absolute right-0 left-0" style={{ top: placed.top }}>
        <button
          type="button"
          aria-expanded={isOpen}
          onClick={() => onToggle(id)}
          className="mt-1 flex h-7 w-full items-center gap-2 rounded px-1 text-left font-semibold hover:bg-raised"
        >
          <span aria-hidden="true" className="w-3 text-muted">
            {isOpen ? "▾" : "▸"}
          </span>
          {title}
          <span className="font-normal text-muted">{panels.toLocaleString("en")}</span>
        </button>
      </h2>
    );
  });
}

function Nothing({ search }: { search: string }) {
  if (search)
    return (
      <Empty title="No metric has such a name">
        Its name must hold all the words, in any order.
      </Empty>
    );
  return (
    <Empty title="No metrics yet">
      <p>Charts appear by themselves as soon as a run logs something:</p>
      <pre className="mt-2 rounded bg-raised p-3 text-left font-mono text-text">
        {'run.log({"loss": 0.5, "val/acc": 0.9}, step=1)'}
      </pre>
    </Empty>
  );
}

/** Asks for more when it comes into view. */
function More({ onSeen }: { onSeen: () => void }) {
  const element = useRef<HTMLDivElement>(null);
  const act = useRef(onSeen);
  useEffect(() => {
    act.current = onSeen;
  });
  useEffect(() => {
    const watcher = new IntersectionObserver(([entry]) => entry?.isIntersecting && act.current(), {
      rootMargin: "400px",
    });
    if (element.current) watcher.observe(element.current);
    return () => watcher.disconnect();
  }, []);
  return (
    <div ref={element} className="p-3 text-muted">
      More sections …
    </div>
  );
}
