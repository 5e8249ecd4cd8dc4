/** Lineage of one thing: data, runs, models and deployments, and what led to what. */

import { Link, useNavigate } from "@tanstack/react-router";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useDeferredValue, useMemo, useRef } from "react";

import { useTicks } from "../../api/live";
import { lineageMap, useLineageMap, type LineageMap } from "../../api/lineage";
import type { Beginning } from "../../router";
import { useKeys, type Key } from "../../shell/keys";
import { Button, Empty, Failure, Keys, Waiting } from "../../ui";
import { count } from "../../ui/format";
import { holds, SearchBox } from "../../ui/parts";
import { useSearchText } from "../../ui/useSearchText";
import { Details } from "./Details";
import { Graph } from "./Graph";
import { GraphList } from "./GraphList";
import { idOf, KINDS, pageOf } from "./kinds";
import { DEPTHS, read, useLineageState, WIDTHS, type LineageState } from "./state";
import { waysOf } from "./walk";

export const beginning: Beginning = ({ cache, params, search }) => {
  void cache.prefetchQuery(lineageMap(read(params["kind"] ?? "", params["id"] ?? "", search)));
};

export default function Lineage() {
  const [state, change] = useLineageState();
  const [words, setWords] = useSearchText("q");
  const found = useLineageMap(state);
  useLineageTicks(found.data);
  if (found.isPending) return <Waiting what="Following the lineage" />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  return <Page map={found.data} state={state} change={change} words={words} setWords={setWords} />;
}

/** What is shown is asked for anew when one of its runs, or the registry, advances. */
function useLineageTicks(map: LineageMap | undefined): void {
  const client = useQueryClient();
  const topics = useMemo(() => {
    const runs = (map?.nodes ?? []).filter((one) => one.kind === "run").slice(0, RUNS_WATCHED_MAX);
    return ["models", "datasets", ...runs.map((one) => one.node)];
  }, [map]);
  const act = useCallback(() => void client.invalidateQueries({ queryKey: ["lineage"] }), [client]);
  useTicks(topics, act);
}

const RUNS_WATCHED_MAX = 100;

