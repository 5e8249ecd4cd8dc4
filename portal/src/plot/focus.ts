/** Which run is pointed at, for all charts of a board: each shows it stronger than the rest. */

type Listener = (colourBy: string | null) => void;

export class Focus {
  private listeners = new Set<Listener>();
  private at: string | null = null;

  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  get now(): string | null {
    return this.at;
  }

  set(colourBy: string | null): void {
    if (this.at === colourBy) return;
    this.at = colourBy;
    for (const listener of this.listeners) listener(colourBy);
  }
}

const shared = new Map<string, Focus>();

export function focusOf(board: string): Focus {
  const known = shared.get(board) ?? new Focus();
  shared.set(board, known);
  return known;
}
