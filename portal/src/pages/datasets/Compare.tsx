/** A version beside another: schema, rows, files, and what the columns hold, side by side. */

import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef, type ReactNode } from "react";

import {
  askVersions,
  useDiff,
  useVersion,
  type Dataset,
  type DatasetDiff,
  type Profile,
} from "../../api/datasets";
import { cx, Failure, Waiting } from "../../ui";
import { count, number, size, when } from "../../ui/format";
import { Remark, Section } from "../../ui/parts";
import { useFixedRows } from "../../ui/useFixedRows";
import { useSearchText } from "../../ui/useSearchText";
import { ColumnPicture } from "./ColumnPicture";
import { isDifferent, pairsOf, pictureOf, rangeOf, worded, type Pair } from "./profile";
import { percent } from "./Schema";

const VERSIONS_MAX = 1_000;

export function Compare({ of }: { of: Dataset }) {
  const [chosen, setChosen] = useSearchText("with");
  const usual = of.previous ?? of.next;
  const number = chosen || (usual === null ? "" : String(usual));
  const versions = useQuery({
    queryKey: ["datasets", "versions", of.name, "all"],
    queryFn: ({ signal }) => askVersions(of.name, 0, VERSIONS_MAX, signal),
    staleTime: 5_000,
  });
  if (!number) return <Remark>There is no other version to compare it with.</Remark>;
  return (
    <div className="mx-auto flex max-w-7xl flex-col gap-3 p-3">
      <label className="flex items-center gap-2">
        <span className="text-muted">
          What became different in <b className="text-text">v{of.version}</b> since
        </span>
        <select
          value={number}
          onChange={(event) => setChosen(event.target.value)}
          className="h-7 max-w-72 rounded border border-line bg-panel px-1"
        >
          {versions.data?.versions
            .filter((one) => one.version !== of.version)
            .map((one) => (
              <option key={one.dataset_id} value={String(one.version)}>
                v{one.version}, {when(one.created_at)}
              </option>
            )) ?? <option value={number}>v{number}</option>}
        </select>
      </label>
      <Compared of={of} other={number} />
    </div>
  );
}

function Compared({ of, other }: { of: Dataset; other: string }) {
  const before = useVersion(of.name, other);
  const found = useDiff(before.data?.dataset_id, of.dataset_id);
  if (before.isError) return <Failure error={before.error} onRetry={() => void before.refetch()} />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  if (!before.data || found.isPending) return <Waiting what="Comparing" />;
  const diff = found.data;
  return (
    <>
      {diff.is_same && <p className="font-medium text-good">✓ Both hold the same.</p>}
      <div className="grid items-start gap-3 lg:grid-cols-2">
        <SchemaDiff diff={diff} />
        {of.kind !== "files" && <RowCounts diff={diff} of={of} before={before.data} />}
      </div>
      {diff.rows && <Samples rows={diff.rows} />}
      {diff.files && <FilesDiff files={diff.files} />}
      {(of.profile ?? before.data.profile) && (
        <Profiles before={before.data.profile} after={of.profile} names={[other, of.version]} />
      )}
    </>
  );
}

