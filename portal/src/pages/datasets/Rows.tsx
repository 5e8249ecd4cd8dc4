/**
 * The rows of a table, a window of the server at a time; arrows walk the cells, Enter opens one.
 *
 * Cells that hold images show them: their bytes are fetched and given to the browser as an image
 * of a kind that the server has recognised, never as anything that could run.
 */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent } from "react";

import { askRows, valueUrl, type Dataset, type RowWindow } from "../../api/datasets";
import { getBlob, getText } from "../../api/client";
import { cx, Dialog, Failure, Waiting } from "../../ui";
import { count, number, size } from "../../ui/format";
import { useWindow } from "../../ui/useWindow";
import { CopyButton, holds, Remark, SearchBox } from "../../ui/parts";
import { useFixedRows } from "../../ui/useFixedRows";
import { useSearchText } from "../../ui/useSearchText";
import { pageOf, walked, within, type Place } from "../../ui/walk";
import { worded } from "./profile";

/** More columns at once are asked for by their names. */
const COLUMNS_MAX = 40;
/** Browsers make no element higher than this many rows need. */
const ROWS_MAX = 500_000;
const [ROW_PX, IMAGE_ROW_PX, NUMBER_PX] = [26, 58, 72];
const NUMERIC = /^(u?int|float|double|half|decimal)/;
/** An image that came along, or one that did not, of which the kind and the size are told. */
const SHOWN_IMAGE = /^data:(image\/(?:png|jpeg|gif|webp));base64,[A-Za-z0-9+/=]*$/;
const TOLD_IMAGE = /^(image\/(?:png|jpeg|gif|webp)), \d+ bytes$/;
const BYTES = /binary|struct/;
const SHOWN_CHARS = 200_000;

export function Rows({ of }: { of: Dataset }) {
  const [words, setWords] = useSearchText("q");
  const columns = useMemo(
    () => of.columns.filter((one) => holds(one.name, words)).slice(0, COLUMNS_MAX),
    [of.columns, words],
  );
  const names = useMemo(() => columns.map((one) => one.name), [columns]);
  if (of.kind !== "table")
    return (
      <Remark>
        {of.kind === "files"
          ? "It is made of files: see them under Files."
          : `Its data is kept elsewhere (${of.source ?? "at an address not known"}), which the server does not open. In a program, mere.dataset(…).arrow() reads it.`}
      </Remark>
    );
  return (
    <div className="flex h-full min-h-0 flex-col">
      <p className="flex flex-wrap items-center gap-3 border-b border-line px-4 py-1.5 text-muted">
        <SearchBox label="Find columns" value={words} onChange={setWords} className="w-56" />
        <span role="status">
          {names.length < of.columns.length && `${names.length} of `}
          {count(of.columns.length, "column")}, {count(of.rows ?? 0, "row")}
          {(of.rows ?? 0) > ROWS_MAX && `: the first ${ROWS_MAX.toLocaleString("en")} are here`}
        </span>
      </p>
      {names.length === 0 ? (
        <Remark>No column is called that.</Remark>
      ) : (
        <Grid key={names.join("\n")} of={of} names={names} types={columns.map((one) => one.type)} />
      )}
    </div>
  );
}

