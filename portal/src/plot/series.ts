/**
 * Bucketed series as `POST /api/v1/series` tells them: decoded, kept, and brought up to date.
 *
 * A bucket is told by its number: it spans from `number * width` to the next. What came later
 * replaces what it says of the same buckets and leaves the rest as it was.
 */

import type { Table } from "@uwdata/flechette";

/** What points are set out by, in the server's words. */
export type Axis = "step" | "time" | "relative";

/** What holds for all series of one panel of an answer. */
export interface PanelState {
  panel: number;
  is_reset: boolean;
  width: number;
  first: number;
  last: number;
  points: number;
  is_exact: boolean;
}

/** The buckets of one series that an answer tells; lists of the same length, sorted by `bucket`. */
export interface Stretch {
  panel: number;
  runId: string;
  key: string;
  /** Absolute bucket numbers. */
  bucket: Float64Array;
  lo: Float64Array;
  hi: Float64Array;
  last: Float64Array;
  /** Empty where the answer has no means. */
  mean: Float64Array;
  /** Empty where there are none in any of the buckets. */
  nan: Int32Array;
  inf: Int32Array;
}

export interface SeriesAnswer {
  cursor: string;
  panels: PanelState[];
  stretches: Stretch[];
}

/** One series as a chart keeps it. */
export interface BucketSeries extends Omit<Stretch, "panel"> {
  width: number;
  axis: Axis;
  /** Where each bucket is drawn: at its middle; time in seconds. */
  x: Float64Array;
}

const NONE = new Int32Array();

/** Read an answer; the table is null where nothing changed. */
export function decodeSeries(table: Table): SeriesAnswer {
  const said = table.schema.metadata;
  const panels = JSON.parse(said?.get("panels") ?? "[]") as PanelState[];
  const firsts = new Map(panels.map((state) => [state.panel, state.first]));
  const stretches: Stretch[] = [];
  const [panel, runId, key] = ["panel", "run_id", "key"].map((name) => table.getChild(name));
  const at = table.getChild("at");
  const lists = (name: string) => {
    const column = table.getChild(name) as { at(row: number): unknown } | undefined;
    return (row: number): Float64Array =>
      column ? doubles(column.at(row) as ArrayLike<number>) : new Float64Array();
  };
  const [lo, hi, last, mean, nan, inf] = ["lo", "hi", "last", "mean", "nan", "inf"].map(lists);
  for (let row = 0; row < table.numRows; row++) {
    const number = Number(panel!.at(row));
    const first = firsts.get(number) ?? 0;
    const bucket = numbered(at!.at(row) as ArrayLike<number>, first);
    stretches.push({
      panel: number,
      runId: String(runId!.at(row)),
      key: String(key!.at(row)),
      bucket,
      lo: lo!(row),
      hi: hi!(row),
      last: last!(row),
      mean: mean!(row),
      nan: counts(nan!(row)),
      inf: counts(inf!(row)),
    });
  }
  return { cursor: said?.get("cursor") ?? "", panels, stretches };
}

/** Values as doubles of their own: a view would keep the whole answer in memory. */
function doubles(values: ArrayLike<number | null>): Float64Array {
  // Copied by the engine itself, unless the answer lacks some.
  return ArrayBuffer.isView(values)
    ? new Float64Array(values as ArrayLike<number>)
    : Float64Array.from(values, (one) => one ?? NaN);
}

/** The numbers of buckets that were told from the panel's first on. */
function numbered(behind: ArrayLike<number>, first: number): Float64Array {
  const found = new Float64Array(behind);
  for (let i = 0; i < found.length; i++) found[i]! += first;
  return found;
}

function counts(values: Float64Array): Int32Array {
  return values.length ? Int32Array.from(values) : NONE;
}

/** Where a bucket is drawn. Times come in microseconds and are drawn in seconds. */
export function placeOf(bucket: number, width: number, axis: Axis): number {
  const middle = bucket * width + (width - 1) / 2;
  return axis === "step" ? middle : middle / 1e6;
}

function placesOf(bucket: Float64Array, width: number, axis: Axis): Float64Array {
  const x = new Float64Array(bucket.length);
  for (let i = 0; i < x.length; i++) x[i] = placeOf(bucket[i]!, width, axis);
  return x;
}

/** A whole number the server understands, of a place on the x axis. */
export function edgeOf(place: number, axis: Axis): number {
  return Math.round(axis === "step" ? place : place * 1e6);
}

export function keepStretch(stretch: Stretch, width: number, axis: Axis): BucketSeries {
  return {
    ...stretch,
    width,
    axis,
    x: placesOf(stretch.bucket, width, axis),
  };
}

/** A series with the buckets of a stretch put in place of its own of the same numbers. */
export function mergeStretch(old: BucketSeries, stretch: Stretch): BucketSeries {
  const was = old.bucket;
  const now = stretch.bucket;
  const from: number[] = [];
  let i = 0;
  let j = 0;
  while (i < was.length || j < now.length) {
    const a = i < was.length ? was[i]! : Infinity;
    const b = j < now.length ? now[j]! : Infinity;
    if (b <= a) {
      from.push(-1 - j++);
      if (a === b) i++;
    } else from.push(i++);
  }
  const pick = <T extends Float64Array | Int32Array>(left: T, right: T, made: T): T => {
    for (let k = 0; k < from.length; k++) {
      const place = from[k]!;
      made[k] = (place < 0 ? right[-1 - place] : left[place]) ?? 0;
    }
    return made;
  };
  const values = (name: "bucket" | "lo" | "hi" | "last") =>
    pick(old[name], stretch[name], new Float64Array(from.length));
  const some = (name: "nan" | "inf") =>
    old[name].length || stretch[name].length
      ? pick(old[name], stretch[name], new Int32Array(from.length))
      : NONE;
  const bucket = values("bucket");
  return {
    runId: old.runId,
    key: old.key,
    width: old.width,
    axis: old.axis,
    bucket,
    x: placesOf(bucket, old.width, old.axis),
    lo: values("lo"),
    hi: values("hi"),
    last: values("last"),
    mean: stretch.mean.length
      ? pick(old.mean, stretch.mean, new Float64Array(from.length))
      : old.mean,
    nan: some("nan"),
    inf: some("inf"),
  };
}

/** What a panel shows: its series by run and key, and what holds for all of them. */
export interface PanelData {
  series: ReadonlyMap<string, BucketSeries>;
  points: number;
  width: number;
  isExact: boolean;
  axis: Axis;
  /** The stretch of the axis that its buckets span, in the server's numbers: to before `until`. */
  from: number;
  until: number;
}

export const seriesId = (runId: string, key: string): string => `${runId}\n${key}`;

/** A panel's data with what an answer says of it; the very same where it says nothing. */
export function applyAnswer(
  old: PanelData | undefined,
  state: PanelState,
  stretches: readonly Stretch[],
  axis: Axis,
): PanelData {
  const series = new Map(state.is_reset ? [] : old?.series);
  for (const stretch of stretches) {
    const id = seriesId(stretch.runId, stretch.key);
    const known = series.get(id);
    series.set(
      id,
      known && known.width === state.width
        ? mergeStretch(known, stretch)
        : keepStretch(stretch, state.width, axis),
    );
  }
  const { points, width, first, last } = state;
  return {
    series,
    points,
    width,
    isExact: state.is_exact,
    axis,
    from: first * width,
    until: (last + 1) * width,
  };
}
