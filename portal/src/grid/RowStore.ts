/**
 * The rows of the grid, of which only those that are looked at are here.
 *
 * The grid says which rows and columns it shows (`want`); what is missing is asked for in blocks
 * of 200 rows. While a new order or filter is on its way the old rows stay, and after a tick the
 * same blocks are asked for again with their tags, so that unchanged rows are not sent twice.
 */

import { ApiError } from "../api/client";
import {
  askIds,
  askWindow,
  BLOCK_ROWS,
  blockOf,
  COLUMNS_MAX,
  widened,
  type Ask,
  type Block,
  type RowQuery,
  type WindowAnswer,
} from "./blocks";
import {
  emptyLevel,
  everyLevel,
  keyOf,
  rowOf,
  rowsOf,
  spotAt,
  stretches,
  type Level,
  type Value,
} from "./tree";

const BLOCKS_KEPT = 48;

export type GridRow =
  | { kind: "waiting"; depth: number }
  | { kind: "run"; depth: number; id: string; block: Block; at: number }
  | {
      kind: "group";
      depth: number;
      by: string;
      value: Value;
      runs: number;
      isOpen: boolean;
      path: readonly Value[];
      block: Block;
      at: number;
    };

/** What the grid shows now; `anchor` is the run at its top, which is to stay there. */
export interface Wanted {
  first: number;
  last: number;
  columns: readonly string[];
  anchor: { id: string; row: number } | null;
}

interface Job {
  level: Level;
  number: number;
  columns: readonly string[];
  isWidening: boolean;
  dirt: number;
  control: AbortController;
}

interface Done extends Job {
  answer: WindowAnswer | null;
}

export interface NamedRun {
  runId: string;
  name: string;
}

function named(runId: string, block: Block, at: number): NamedRun {
  const name = block.values.get("name")?.[at];
  return { runId, name: typeof name === "string" ? name : "" };
}

export class RowStore {
  /** Grows with each change: what the grid listens to. */
  version = 0;
  /** Grows when other rows are shown, so that the grid begins at the top. */
  epoch = 0;
  error: unknown = null;
  /** How many runs match, in groups or not. */
  matching = 0;
  /** When the rows last were found to be as they are. */
  seenAt: number | null = null;
  /** How many rows the anchor has moved down by a refresh, until the grid has taken it. */
  shift = 0;

  private root = emptyLevel();
  private next: Level | null = null;
  private query: RowQuery | null = null;
  private shownQuery: RowQuery | null = null;
  private wanted: Wanted = { first: 0, last: 60, columns: [], anchor: null };
  private jobs = new Map<string, Job>();
  private used = new Map<Block, number>();
  private stale = new WeakSet<Block>();
  private rowCache = new WeakMap<Block, GridRow[]>();
  private opened = new Set<string>();
  private numbers = new WeakMap<Level, number>();
  private levels = 0;
  private dirt = 0;
  private watchers = new Set<() => void>();
  private isStopped = false;

  constructor(private readonly ask: Ask = askWindow) {}

  watch = (tell: () => void): (() => void) => {
    this.watchers.add(tell);
    this.isStopped = false;
    this.pump();
    return () => {
      this.watchers.delete(tell);
      if (this.watchers.size === 0) this.stop();
    };
  };

  snapshot = (): number => this.version;

  get rows(): number {
    return rowsOf(this.root);
  }

  get isGrouped(): boolean {
    return this.root.isGrouped;
  }

  /** Whether nothing is known yet. */
  get isWaiting(): boolean {
    return !this.root.isKnown;
  }

  /** Whether what is shown is of the filter or order before. */
  get isBehind(): boolean {
    return this.next !== null;
  }

  get asked(): RowQuery | null {
    return this.query;
  }

