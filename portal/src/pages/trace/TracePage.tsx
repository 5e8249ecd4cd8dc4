/** One trace: its spans over time, the one that is looked at, and what is said of it. */

import { useNavigate, useParams } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import type { Assessment, Trace } from "../../api/traces";
import type { Beginning } from "../../router";
import { useKeys, type Key } from "../../shell/keys";
import { Button, Empty, Failure, Waiting } from "../../ui";
import { Panes } from "../../ui/Panes";
import { useWide } from "../../ui/useWide";
import { useSearchText } from "../../ui/useSearchText";
import { Actions } from "../traces/Actions";
import { Bar, VIEWS, type View } from "./Bar";
import { barColours } from "./colours";
import { criticalPath } from "./critical";
import { traceHead, useMatches, useTrace, useTraceTicks } from "./data";
import { Head } from "./Head";
import { Log } from "./Log";
import { SpanPanel } from "./SpanPanel";
import { SpanTable } from "./SpanTable";
import { traceSpans, useSpans } from "./spans";
import { moved, within, zoomed, type Sight } from "./times";
import { above, firstSight, isError, planted, unfolded, type Spans } from "./tree";
import { Waterfall } from "./Waterfall";

const NONE: readonly number[] = [];
/** In the address: no span is looked at. */
const CLOSED = "none";

export const beginning: Beginning = ({ cache, params }) => {
  const { trace = "" } = params;
  void cache.prefetchQuery(traceSpans(trace));
  void cache.prefetchQuery(traceHead(trace));
};

export default function TracePage() {
  const { trace = "" }: { trace?: string } = useParams({ strict: false });
  const page = useTrace(trace);
  const spans = useSpans(trace);
  const found = page.data?.trace;
  useTraceTicks(trace, found?.experiment_id ?? "", found?.updated_at ?? null);
  if (page.isError) return <Failure error={page.error} onRetry={() => void page.refetch()} />;
  if (spans.isError) return <Failure error={spans.error} onRetry={() => void spans.refetch()} />;
  if (page.isPending || spans.isPending) return <Waiting what="Loading the trace" />;
  return (
    <Loaded
      key={trace}
      trace={page.data.trace}
      assessments={page.data.assessments}
      spans={spans.data}
      readAt={spans.dataUpdatedAt}
    />
  );
}

