/** Where the keys of a grid lead: pure, so that the whole keyboard is tested at once. */

/** The active cell: row −1 is the head, column 0 the check boxes. */
export interface Active {
  row: number;
  column: number;
}

export interface Bounds {
  rows: number;
  /** How many columns there are, the check boxes included. */
  columns: number;
  /** How many rows a page has. */
  page: number;
}

export interface Stroke {
  key: string;
  hasControl: boolean;
}

/** The cell that a key goes to; null where it is no key that moves. */
export function moved(from: Active, stroke: Stroke, bounds: Bounds): Active | null {
  const to = destination(from, stroke, bounds);
  if (to === null) return null;
  return {
    row: Math.max(-1, Math.min(bounds.rows - 1, to.row)),
    column: Math.max(0, Math.min(bounds.columns - 1, to.column)),
  };
}

function destination(
  { row, column }: Active,
  { key, hasControl }: Stroke,
  bounds: Bounds,
): Active | null {
  switch (key) {
    case "ArrowUp":
      return hasControl ? { row: 0, column } : { row: row - 1, column };
    case "ArrowDown":
      return hasControl ? { row: bounds.rows - 1, column } : { row: row + 1, column };
    case "ArrowLeft":
      return { row, column: hasControl ? 0 : column - 1 };
    case "ArrowRight":
      return { row, column: hasControl ? bounds.columns - 1 : column + 1 };
    case "PageUp":
      return { row: row < 0 ? row : Math.max(0, row - bounds.page), column };
    case "PageDown":
      return { row: row + bounds.page, column };
    case "Home":
      return hasControl ? { row: 0, column: 0 } : { row, column: 0 };
    case "End":
      return hasControl
        ? { row: bounds.rows - 1, column: bounds.columns - 1 }
        : { row, column: bounds.columns - 1 };
    default:
      return null;
  }
}