  setQuery(query: RowQuery): void {
    if (this.query !== null && keyOf(this.query) === keyOf(query)) return;
    if (keyOf(this.query?.group) !== keyOf(query.group)) this.opened.clear();
    this.query = query;
    this.error = null;
    this.next = emptyLevel();
    for (const job of this.jobs.values()) job.control.abort();
    this.jobs.clear();
    this.pump();
    this.count();
    this.changed();
  }

  want(wanted: Wanted): void {
    this.wanted = wanted;
    this.pump();
  }

  /** Ask again for what is shown: something advanced. */
  refresh(): void {
    if (this.error instanceof ApiError && !this.error.isPassing) return;
    this.retry();
  }

  retry(): void {
    this.error = null;
    this.dirt += 1;
    for (const level of everyLevel(this.root))
      for (const block of level.blocks.values()) this.stale.add(block);
    this.pump();
    this.count();
  }

  rowAt(row: number): GridRow {
    const spot = spotAt(this.root, row);
    const depth = spot?.level.path.length ?? 0;
    const block = spot?.level.blocks.get(Math.floor(spot.index / BLOCK_ROWS));
    if (spot === null || block === undefined) return { kind: "waiting", depth };
    const at = spot.index % BLOCK_ROWS;
    if (at >= block.rows) return { kind: "waiting", depth };
    const rows = this.rowCache.get(block) ?? [];
    this.rowCache.set(block, rows);
    return (rows[at] ??= this.build(spot.level, block, at));
  }

  /** Open a group or close it. */
  toggle(row: GridRow): void {
    if (row.kind !== "group") return;
    const parent = this.levelOf(row.path.slice(0, -1));
    const key = keyOf(row.value);
    if (parent === null) return;
    if (parent.open.delete(key)) {
      parent.places.delete(key);
      this.opened.delete(keyOf(row.path));
    } else {
      this.opened.add(keyOf(row.path));
      this.place(parent, row.block);
    }
    this.rowCache.delete(row.block);
    this.pump();
    this.changed();
  }

  /** The ids of the runs between two rows, both of them with it. */
  async idsBetween(one: number, other: number): Promise<string[]> {
    const query = this.shownQuery;
    if (query === null) return [];
    const ids: string[] = [];
    for (const part of stretches(this.root, Math.min(one, other), Math.max(one, other))) {
      if (part.level.isGrouped) continue;
      const known = this.knownIds(part.level, part.first, part.last);
      ids.push(
        ...(known ?? (await askIds(this.ask, query, part.level.path, part.first, part.last))),
      );
    }
    return ids;
  }

  /** The ids of the runs of a group. */
  async idsOf(path: readonly Value[]): Promise<string[]> {
    return this.shownQuery === null ? [] : askIds(this.ask, this.shownQuery, path);
  }

  /** The first runs with their names, as far as they are loaded: what charts show by default. */
  firstRuns(limit: number): NamedRun[] {
    const runs: NamedRun[] = [];
    for (const { blocks } of everyLevel(this.root))
      for (const [, block] of [...blocks].sort(([one], [other]) => one - other)) {
        const room = limit - runs.length;
        runs.push(...block.ids.slice(0, room).map((id, at) => named(id, block, at)));
      }
    return runs;
  }

  /** What runs are called, as far as they are loaded. */
  names(): Map<string, string> {
    const names = new Map<string, string>();
    for (const level of everyLevel(this.root))
      for (const block of level.blocks.values())
        block.ids.forEach((id, at) => {
          const { name } = named(id, block, at);
          if (name) names.set(id, name);
        });
    return names;
  }

  takeShift(): number {
    const shift = this.shift;
    this.shift = 0;
    return shift;
  }

  private stop(): void {
    this.isStopped = true;
    for (const job of this.jobs.values()) job.control.abort();
    this.jobs.clear();
  }

  private changed(): void {
    this.version += 1;
    for (const tell of this.watchers) tell();
  }