function Loaded({
  trace,
  assessments,
  spans,
  readAt,
}: {
  trace: Trace;
  assessments: readonly Assessment[];
  spans: Spans;
  /** When the spans were read, in milliseconds since the epoch: until then open ones go on. */
  readAt: number;
}) {
  const navigate = useNavigate();
  const id = trace.trace_id;
  const [spanText, setSpan] = useSearchText("span");
  const [viewText, setView] = useSearchText("view");
  const [find, setFind] = useSearchText("find");
  const [pathText, setPath] = useSearchText("path");
  const [collapsed, setCollapsed] = useState<ReadonlySet<number>>(new Set());
  const [zoom, setZoom] = useState<Sight | null>(null);
  const search = useRef<HTMLInputElement>(null);
  const panel = useRef<HTMLElement>(null);
  const isWide = useWide();

  const now = trace.status === "IN_PROGRESS" ? readAt - spans.baseMs : 0;
  const tree = useMemo(() => planted(spans, now), [spans, now]);
  const colours = useMemo(() => barColours(spans), [spans]);
  const path = useMemo(() => criticalPath(spans, tree), [spans, tree]);
  const rowOf = useMemo(() => new Map(spans.ids.map((one, row) => [one, row])), [spans]);
  const isPathOnly = pathText === "only";
  const rows = useMemo(
    () => unfolded(tree, collapsed, isPathOnly ? path.spans : null),
    [tree, collapsed, isPathOnly, path],
  );
  const view: View = VIEWS.find(([one]) => one === viewText)?.[0] ?? "waterfall";
  const root =
    tree.order.find((one) => tree.above[one]! < 0 && !spans.isOrphan[one]) ?? tree.order[0] ?? -1;
  const chosen = spanText === CLOSED ? -1 : (rowOf.get(spanText) ?? root);
  const whole = useMemo<Sight>(() => [tree.from, tree.until], [tree]);
  const sight = useMemo(
    () => (zoom === null ? firstSight(spans, tree) : within(zoom, whole)),
    [zoom, spans, tree, whole],
  );
  const isZoomed = sight[0] > whole[0] || sight[1] < whole[1];

  const reveal = useCallback(
    (span: number) =>
      setCollapsed((before) => {
        const over = above(tree, span).filter((one) => before.has(one));
        if (over.length === 0) return before;
        const after = new Set(before);
        for (const one of over) after.delete(one);
        return after;
      }),
    [tree],
  );
  const choose = useCallback(
    (span: number) => {
      const one = spans.ids[span];
      if (one === undefined) return;
      reveal(span);
      if (isPathOnly && !path.spans.has(span)) setPath("");
      setSpan(one);
    },
    [isPathOnly, path, reveal, setPath, setSpan, spans],
  );
  const collapse = useCallback((span: number, isCollapsed: boolean) => {
    setCollapsed((before) => {
      const after = new Set(before);
      if (isCollapsed) after.add(span);
      else after.delete(span);
      return after;
    });
  }, []);
  const fold = useCallback(
    (isFolded: boolean) =>
      setCollapsed(
        isFolded
          ? new Set([...tree.order].filter((one) => tree.size[one]! > 1 && tree.depth[one]! > 0))
          : new Set(),
      ),
    [tree],
  );

  const query = useMatches(id, find.trim());
  const matches = useMemo(() => {
    const ids = find.trim() ? (query.data?.spans ?? []) : [];
    return ids
      .flatMap((one) => rowOf.get(one) ?? [])
      .sort((a, b) => tree.place[a]! - tree.place[b]!);
  }, [find, query.data, rowOf, tree]);
  const matched = useMemo(() => new Set(matches), [matches]);
  const errors = useMemo(
    () => (tree.errorsTotal ? [...tree.order].filter((one) => isError(spans, one)) : NONE),
    [spans, tree],
  );

  const stepIn = useCallback(
    (among: readonly number[], by: 1 | -1) => {
      const here = chosen < 0 ? -1 : tree.place[chosen]!;
      const next =
        by === 1
          ? (among.find((one) => tree.place[one]! > here) ?? among[0])
          : (among.findLast((one) => tree.place[one]! < here) ?? among.at(-1));
      if (next !== undefined) choose(next);
    },
    [chosen, choose, tree],
  );
  const move = useCallback(
    (by: number) => {
      const at = rows.indexOf(chosen);
      const span = rows[Math.max(0, Math.min(rows.length - 1, at + by))];
      if (span !== undefined) choose(span);
    },
    [choose, chosen, rows],
  );
  const close = useCallback(() => {
    if (chosen >= 0) setSpan(CLOSED);
    else void navigate({ to: "/traces", search: { experiment: trace.experiment_id } });
  }, [chosen, navigate, setSpan, trace.experiment_id]);

  const keys = useMemo<Key[]>(
    () => [
      { keys: "j", does: "Next span", act: () => move(1) },
      { keys: "k", does: "Span before", act: () => move(-1) },
      { keys: "Enter", does: "Read the span", act: () => panel.current?.focus() },
      { keys: "Escape", does: "Close the span, then the trace", act: close },
      { keys: "/", does: "Find in spans and their values", act: () => search.current?.focus() },
      { keys: "n", does: "Next match", act: () => stepIn(matches, 1) },
      { keys: "shift+n", does: "Match before", act: () => stepIn(matches, -1) },
      { keys: "e", does: "Next error", act: () => stepIn(errors, 1) },
      { keys: "shift+e", does: "Error before", act: () => stepIn(errors, -1) },
      {
        keys: "c",
        does: "Only the critical path, or all",
        act: () => setPath(isPathOnly ? "" : "only"),
      },
      { keys: "x", does: "Collapse all", act: () => fold(true) },
      { keys: "shift+x", does: "Expand all", act: () => fold(false) },
      {
        keys: "z",
        does: "Zoom to the span",
        act: () => {
          if (chosen < 0) return;
          const [from, until] = [tree.begin[chosen]!, tree.end[chosen]!];
          const room = Math.max((until - from) * 0.05, 0.001);
          setZoom([from - room, until + room]);
        },
      },
      { keys: "0", does: "Show the whole time", act: () => setZoom(whole) },
      {
        keys: "+",
        does: "Zoom in",
        act: () => setZoom(zoomed(sight, 1.6, (sight[0] + sight[1]) / 2, whole)),
      },
      {
        keys: "-",
        does: "Zoom out",
        act: () => setZoom(zoomed(sight, 1 / 1.6, (sight[0] + sight[1]) / 2, whole)),
      },
      { keys: "[", does: "Earlier", act: () => setZoom(moved(sight, -0.3, whole)) },
      { keys: "]", does: "Later", act: () => setZoom(moved(sight, 0.3, whole)) },
      ...VIEWS.map(([one, label], place) => ({
        keys: String(place + 1),
        does: `Show the ${label.toLowerCase()}`,
        act: () => setView(one === "waterfall" ? "" : one),
      })),
    ],
    [
      chosen,
      close,
      errors,
      fold,
      isPathOnly,
      matches,
      move,
      setPath,
      setView,
      sight,
      stepIn,
      tree,
      whole,
    ],
  );
  useKeys("A trace", keys);
  useEffect(() => {
    document.title = `${trace.name ?? trace.trace_id} · mere`;
    return () => void (document.title = "mere");
  }, [trace.name, trace.trace_id]);

  const left = (
    <div className="flex h-full min-h-0 flex-col">
      <Bar
        view={view}
        onView={(one) => setView(one === "waterfall" ? "" : one)}
        searchRef={search}
        found={find}
        onFound={setFind}
        matches={matches.length}
        at={matches.indexOf(chosen)}
        isSearching={query.isFetching}
        onStep={(by) => stepIn(matches, by)}
        isPathOnly={isPathOnly}
        onPathOnly={(is) => setPath(is ? "only" : "")}
        errors={tree.errorsTotal}
        onError={() => stepIn(errors, 1)}
        isZoomed={isZoomed}
        onWhole={() => setZoom(whole)}
        onFold={fold}
        colours={colours}
      />
      {spans.total > spans.ids.length && (
        <p className="shrink-0 border-b border-line bg-panel px-3 py-1 text-warn">
          The earliest {spans.ids.length.toLocaleString("en")} spans are shown, of{" "}
          {spans.total.toLocaleString("en")}.
        </p>
      )}
      <div className="min-h-0 flex-1">
        {view === "waterfall" && (
          <Waterfall
            spans={spans}
            tree={tree}
            colours={colours}
            path={path}
            rows={rows}
            chosen={chosen}
            collapsed={collapsed}
            matches={matched}
            sight={sight}
            whole={whole}
            onSight={setZoom}
            onChoose={choose}
            onCollapse={collapse}
            onOpen={() => panel.current?.focus()}
          />
        )}
        {view === "table" && (
          <SpanTable spans={spans} tree={tree} rows={rows} chosen={chosen} onChoose={choose} />
        )}
        {view === "log" && <Log trace={id} spans={spans} chosen={chosen} onChoose={choose} />}
      </div>
    </div>
  );
  const right = chosen >= 0 && (
    <SpanPanel
      trace={id}
      spans={spans}
      tree={tree}
      span={chosen}
      assessments={assessments}
      onChoose={choose}
      onClose={() => setSpan(CLOSED)}
      panelRef={panel}
    />
  );
  return (
    <div className="flex h-full min-h-0 flex-col">
      <Head trace={trace} spans={spans} tree={tree}>
        <Actions
          traces={[id]}
          experiment={trace.experiment_id}
          onDeleted={() =>
            void navigate({ to: "/traces", search: { experiment: trace.experiment_id } })
          }
        />
      </Head>
      {spans.ids.length === 0 ? (
        <NoSpans trace={trace} />
      ) : right === false ? (
        left
      ) : isWide ? (
        <Panes
          keptAs="mere.trace.split"
          label="Between spans and span"
          share={60}
          left={left}
          right={right}
        />
      ) : (
        <>
          <div className="min-h-0 flex-1">{left}</div>
          <div className="min-h-0 flex-1 border-t border-line">{right}</div>
        </>
      )}
    </div>
  );
}

function NoSpans({ trace }: { trace: Trace }) {
  return (
    <Empty title="No spans of this trace have come">
      {trace.is_recorded
        ? "They may be on their way: this page shows them when they are here."
        : "Its client keeps spans elsewhere, or has said only that there is a trace. Send them by OpenTelemetry, or with a newer client."}
      <p className="mt-2">
        <Button onClick={() => window.location.reload()}>Look again</Button>
      </p>
    </Empty>
  );
}
