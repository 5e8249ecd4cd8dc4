import { expect, test } from "vitest";

import type { Ask, RowQuery, WindowAnswer, WindowPart } from "./blocks";
import { RowStore, type GridRow } from "./RowStore";

/** A server of runs `r0`, `r1`, … with a group `even` or `odd` each. */
class Server {
  asked: { query: RowQuery; part: WindowPart }[] = [];
  tag = "t";
  constructor(public ids: string[]) {}

  ask: Ask = async (query, part) => {
    this.asked.push({ query, part });
    await Promise.resolve();
    if (part.since === this.tag) return null;
    const isGrouped = part.path.length < query.group.length;
    return isGrouped ? this.groups(part) : this.runs(part);
  };

  private runs(part: WindowPart): WindowAnswer {
    const [wanted] = part.path;
    const found = this.ids.filter(
      (id) => wanted === undefined || (Number(id.slice(1)) % 2 ? "odd" : "even") === wanted,
    );
    const ids = found.slice(part.offset, part.offset + part.limit);
    const values = new Map(part.columns.map((name) => [name, ids.map((id) => `${name} of ${id}`)]));
    return { total: found.length, isGrouped: false, tag: this.tag, rows: ids.length, ids, values };
  }

  private groups(part: WindowPart): WindowAnswer {
    const values = new Map<string, unknown[]>([
      ["value", ["even", "odd"]],
      ["runs", [Math.ceil(this.ids.length / 2), Math.floor(this.ids.length / 2)]],
    ]);
    const rows = part.limit ? 2 : 0;
    return { total: 2, isGrouped: true, tag: this.tag, rows, ids: [], values };
  }
}

const names = (count: number, first = 0) =>
  Array.from({ length: count }, (_, index) => `r${first + index}`);
const query = (more: Partial<RowQuery> = {}): RowQuery => ({
  experiments: ["1"],
  filter: "",
  order: [],
  group: [],
  view: "active",
  ...more,
});
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));
const idOf = (row: GridRow) => (row.kind === "run" ? row.id : row.kind);

async function opened(server: Server, asked = query()): Promise<RowStore> {
  const store = new RowStore(server.ask);
  store.watch(() => undefined);
  store.want({ first: 0, last: 30, columns: ["name"], anchor: null });
  store.setQuery(asked);
  await settled();
  return store;
}

test("only the blocks that are looked at are asked for", async () => {
  const server = new Server(names(100_000));
  const store = await opened(server);
  expect([store.rows, store.matching, server.asked.length]).toEqual([100_000, 100_000, 1]);
  expect(idOf(store.rowAt(7))).toBe("r7");
  expect(idOf(store.rowAt(50_000))).toBe("waiting");
  store.want({ first: 50_190, last: 50_230, columns: ["name"], anchor: null });
  await settled();
  expect(server.asked.slice(1).map((one) => one.part.offset)).toEqual([50_000, 50_200]);
  expect(idOf(store.rowAt(50_200))).toBe("r50200");
});

test("a column that is added is asked for alone", async () => {
  const server = new Server(names(300));
  const store = await opened(server);
  store.want({ first: 0, last: 30, columns: ["name", "status"], anchor: null });
  await settled();
  expect(server.asked.at(-1)?.part.columns).toEqual(["status"]);
  const row = store.rowAt(3);
  expect(row.kind === "run" && row.block.values.get("status")?.[row.at]).toBe("status of r3");
  expect(row.kind === "run" && row.block.values.get("name")?.[row.at]).toBe("name of r3");
});

test("a refresh passes the tag, and unchanged rows stay the same objects", async () => {
  const server = new Server(names(300));
  const store = await opened(server);
  const before = store.rowAt(3);
  store.refresh();
  await settled();
  expect(server.asked.at(-1)?.part.since).toBe("t");
  expect(store.rowAt(3)).toBe(before);
});

test("where runs come in above, the run at the top stays where it was", async () => {
  const server = new Server(names(300));
  const store = await opened(server);
  store.want({ first: 40, last: 70, columns: ["name"], anchor: { id: "r40", row: 40 } });
  server.ids = ["r900", "r901", ...server.ids];
  server.tag = "u";
  store.refresh();
  await settled();
  expect([store.rows, store.takeShift(), store.takeShift()]).toEqual([302, 2, 0]);
  expect(idOf(store.rowAt(42))).toBe("r40");
});

test("the old rows stay until those of a new order are there", async () => {
  const server = new Server(names(10));
  const store = await opened(server);
  const { epoch } = store;
  server.ids = [...server.ids].reverse();
  store.setQuery(query({ order: ["name desc"] }));
  expect([store.isBehind, idOf(store.rowAt(0))]).toEqual([true, "r0"]);
  await settled();
  expect([store.isBehind, idOf(store.rowAt(0)), store.epoch]).toEqual([false, "r9", epoch + 1]);
});

test("groups are opened in their place, and a range goes through them", async () => {
  const server = new Server(names(10));
  const store = await opened(server, query({ group: ["params.parity"] }));
  expect([store.rows, store.matching, store.isGrouped]).toEqual([2, 10, true]);
  store.toggle(store.rowAt(0));
  await settled();
  expect(store.rows).toBe(7);
  expect(names(7).map((_, index) => idOf(store.rowAt(index)))).toEqual([
    "group",
    "r0",
    "r2",
    "r4",
    "r6",
    "r8",
    "group",
  ]);
  store.toggle(store.rowAt(6));
  await settled();
  expect(await store.idsBetween(4, 8)).toEqual(["r6", "r8", "r1", "r3"]);
  expect(await store.idsOf(["odd"])).toEqual(["r1", "r3", "r5", "r7", "r9"]);
  store.toggle(store.rowAt(0));
  expect([store.rows, idOf(store.rowAt(2))]).toEqual([7, "r1"]);
});

test("a range over rows that are not loaded asks for their ids", async () => {
  const server = new Server(names(30_000));
  const store = await opened(server);
  const ids = await store.idsBetween(25_000, 10);
  expect([ids.length, ids[0], ids.at(-1)]).toEqual([24_991, "r10", "r25000"]);
  expect(server.asked.slice(1).map((one) => one.part.limit)).toEqual([10_000, 10_000, 4_991]);
});

test("what goes wrong is kept until somebody tries again", async () => {
  const server = new Server(names(10));
  const store = new RowStore((asked, part) =>
    asked.filter ? Promise.reject(new Error("no")) : server.ask(asked, part),
  );
  store.watch(() => undefined);
  store.want({ first: 0, last: 30, columns: ["name"], anchor: null });
  store.setQuery(query({ filter: "x" }));
  await settled();
  expect(String(store.error)).toBe("Error: no");
  store.setQuery(query());
  await settled();
  expect([store.error, store.rows]).toEqual([null, 10]);
});
