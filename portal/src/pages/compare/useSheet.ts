/** A sheet as blocks of rows and columns; those in sight are asked for, and kept. */

import { keepPreviousData, queryOptions, useQueries, useQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";

import {
  askSheet,
  BLOCK_COLUMNS,
  BLOCK_ROWS,
  COMPARED,
  type Cell,
  type SheetAsked,
  type SheetPage,
  type SheetRow,
} from "../../api/compare";
import type { Range } from "./Matrix";

export interface SheetView {
  /** Told by the first block: of the sheet as a whole. */
  page: SheetPage | undefined;
  rowAt: (row: number) => SheetRow | undefined;
  /** Undefined is on its way; null is no value. */
  cellAt: (row: number, column: number) => Cell | undefined;
  /** Whether a value is another than the baseline's. */
  isOther: (row: number, column: number) => boolean;
  see: (range: Range) => void;
  isPending: boolean;
  isBehind: boolean;
  error: unknown;
  retry: () => void;
}

/** The blocks that hold a stretch. */
export function blocksOf(first: number, last: number, size: number): number[] {
  const from = Math.floor(Math.max(0, first) / size);
  const to = Math.floor(Math.max(0, last) / size);
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}

/** One block, by its number down and across. */
export function sheetBlock(asked: SheetAsked, row: number, column: number) {
  return queryOptions({
    queryKey: [COMPARED, "sheet", asked, row, column],
    queryFn: ({ signal }) =>
      askSheet(
        asked,
        {
          offset: row * BLOCK_ROWS,
          limit: BLOCK_ROWS,
          column_offset: column * BLOCK_COLUMNS,
          column_limit: BLOCK_COLUMNS,
        },
        signal,
      ),
    staleTime: Infinity,
    gcTime: 120_000,
  });
}

export function useSheet(asked: SheetAsked): SheetView {
  const [range, setRange] = useState<Range>({
    firstRow: 0,
    lastRow: 0,
    firstColumn: 0,
    lastColumn: 0,
  });
  const first = useQuery({ ...sheetBlock(asked, 0, 0), placeholderData: keepPreviousData });
  const total = first.data?.total ?? 0;
  const wanted: [number, number][] = [];
  for (const row of blocksOf(range.firstRow, Math.min(range.lastRow, total - 1), BLOCK_ROWS))
    for (const column of blocksOf(range.firstColumn, range.lastColumn, BLOCK_COLUMNS))
      if (row || column) wanted.push([row, column]);
  const blocks = useQueries({
    queries: wanted.map(([row, column]) => sheetBlock(asked, row, column)),
  });
  const known = new Map<string, SheetPage>();
  if (first.data) known.set("0 0", first.data);
  wanted.forEach(([row, column], at) => {
    const data = blocks[at]?.data;
    if (data) known.set(`${row} ${column}`, data);
  });

  const inBlock = (row: number, column: number) =>
    known.get(`${Math.floor(row / BLOCK_ROWS)} ${Math.floor(column / BLOCK_COLUMNS)}`)?.rows[
      row % BLOCK_ROWS
    ];
  const see = useCallback((next: Range) => {
    setRange((before) => (sameBlocks(before, next) ? before : next));
  }, []);
  const columns = blocksOf(range.firstColumn, range.lastColumn, BLOCK_COLUMNS);
  const broken = first.isError ? first : blocks.find((one) => one.isError);
  return {
    page: first.data,
    rowAt: (row) => {
      const block = Math.floor(row / BLOCK_ROWS);
      for (const column of [...columns, 0]) {
        const found = known.get(`${block} ${column}`)?.rows[row % BLOCK_ROWS];
        if (found) return found;
      }
      return undefined;
    },
    cellAt: (row, column) => inBlock(row, column)?.cells[column % BLOCK_COLUMNS],
    isOther: (row, column) => inBlock(row, column)?.others[column % BLOCK_COLUMNS] ?? false,
    see,
    isPending: first.isPending,
    isBehind: first.isPlaceholderData,
    error: broken?.error ?? null,
    retry: () => void broken?.refetch(),
  };
}

function sameBlocks(a: Range, b: Range): boolean {
  const of = (range: Range) =>
    [
      ...blocksOf(range.firstRow, range.lastRow, BLOCK_ROWS),
      "x",
      ...blocksOf(range.firstColumn, range.lastColumn, BLOCK_COLUMNS),
    ].join();
  return of(a) === of(b);
}

/** The same object as long as it says the same: what is asked for is compared by it. */
export function useSteady<T>(value: T): T {
  const text = JSON.stringify(value);
  return useMemo(() => JSON.parse(text) as T, [text]);
}
