/** A version beside the champion, or beside any other: metrics with their deltas, params, charts. */

import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useMemo } from "react";

import { useComparison, type Comparison, type Model } from "../../api/models";
import { isLessBetter } from "../../metrics/direction";
import type { PanelRun } from "../../panels/PanelBoard";
import { cx, Failure, Waiting } from "../../ui";
import { count, number } from "../../ui/format";
import { holds, Remark, SearchBox, Section } from "../../ui/parts";
import { useSearchText } from "../../ui/useSearchText";
import { deltas, type Delta } from "./better";
import { Alias, byRank, INPUT, LINK, VersionLink } from "./parts";
import type { VersionTabProps } from "./VersionPage";

const Board = lazy(async () => ({ default: (await import("../../panels/PanelBoard")).PanelBoard }));

const ROWS_MAX = 500;

export default function Compare({ model, detail }: VersionTabProps) {
  const { name, version } = detail.version;
  const [chosen, setChosen] = useSearchText("with");
  const base = chosen || usualBase(model, version);
  const found = useComparison({ name, version: String(version) }, base);
  return (
    <div className="grid gap-3 p-3">
      <div className="flex flex-wrap items-center gap-2">
        <span>Version {version} beside</span>
        <Base model={model} version={version} base={base} onChoose={setChosen} />
        {found.data?.other && (
          <span className="flex items-center gap-1.5">
            <VersionLink name={name} version={found.data.other.version} />
            {found.data.other.aliases.map((alias) => (
              <Alias key={alias} name={alias} />
            ))}
            <Link
              to="/models/$model/v/$version"
              params={{ model: name, version: String(found.data.other.version) }}
              search={{ tab: "compare", with: String(version) }}
              className={cx(LINK, "ml-2")}
            >
              Swap sides
            </Link>
          </span>
        )}
      </div>
      {base === "" && (
        <Remark>
          There is nothing to compare with yet: no alias points at another version. Type the number
          of one.
        </Remark>
      )}
      {base !== "" && found.isPending && <Waiting what="Comparing" />}
      {found.isError && <Failure error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && <Compared told={found.data} base={base} />}
    </div>
  );
}

/** The champion, or whichever alias points elsewhere, or the version before. */
function usualBase(model: Model, version: number): string {
  const others = Object.entries(model.aliases).filter(([, at]) => at !== version);
  const champion = others.find(([alias]) => alias === "champion");
  return champion?.[0] ?? others[0]?.[0] ?? (version > 1 ? String(version - 1) : "");
}

function Base(props: {
  model: Model;
  version: number;
  base: string;
  onChoose: (base: string) => void;
}) {
  const { model, version, base } = props;
  const isAlias = base in model.aliases;
  return (
    <>
      <select
        aria-label="What it is compared with"
        value={isAlias ? base : ""}
        onChange={(event) => event.target.value && props.onChoose(event.target.value)}
        className="h-8 rounded border border-line bg-panel px-1"
      >
        <option value="">{isAlias ? "an alias" : "a version"}</option>
        {byRank(model.aliases)
          .filter(([, at]) => at !== version)
          .map(([alias, at]) => (
            <option key={alias} value={alias}>
              @{alias} (v{at})
            </option>
          ))}
      </select>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const text = new FormData(event.currentTarget).get("number");
          if (typeof text === "string" && /^v?[1-9]\d*$/.test(text.trim()))
            props.onChoose(text.trim().replace(/^v/, ""));
        }}
      >
        <input
          key={base}
          name="number"
          inputMode="numeric"
          aria-label="The number of another version"
          placeholder="or version …"
          defaultValue={isAlias ? "" : base}
          className={`${INPUT} !w-28`}
        />
      </form>
    </>
  );
}

function Compared({ told, base }: { told: Comparison; base: string }) {
  const { mine, other } = told;
  const rows = useMemo(() => deltas(mine.metrics, other?.metrics ?? {}), [mine, other]);
  const runs = useMemo<PanelRun[]>(
    () =>
      [mine, other].flatMap((side) =>
        side?.run_id
          ? [{ runId: side.run_id, name: `v${side.version} ${side.run_name ?? ""}`.trim() }]
          : [],
      ),
    [mine, other],
  );
  if (!other) return <Remark>This is the version that “{base}” means: choose another.</Remark>;
  return (
    <>
      <div className="grid items-start gap-3 xl:grid-cols-2">
        <Metrics rows={rows} told={told} />
        <Params told={told} />
      </div>
      {runs.length > 0 && mine.experiment_id && (
        <Section title="Charts of their runs" className="flex h-[34rem] flex-col">
          <div className="min-h-0 flex-1">
            <Suspense fallback={<Waiting what="Loading the charts" />}>
              <Board experiment={mine.experiment_id} runs={runs} keysOf={mine.run_id ?? ""} />
            </Suspense>
          </div>
        </Section>
      )}
    </>
  );
}

