/** Histograms as runs log them: which there are, and counts in common stretches. */

export interface Histogram {
  edges: number[];
  counts: number[];
}

export interface Stack {
  steps: number[];
  histograms: Histogram[];
  /** How many the run logged. */
  total: number;
}

/** The step in the name of a histogram's file; null where it has none. */
export function stepOf(name: string): number | null {
  const found = /^(-?\d+)\.histogram\.json$/.exec(name);
  return found ? Number(found[1]) : null;
}

/** So many of a list, evenly spread, the first and the last among them. */
export function spread<T>(list: readonly T[], most: number): T[] {
  if (list.length <= most) return [...list];
  return Array.from(
    { length: most },
    (_, i) => list[Math.round((i * (list.length - 1)) / (most - 1))]!,
  );
}

/** How many values lie in each of `rows` equal stretches between two values. */
export function rebin(one: Histogram, least: number, most: number, rows: number): Float64Array {
  const found = new Float64Array(rows);
  const scale = rows / (most - least || 1);
  one.counts.forEach((many, i) => {
    const from = (one.edges[i]! - least) * scale;
    const to = Math.max((one.edges[i + 1]! - least) * scale, from + 1e-9);
    for (let row = Math.max(0, Math.floor(from)); row < Math.min(rows, to); row++) {
      const overlap = Math.min(to, row + 1) - Math.max(from, row);
      found[row]! += (many * Math.max(0, overlap)) / (to - from);
    }
  });
  return found;
}

/** Below which value a share of the values lies, as if each stretch were filled evenly. */
export function quantile(one: Histogram, share: number): number | null {
  const wanted = one.counts.reduce((sum, many) => sum + many, 0) * share;
  let below = 0;
  for (const [i, many] of one.counts.entries()) {
    if (many > 0 && below + many >= wanted) {
      const [from, to] = [one.edges[i]!, one.edges[i + 1]!];
      return from + ((to - from) * (wanted - below)) / many;
    }
    below += many;
  }
  return null;
}
