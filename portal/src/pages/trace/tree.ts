/**
 * The spans of a trace as a tree, whatever came: in arrays by the span's row, earliest first.
 *
 * Spans may lack the one above them, claim to be above each other, have clocks that differ, or go
 * on still. All of them are shown; what is odd about one is a flag.
 */

export interface Spans {
  /** When the first one began, in milliseconds since the epoch. */
  baseMs: number;
  /** How many the trace has, should that be more than came. */
  total: number;
  ids: readonly string[];
  /** The row of the span above, or -1. */
  parent: Int32Array;
  isOrphan: Uint8Array;
  names: readonly string[];
  kinds: readonly (string | null)[];
  types: readonly (string | null)[];
  statuses: readonly string[];
  models: readonly (string | null)[];
  /** Milliseconds since the first span began; NaN where the span does not say. */
  start: Float64Array;
  /** Milliseconds; NaN where it did not end. */
  duration: Float64Array;
  tokens: Float64Array;
  costs: Float64Array;
  events: Int32Array;
}

/** What is odd about a span; several may be. */
export const ODD = {
  orphan: 1,
  loop: 2,
  early: 4,
  late: 8,
  open: 16,
  backwards: 32,
  timeless: 64,
} as const;

/** What is worth a warning: to go on, and to end after what began it, is common. */
export const WARNED = ODD.orphan | ODD.loop | ODD.early | ODD.backwards | ODD.timeless;

export const ODD_TEXTS: readonly [number, string][] = [
  [ODD.orphan, "The span above it has not come."],
  [ODD.loop, "It and the one above it claim to be above each other."],
  [ODD.early, "It begins before the span above it: their clocks may differ."],
  [ODD.late, "It ends after the span above it."],
  [ODD.open, "It has not ended."],
  [ODD.backwards, "It ends before it begins: its clock was changed."],
  [ODD.timeless, "It does not say when it began."],
];

export interface Tree {
  /** Rows of spans from top to bottom, each before what is below it. */
  order: Int32Array;
  /** By span: where in `order` it is. */
  place: Int32Array;
  /** By span: the one above that it is shown below, or -1. */
  above: Int32Array;
  depth: Int32Array;
  /** By span: how many spans it stands for when it is collapsed, itself among them. */
  size: Int32Array;
  /** By span: how many of those failed. */
  errors: Int32Array;
  begin: Float64Array;
  end: Float64Array;
  odd: Uint8Array;
  depthMax: number;
  errorsTotal: number;
  oddTotal: number;
  /** From when to when there is something, in milliseconds. */
  from: number;
  until: number;
}

/** A clock that is this much off is no reason to lose sight of the milliseconds. */
const FAR_TIMES = 50;
const SILENT_MS = 3_600_000;
const SLACK_MS = 0.0005;

export function isError(spans: Spans, span: number): boolean {
  return spans.statuses[span] === "ERROR";
}

/** `now` is the time, in the trace's milliseconds, to which open spans go on; 0 where none does. */
export function planted(spans: Spans, now = 0): Tree {
  const count = spans.ids.length;
  const { order, above, depth, looped } = walked(spans, count);
  const place = new Int32Array(count);
  order.forEach((span, index) => (place[span] = index));
  const { size, errors } = summed(spans, order, above);
  const odd = new Uint8Array(count);
  const begin = new Float64Array(count);
  const end = new Float64Array(count);
  let from = Infinity;
  let until = -Infinity;
  for (const span of order) {
    const start = spans.start[span]!;
    const over = above[span]!;
    begin[span] = Number.isNaN(start) ? (over >= 0 ? begin[over]! : 0) : start;
    if (Number.isNaN(start)) odd[span]! |= ODD.timeless;
    const length = spans.duration[span]!;
    if (length < 0) odd[span]! |= ODD.backwards;
    end[span] = Number.isNaN(length) ? NaN : begin[span] + Math.max(0, length);
    from = Math.min(from, begin[span]);
    until = Math.max(until, begin[span], Number.isNaN(end[span]) ? -Infinity : end[span]);
  }
  if (count === 0) from = until = 0;
  const isOpen = order.some((span) => Number.isNaN(end[span]!));
  // A trace that was not heard of for long will never end: it is not drawn to this moment.
  if (isOpen && now > until && now - until < SILENT_MS) until = now;
  for (const span of order) {
    if (Number.isNaN(end[span]!)) {
      end[span] = Math.max(until, begin[span]!);
      odd[span]! |= ODD.open;
    }
    if (spans.isOrphan[span]) odd[span]! |= ODD.orphan;
    if (looped.has(span)) odd[span]! |= ODD.loop;
    const over = above[span]!;
    if (over < 0 || odd[span]! & ODD.timeless) continue;
    if (begin[span]! < begin[over]! - SLACK_MS) odd[span]! |= ODD.early;
    if (end[span]! > end[over]! + SLACK_MS) odd[span]! |= ODD.late;
  }
  return {
    order,
    place,
    above,
    depth,
    size,
    errors,
    begin,
    end,
    odd,
    depthMax: depth.reduce((most, one) => Math.max(most, one), 0),
    errorsTotal: order.reduce((sum, span) => sum + (isError(spans, span) ? 1 : 0), 0),
    oddTotal: odd.reduce((sum, flags) => sum + (flags & WARNED ? 1 : 0), 0),
    from,
    until: until > from ? until : from + 1,
  };
}