function Grid({
  of,
  names,
  types,
}: {
  of: Dataset;
  names: readonly string[];
  types: readonly string[];
}) {
  const id = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<Place>({ row: 0, column: 0 });
  const [opened, setOpened] = useState<Place | null>(null);
  const list = useWindow<RowWindow, unknown[]>(
    // What a version holds never changes.
    ["datasetRows", of.dataset_id, names],
    (offset, limit, signal) => askRows(of.dataset_id, names, offset, limit, signal),
    (page) => page.rows,
  );
  const total = Math.min(ROWS_MAX, list.total);
  const extent = { rows: total, columns: names.length };
  const first = list.first?.rows;
  const withImages = useMemo(
    () => types.some((type, n) => BYTES.test(type) && first?.some((row) => isImage(row[n]))),
    [first, types],
  );
  const rowPx = withImages ? IMAGE_ROW_PX : ROW_PX;
  const rows = useFixedRows(scroller, total, rowPx);
  const { see } = list;
  const [from, to] = [rows.rows[0]?.index ?? 0, rows.rows.at(-1)?.index ?? 0];
  useEffect(() => see(from, to), [see, from, to]);
  const widths = useMemo(
    () => names.map((name, n) => widthOf(name, types[n]!, n, first)),
    [names, types, first],
  );
  const width = NUMBER_PX + widths.reduce((sum, one) => sum + one, 0);

  if (list.isPending) return <Waiting what="Reading rows" />;
  if (list.error && !list.first) return <Failure error={list.error} onRetry={list.retry} />;
  if (list.first?.problem) return <Remark>They cannot be shown: {list.first.problem}</Remark>;
  if (total === 0) return <Remark>It has no rows.</Remark>;

  function go(next: Place) {
    const { row, column } = within(next, extent);
    setAt({ row, column });
    rows.see(row);
    const left = NUMBER_PX + widths.slice(0, column).reduce((sum, one) => sum + one, 0);
    const element = scroller.current;
    if (!element) return;
    if (left < element.scrollLeft + NUMBER_PX) element.scrollLeft = left - NUMBER_PX;
    else if (left + widths[column]! > element.scrollLeft + element.clientWidth)
      element.scrollLeft = left + widths[column]! - element.clientWidth;
  }
  function press(event: KeyboardEvent) {
    if (event.target !== event.currentTarget) return;
    const isMod = event.ctrlKey || event.metaKey;
    const jumps = isMod ? { Home: { ...at, row: 0 }, End: { ...at, row: total - 1 } } : {};
    const move = walked(event.key, at, pageOf(scroller.current, rowPx), extent, jumps);
    if (move) go(move);
    else if (event.key === "Enter") setOpened(at);
    else return;
    event.preventDefault();
  }

  return (
    <>
      <div
        ref={scroller}
        role="grid"
        aria-label="Rows. Arrows walk, Enter opens a cell."
        aria-rowcount={total + 1}
        aria-colcount={names.length + 1}
        aria-activedescendant={
          at.row >= from && at.row <= to ? `${id}-${at.row}-${at.column}` : undefined
        }
        tabIndex={0}
        onKeyDown={press}
        className="group min-h-0 flex-1 overflow-auto bg-panel outline-offset-[-2px]"
      >
        <div role="rowgroup" className="sticky top-0 z-10 bg-raised" style={{ width }}>
          <div role="row" aria-rowindex={1} className="flex border-b border-line">
            <span
              role="columnheader"
              className="sticky left-0 shrink-0 bg-raised"
              style={{ width: NUMBER_PX }}
            >
              <span className="sr-only">Row</span>
            </span>
            {names.map((name, n) => (
              <span
                key={name}
                role="columnheader"
                title={`${name}: ${types[n]}`}
                style={{ width: widths[n] }}
                className={cx("shrink-0 px-2 py-1", NUMERIC.test(types[n]!) && "text-right")}
              >
                <bdi className="block truncate font-medium">{name}</bdi>
                <span className="block truncate text-xs text-muted">{types[n]}</span>
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" className="relative" style={{ height: rows.height, width }}>
          {rows.rows.map((item) => {
            const row = list.rowAt(item.index);
            return (
              <div
                key={item.index}
                role="row"
                aria-rowindex={item.index + 2}
                className="absolute inset-x-0 flex items-center border-b border-line"
                style={{ height: item.height, top: item.top }}
              >
                <span
                  role="rowheader"
                  className="sticky left-0 flex h-full shrink-0 items-center justify-end bg-panel pr-2 text-muted tabular-nums"
                  style={{ width: NUMBER_PX }}
                >
                  {(item.index + 1).toLocaleString("en")}
                </span>
                {names.map((name, n) => (
                  <Cell
                    key={name}
                    id={`${id}-${item.index}-${n}`}
                    value={row ? row[n] : "…"}
                    type={types[n]!}
                    width={widths[n]!}
                    isActive={at.row === item.index && at.column === n}
                    onChoose={() => setAt({ row: item.index, column: n })}
                    onOpen={() => setOpened({ row: item.index, column: n })}
                  />
                ))}
              </div>
            );
          })}
        </div>
      </div>
      {opened && (
        <CellDialog
          name={names[opened.column]!}
          row={opened.row}
          value={list.rowAt(opened.row)?.[opened.column]}
          isImage={
            BYTES.test(types[opened.column]!) && isImage(list.rowAt(opened.row)?.[opened.column])
          }
          source={valueUrl(of.dataset_id, opened.row, names[opened.column]!)}
          onClose={() => {
            setOpened(null);
            scroller.current?.focus();
          }}
        />
      )}
    </>
  );
}

function Cell(props: {
  id: string;
  value: unknown;
  type: string;
  width: number;
  isActive: boolean;
  onChoose: () => void;
  onOpen: () => void;
}) {
  const { value, type, isActive } = props;
  const isNumber = NUMERIC.test(type);
  const withImage = BYTES.test(type) && isImage(value);
  return (
    <span
      id={props.id}
      role="gridcell"
      aria-selected={isActive}
      style={{ width: props.width }}
      onClick={props.onChoose}
      onDoubleClick={props.onOpen}
      className={cx(
        "flex h-full shrink-0 items-center px-2",
        isNumber && "justify-end tabular-nums",
        value === null && "text-muted italic",
        isActive && "group-focus:bg-chosen group-focus:outline-1 group-focus:outline-accent",
      )}
    >
      {withImage && SHOWN_IMAGE.test(String(value)) ? (
        <img src={String(value)} alt={imageType(value)} className="max-h-12 max-w-full" />
      ) : (
        <bdi className="min-w-0 truncate">{worded(value)}</bdi>
      )}
    </span>
  );
}

function isImage(value: unknown): value is string {
  return typeof value === "string" && (SHOWN_IMAGE.test(value) || TOLD_IMAGE.test(value));
}

function imageType(value: unknown): string {
  const found = SHOWN_IMAGE.exec(String(value)) ?? TOLD_IMAGE.exec(String(value));
  return found?.[1] ?? "image/png";
}

/** An image from its bytes, by way of a blob: whatever is in it, it is only ever an image. */
function WholeImage({ source, type }: { source: string; type: string }) {
  const image = useRef<HTMLImageElement>(null);
  const found = useQuery({
    queryKey: ["datasetImage", source],
    queryFn: ({ signal }) => getBlob(source, type, signal),
    staleTime: Infinity,
    gcTime: 60_000,
  });
  useEffect(() => {
    if (!found.data || !image.current) return;
    const address = URL.createObjectURL(found.data);
    image.current.src = address;
    return () => URL.revokeObjectURL(address);
  }, [found.data]);
  if (found.isPending) return <Waiting what="Reading the image" />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  return (
    <>
      <img ref={image} alt={type} className="max-h-[56vh] min-w-40 max-w-full" />
      <p className="mt-2 text-muted">
        {type}, {size(found.data.size)}
      </p>
    </>
  );
}

/** One value, whole. */
function CellDialog(props: {
  name: string;
  row: number;
  value: unknown;
  isImage: boolean;
  source: string;
  onClose: () => void;
}) {
  const { name, row, value, source } = props;
  const isLong = typeof value === "string" && value.endsWith("…");
  const whole = useQuery({
    queryKey: ["datasetValue", source],
    queryFn: ({ signal }) => getText(source, {}, signal),
    enabled: isLong && !props.isImage,
    staleTime: Infinity,
  });
  // Exactly as it is: the grid rounds numbers.
  const told = typeof value === "number" ? String(value) : worded(value);
  const text = isLong ? (whole.data ?? told) : told;
  const title = `${name}, row ${(row + 1).toLocaleString("en")}`;
  return (
    <Dialog title={title} isOpen onClose={props.onClose} width="48rem">
      {props.isImage ? (
        <WholeImage source={source} type={imageType(value)} />
      ) : (
        <>
          <pre
            tabIndex={0}
            aria-label={title}
            role="group"
            className="max-h-[52vh] overflow-auto rounded bg-raised p-2 font-mono text-xs break-words whitespace-pre-wrap"
          >
            {text.slice(0, SHOWN_CHARS)}
          </pre>
          <div className="mt-2 flex items-center gap-2">
            <CopyButton text={text} what="Copy value" />
            <span className="text-muted">{count(text.length, "character")}</span>
            {whole.isError && <span className="text-bad">{whole.error.message}</span>}
          </div>
        </>
      )}
    </Dialog>
  );
}

/** As wide as its name and its first values need, within bounds. */
function widthOf(
  name: string,
  type: string,
  place: number,
  first: readonly unknown[][] | undefined,
): number {
  let chars = Math.max(name.length, Math.min(type.length, 18)) + 2;
  for (const row of first?.slice(0, 40) ?? []) {
    const value = row[place];
    const text = typeof value === "number" ? number(value) : worded(value);
    if (!isImage(value)) chars = Math.max(chars, Math.min(60, text.length));
  }
  return Math.round(Math.max(80, Math.min(340, chars * 7.2 + 18)));
}
