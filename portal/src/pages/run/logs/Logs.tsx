/** What a run wrote to its console: any line of any number, searched by the server, followed live. */

import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { useKeys, type Key } from "../../../shell/keys";
import { Empty, Failure, Waiting } from "../../../ui";
import { count } from "../../../ui/format";
import type { TabProps } from "../RunPage";
import { useSearchText } from "../../../ui/useSearchText";
import { LogBar } from "./LogBar";
import { Line, type LineLooks } from "./Line";
import { useFind } from "./useFind";
import { useLines, useLogSize } from "./useLines";
import { LINE_PX, useLogScroll } from "./useLogScroll";

export default function Logs({ page }: TabProps) {
  const run = page.run.run_id;
  const [processText, setProcess] = useSearchText("process");
  const process = Number(processText) || 0;
  const { query, total, processes } = useLogSize(run, process);
  if (query.isPending) return <Waiting what="Loading the log" />;
  if (query.isError) return <Failure error={query.error} onRetry={() => void query.refetch()} />;
  if (total === 0 && Object.keys(processes).length === 0)
    return (
      <Empty title="Nothing was written">
        What the program prints from the start of the run to its end is kept, unless it was started
        with <code>start_run(console=False)</code>.
      </Empty>
    );
  return (
    <Log
      key={process}
      run={run}
      process={process}
      processes={processes}
      total={total}
      isRunning={page.run.status === "RUNNING"}
      onProcess={(to) => setProcess(to ? String(to) : "")}
    />
  );
}

function Log(props: {
  run: string;
  process: number;
  processes: Record<string, number>;
  total: number;
  isRunning: boolean;
  onProcess: (process: number) => void;
}) {
  const { run, process, total } = props;
  const [lineText, setLine] = useSearchText("line");
  const [found, setFound] = useSearchText("find");
  const [regexText, setRegex] = useSearchText("regex");
  const [coloursText, setColours] = useSearchText("colours");
  const [timesText, setTimes] = useSearchText("times");
  const [isFollowing, setFollowing] = useState(props.isRunning && lineText === "");
  const scroller = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const leave = useCallback(() => setFollowing(false), []);
  const sight = useLogScroll(scroller, total, isFollowing, leave);
  const { lines, error } = useLines(run, process, sight.first, sight.last, total);
  const isRegex = regexText === "yes";
  const find = useFind(run, process, found, isRegex);
  const chosen = lineText ? Number(lineText) - 1 : -1;
  const { see } = sight;

  const choose = useCallback(
    (line: number) => {
      setFollowing(false);
      setLine(String(line + 1));
    },
    [setLine],
  );
  const goTo = useCallback(
    (line: number) => {
      choose(line);
      see(line);
    },
    [choose, see],
  );
  // Where the address names a line, the log opens there: once, as what follows is scrolling.
  const opened = useRef(false);
  useEffect(() => {
    if (opened.current || chosen < 0) return;
    opened.current = true;
    see(chosen);
  }, [chosen, see]);

  const matches = find.lines;
  const isSearching = find.query.isFetching;
  // Somebody presses Enter before the search is done: the first match is shown when it comes.
  const isAwaited = useRef(false);
  const step = useCallback(
    (by: 1 | -1) => {
      isAwaited.current = matches.length === 0;
      if (isAwaited.current) return;
      const next =
        by === 1 ? matches.find((one) => one > chosen) : matches.findLast((one) => one < chosen);
      if (next === undefined && by === 1 && find.query.hasNextPage) {
        void find.query.fetchNextPage();
        return;
      }
      goTo(next ?? (by === 1 ? matches[0]! : matches.at(-1)!));
    },
    [chosen, find.query, goTo, matches],
  );
  useEffect(() => {
    if (isAwaited.current && !isSearching && matches.length > 0) step(1);
  }, [isSearching, matches, step]);
  const keys = useMemo<Key[]>(
    () => [
      { keys: "/", does: "Search in the log", act: () => search.current?.focus() },
      { keys: "n", does: "Next match", act: () => step(1) },
      { keys: "shift+n", does: "Match before", act: () => step(-1) },
      { keys: "f", does: "Follow new lines, or stop", act: () => setFollowing((is) => !is) },
      { keys: "Home", does: "First line", act: () => goTo(0) },
      { keys: "End", does: "Last line", act: () => sight.toEnd() },
    ],
    [goTo, sight, step],
  );
  useKeys("The log", keys);

  const looks = useMemo<LineLooks>(
    () => ({ hasColours: coloursText !== "no", hasTimes: timesText === "yes", found, isRegex }),
    [coloursText, timesText, found, isRegex],
  );
  const rows = [];
  for (let number = sight.first; number <= sight.last; number++)
    rows.push(
      <Line
        key={number}
        number={number}
        line={lines.get(number)}
        top={(number - sight.base) * LINE_PX}
        looks={looks}
        isChosen={number === chosen}
        onChoose={choose}
      />,
    );

  return (
    <div className="flex h-full min-h-0 flex-col">
      <LogBar
        searchRef={search}
        found={found}
        onFound={(text) => {
          isAwaited.current = false;
          setFound(text);
        }}
        isRegex={isRegex}
        onRegex={(is) => setRegex(is ? "yes" : "")}
        matches={matches}
        hasMore={find.query.hasNextPage}
        at={matches.indexOf(chosen)}
        isSearching={isSearching}
        searchError={find.query.error}
        onStep={step}
        process={process}
        processes={props.processes}
        onProcess={props.onProcess}
        hasColours={looks.hasColours}
        onColours={(is) => setColours(is ? "" : "no")}
        hasTimes={looks.hasTimes}
        onTimes={(is) => setTimes(is ? "yes" : "")}
        canGrow={props.isRunning}
        isFollowing={isFollowing}
        onFollowing={setFollowing}
      />
      {error !== null && <Failure error={error} />}
      <div
        ref={scroller}
        tabIndex={0}
        role="table"
        aria-label={`Console, ${count(total, "line")}`}
        aria-rowcount={total}
        data-log={total}
        className="min-h-0 flex-1 overflow-auto bg-panel font-mono text-xs"
        style={{ overflowAnchor: "none" }}
      >
        <div role="rowgroup" className="relative w-max min-w-full" style={{ height: sight.height }}>
          {rows}
        </div>
      </div>
      <footer className="flex gap-3 border-t border-line bg-panel px-3 py-1 text-muted">
        <span>{count(total, "line")}</span>
        <span className="text-bad">! is standard error</span>
        {props.isRunning && !isFollowing && <span>Press f to follow what comes</span>}
      </footer>
    </div>
  );
}