function Metrics({ rows, told }: { rows: readonly Delta[]; told: Comparison }) {
  const [search, setSearch] = useSearchText("metric");
  const shown = rows.filter((row) => holds(row.key, search));
  const better = rows.filter((row) => row.verdict === "better").length;
  const worse = rows.filter((row) => row.verdict === "worse").length;
  return (
    <Section
      title={`Metrics (${rows.length.toLocaleString("en")})`}
      side={<SearchBox label="Find metrics" value={search} onChange={setSearch} />}
    >
      {rows.length === 0 ? (
        <Remark>Neither has metrics: no run of theirs is known, or you may not read it.</Remark>
      ) : (
        <>
          <p className="border-b border-line px-3 py-1.5">
            <span className="text-good">{count(better, "metric")} better</span>,{" "}
            <span className="text-bad">{count(worse, "metric")} worse</span>
            <span className="text-muted">
              {" "}
              (last values; of a loss, an error or a time, less is better)
            </span>
          </p>
          <div
            className="max-h-[28rem] overflow-auto"
            tabIndex={0}
            role="group"
            aria-label="Metrics"
          >
            <table className="w-full">
              <thead className="sticky top-0 bg-panel text-muted">
                <tr>
                  <th scope="col" className="px-3 py-1 text-left font-medium">
                    Metric
                  </th>
                  <th scope="col" className="px-3 py-1 text-right font-medium">
                    v{told.mine.version}
                  </th>
                  <th scope="col" className="px-3 py-1 text-right font-medium">
                    v{told.other?.version}
                  </th>
                  <th scope="col" className="px-3 py-1 text-right font-medium">
                    Difference
                  </th>
                </tr>
              </thead>
              <tbody>
                {shown.slice(0, ROWS_MAX).map((row) => (
                  <MetricRow key={row.key} row={row} />
                ))}
              </tbody>
            </table>
          </div>
          {shown.length > ROWS_MAX && (
            <Remark>The first {ROWS_MAX} are shown: search for others.</Remark>
          )}
        </>
      )}
    </Section>
  );
}

const LOOKS = { better: "text-good", worse: "text-bad", same: "text-muted" };
const MARKS = { better: "▲", worse: "▼", same: "=" };

function MetricRow({ row }: { row: Delta }) {
  const cell = "px-3 py-0.5 text-right whitespace-nowrap tabular-nums";
  const percent =
    row.by !== null && typeof row.other === "number" && row.other !== 0
      ? ` (${row.by > 0 ? "+" : ""}${Number(((100 * row.by) / Math.abs(row.other)).toPrecision(3))} %)`
      : "";
  return (
    <tr className="border-t border-line hover:bg-raised">
      <td className="px-3 py-0.5 break-all">
        {row.key}
        {isLessBetter(row.key) && (
          <span className="text-muted" title="Less is better">
            {" "}
            ↓
          </span>
        )}
      </td>
      <td className={`${cell} font-medium`}>{shown(row.mine)}</td>
      <td className={cell}>{shown(row.other)}</td>
      <td className={cx(cell, row.verdict && LOOKS[row.verdict])}>
        {row.verdict && (
          <>
            <span aria-hidden="true">{MARKS[row.verdict]} </span>
            <span className="sr-only">{row.verdict} </span>
          </>
        )}
        {row.by !== null && row.by !== 0 && `${row.by > 0 ? "+" : ""}${number(row.by)}${percent}`}
      </td>
    </tr>
  );
}

function shown(value: number | string | undefined): string {
  return typeof value === "number" ? number(value) : (value ?? "none");
}

function Params({ told }: { told: Comparison }) {
  const total = told.params_total;
  return (
    <Section title={`Params that differ (${total.toLocaleString("en")})`}>
      {told.params.length === 0 ? (
        <Remark>
          {told.same_params > 0
            ? `All ${told.same_params.toLocaleString("en")} params are equal.`
            : "Neither has params."}
        </Remark>
      ) : (
        <>
          <div
            className="max-h-[28rem] overflow-auto"
            tabIndex={0}
            role="group"
            aria-label="Params"
          >
            <table className="w-full text-left">
              <thead className="sticky top-0 bg-panel text-muted">
                <tr>
                  <th scope="col" className="px-3 py-1 font-medium">
                    Param
                  </th>
                  <th scope="col" className="px-3 py-1 font-medium">
                    v{told.mine.version}
                  </th>
                  <th scope="col" className="px-3 py-1 font-medium">
                    v{told.other?.version}
                  </th>
                </tr>
              </thead>
              <tbody>
                {told.params.map((one) => (
                  <tr key={one.key} className="border-t border-line hover:bg-raised">
                    <td className="px-3 py-0.5 break-all text-muted">{one.key}</td>
                    <td className="px-3 py-0.5 font-mono text-xs break-all">
                      {one.mine ?? "none"}
                    </td>
                    <td className="px-3 py-0.5 font-mono text-xs break-all">
                      {one.other ?? "none"}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {(total > told.params.length || told.same_params > 0) && (
            <p className="border-t border-line px-3 py-1 text-muted">
              {total > told.params.length && `The first ${told.params.length} are shown. `}
              {told.same_params.toLocaleString("en")} more are equal.
            </p>
          )}
        </>
      )}
    </Section>
  );
}
