/** What became of a question: its rows as a table or a chart, or why there are none. */

import { lazy, Suspense, useEffect, useMemo, useState } from "react";

import { problemOf, ROWS_MAX } from "../../api/sql";
import { Button, cx, Empty, Failure, Waiting } from "../../ui";
import { count, duration, size } from "../../ui/format";
import { fitting, KINDS, mended, type Chart, type Kind } from "./charts";
import { ResultGrid } from "./ResultGrid";
import { stateWords } from "./tools";
import type { Answered, Outcome } from "./useSql";
import { columnsOf } from "./values";

const ResultChart = lazy(() =>
  import("./ResultChart").then((one) => ({ default: one.ResultChart })),
);

/** The parts of the address that say how a result is shown. */
export type Shown = Partial<Record<"view" | "chart" | "x" | "y" | "by", string | undefined>>;

interface Props {
  outcome: Outcome;
  shown: Shown;
  onShow: (changes: Shown) => void;
  onStop: () => void;
}

export function Result({ outcome, shown, onShow, onStop }: Props) {
  if (outcome.state === "nothing")
    return (
      <Empty title="Ask all of the warehouse">
        Write one SELECT above, or begin with one of the questions at the left. Everything is a
        table: runs, metrics, models, traces, what is deployed.
      </Empty>
    );
  if (outcome.state === "stopped")
    return <Empty title="The query was stopped">Nothing of it goes on at the server.</Empty>;
  if (outcome.state === "failed") {
    const problem = problemOf(outcome.error, outcome.question.sql);
    return problem ? (
      <Wrong message={problem.message} sql={outcome.question.sql} at={problem.start} />
    ) : (
      <Failure error={outcome.error} />
    );
  }
  const answered = outcome.state === "answered" ? outcome : outcome.before;
  return (
    <div className="relative flex h-full min-h-0 flex-col">
      {answered && (
        <Rows
          key={keyOf(answered)}
          answered={answered}
          isOld={outcome.state === "running"}
          shown={shown}
          onShow={onShow}
        />
      )}
      {outcome.state === "running" && <Running since={outcome.since} onStop={onStop} />}
    </div>
  );
}

let answers = 0;
const keys = new WeakMap<Answered, number>();

/** Another answer begins at its top, unsorted. */
function keyOf(answered: Answered): number {
  const known = keys.get(answered) ?? ++answers;
  keys.set(answered, known);
  return known;
}

function Wrong({ message, sql, at }: { message: string; sql: string; at: number }) {
  const before = sql.slice(0, at).split("\n");
  const line = before.length;
  const column = (before[line - 1]?.length ?? 0) + 1;
  return (
    <div role="alert" className="m-4 rounded border border-bad bg-panel p-3">
      <p className="text-muted">
        Line {line}, column {column}
      </p>
      <p className="mt-1 font-mono text-[13px] break-words whitespace-pre-wrap">{message}</p>
    </div>
  );
}

function Running({ since, onStop }: { since: number; onStop: () => void }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), 100);
    return () => window.clearInterval(timer);
  }, []);
  // What is quick needs no sign of its being under way.
  if (now - since < 200) return null;
  return (
    <div className="absolute inset-x-0 top-10 z-30 mx-auto flex w-max items-center gap-3 rounded-lg border border-line bg-panel px-4 py-2 shadow-xl">
      <span role="status">The query runs</span>
      <span className="text-muted tabular-nums">{((now - since) / 1000).toFixed(1)} s</span>
      <Button onClick={onStop}>Stop</Button>
    </div>
  );
}

function Rows(props: {
  answered: Answered;
  isOld: boolean;
  shown: Shown;
  onShow: (changes: Shown) => void;
}) {
  const { answered, shown, onShow } = props;
  const { table } = answered.result;
  const columns = useMemo(() => columnsOf(table), [table]);
  const usual = useMemo(() => fitting(columns, table), [columns, table]);
  const chart = useMemo(() => chosen(shown, usual, columns), [shown, usual, columns]);
  const isChart = shown.view === "chart";
  return (
    <div className={cx("flex h-full min-h-0 flex-col", props.isOld && "opacity-50")}>
      <Bar answered={answered} isChart={isChart} onShow={onShow} />
      <div className="min-h-0 flex-1">
        {isChart ? (
          <Suspense fallback={<Waiting />}>
            <ResultChart
              table={table}
              columns={columns}
              chart={chart}
              onChange={({ kind, x, y, by }) => onShow({ chart: kind, x, y, by })}
            />
          </Suspense>
        ) : table.numRows === 0 ? (
          <Empty title="The answer has no rows">
            {columns.length > 0 && `Its columns are ${columns.map((one) => one.name).join(", ")}.`}
          </Empty>
        ) : (
          <ResultGrid table={table} columns={columns} />
        )}
      </div>
    </div>
  );
}

/** The chart of the address, mended where it names what this result does not have. */
function chosen(shown: Shown, usual: Chart | null, columns: Parameters<typeof mended>[1]) {
  const kind = KINDS.find((one) => one === shown.chart) as Kind | undefined;
  if (kind === undefined || usual === null) return usual;
  const { x = "", y = "", by = "" } = shown;
  return mended({ kind, x, y, by }, columns) ?? usual;
}

function Bar(props: { answered: Answered; isChart: boolean; onShow: (changes: Shown) => void }) {
  const { result, question } = props.answered;
  const rows = result.table.numRows;
  const views = [
    ["Table", !props.isChart, undefined],
    ["Chart", props.isChart, "chart"],
  ] as const;
  return (
    <div className="flex min-h-9 flex-wrap items-center gap-x-3 border-y border-line bg-panel px-3">
      <div role="group" aria-label="Show the result as" className="flex gap-1 self-stretch">
        {views.map(([name, isOn, view]) => (
          <button
            key={name}
            type="button"
            aria-pressed={isOn}
            onClick={() => props.onShow({ view })}
            className={cx(
              "border-b-2 px-2 hover:bg-raised",
              isOn ? "border-accent font-medium" : "border-transparent text-muted",
            )}
          >
            {name}
          </button>
        ))}
      </div>
      <p role="status" className="flex flex-wrap gap-x-3 text-muted">
        <span>
          {result.cut === null ? count(rows, "row") : `The first ${count(rows, "row")} of more`}
        </span>
        {Number.isFinite(result.seconds) && <span>{duration(result.seconds)}</span>}
        <span>{size(result.bytes)}</span>
        {question.asOf && <span className="text-warn">as of {stateWords(question.asOf)}</span>}
      </p>
      {result.cut && (
        <p className="text-warn">
          {result.cut === "rows"
            ? `${ROWS_MAX.toLocaleString("en")} rows are shown at most: aggregate, or save all as a file.`
            : "It was cut where it got too large to show: ask for fewer columns, or save it as a file."}
        </p>
      )}
    </div>
  );
}
