/**
 * The critical path: the chain of work that the end of the trace waited for.
 *
 * From the end of a span backwards: it waited for the one below it that ended last, and before that
 * one began, for the one that had ended last by then; what is between them is its own work.
 */

import type { Spans, Tree } from "./tree";

/** A stretch of time in which one span was what all waited for. */
export interface Stretch {
  span: number;
  from: number;
  until: number;
}

export interface CriticalPath {
  spans: ReadonlySet<number>;
  /** By span: its stretches. */
  stretches: ReadonlyMap<number, readonly Stretch[]>;
}

const SLACK_MS = 0.0005;

/** The root that most spans are below. */
function mainRoot(tree: Tree): number {
  let found = -1;
  for (let at = 0; at < tree.order.length; ) {
    const span = tree.order[at]!;
    if (found < 0 || tree.size[span]! > tree.size[found]!) found = span;
    at += tree.size[span]!;
  }
  return found;
}

/** The spans right below one. */
function below(tree: Tree, span: number): number[] {
  const found = [];
  const stop = tree.place[span]! + tree.size[span]!;
  for (let at = tree.place[span]! + 1; at < stop; ) {
    const child = tree.order[at]!;
    found.push(child);
    at += tree.size[child]!;
  }
  return found;
}

export function criticalPath(spans: Spans, tree: Tree): CriticalPath {
  const stretches = new Map<number, Stretch[]>();
  const root = spans.ids.length ? mainRoot(tree) : -1;
  const add = (span: number, from: number, until: number) => {
    const known = stretches.get(span) ?? [];
    if (until > from) known.push({ span, from, until });
    stretches.set(span, known);
  };
  const stack: number[] = root < 0 ? [] : [root];
  while (stack.length) {
    const span = stack.pop()!;
    let at = tree.end[span]!;
    const children = below(tree, span).sort((a, b) => tree.end[b]! - tree.end[a]!);
    for (const child of children) {
      if (tree.end[child]! > at + SLACK_MS || tree.begin[child]! < tree.begin[span]! - SLACK_MS)
        continue;
      add(span, tree.end[child]!, at);
      stack.push(child);
      at = tree.begin[child]!;
    }
    add(span, tree.begin[span]!, at);
  }
  return { spans: new Set(stretches.keys()), stretches };
}
