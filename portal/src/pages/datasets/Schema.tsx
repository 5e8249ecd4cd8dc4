/** The columns of a version: types, and what each holds, pictured and in numbers. */

import { useMemo, useRef, useState } from "react";

import type { ColumnProfile, Dataset, SchemaColumn } from "../../api/datasets";
import { Button, cx, Dialog } from "../../ui";
import { count, number } from "../../ui/format";
import { holds, Remark, SearchBox } from "../../ui/parts";
import { TextView } from "../../ui/TextView";
import { useFixedRows } from "../../ui/useFixedRows";
import { useSearchText } from "../../ui/useSearchText";
import { ColumnPicture } from "./ColumnPicture";
import { pictureOf, worded } from "./profile";

const ROW_PX = 58;
const GRID =
  "grid grid-cols-[minmax(10rem,1.5fr)_minmax(7rem,0.8fr)_13rem_6.5rem_6.5rem_minmax(6rem,0.8fr)_minmax(7rem,0.8fr)_minmax(6rem,0.8fr)] min-w-[66rem]";
const HEADS = ["Column", "Type", "What it holds", "Null", "Distinct", "Least", "Mean", "Greatest"];

export function Schema({ of }: { of: Dataset }) {
  const [words, setWords] = useSearchText("q");
  const [opened, setOpened] = useState<string | null>(null);
  const profiles = useMemo(
    () => new Map((of.profile?.columns ?? []).map((one) => [one.name, one])),
    [of.profile],
  );
  const shown = useMemo(
    () => of.columns.filter((one) => holds(`${one.name} ${one.type}`, words)),
    [of.columns, words],
  );
  const scroller = useRef<HTMLDivElement>(null);
  const list = useFixedRows(scroller, shown.length, ROW_PX);
  if (of.columns.length === 0) return <Unknown of={of} />;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <p className="flex flex-wrap items-center gap-3 border-b border-line px-4 py-1.5 text-muted">
        <SearchBox label="Find columns" value={words} onChange={setWords} className="w-56" />
        <span role="status">
          {words && `${shown.length.toLocaleString("en")} of `}
          {count(of.columns.length, "column")}
        </span>
        {of.profile?.sample_rows !== undefined && (
          <span>
            Distinct values and pictures are of a sample of{" "}
            {of.profile.sample_rows.toLocaleString("en")} rows
          </span>
        )}
        {!of.profile && <span>What the columns hold was not recorded</span>}
      </p>
      <div
        ref={scroller}
        role="table"
        aria-label="Columns"
        aria-rowcount={shown.length + 1}
        tabIndex={0}
        className="min-h-0 flex-1 overflow-auto"
      >
        <div role="rowgroup" className="sticky top-0 z-10 border-b border-line bg-panel">
          <div role="row" aria-rowindex={1} className={GRID}>
            {HEADS.map((head, at) => (
              <span
                key={head}
                role="columnheader"
                className={cx("px-3 py-1.5 font-medium text-muted", at > 2 && "text-right")}
              >
                {head}
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" className="relative" style={{ height: list.height }}>
          {list.rows.map((item) => {
            const column = shown[item.index]!;
            return (
              <div
                key={column.name}
                role="row"
                aria-rowindex={item.index + 2}
                className={cx(
                  GRID,
                  "absolute inset-x-0 items-center border-b border-line hover:bg-raised",
                )}
                style={{ height: item.height, top: item.top }}
              >
                <Row
                  column={column}
                  profile={profiles.get(column.name)}
                  of={of}
                  onOpen={() => setOpened(column.name)}
                />
              </div>
            );
          })}
        </div>
      </div>
      {opened !== null && (
        <Details
          of={of}
          name={opened}
          profile={profiles.get(opened)}
          onClose={() => setOpened(null)}
        />
      )}
    </div>
  );
}

function Row({
  column,
  profile,
  of,
  onOpen,
}: {
  column: SchemaColumn;
  profile: ColumnProfile | undefined;
  of: Dataset;
  onOpen: () => void;
}) {
  const picture = useMemo(
    () => (profile && of.profile ? pictureOf(profile, of.profile) : null),
    [profile, of.profile],
  );
  const cell = "min-w-0 truncate px-3";
  const figure = `${cell} text-right tabular-nums`;
  const rows = of.profile?.rows ?? 0;
  return (
    <>
      <span role="cell" className={cell}>
        {profile ? (
          <button
            type="button"
            onClick={onOpen}
            title={column.name}
            className="block max-w-full truncate font-medium text-accent hover:underline"
          >
            <bdi>{column.name}</bdi>
          </button>
        ) : (
          <bdi className="font-medium" title={column.name}>
            {column.name}
          </bdi>
        )}
      </span>
      <span role="cell" className={cx(cell, "font-mono text-xs")} title={column.type}>
        {column.type}
        {!column.nullable && <span className="text-muted"> required</span>}
      </span>
      <span role="cell" className="px-3">
        <span className="relative block h-11">
          <ColumnPicture picture={picture} label={`What ${column.name} holds`} />
        </span>
      </span>
      <span role="cell" className={figure}>
        {profile && <Nulls share={rows ? profile.nulls / rows : 0} />}
      </span>
      <span role="cell" className={figure}>
        {number(profile?.distinct)}
      </span>
      <span role="cell" className={figure} title={told(profile?.min)}>
        {told(profile?.min)}
      </span>
      <span role="cell" className={figure}>
        {number(profile?.mean)}
        {profile?.std != null && (
          <span className="block text-xs text-muted">± {number(profile.std)}</span>
        )}
      </span>
      <span role="cell" className={figure} title={told(profile?.max)}>
        {told(profile?.max)}
      </span>
    </>
  );
}

function told(value: unknown): string {
  return value === undefined || value === null ? "" : worded(value);
}

/** How much of a column is null: as a number, and as a bar where it is any. */
export function Nulls({ share }: { share: number }) {
  if (share === 0) return <span className="text-muted">none</span>;
  return (
    <span className="inline-flex items-center gap-1.5">
      <span aria-hidden="true" className="h-2 w-8 overflow-hidden rounded bg-line">
        <span className="block h-full bg-warn" style={{ width: `${Math.max(4, share * 100)}%` }} />
      </span>
      {percent(share)}
    </span>
  );
}

export function percent(share: number): string {
  if (share > 0 && share < 0.001) return "< 0.1 %";
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/** One column in full: the numbers behind its picture. */
function Details({
  of,
  name,
  profile,
  onClose,
}: {
  of: Dataset;
  name: string;
  profile: ColumnProfile | undefined;
  onClose: () => void;
}) {
  if (!profile || !of.profile) return null;
  const picture = pictureOf(profile, of.profile);
  const facts: [string, string][] = [
    ["Type", profile.type],
    ["Rows", number(of.profile.rows)],
    ["Null", `${number(profile.nulls)} (${percent(profile.nulls / Math.max(1, of.profile.rows))})`],
    ["Distinct", number(profile.distinct)],
    ["Least", told(profile.min)],
    ["Greatest", told(profile.max)],
    ["Mean", number(profile.mean)],
    ["Deviation", number(profile.std)],
    ["NaN", number(profile.nans)],
    ["Infinite", number(profile.infinite)],
    ["Longest", number(profile.length_max)],
  ];
  const quantiles = Object.entries(profile.quantiles ?? {});
  return (
    <Dialog title={name} isOpen onClose={onClose} width="46rem">
      <div className="relative mb-3 h-40">
        <ColumnPicture picture={picture} label={`What ${name} holds`} />
      </div>
      <div className="grid gap-6 sm:grid-cols-2">
        <Table head={["What", "Value"]} rows={facts.filter(([, value]) => value !== "")} />
        <div className="grid content-start gap-4">
          {profile.top && (
            <Table
              head={["Most frequent", "Times"]}
              rows={profile.top.map(([value, many]) => [worded(value), number(many)])}
            />
          )}
          {quantiles.length > 0 && (
            <Table
              head={["So much is below", "Value"]}
              rows={quantiles.map(([q, value]) => [`${Number(q) * 100} %`, worded(value)])}
            />
          )}
        </div>
      </div>
      {picture?.kind === "histogram" && !picture.isRough && (
        <details className="mt-4">
          <summary className="cursor-pointer text-muted">The picture as a table</summary>
          <Table
            head={["From", "Rows"]}
            rows={picture.histogram.counts.map((many, i) => [
              picture.isTime
                ? new Date(picture.histogram.edges[i]!).toISOString()
                : number(picture.histogram.edges[i]),
              number(many),
            ])}
          />
        </details>
      )}
      <div className="mt-4 text-right">
        <Button onClick={onClose}>Close</Button>
      </div>
    </Dialog>
  );
}

function Table({ head, rows }: { head: readonly string[]; rows: readonly (readonly string[])[] }) {
  return (
    <table className="w-full table-fixed">
      <thead className="text-left text-muted">
        <tr className="border-b border-line">
          {head.map((one) => (
            <th key={one} className="py-0.5 font-medium last:text-right">
              {one}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, at) => (
          <tr key={at} className="border-b border-line last:border-0">
            {row.map((one, place) => (
              <td key={place} title={one} className="truncate py-0.5 tabular-nums last:text-right">
                <bdi>{one}</bdi>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** No columns: files have none, and other clients write what they know in forms of their own. */
function Unknown({ of }: { of: Dataset }) {
  if (Object.keys(of.other).length)
    return (
      <div className="flex h-full min-h-0 flex-col">
        <Remark>This is what the client that recorded it wrote:</Remark>
        <TextView text={JSON.stringify(of.other, null, 2)} label="Schema and profile" />
      </div>
    );
  return (
    <Remark>
      {of.kind === "files"
        ? "It is made of files, which have no columns: see them under Files."
        : "No schema is known of it: only its address was recorded."}
    </Remark>
  );
}
