/**
 * The data of all charts of a board: one request for what came into view, and then what is new.
 *
 * Charts that come into view together are asked for in one request, which is a *batch* with a
 * cursor of its own. Many series come in two passes, the first of few buckets, unless what is
 * shown meanwhile is as fine. A tick asks each batch that is in view for what is new since its
 * cursor, and nothing new is no bytes. A run that is added is asked for alone. No chart is asked
 * for twice, whatever is scrolled.
 */

import {
  applyAnswer,
  type Axis,
  type PanelData,
  type SeriesAnswer,
  type Stretch,
} from "../plot/series";

/** What a chart wants to show. */
export interface Wanted {
  id: string;
  runs: readonly string[];
  keys: readonly string[];
  axis: Axis;
  lower: number | null;
  upper: number | null;
  /** Whether lines are smoothed or put into groups, both of which begin with means. */
  hasMeans: boolean;
}

export interface SeriesBody {
  panels: {
    runs: readonly string[];
    keys: readonly string[];
    x: Axis;
    lower: number | null;
    upper: number | null;
    buckets: number;
  }[];
  measures: string[];
  precision: "double" | "single";
  since: string | null;
}

/** Asks the server. `answer` is null where nothing changed; the cursor is always there. */
export type Ask = (
  body: SeriesBody,
  signal: AbortSignal,
) => Promise<{ answer: SeriesAnswer | null; cursor: string }>;

/** What a chart has: its data, or why there is none. */
export interface Held {
  data: PanelData | undefined;
  isLoading: boolean;
  error: unknown;
}

interface Part extends Wanted {
  view: string;
}

interface Batch {
  body: SeriesBody;
  parts: Part[];
  cursor: string | null;
  data: (PanelData | undefined)[];
}

const BUCKETS_MAX = 600;
const BUCKETS_MIN = 48;
const BUCKETS_COARSE = 64;
/** So many buckets in one answer, about: seven megabytes. */
const BUCKETS_TOTAL = 500_000;
const SERIES_MAX = 20_000;
const PANELS_MAX = 100;
/** Beyond so many series values have seven digits; beyond more, a coarse picture comes first. */
const MANY_SERIES = 150;
const COARSE_FROM = 400;
/** As good as a coarse picture: so many buckets of what is there already, cut to the new range. */
const STANDING_IN = BUCKETS_COARSE / 2;
const BATCHES_MAX = 6;
const VIEWS_KEPT = 48;
const NOT_YET: Held = { data: undefined, isLoading: true, error: null };

