/**
 * The SQL lab: one SELECT over all tables, its rows and charts, and any state that is kept.
 *
 * The address holds the question that was asked last, and how its result is shown; what is only
 * written is kept in the browser. A link asks its question at once: it can do no more than read
 * what whoever opens it may read.
 */

import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { problemOf, useSqlTables, type Question } from "../../api/sql";
import type { Search } from "../../router";
import { useKeys, type Key } from "../../shell/keys";
import { Button, cx, Keys } from "../../ui";
import { Editor, type EditorHandle } from "./Editor";
import { draft, keepDraft } from "./history";
import { Result, type Shown } from "./Result";
import { ViewSwitcher } from "../../views/ViewSwitcher";
import { Share } from "./Share";
import { SidePane } from "./SidePane";
import { TimeTravel } from "./TimeTravel";
import { useSql } from "./useSql";

const HEIGHT_KEY = "mere.sql.height";
const [LEAST_PX, MOST_PX, STEP_PX] = [90, 700, 20];
const NONE: never[] = [];

export default function SqlPage() {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const asked = search["sql"] ?? "";
  const asOf = search["as_of"] ?? "";
  const [text, setText] = useState(() => asked || draft());
  const [told, setTold] = useState<{ words: string; isWrong: boolean } | null>(null);
  const [hasSide, setSide] = useState(true);
  const editor = useRef<EditorHandle>(null);
  const runButton = useRef<HTMLButtonElement>(null);
  const tables = useSqlTables(asOf);
  const { outcome, run, stop } = useSql();

  const go = useCallback(
    (changes: Search, isNew: boolean) =>
      void navigate({ to: "/query", search: (old) => ({ ...old, ...changes }), replace: !isNew }),
    [navigate],
  );
  const ask = useCallback(
    (question: Question) => {
      const sql = question.sql.trim();
      if (sql === "") return editor.current?.focus();
      setTold(null);
      // The same question again leaves the address as it is, so it has to be asked here.
      if (sql === asked && question.asOf === asOf) void run({ sql, asOf });
      else go({ sql, as_of: question.asOf || undefined }, true);
    },
    [asked, asOf, go, run],
  );
  // Another address is another question: a link, going back, or what was just asked.
  const [seen, setSeen] = useState(asked);
  if (seen !== asked) {
    setSeen(asked);
    if (asked && text.trim() !== asked) setText(asked);
  }
  useEffect(() => {
    if (asked) void run({ sql: asked, asOf });
  }, [asked, asOf, run]);
  useEffect(() => {
    const timer = window.setTimeout(() => keepDraft(text), 300);
    return () => window.clearTimeout(timer);
  }, [text]);

  const keys = useMemo<Key[]>(
    () => [
      { keys: "e", does: "Write the query", act: () => editor.current?.focus() },
      { keys: "mod+Enter", does: "Run the query", act: () => ask({ sql: text, asOf }) },
      {
        keys: "v",
        does: "Table or chart",
        act: () => go({ view: toggled(search["view"]) }, false),
      },
      { keys: "b", does: "Show or hide the tables", act: () => setSide((is) => !is) },
    ],
    [ask, text, asOf, go, search],
  );
  useKeys("SQL", keys);

  const problem = useMemo(
    () =>
      outcome.state === "failed" && outcome.question.sql === text.trim()
        ? shifted(problemOf(outcome.error, outcome.question.sql), text)
        : null,
    [outcome, text],
  );
  const tell = useCallback((words: string, isWrong = false) => setTold({ words, isWrong }), []);
  const isRunning = outcome.state === "running";
  return (
    <div className="flex h-full min-h-0">
      <h1 className="sr-only">SQL</h1>
      {hasSide && (
        <SidePane
          asOf={asOf}
          tables={{
            data: tables.data,
            error: tables.error,
            retry: () => void tables.refetch(),
          }}
          onInsert={(words) => editor.current?.insert(words)}
          onAsk={(question) => {
            setText(question.sql);
            ask(question);
          }}
        />
      )}
      <div className="flex min-w-0 flex-1 flex-col">
        <div className="flex flex-wrap items-center gap-2 border-b border-line bg-panel px-3 py-1.5">
          <Button
            ref={runButton}
            look="main"
            onClick={() => (isRunning ? stop() : ask({ sql: text, asOf }))}
          >
            {isRunning ? "Stop" : "Run"}
          </Button>
          <span className="text-muted max-[1000px]:hidden">
            <Keys of="mod+Enter" />
          </span>
          <TimeTravel
            asOf={asOf}
            onChoose={(state) => {
              if (text.trim()) ask({ sql: text, asOf: state });
              else go({ as_of: state || undefined }, true);
            }}
          />
          {asOf && (
            <Button look="quiet" onClick={() => ask({ sql: text || asked, asOf: "" })}>
              Back to now
            </Button>
          )}
          <span
            role="status"
            className={cx(
              "min-w-0 flex-1 truncate text-right",
              told?.isWrong ? "text-bad" : "text-muted",
            )}
          >
            {told?.words}
          </span>
          <ViewSwitcher page="sql" />
          <Share question={{ sql: text.trim(), asOf }} onTold={tell} />
          <Button look="quiet" aria-pressed={hasSide} onClick={() => setSide(!hasSide)}>
            {hasSide ? "Hide tables" : "Show tables"}
          </Button>
        </div>
        <Sized>
          <Editor
            value={text}
            schema={tables.data ?? NONE}
            problem={problem}
            onChange={setText}
            onRun={() => ask({ sql: text, asOf })}
            onLeave={() => runButton.current?.focus()}
            handle={editor}
          />
        </Sized>
        <div className="min-h-0 flex-1">
          <Result
            outcome={outcome}
            shown={search as Shown}
            onShow={(changes) => go(changes, false)}
            onStop={stop}
          />
        </div>
      </div>
    </div>
  );
}

