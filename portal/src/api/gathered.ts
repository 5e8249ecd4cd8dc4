/**
 * Passes on what comes: after a silence at once, and after that no more often than every so often.
 *
 * So one change is seen as soon as it is known, and however many come, each part that then asks
 * for what is new asks three times in two seconds at most.
 */

/** What belongs together comes within this. */
const GATHER_MS = 20;
const PAUSE_MS = 700;

export class Gathered {
  private pending = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private toldAt = -Infinity;

  constructor(private readonly tell: (all: readonly string[]) => void) {}

  add(some: readonly string[]): void {
    for (const one of some) this.pending.add(one);
    if (this.timer !== undefined) return;
    const rest = this.toldAt + PAUSE_MS - performance.now();
    this.timer = setTimeout(
      () => {
        const all = [...this.pending];
        this.pending.clear();
        this.timer = undefined;
        this.toldAt = performance.now();
        this.tell(all);
      },
      Math.max(GATHER_MS, rest),
    );
  }
}