export class SeriesLoader {
  private wanted = new Map<string, Wanted>();
  private batches: Batch[] = [];
  private held = new Map<string, Held>();
  private errors = new Map<string, unknown>();
  private loading = new Map<string, Set<string>>();
  private listeners = new Map<string, Set<() => void>>();
  private recent: string[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private aborter = new AbortController();
  private isAsking = false;
  private isDirty = false;

  constructor(
    private readonly ask: Ask,
    private readonly settleMs = 60,
    private readonly bucketsMax = BUCKETS_MAX,
  ) {}

  /**
   * What is on the screen from now on; more may follow within `settleMs`.
   *
   * Where all charts are here already and only shown otherwise, as after a zoom, nothing follows:
   * that is asked for at once, but for what comes so soon after another as by a key that is held.
   */
  show(wanted: readonly Wanted[], settleMs = this.settleMs): void {
    const before = this.wanted;
    this.wanted = new Map(wanted.map((one) => [one.id, one]));
    for (const one of wanted) this.touch(viewOf(one));
    const isOther = wanted.every((one) => before.get(one.id)?.runs === one.runs);
    if (isOther && this.timer === undefined) void this.load();
    this.loadIn(settleMs);
  }

  /** Something may be new. */
  tick = (): void => {
    if (this.isAsking) this.isDirty = true;
    else void this.refresh();
  };

  /** Try again what failed. */
  retry = (): void => {
    this.errors.clear();
    this.tell([...this.wanted.keys()]);
    void this.load();
  };

  listen(id: string, tell: () => void): () => void {
    const known = this.listeners.get(id) ?? new Set();
    this.listeners.set(id, known.add(tell));
    return () => void known.delete(tell);
  }

  /** What a chart has now; the same object until that changes. */
  get(id: string): Held {
    return this.held.get(id) ?? NOT_YET;
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.aborter.abort();
    this.aborter = new AbortController();
    this.isAsking = false;
    this.loading.clear();
  }

  private loadIn(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.load();
    }, ms);
  }

  private touch(view: string): void {
    this.recent = [view, ...this.recent.filter((one) => one !== view)].slice(0, VIEWS_KEPT);
  }

  /** The runs of a view that are there or on their way. */
  private loadedRuns(view: string): Set<string> {
    const runs = new Set(this.loading.get(view));
    for (const batch of this.batches)
      for (const part of batch.parts)
        if (part.view === view) for (const run of part.runs) runs.add(run);
    return runs;
  }

  private async load(): Promise<void> {
    const missing: Part[] = [];
    for (const one of this.wanted.values()) {
      const view = viewOf(one);
      if (this.errors.has(view)) continue;
      const loaded = this.loadedRuns(view);
      const runs = one.runs.filter((run) => !loaded.has(run));
      if (runs.length && one.keys.length)
        missing.push({ ...one, view, runs, hasMeans: withMeans(one) });
    }
    this.drop();
    // A view that is here already, as after a zoom is undone, is shown without a request.
    this.tell([...this.wanted.keys()]);
    await Promise.all(packed(missing).map((parts) => this.loadParts(parts)));
  }

  private async loadParts(parts: Part[]): Promise<void> {
    const { signal } = this.aborter;
    const series = parts.reduce((sum, part) => sum + part.runs.length * part.keys.length, 0);
    this.mark(parts, true);
    const batch: Batch = {
      body: bodyOf(parts, series, this.bucketsMax),
      parts,
      cursor: null,
      data: [],
    };
    try {
      const buckets = Math.min(this.bucketsMax, bucketsFor(series));
      const isMany = series > COARSE_FROM && buckets >= BUCKETS_COARSE * 3;
      if (isMany && !parts.every((part) => this.isStoodInFor(part))) {
        const coarse: Batch = { ...batch, body: coarseOf(batch.body), data: [] };
        await this.fetch(coarse, signal);
        batch.data = coarse.data;
        this.batches.push(batch);
        this.tell(this.idsOf(parts));
        await this.fetch(batch, signal);
      } else {
        await this.fetch(batch, signal);
        this.batches.push(batch);
      }
    } catch (error) {
      this.batches = this.batches.filter((one) => one !== batch);
      if (!signal.aborted) for (const part of parts) this.errors.set(part.view, error);
    }
    if (signal.aborted) return;
    this.mark(parts, false);
    this.tell(this.idsOf(parts));
  }

  /** Whether a chart shows what is wanted already, of an earlier view and no more coarsely. */
  private isStoodInFor({ id, view, axis, lower, upper }: Part): boolean {
    const data = this.held.get(id)?.data;
    if (data === undefined || lower === null || upper === null || data.axis !== axis) return false;
    const isNew = this.batches.every((batch) => batch.parts.every((part) => part.view !== view));
    const isWhole = data.from <= lower && upper <= data.until;
    return isNew && isWhole && (upper - lower) / data.width >= STANDING_IN;
  }

  private async fetch(batch: Batch, signal: AbortSignal): Promise<boolean> {
    const { answer, cursor } = await this.ask({ ...batch.body, since: batch.cursor }, signal);
    if (signal.aborted) throw new DOMException("left", "AbortError");
    batch.cursor = cursor;
    if (answer === null) return false;
    const byPanel = new Map<number, Stretch[]>();
    for (const one of answer.stretches) {
      const known = byPanel.get(one.panel);
      if (known) known.push(one);
      else byPanel.set(one.panel, [one]);
    }
    batch.data = [...batch.data];
    for (const state of answer.panels)
      batch.data[state.panel] = applyAnswer(
        batch.data[state.panel],
        state,
        byPanel.get(state.panel) ?? [],
        batch.parts[state.panel]!.axis,
      );
    return answer.panels.length > 0;
  }

  /** Ask all batches in view for what is new, one after the other. */
  private async refresh(): Promise<void> {
    this.isAsking = true;
    const { signal } = this.aborter;
    do {
      this.isDirty = false;
      const shown = new Set([...this.wanted.values()].map(viewOf));
      for (const batch of [...this.batches]) {
        if (batch.cursor === null || !batch.parts.some((part) => shown.has(part.view))) continue;
        try {
          if (await this.fetch(batch, signal)) this.tell(this.idsOf(batch.parts));
        } catch {
          // What is shown stays; the next tick tries again.
          if (signal.aborted) return;
        }
      }
    } while (this.isDirty);
    this.isAsking = false;
  }

  /** Forget views of long ago, and make one batch of too many. */
  private drop(): void {
    const kept = new Set(this.recent);
    this.batches = this.batches.filter((batch) => batch.parts.some((part) => kept.has(part.view)));
    const views = new Set([...this.wanted.values()].map(viewOf));
    const shown = this.batches.filter((batch) => batch.parts.some((part) => views.has(part.view)));
    if (shown.length <= BATCHES_MAX || this.loading.size) return;
    // They are asked for anew as one; what they had is shown until that has come.
    this.batches = this.batches.filter((batch) => !shown.includes(batch));
    this.loadIn(this.settleMs);
  }

  private mark(parts: readonly Part[], isLoading: boolean): void {
    for (const { view, runs } of parts) {
      const known = this.loading.get(view) ?? new Set();
      for (const run of runs)
        if (isLoading) known.add(run);
        else known.delete(run);
      if (known.size) this.loading.set(view, known);
      else this.loading.delete(view);
    }
    if (isLoading) this.tell(this.idsOf(parts));
  }

  private idsOf(parts: readonly Part[]): string[] {
    const views = new Set(parts.map((part) => part.view));
    return [...this.wanted.values()].filter((one) => views.has(viewOf(one))).map((one) => one.id);
  }

  private tell(ids: readonly string[]): void {
    for (const id of ids) {
      const next = this.heldOf(id);
      const old = this.held.get(id);
      if (
        old &&
        old.data === next.data &&
        old.isLoading === next.isLoading &&
        old.error === next.error
      )
        continue;
      this.held.set(id, next);
      for (const listener of this.listeners.get(id) ?? []) listener();
    }
  }

  private heldOf(id: string): Held {
    const wanted = this.wanted.get(id);
    if (wanted === undefined) return this.held.get(id) ?? NOT_YET;
    const view = viewOf(wanted);
    const found: PanelData[] = [];
    for (const batch of this.batches)
      batch.parts.forEach((part, i) => {
        const data = batch.data[i];
        if (part.view === view && data) found.push(data);
      });
    const isLoading = this.loading.has(view);
    const error = this.errors.get(view) ?? null;
    const old = this.held.get(id);
    if (found.length) {
      return { data: joined(found, old?.data), isLoading, error };
    }
    // Until the new view has come, the old one stands in, cut to the new range.
    return { data: old?.data, isLoading: isLoading || error === null, error };
  }
}

