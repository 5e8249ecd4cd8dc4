/** Where the keys of a grid of values lead: one cell is active, and arrows walk from it. */

export interface Place {
  row: number;
  column: number;
}

export interface Extent {
  rows: number;
  columns: number;
}

/** How many rows of a height a key moves that moves by pages. */
export function pageOf(scroller: HTMLElement | null, rowPx: number): number {
  return Math.max(1, Math.floor((scroller?.clientHeight ?? 400) / rowPx) - 2);
}

/**
 * The cell that a key leads to, which may be outside; nothing where it is no key that walks.
 *
 * Without `jumps`, Home and End stay in their row.
 */
export function walked(
  key: string,
  { row, column }: Place,
  page: number,
  { columns }: Extent,
  jumps: Readonly<Partial<Record<"Home" | "End", Place>>> = {},
): Place | undefined {
  const places: Record<string, Place> = {
    ArrowDown: { row: row + 1, column },
    ArrowUp: { row: row - 1, column },
    ArrowRight: { row, column: column + 1 },
    ArrowLeft: { row, column: column - 1 },
    PageDown: { row: row + page, column },
    PageUp: { row: row - page, column },
    Home: { row, column: 0 },
    End: { row, column: columns - 1 },
    ...jumps,
  };
  return places[key];
}

/** The nearest cell that there is. */
export function within({ row, column }: Place, { rows, columns }: Extent): Place {
  return {
    row: Math.max(0, Math.min(rows - 1, row)),
    column: Math.max(0, Math.min(columns - 1, column)),
  };
}