function Page({
  map,
  state,
  change,
  words,
  setWords,
}: {
  map: LineageMap;
  state: LineageState;
  change: ReturnType<typeof useLineageState>[1];
  words: string;
  setWords: (words: string) => void;
}) {
  const navigate = useNavigate();
  const search = useRef<HTMLInputElement>(null);
  const ways = useMemo(() => waysOf(map), [map]);
  const wanted = useDeferredValue(words);
  const found = useMemo(
    () =>
      new Set(
        wanted.trim() === ""
          ? []
          : map.nodes.flatMap((one, at) =>
              holds(`${KINDS[one.kind].one} ${one.label} ${idOf(one.node)}`, wanted) ? [at] : [],
            ),
      ),
    [map, wanted],
  );
  const chosen = map.nodes.findIndex((one) => one.node === state.chosen);
  const group = map.groups.findIndex((one) => groupId(map, one) === state.chosen);
  const at = chosen >= 0 ? chosen : group >= 0 ? map.nodes.length + group : -1;

  const choose = (to: number) => {
    const other = map.groups[to - map.nodes.length];
    change({ at: map.nodes[to]?.node ?? (other ? groupId(map, other) : undefined) });
  };
  const go = (to: number) => {
    const node = map.nodes[to];
    const other = map.groups[to - map.nodes.length];
    if (other) {
      const of = map.nodes[other.of]!.node;
      change({ open: JSON.stringify([...new Set([...state.open, of])]), at: of }, true);
    } else if (node) {
      const page = pageOf(node);
      if (page) void navigate(page);
    }
  };
  const next = () => {
    const order = [...found].sort((a, b) => a - b);
    const to = order.find((one) => one > at) ?? order[0];
    if (to !== undefined) choose(to);
  };
  const keys = useMemo<Key[]>(
    () => [
      { keys: "/", does: "Search in the graph", act: () => search.current?.focus() },
      {
        keys: "[",
        does: "Fewer steps",
        act: () => change({ depth: String(Math.max(DEPTHS.least, state.depth - 1)) }),
      },
      {
        keys: "]",
        does: "More steps",
        act: () => change({ depth: String(Math.min(DEPTHS.most, state.depth + 1)) }),
      },
      {
        keys: "v",
        does: "Show the graph as a list, or as a graph",
        act: () => change({ show: state.isList ? undefined : "list" }),
      },
    ],
    [change, state.depth, state.isList],
  );
  useKeys("Lineage", keys);

  const root = map.nodes.find((one) => one.node === map.root);
  const left = map.groups.reduce((sum, one) => sum + one.count, 0);
  const Shown = state.isList ? GraphList : Graph;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1.5 border-b border-line bg-panel px-4 py-1.5">
        <h1 className="flex min-w-0 items-baseline gap-1.5">
          <Link to="/lineage" className="text-muted hover:underline">
            Lineage
          </Link>
          <span className="text-muted">/ {root && KINDS[root.kind].one}</span>
          <bdi className="max-w-80 truncate font-semibold" title={root?.label}>
            {root?.label}
          </bdi>
        </h1>
        <form
          role="search"
          className="flex items-center gap-1.5"
          onSubmit={(event) => {
            event.preventDefault();
            next();
          }}
        >
          <SearchBox
            ref={search}
            label="Search in the graph"
            value={words}
            onChange={setWords}
            className="w-52"
          />
          {words ? (
            <span role="status" className="text-muted">
              {found.size.toLocaleString("en")} found
            </span>
          ) : (
            <Keys of="/" />
          )}
        </form>
        <Controls state={state} change={change} />
        <span className="ml-auto text-muted">
          {count(map.nodes.length, "node")}
          {left > 0 && `, ${left.toLocaleString("en")} more beside them`}
        </span>
        <Button
          aria-pressed={state.isList}
          onClick={() => change({ show: state.isList ? undefined : "list" })}
        >
          List <Keys of="v" />
        </Button>
      </header>
      <div className="flex min-h-0 flex-1">
        {map.edges.length === 0 && map.groups.length === 0 ? (
          <Alone />
        ) : (
          <Shown map={map} chosen={at} found={found} onChoose={choose} onGo={go} />
        )}
        <Details map={map} at={at} ways={ways} onChoose={choose} />
      </div>
    </div>
  );
}

function groupId(map: LineageMap, group: LineageMap["groups"][number]): string {
  return `more ${group.way} ${group.kind} ${map.nodes[group.of]?.node}`;
}

function Alone() {
  return (
    <div className="flex-1">
      <Empty title="Nothing is known to have led to it, or to have come of it">
        <p>
          Runs tell what they read and write by <code>run.log_input</code> and{" "}
          <code>run.log_output</code>; versions of models and their deployments are noted by
          themselves.
        </p>
      </Empty>
    </div>
  );
}

function Controls({
  state,
  change,
}: {
  state: LineageState;
  change: ReturnType<typeof useLineageState>[1];
}) {
  const select = "h-7 rounded border border-line bg-panel px-1";
  return (
    <>
      <label className="flex items-center gap-1.5">
        <span className="text-muted">Steps</span>
        <input
          type="range"
          min={DEPTHS.least}
          max={DEPTHS.most}
          value={state.depth}
          onChange={(event) => change({ depth: event.target.value })}
          aria-valuetext={count(state.depth, "step")}
          className="w-24 accent-accent"
        />
        <span className="w-4 tabular-nums">{state.depth}</span>
      </label>
      <label className="flex items-center gap-1.5">
        <span className="text-muted">Show</span>
        <select
          value={state.direction}
          onChange={(event) => change({ way: event.target.value })}
          className={select}
        >
          <option value="both">both ways</option>
          <option value="up">where it came from</option>
          <option value="down">what came of it</option>
        </select>
      </label>
      <label className="flex items-center gap-1.5">
        <span className="text-muted">Neighbours</span>
        <select
          value={String(state.width)}
          onChange={(event) => change({ width: event.target.value, open: undefined })}
          className={select}
        >
          {WIDTHS.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </label>
    </>
  );
}