/** Parts of a chart that came one by one, as one; the old object if nothing changed. */
function joined(parts: readonly PanelData[], old: PanelData | undefined): PanelData {
  if (parts.length === 1) return parts[0]!;
  const series = new Map(parts.flatMap((part) => [...part.series]));
  const made = {
    series,
    points: parts.reduce((sum, part) => sum + part.points, 0),
    width: Math.max(...parts.map((part) => part.width)),
    isExact: parts.every((part) => part.isExact),
    axis: parts[0]!.axis,
    from: Math.min(...parts.map((part) => part.from)),
    until: Math.max(...parts.map((part) => part.until)),
  };
  const isSame =
    old?.points === made.points &&
    old.series.size === series.size &&
    [...series].every(([id, one]) => old.series.get(id) === one);
  return isSame ? old : made;
}

/** What tells the data of one chart from another's, apart from the runs. */
export function viewOf(one: Wanted): string {
  return JSON.stringify([one.id, one.keys, one.axis, one.lower, one.upper, withMeans(one)]);
}

/** Of many lines, the last value of each bucket has to do for their means. */
function withMeans({ hasMeans, runs, keys }: Wanted): boolean {
  return hasMeans && runs.length * keys.length <= MANY_SERIES;
}

/** Requests as full as one may be. */
function packed(parts: readonly Part[]): Part[][] {
  const found: Part[][] = [];
  let room = 0;
  for (const part of parts) {
    const most = Math.max(1, Math.floor(SERIES_MAX / part.keys.length));
    for (let from = 0; from < part.runs.length; from += most) {
      const piece = { ...part, runs: part.runs.slice(from, from + most) };
      const series = piece.runs.length * piece.keys.length;
      const last = found[found.length - 1];
      if (last === undefined || series > room || last.length >= PANELS_MAX) {
        found.push([piece]);
        room = SERIES_MAX;
      } else last.push(piece);
      room -= series;
    }
  }
  return found;
}

export function bucketsFor(series: number): number {
  return Math.max(BUCKETS_MIN, Math.min(BUCKETS_MAX, Math.floor(BUCKETS_TOTAL / series)));
}

function bodyOf(parts: readonly Part[], series: number, bucketsMax: number): SeriesBody {
  const isMany = series > MANY_SERIES;
  return {
    panels: parts.map(({ runs, keys, axis, lower, upper }) => ({
      runs,
      keys,
      x: axis,
      lower,
      upper,
      buckets: Math.min(bucketsMax, bucketsFor(series)),
    })),
    measures: [
      "lo",
      "hi",
      "last",
      ...(parts.some((part) => part.hasMeans) ? ["mean"] : []),
      "nan",
      "inf",
    ],
    precision: isMany ? "single" : "double",
    since: null,
  };
}

function coarseOf(body: SeriesBody): SeriesBody {
  return { ...body, panels: body.panels.map((panel) => ({ ...panel, buckets: BUCKETS_COARSE })) };
}