function walked(spans: Spans, count: number) {
  // The children of all spans, one after the other: those of a span begin at its offset.
  const offsets = new Int32Array(count + 1);
  for (const parent of spans.parent) if (parent >= 0 && parent < count) offsets[parent + 1]!++;
  for (let span = 0; span < count; span++) offsets[span + 1]! += offsets[span]!;
  const children = new Int32Array(offsets[count]!);
  const filled = offsets.slice(0, count);
  spans.parent.forEach((parent, span) => {
    if (parent >= 0 && parent < count) children[filled[parent]!++] = span;
  });
  const order = new Int32Array(count);
  const above = new Int32Array(count).fill(-1);
  const depth = new Int32Array(count).fill(-1);
  const looped = new Set<number>();
  let done = 0;
  const grow = (root: number) => {
    const stack = [root];
    depth[root] = 0;
    while (stack.length) {
      const span = stack.pop()!;
      order[done++] = span;
      for (let at = offsets[span + 1]! - 1; at >= offsets[span]!; at--) {
        const child = children[at]!;
        if (depth[child]! >= 0) continue;
        depth[child] = depth[span]! + 1;
        above[child] = span;
        stack.push(child);
      }
    }
  };
  for (let span = 0; span < count; span++) {
    const parent = spans.parent[span]!;
    if (parent < 0 || parent >= count) grow(span);
  }
  // What no root leads to is in a ring: it is cut above its earliest span.
  for (let span = 0; done < count && span < count; span++)
    if (depth[span]! < 0) {
      looped.add(span);
      grow(span);
    }
  return { order, above, depth, looped };
}

function summed(spans: Spans, order: Int32Array, above: Int32Array) {
  const size = new Int32Array(order.length).fill(1);
  const errors = new Int32Array(order.length);
  for (let at = order.length - 1; at >= 0; at--) {
    const span = order[at]!;
    if (isError(spans, span)) errors[span]!++;
    const over = above[span]!;
    if (over < 0) continue;
    size[over]! += size[span]!;
    errors[over]! += errors[span]!;
  }
  return { size, errors };
}

/** The spans that are shown where some are collapsed, from top to bottom. */
export function unfolded(
  tree: Tree,
  collapsed: ReadonlySet<number>,
  only: ReadonlySet<number> | null = null,
): Int32Array {
  if (collapsed.size === 0 && only === null) return tree.order;
  const found = new Int32Array(tree.order.length);
  let count = 0;
  for (let at = 0; at < tree.order.length; ) {
    const span = tree.order[at]!;
    if (only === null || only.has(span)) found[count++] = span;
    at += collapsed.has(span) ? tree.size[span]! : 1;
  }
  return found.subarray(0, count);
}

/** The spans above one, from the nearest upwards. */
export function above(tree: Tree, span: number): number[] {
  const found = [];
  for (let over = tree.above[span] ?? -1; over >= 0; over = tree.above[over]!) found.push(over);
  return found;
}

/**
 * What one sees first: all of it, but where a clock is far off, what the first root spans, as all
 * else would be a hair's breadth wide.
 */
export function firstSight(spans: Spans, tree: Tree): readonly [number, number] {
  let root = -1;
  for (const span of tree.order)
    if (
      tree.above[span]! < 0 &&
      tree.odd[span] === 0 &&
      (root < 0 || tree.size[span]! > tree.size[root]!)
    )
      root = span;
  const whole = tree.until - tree.from;
  if (root < 0) return [tree.from, tree.until];
  const length = tree.end[root]! - tree.begin[root]!;
  if (length <= 0 || whole / length < FAR_TIMES) return [tree.from, tree.until];
  return [tree.begin[root]! - length * 0.02, tree.end[root]! + length * 0.02];
}
