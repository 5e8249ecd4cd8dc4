/** What goes along with being better: all that differs between the runs, ranked, with its doubts. */

import { useWhy, type Factor } from "../../api/compare";
import type { Schema } from "../../api/call";
import { isLessBetter } from "../../metrics/direction";
import { Button, cx, Empty, Failure, Waiting } from "../../ui";
import { count, number } from "../../ui/format";
import { MetricChoice } from "./MetricChoice";
import type { SheetTabProps } from "./SheetTab";
import { ignoring } from "./state";

type Props = Omit<SheetTabProps, "family" | "nothing">;

const VERDICTS: Record<string, [string, string]> = {
  told: ["hardly chance", "text-good"],
  perhaps: ["perhaps chance", "text-warn"],
  chance: ["cannot be told from chance", "text-muted"],
  few: ["too few runs to tell", "text-muted"],
};
const DEALT_MIN = 8;

export default function WhyTab(props: Props) {
  const { of, target, rows, set } = props;
  const found = useWhy(of, target, rows.ignore);
  return (
    <div className="flex h-full min-h-0 flex-col">
      <Question {...props} />
      <div className="min-h-0 flex-1 overflow-auto" tabIndex={0} role="group" aria-label="Findings">
        {!target.metric ? (
          <Empty title="Better in what?">
            Choose a metric above. Whatever differs between the runs is then ranked by how much of
            it goes along with that metric: params, code, packages and data.
          </Empty>
        ) : found.isError ? (
          <Failure error={found.error} onRetry={() => void found.refetch()} />
        ) : !found.data ? (
          <Waiting what="Weighing what differs" />
        ) : found.data.runs === 0 ? (
          <Empty title="No run has a number of this metric">
            <Button onClick={() => set({ metric: undefined })}>Choose another</Button>
          </Empty>
        ) : (
          <Findings {...props} why={found.data} />
        )}
      </div>
    </div>
  );
}

function Question({ of, target, set }: Props) {
  return (
    <div className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line bg-panel px-3 py-1.5">
      <span>Which runs are better in the</span>
      <select
        aria-label="Which value of the metric"
        value={target.take}
        onChange={(event) =>
          set({ by: event.target.value === "last" ? undefined : event.target.value })
        }
        className="h-7 rounded border border-line bg-panel px-1"
      >
        <option value="last">last</option>
        <option value="min">least</option>
        <option value="max">greatest</option>
      </select>
      <span>value of</span>
      <MetricChoice
        key={target.metric}
        metric={target.metric}
        of={of}
        onChoose={(metric) =>
          set({ metric: metric || undefined, goal: isLessBetter(metric) ? "less" : undefined })
        }
      />
      {target.metric && (
        <label className="flex items-center gap-1.5">
          <span>where</span>
          <select
            value={target.less ? "less" : "more"}
            onChange={(event) => set({ goal: event.target.value === "less" ? "less" : undefined })}
            className="h-7 rounded border border-line bg-panel px-1"
          >
            <option value="more">more is better</option>
            <option value="less">less is better</option>
          </select>
        </label>
      )}
    </div>
  );
}

