/** Walking a graph by keys: along the edges to the left and right, and up and down in a column. */

import type { LineageMap } from "../../api/lineage";

/** What is before and behind each node, and each group: by their numbers. */
export interface Ways {
  before: readonly number[][];
  behind: readonly number[][];
}

export function waysOf(map: LineageMap): Ways {
  const total = map.nodes.length + map.groups.length;
  const before: number[][] = Array.from({ length: total }, () => []);
  const behind: number[][] = Array.from({ length: total }, () => []);
  const join = (source: number, target: number) => {
    behind[source]!.push(target);
    before[target]!.push(source);
  };
  for (const { source, target } of map.edges) if (source !== target) join(source, target);
  map.groups.forEach((group, number) => {
    const own = map.nodes.length + number;
    if (group.way === "up") join(own, group.of);
    else join(group.of, own);
  });
  return { before, behind };
}

export type Step = "left" | "right" | "up" | "down";

/**
 * Where a step leads; the same place where it leads nowhere. `trail` is where one came from,
 * the latest last: a step back goes there rather than to the neighbour that is nearest.
 */
export function stepFrom(
  at: number,
  step: Step,
  places: readonly { column: number; row: number }[],
  ways: Ways,
  trail: readonly number[],
): number {
  const here = places[at];
  if (!here) return at;
  if (step === "up" || step === "down") {
    const sign = step === "down" ? 1 : -1;
    return nearest(places, (one) => one.column === here.column && (one.row - here.row) * sign > 0);
  }
  const next = (step === "left" ? ways.before : ways.behind)[at] ?? [];
  const last = trail.at(-1);
  if (last !== undefined && next.includes(last)) return last;
  const among = new Set(next);
  return nearest(places, (_, number) => among.has(number));

  function nearest(
    all: readonly { column: number; row: number }[],
    may: (one: { column: number; row: number }, number: number) => boolean,
  ): number {
    let [best, distance] = [at, Infinity];
    all.forEach((one, number) => {
      if (number === at || !may(one, number)) return;
      const far = Math.abs(one.row - here!.row);
      if (far < distance) [best, distance] = [number, far];
    });
    return best;
  }
}

/** All that can be reached from a node, both ways, itself among it. */
export function related(at: number, ways: Ways): Set<number> {
  const found = new Set([at]);
  for (const near of [ways.before, ways.behind]) {
    const next = [at];
    const met = new Set(next);
    while (next.length) {
      for (const one of near[next.pop()!] ?? []) {
        if (met.has(one)) continue;
        met.add(one);
        found.add(one);
        next.push(one);
      }
    }
  }
  return found;
}