  private build(level: Level, block: Block, at: number): GridRow {
    const depth = level.path.length;
    if (!level.isGrouped) return { kind: "run", depth, id: block.ids[at] ?? "", block, at };
    const value = (block.values.get("value")?.[at] ?? null) as Value;
    return {
      kind: "group",
      depth,
      by: this.shownQuery?.group[depth] ?? "",
      value,
      runs: Number(block.values.get("runs")?.[at] ?? 0),
      isOpen: level.open.has(keyOf(value)),
      path: [...level.path, value],
      block,
      at,
    };
  }

  private levelOf(path: readonly Value[]): Level | null {
    let level: Level | undefined = this.root;
    for (const value of path) level = level?.open.get(keyOf(value));
    return level ?? null;
  }

  private knownIds(level: Level, first: number, last: number): string[] | null {
    const ids: string[] = [];
    for (let index = first; index <= last; index += 1) {
      const id = level.blocks.get(Math.floor(index / BLOCK_ROWS))?.ids[index % BLOCK_ROWS];
      if (id === undefined) return null;
      ids.push(id);
    }
    return ids;
  }

  /** The blocks that what is shown is made of. */
  private needed(): { level: Level; number: number }[] {
    if (this.next !== null) return [{ level: this.next, number: 0 }];
    if (this.root.total === 0) return [{ level: this.root, number: 0 }];
    const found: { level: Level; number: number }[] = [];
    for (const { level, first, last } of stretches(this.root, this.wanted.first, this.wanted.last))
      for (let number = Math.floor(first / BLOCK_ROWS); number * BLOCK_ROWS <= last; number += 1)
        found.push({ level, number });
    for (const level of everyLevel(this.root))
      if (!level.isKnown && level !== this.root) found.push({ level, number: 0 });
    return found;
  }

  private numberOf(level: Level): number {
    const known = this.numbers.get(level) ?? (this.levels += 1);
    this.numbers.set(level, known);
    return known;
  }

  /** Ask for what is missing, and let go of what nobody waits for any more. */
  private pump(): void {
    if (this.query === null || this.error !== null || this.isStopped) return;
    if (this.wanted.columns.length === 0) return;
    const needed = this.needed();
    const names = new Set(needed.map((one) => `${this.numberOf(one.level)}:${one.number}`));
    for (const [name, job] of this.jobs)
      if (!names.has(name)) {
        job.control.abort();
        this.jobs.delete(name);
      }
    const begun: Job[] = [];
    for (const { level, number } of needed) {
      const name = `${this.numberOf(level)}:${number}`;
      const block = level.blocks.get(number);
      if (block !== undefined) this.used.set(block, performance.now());
      if (this.jobs.has(name)) continue;
      const isFresh = block !== undefined && !this.stale.has(block);
      const columns = this.wanted.columns
        .filter((one) => !isFresh || !block.asked.has(one))
        .slice(0, COLUMNS_MAX);
      if (isFresh && columns.length === 0) continue;
      const control = new AbortController();
      const job = { level, number, columns, isWidening: isFresh, dirt: this.dirt, control };
      this.jobs.set(name, job);
      begun.push(job);
    }
    if (begun.length) void this.run(begun);
  }

  /** Ask for some blocks, and take them up together, so that no row is seen twice or not at all. */
  private async run(jobs: Job[]): Promise<void> {
    const query = this.query!;
    const done: Done[] = [];
    await Promise.all(
      jobs.map(async (job) => {
        const known = job.level.blocks.get(job.number);
        const isSame = known !== undefined && known.tagged === job.columns.join("\n");
        try {
          const answer = await this.ask(
            query,
            {
              path: job.level.path,
              offset: job.number * BLOCK_ROWS,
              limit: BLOCK_ROWS,
              columns: job.columns,
              since: isSame && !job.isWidening && known.tag ? known.tag : null,
            },
            job.control.signal,
          );
          if (!job.control.signal.aborted) done.push({ ...job, answer });
        } catch (error) {
          if (!job.control.signal.aborted) this.error = error;
        }
        const name = `${this.numberOf(job.level)}:${job.number}`;
        if (this.jobs.get(name)?.control === job.control) this.jobs.delete(name);
      }),
    );
    if (query !== this.query) return;
    if (done.length) this.take(done);
    else if (this.error !== null) this.changed();
    this.pump();
  }