function Findings({ why, target, set, rows }: Props & { why: Schema<"Why"> }) {
  const told = why.factors.filter((one) => one.verdict === "told").length;
  return (
    <div className="mx-auto max-w-6xl p-4">
      <p className="mb-1 text-[15px] font-medium">
        {why.keys === 0
          ? "Nothing differs between these runs that could be weighed."
          : !why.is_enough
            ? `Too few runs to tell: ${count(why.runs, "run has", "runs have")} a number of ${target.metric}. What differs is listed, and that is all.`
            : told === 0
              ? "Nothing that differs goes along with it more than chance would have it."
              : `${count(told, "difference goes", "differences go")} along with it more than chance would have it.`}
      </p>
      <p className="mb-3 max-w-4xl text-muted">
        {count(why.runs, "run")}
        {why.without > 0 &&
          `, ${why.without.toLocaleString("en")} more without a finite value left aside`}
        . {count(why.keys, "key")} that differ
        {rows.ignore.length > 0 && ` (${count(rows.ignore.length, "pattern")} ignored)`}.
      </p>
      {why.factors.length > 0 && (
        <div className="overflow-x-auto">
          <table className="w-full min-w-[46rem] border-collapse">
            <thead className="text-left text-muted">
              <tr className="border-b border-line">
                <th className="py-1 pr-3 font-medium">What differs</th>
                <th className="w-44 pr-3 font-medium">Share of the variance</th>
                <th className="pr-3 font-medium">What was found</th>
                <th className="w-44 pr-3 font-medium">Is it chance?</th>
                <th className="w-8">
                  <span className="sr-only">Leave out</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {why.factors.map((one) => (
                <Row
                  key={`${one.family} ${one.section} ${one.key}`}
                  one={one}
                  onIgnore={() => set(ignoring([...new Set([...rows.ignore, one.key])]))}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {why.keys > why.factors.length && (
        <p className="mt-2 text-muted">
          The strongest {why.factors.length} of {why.keys.toLocaleString("en")} are listed.
        </p>
      )}
      <Method deals={why.deals} />
    </div>
  );
}

function Row({ one, onIgnore }: { one: Factor; onIgnore: () => void }) {
  const [verdict, look] = VERDICTS[one.verdict] ?? ["", ""];
  const share = Math.round(one.share * 100);
  return (
    <tr className="border-b border-line/60 align-top hover:bg-raised">
      <th scope="row" className="max-w-80 py-1.5 pr-3 text-left font-normal">
        <span className="block truncate font-medium" title={one.key}>
          {one.key}
        </span>
        <span className="block text-xs text-muted">
          {one.family === one.section ? one.family : `${one.family}: ${one.section}`}
        </span>
        {one.same_total > 0 && (
          <details className="text-xs text-warn">
            <summary>cannot be told apart from {count(one.same_total, "other key")}</summary>
            <span className="text-muted">{one.same.map((same) => same.key).join(", ")}</span>
          </details>
        )}
      </th>
      <td className="py-1.5 pr-3">
        <span className="flex items-center gap-2">
          <span className="h-3 flex-1 overflow-hidden rounded-sm bg-raised">
            <span
              className={cx("block h-full", one.verdict === "told" ? "bg-accent" : "bg-muted/50")}
              style={{ width: `${share}%` }}
            />
          </span>
          <span className="w-10 text-right tabular-nums">{share} %</span>
        </span>
      </td>
      <td className="py-1.5 pr-3">{foundOf(one)}</td>
      <td className={cx("py-1.5 pr-3", look)}>
        {verdict}
        {one.chance !== null && (
          <span className="block text-xs text-muted">
            as strong in {percent(one.chance)} of the deals
          </span>
        )}
      </td>
      <td className="py-1">
        <Button
          look="quiet"
          onClick={onIgnore}
          aria-label={`Leave out ${one.key}`}
          title="Leave out"
        >
          ✕
        </Button>
      </td>
    </tr>
  );
}

/** What was found of a key, in words. */
export function foundOf(one: Factor): string {
  if (one.kind === "rank" && one.correlation !== null) {
    const way = one.is_more_better
      ? "More of it goes along with better"
      : "Less of it goes along with better";
    const between =
      one.lower === null || one.upper === null
        ? ""
        : `, probably ${number(Number(one.lower.toFixed(2)))} to ${number(Number(one.upper.toFixed(2)))}`;
    return `${way}: rank correlation ${number(Number(one.correlation.toFixed(2)))}${between}; ${count(one.runs, "run")}.`;
  }
  if (one.best === null || one.best_mean === null || one.rest_mean === null) return "";
  const what =
    one.kind === "curve" ? `Best at ${stretch(one.best)}` : `Best with “${short(one.best)}”`;
  const margin =
    one.margin === null
      ? ""
      : ` (the difference is off by ${figure(one.margin)} at most, in 19 of 20 cases)`;
  return (
    `${what}: mean ${figure(one.best_mean)} over ${count(one.best_runs, "run")}, ` +
    `against ${figure(one.rest_mean)} over the other ${one.rest_runs.toLocaleString("en")}${margin}.`
  );
}

/** A stretch of numbers; one that is a single number is said as that. */
function stretch(text: string): string {
  const [from, to] = text.split(" to ");
  return from === to ? (from ?? "") : text;
}

function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function figure(value: number): string {
  return number(Number(value.toPrecision(4)));
}

function percent(share: number): string {
  return share < 0.01 ? "less than 1 %" : `${Math.round(share * 100)} %`;
}

function Method({ deals }: { deals: number }) {
  return (
    <details className="mt-4 max-w-4xl rounded border border-line bg-panel p-3">
      <summary className="font-medium">How this was reckoned, and what it does not say</summary>
      <ul className="mt-2 list-disc space-y-1 pl-5 text-muted">
        <li>
          All is reckoned on the ranks of the metric, so that one run that went astray does not
          outweigh all others. The means shown are those of the metric itself.
        </li>
        <li>
          Keys of three or more different numbers: Spearman&apos;s rank correlation, or how much
          eighths of the numbers differ where that says more, as for what is best in the middle. All
          other keys: how much the runs of each value differ; to have no value counts as one. Shares
          are less what chance would give.
        </li>
        <li>
          Chance:{" "}
          {deals > 0
            ? `the metric was dealt out anew among the runs ${deals.toLocaleString("en")} times. Told is in what share of the deals the strongest of all keys was as strong as this one. That allows for having looked at many keys.`
            : `with fewer than ${DEALT_MIN} runs nothing is told from chance.`}
        </li>
        <li>
          Keys that always change together cannot be told apart, and are one line. Keys of names
          where more than half of the runs have one of their own are left out: they would explain
          all and say nothing.
        </li>
        <li>
          Each key is weighed by itself. None of this says what causes what: runs are not chosen at
          random, and a key may only stand for another one. To be sure, change one thing and run it
          again.
        </li>
      </ul>
    </details>
  );
}