function SchemaDiff({ diff }: { diff: DatasetDiff }) {
  const lines: [string, string, ReactNode][] = [
    ...diff.columns_added.map((one): [string, string, ReactNode] => ["+", one.name, one.type]),
    ...diff.columns_removed.map((one): [string, string, ReactNode] => ["−", one.name, one.type]),
    ...diff.columns_changed.map((one): [string, string, ReactNode] => [
      "~",
      one.name,
      <>
        {one.before.type}
        {one.before.nullable ? "" : " required"} → {one.after.type}
        {one.after.nullable ? "" : " required"}
      </>,
    ]),
  ];
  const looks: Record<string, string> = { "+": "text-good", "−": "text-bad", "~": "text-warn" };
  const words: Record<string, string> = { "+": "added", "−": "removed", "~": "changed" };
  return (
    <Section title="Columns">
      {lines.length === 0 ? (
        <Remark>The same, with the same types.</Remark>
      ) : (
        <ul className="max-h-72 overflow-auto py-1">
          {lines.map(([mark, name, type]) => (
            <li key={`${mark}${name}`} className="flex items-baseline gap-2 px-3 py-0.5">
              <span className={cx("w-3 shrink-0 font-mono", looks[mark])} aria-label={words[mark]}>
                {mark}
              </span>
              <bdi className="min-w-0 truncate font-medium" title={name}>
                {name}
              </bdi>
              <span className="ml-auto font-mono text-xs text-muted">{type}</span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function RowCounts({ diff, of, before }: { diff: DatasetDiff; of: Dataset; before: Dataset }) {
  const { rows } = diff;
  return (
    <Section title="Rows">
      {rows === null ? (
        <Remark>
          {number(before.rows) || "?"} before, {number(of.rows) || "?"} now. They were not compared
          one by one: they are kept elsewhere, or too many for that here.{" "}
          <code>mere dataset diff</code> does it.
        </Remark>
      ) : (
        <dl className="grid grid-cols-4 gap-3 p-3 text-center">
          {(
            [
              ["before", rows.before, ""],
              ["now", rows.after, ""],
              ["added", rows.added, "text-good"],
              ["removed", rows.removed, "text-bad"],
            ] as const
          ).map(([name, value, look]) => (
            <div key={name} className="flex flex-col-reverse">
              <dt className="text-muted">{name}</dt>
              <dd className={cx("text-lg font-semibold tabular-nums", value > 0 && look)}>
                {value.toLocaleString("en")}
              </dd>
            </div>
          ))}
        </dl>
      )}
    </Section>
  );
}

function Samples({ rows }: { rows: NonNullable<DatasetDiff["rows"]> }) {
  const shown = [
    ...rows.removed_sample.map((one) => ({ ...one, mark: "−", look: "text-bad" })),
    ...rows.added_sample.map((one) => ({ ...one, mark: "+", look: "text-good" })),
  ];
  if (shown.length === 0) return null;
  const columns = rows.columns.slice(0, 30);
  return (
    <Section title="Some of the rows that differ">
      <div
        className="max-h-96 overflow-auto"
        tabIndex={0}
        role="group"
        aria-label="Rows that differ"
      >
        <table className="min-w-full">
          <thead className="sticky top-0 bg-panel text-left text-muted">
            <tr className="border-b border-line">
              <th className="px-3 py-1 font-medium">
                <span className="sr-only">Added or removed</span>
              </th>
              {columns.map((one) => (
                <th key={one} className="px-2 font-medium whitespace-nowrap">
                  <bdi>{one}</bdi>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map(({ row, count: times, mark, look }, at) => (
              <tr key={at} className="border-b border-line last:border-0">
                <td className={cx("px-3 font-mono whitespace-nowrap", look)}>
                  {mark}
                  {times > 1 && ` ×${times}`}
                </td>
                {columns.map((one) => (
                  <td key={one} className="max-w-56 truncate px-2 py-0.5 tabular-nums">
                    <bdi>{cellOf(row[one])}</bdi>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}

function cellOf(value: unknown): string {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : worded(value);
}

const FILE_PX = 26;

function FilesDiff({ files }: { files: NonNullable<DatasetDiff["files"]> }) {
  const lines = useMemo(
    () => [
      ...files.added.map((one) => ["+", one.path, size(one.size)] as const),
      ...files.removed.map((one) => ["−", one.path, size(one.size)] as const),
      ...files.changed.map(
        (one) => ["~", one.path, `${size(one.before.size)} → ${size(one.after.size)}`] as const,
      ),
    ],
    [files],
  );
  const scroller = useRef<HTMLDivElement>(null);
  const list = useFixedRows(scroller, lines.length, FILE_PX);
  const looks: Record<string, string> = { "+": "text-good", "−": "text-bad", "~": "text-warn" };
  return (
    <Section
      title={`Files: ${files.added.length} added, ${files.removed.length} removed, ${files.changed.length} changed`}
      side={
        <span className="text-muted">
          {count(files.unchanged, "file")} unchanged ({size(files.bytes_unchanged)}); +
          {size(files.bytes_added)}, −{size(files.bytes_removed)}
        </span>
      }
    >
      {lines.length === 0 && <Remark>The same files with the same content.</Remark>}
      <div
        ref={scroller}
        tabIndex={0}
        role="group"
        aria-label="Files that differ"
        className="max-h-96 overflow-auto"
      >
        <ul className="relative" style={{ height: list.height }}>
          {list.rows.map((item) => {
            const [mark, path, note] = lines[item.index]!;
            return (
              <li
                key={path}
                className="absolute inset-x-0 flex items-center gap-2 px-3"
                style={{ height: item.height, top: item.top }}
              >
                <span className={cx("w-3 font-mono", looks[mark])}>{mark}</span>
                <bdi className="min-w-0 truncate" title={path}>
                  {path}
                </bdi>
                <span className="ml-auto shrink-0 text-muted tabular-nums">{note}</span>
              </li>
            );
          })}
        </ul>
      </div>
    </Section>
  );
}

const PAIR_PX = 76;
const GRID =
  "grid grid-cols-[minmax(8rem,1fr)_minmax(10rem,1.4fr)_minmax(10rem,1.4fr)_minmax(15rem,1.6fr)] min-w-[46rem]";

function Profiles({
  before,
  after,
  names,
}: {
  before: Profile | null;
  after: Profile | null;
  names: readonly [string, number];
}) {
  const [all, setAll] = useSearchText("all");
  const pairs = useMemo(() => {
    const found = pairsOf(before, after);
    return all ? found : found.filter(isDifferent);
  }, [before, after, all]);
  const scroller = useRef<HTMLDivElement>(null);
  const list = useFixedRows(scroller, pairs.length, PAIR_PX);
  return (
    <Section
      title="What the columns hold"
      side={
        <label className="flex items-center gap-1.5">
          <input
            type="checkbox"
            checked={!all}
            onChange={(event) => setAll(event.target.checked ? "" : "yes")}
          />
          Only what differs
        </label>
      }
    >
      {pairs.length === 0 && <Remark>All columns hold the same.</Remark>}
      <div
        ref={scroller}
        role="table"
        aria-label="Profiles side by side"
        tabIndex={0}
        className="max-h-[36rem] overflow-auto"
      >
        <div role="rowgroup" className="sticky top-0 z-10 bg-panel">
          <div role="row" className={cx(GRID, "border-b border-line text-muted")}>
            {["Column", `v${names[0]}`, `v${names[1]}`, "Became"].map((head) => (
              <span key={head} role="columnheader" className="px-3 py-1 font-medium">
                {head}
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" className="relative" style={{ height: list.height }}>
          {list.rows.map((item) => (
            <div
              key={pairs[item.index]!.name}
              role="row"
              className={cx(GRID, "absolute inset-x-0 items-center border-b border-line")}
              style={{ height: item.height, top: item.top }}
            >
              <PairRow pair={pairs[item.index]!} before={before} after={after} />
            </div>
          ))}
        </div>
      </div>
    </Section>
  );
}

function PairRow({
  pair,
  before,
  after,
}: {
  pair: Pair;
  before: Profile | null;
  after: Profile | null;
}) {
  const [old, now] = useMemo(
    () => [
      pair.before && before ? pictureOf(pair.before, before) : null,
      pair.after && after ? pictureOf(pair.after, after) : null,
    ],
    [pair, before, after],
  );
  const range = useMemo(() => rangeOf([old, now]), [old, now]);
  const sides = [
    ["before", old, pair.before],
    ["now", now, pair.after],
  ] as const;
  return (
    <>
      <span role="cell" className="min-w-0 px-3">
        <bdi className="block truncate font-medium" title={pair.name}>
          {pair.name}
        </bdi>
        <span className="block truncate font-mono text-xs text-muted">
          {(pair.after ?? pair.before)?.type}
        </span>
      </span>
      {sides.map(([side, picture, column]) => (
        <span key={side} role="cell" className="px-3">
          {column === null ? (
            <span className="text-muted">not there</span>
          ) : (
            <span className="relative block h-14">
              <ColumnPicture picture={picture} range={range} label={`${pair.name} ${side}`} />
            </span>
          )}
        </span>
      ))}
      <span role="cell" className="max-h-full min-w-0 overflow-hidden px-3 text-xs tabular-nums">
        {changesOf(pair, before, after).map((line) => (
          <span key={line} className="block truncate" title={line}>
            {line}
          </span>
        ))}
      </span>
    </>
  );
}

/** What became of a column, in words; at most four lines. */
function changesOf(pair: Pair, before: Profile | null, after: Profile | null): string[] {
  const { before: old, after: now } = pair;
  if (!old || !now) return [now ? "added" : "removed"];
  const lines: string[] = [];
  const share = (nulls: number, rows: number) => percent(nulls / Math.max(1, rows));
  const nulls = [share(old.nulls, before?.rows ?? 0), share(now.nulls, after?.rows ?? 0)];
  const told = (what: string, was: unknown, is: unknown) => {
    if (was !== is && !(was == null && is == null))
      lines.push(`${what} ${worded(was ?? "?")} → ${worded(is ?? "?")}`);
  };
  if (old.type !== now.type) lines.push(`type ${old.type} → ${now.type}`);
  if (nulls[0] !== nulls[1]) lines.push(`null ${nulls[0]} → ${nulls[1]}`);
  told("mean", old.mean, now.mean);
  told("distinct", old.distinct, now.distinct);
  told("least", old.min, now.min);
  told("greatest", old.max, now.max);
  return lines.slice(0, 4);
}