  private take(done: readonly Done[]): void {
    const { anchor } = this.wanted;
    const wasNext = this.next;
    for (const one of done) this.store(one);
    if (wasNext !== null && done.some((one) => one.level === wasNext)) {
      this.root = wasNext;
      this.next = null;
      this.epoch += 1;
      this.shift = 0;
    } else if (anchor !== null) {
      for (const { level, number } of done) {
        const at = level.blocks.get(number)?.ids.indexOf(anchor.id) ?? -1;
        if (at < 0) continue;
        const row = rowOf(this.root, { level, index: number * BLOCK_ROWS + at });
        if (row >= 0) this.shift += row - anchor.row;
      }
    }
    if (!this.root.isGrouped) this.matching = this.root.total;
    this.seenAt = Date.now();
    this.forget();
    this.changed();
  }

  private store({ level, number, columns, isWidening, dirt, answer }: Done): void {
    const known = level.blocks.get(number);
    if (answer === null) {
      if (known !== undefined && dirt === this.dirt) this.stale.delete(known);
      return;
    }
    if (level === this.next) this.shownQuery = this.query;
    if (isWidening && known !== undefined) {
      const block = widened(known, answer, columns);
      if (block === null) this.stale.add(known);
      else this.put(level, number, block, this.stale.has(known));
      return;
    }
    level.total = answer.total;
    level.isKnown = true;
    level.isGrouped = answer.isGrouped;
    for (const far of level.blocks.keys())
      if (far * BLOCK_ROWS >= Math.max(answer.total, 1)) level.blocks.delete(far);
    const block = blockOf(answer, columns);
    this.put(level, number, block, dirt !== this.dirt);
    if (answer.isGrouped) this.place(level, block);
  }

  private put(level: Level, number: number, block: Block, isStale: boolean): void {
    level.blocks.set(number, block);
    this.used.set(block, performance.now());
    if (isStale) this.stale.add(block);
  }

  /** Say where the opened groups of a block stand. */
  private place(level: Level, block: Block): void {
    const values = block.values.get("value");
    const number = [...level.blocks].find(([, one]) => one === block)?.[0];
    if (values === undefined || number === undefined) return;
    const first = number * BLOCK_ROWS;
    for (const [key, at] of level.places)
      if (at >= first && at < first + BLOCK_ROWS) level.places.delete(key);
    for (let index = 0; index < values.length; index += 1) {
      const value = (values[index] ?? null) as Value;
      const key = keyOf(value);
      const path = [...level.path, value];
      if (!this.opened.has(keyOf(path))) continue;
      if (!level.open.has(key)) level.open.set(key, emptyLevel(path));
      level.places.set(key, first + index);
    }
  }

  /** Keep no more blocks than a person scrolls back to. */
  private forget(): void {
    const kept = everyLevel(this.root).flatMap((level) =>
      [...level.blocks].map(([number, block]) => ({ level, number, block })),
    );
    kept.sort((one, other) => (this.used.get(other.block) ?? 0) - (this.used.get(one.block) ?? 0));
    for (const { level, number } of kept.slice(BLOCKS_KEPT)) level.blocks.delete(number);
    const alive = new Set(kept.slice(0, BLOCKS_KEPT).map((one) => one.block));
    for (const block of this.used.keys()) if (!alive.has(block)) this.used.delete(block);
  }

  /** Where rows are groups, runs are counted by a question of their own. */
  private count(): void {
    const query = this.query;
    if (query === null || query.group.length === 0) return;
    void this.ask({ ...query, group: [] }, { path: [], offset: 0, limit: 0, columns: [] }).then(
      (answer) => {
        if (answer === null || query !== this.query) return;
        this.matching = answer.total;
        this.changed();
      },
      () => undefined,
    );
  }
}