function toggled(view: string | undefined): string | undefined {
  return view === "chart" ? undefined : "chart";
}

/** Where a problem is in what is written: the question was sent without the blanks around it. */
function shifted<P extends { start: number; end: number } | null>(problem: P, text: string): P {
  const by = text.length - text.trimStart().length;
  return problem && { ...problem, start: problem.start + by, end: problem.end + by };
}

/** A part whose height people choose, by dragging its lower border or by arrows on it. */
function Sized({ children }: { children: React.ReactNode }) {
  const [height, setHeight] = useState(() => Number(localStorage.getItem(HEIGHT_KEY)) || 190);
  const put = (next: number) => {
    const kept = Math.round(Math.max(LEAST_PX, Math.min(MOST_PX, next)));
    setHeight(kept);
    localStorage.setItem(HEIGHT_KEY, String(kept));
  };
  return (
    <>
      <div className="shrink-0" style={{ height }}>
        {children}
      </div>
      <div
        role="separator"
        aria-label="Between query and result"
        aria-orientation="horizontal"
        aria-valuenow={height}
        aria-valuemin={LEAST_PX}
        aria-valuemax={MOST_PX}
        tabIndex={0}
        onKeyDown={(event) => {
          const by = { ArrowUp: -STEP_PX, ArrowDown: STEP_PX }[event.key];
          if (by === undefined) return;
          event.preventDefault();
          put(height + by);
        }}
        onPointerDown={(event) => {
          event.preventDefault();
          const bar = event.currentTarget;
          const from = event.clientY - height;
          bar.setPointerCapture(event.pointerId);
          bar.onpointermove = (move) => put(move.clientY - from);
          bar.onpointerup = () => {
            bar.onpointermove = null;
            bar.onpointerup = null;
          };
        }}
        className="h-1.5 shrink-0 cursor-row-resize border-t border-line bg-ground hover:bg-accent/40"
      />
    </>
  );
}
