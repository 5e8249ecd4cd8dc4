import { describe, expect, it } from "vitest";

import type { SeriesAnswer } from "../plot/series";
import { bucketsFor, SeriesLoader, type Ask, type SeriesBody, type Wanted } from "./loader";
import { layOut, MOUNTED_MAX, panelsInView } from "./layout";
import { change, decodeBoard, EMPTY, encodeBoard, settingsOf } from "./settings";

function answerTo(body: SeriesBody): SeriesAnswer {
  const stretches = body.panels.flatMap((panel, number) =>
    panel.runs.map((runId) => ({
      panel: number,
      runId,
      key: panel.keys[0]!,
      bucket: Float64Array.of(0),
      lo: Float64Array.of(1),
      hi: Float64Array.of(1),
      last: Float64Array.of(panel.buckets),
      mean: new Float64Array(),
      nan: new Int32Array(),
      inf: new Int32Array(),
    })),
  );
  const panels = body.panels.map((panel, number) => ({
    panel: number,
    is_reset: body.since === null,
    width: 1,
    first: 0,
    last: 999,
    points: panel.runs.length,
    is_exact: true,
  }));
  return { cursor: "c", panels, stretches };
}

function server() {
  const bodies: SeriesBody[] = [];
  let isNew = false;
  const ask: Ask = async (body) => {
    bodies.push(body);
    const isChanged = body.since === null || isNew;
    return { answer: isChanged ? answerTo(body) : null, cursor: `c${bodies.length}` };
  };
  return { bodies, ask, change: () => (isNew = true) };
}

const wanted = (id: string, runs: string[], more: Partial<Wanted> = {}): Wanted => ({
  id,
  runs,
  keys: [id],
  axis: "step",
  lower: null,
  upper: null,
  hasMeans: false,
  ...more,
});
const many = Array.from({ length: 1_000 }, (_, i) => `r${i}`);
const soon = (ms = 15) => new Promise((resolve) => setTimeout(resolve, ms));

describe("loading", () => {
  it("asks for all charts of a viewport at once, and for none twice", async () => {
    const { bodies, ask } = server();
    const loader = new SeriesLoader(ask, 1);
    loader.show([wanted("a", ["r1"]), wanted("b", ["r1"])]);
    await soon();
    loader.show([wanted("b", ["r1"]), wanted("c", ["r1"])]);
    await soon();
    expect(bodies.map((body) => body.panels.map((panel) => panel.keys[0]))).toEqual([
      ["a", "b"],
      ["c"],
    ]);
    expect(loader.get("c").data?.points).toBe(1);
    expect(loader.get("c").isLoading).toBe(false);
  });

  it("shows many series coarsely first", async () => {
    const { bodies, ask } = server();
    const loader = new SeriesLoader(ask, 1);
    loader.show([wanted("a", many)]);
    await soon();
    expect(bodies.map((body) => body.panels[0]!.buckets)).toEqual([64, 500]);
    expect(bodies[1]!.precision).toBe("single");
    expect(loader.get("a").data?.series.get("r5\na")?.last[0]).toBe(500);
  });

  it("shows them coarsely after a zoom only where what is there is no finer", async () => {
    const { bodies, ask } = server();
    const loader = new SeriesLoader(ask, 1);
    const asked = async (lower: number, upper: number, more: Partial<Wanted> = {}) => {
      loader.show([wanted("a", many)]);
      await soon();
      bodies.length = 0;
      loader.show([wanted("a", many, { lower, upper, ...more })]);
      await soon();
      return bodies.map((body) => body.panels[0]!.buckets);
    };
    expect(await asked(100, 400)).toEqual([500]);
    expect(await asked(100, 110)).toEqual([64, 500]);
    expect(await asked(900, 1_400)).toEqual([64, 500]);
    expect(await asked(100, 400, { axis: "time" })).toEqual([64, 500]);
    const others = Array.from({ length: 500 }, (_, i) => `s${i}`);
    expect(await asked(100, 400, { runs: [...many, ...others] })).toEqual([64, 600]);
  });

  it("asks at once for what is shown otherwise, but not for each stroke of a held key", async () => {
    const { bodies, ask } = server();
    const loader = new SeriesLoader(ask, 20);
    const runs = ["r1"];
    loader.show([wanted("a", runs)]);
    expect(bodies).toHaveLength(0);
    await soon(40);
    for (const upper of [5, 4, 3]) loader.show([wanted("a", runs, { lower: 1, upper })]);
    expect(bodies.map((body) => body.panels[0]!.upper)).toEqual([null, 5]);
    await soon(40);
    expect(bodies.map((body) => body.panels[0]!.upper)).toEqual([null, 5, 3]);
  });

  it("asks for means only of a few lines that are drawn by them", async () => {
    const { bodies, ask } = server();
    const loader = new SeriesLoader(ask, 1);
    const asked = async (one: Wanted) => {
      loader.show([one]);
      await soon();
      return bodies.map((body) => body.measures.includes("mean"));
    };
    expect(await asked(wanted("a", ["r1"]))).toEqual([false]);
    expect(await asked(wanted("a", ["r1"], { hasMeans: true }))).toEqual([false, true]);
    expect(await asked(wanted("a", ["r1"]))).toHaveLength(2);
    await asked(wanted("b", many.slice(0, 300)));
    expect(await asked(wanted("b", many.slice(0, 300), { hasMeans: true }))).toHaveLength(3);
  });

  it("keeps the very same data where a tick brought nothing", async () => {
    const { bodies, ask, change: makeNew } = server();
    const loader = new SeriesLoader(ask, 1);
    let told = 0;
    loader.show([wanted("a", ["r1"])]);
    await soon();
    loader.listen("a", () => told++);
    const before = loader.get("a");
    loader.tick();
    await soon();
    expect(bodies[1]!.since).toBe("c1");
    expect(loader.get("a")).toBe(before);
    expect(told).toBe(0);
    makeNew();
    loader.tick();
    await soon();
    expect(bodies[2]!.since).toBe("c2");
    expect(told).toBe(1);
  });

  it("asks for a run that is added alone", async () => {
    const { bodies, ask } = server();
    const loader = new SeriesLoader(ask, 1);
    loader.show([wanted("a", ["r1"])]);
    await soon();
    loader.show([wanted("a", ["r1", "r2"])]);
    await soon();
    expect(bodies[1]!.panels[0]!.runs).toEqual(["r2"]);
    expect([...loader.get("a").data!.series.keys()]).toEqual(["r1\na", "r2\na"]);
  });

  it("shows the old view until a zoomed one has come, and that one again without asking", async () => {
    const { bodies, ask } = server();
    const loader = new SeriesLoader(ask, 1);
    loader.show([wanted("a", ["r1"])]);
    await soon();
    const whole = loader.get("a").data;
    loader.show([wanted("a", ["r1"], { lower: 1, upper: 5 })]);
    expect(loader.get("a").data).toBe(whole);
    await soon();
    expect(bodies[1]!.panels[0]).toMatchObject({ lower: 1, upper: 5 });
    loader.show([wanted("a", ["r1"])]);
    await soon();
    expect(bodies).toHaveLength(2);
    expect(loader.get("a").data).toBe(whole);
  });

  it("says what went wrong, and tries again when told to", async () => {
    let fails = true;
    const { ask } = server();
    const loader = new SeriesLoader((body, signal) => {
      if (fails) return Promise.reject(new Error("no"));
      return ask(body, signal);
    }, 1);
    loader.show([wanted("a", ["r1"])]);
    await soon();
    expect(loader.get("a").error).toBeInstanceOf(Error);
    fails = false;
    loader.retry();
    await soon();
    expect(loader.get("a")).toMatchObject({ error: null, isLoading: false });
  });

  it("keeps an answer within its size", () => {
    expect(bucketsFor(1)).toBe(600);
    expect(bucketsFor(12_000)).toBe(48);
  });
});

describe("layout", () => {
  const sections = [
    { id: "top", panels: 7, isOpen: true },
    { id: "closed", panels: 900, isOpen: false },
    { id: "huge", panels: 12_000, isOpen: true },
  ];
  it("has so many columns as fit", () => {
    expect(layOut(sections, 300).columns).toBe(1);
    expect(layOut(sections, 1_100).columns).toBe(3);
    expect(layOut(sections, 9_000).columns).toBe(4);
  });
  it("never shows more charts than may exist, wherever one scrolls", () => {
    const layout = layOut(sections, 1_100);
    for (let top = 0; top < layout.height; top += 5_003) {
      const shown = panelsInView(layout, top, 4_000);
      expect(shown.length).toBeLessThanOrEqual(MOUNTED_MAX);
      for (const panel of shown) expect(panel.section).not.toBe("closed");
    }
  });
  it("puts panels under their heads, row by row", () => {
    const shown = panelsInView(layOut(sections, 1_100), 0, 300, 0);
    expect(shown.map((panel) => panel.index)).toEqual([0, 1, 2]);
    expect(new Set(shown.map((panel) => panel.top)).size).toBe(1);
  });
});

describe("settings", () => {
  it("of a panel win over those of the board, and are left out where they say the same", () => {
    const all = change(EMPTY, null, { isLogY: true });
    const own = change(all, "loss", { isLogY: false, smoothing: "ema" });
    expect(settingsOf(own, "loss")).toMatchObject({ isLogY: false, smoothing: "ema" });
    expect(settingsOf(own, "acc").isLogY).toBe(true);
    expect(change(own, "loss", { isLogY: true, smoothing: "none" }).one).toEqual({});
    expect(change(own, null, { isLogY: true, smoothing: "none" }).one).toEqual({});
  });
  it("survive the address", () => {
    const board = {
      ...change(change(EMPTY, null, { axis: "time" }), "loss", { range: [1, 2.5] }),
      pinned: ["val/acc"],
      extra: [{ kind: "scatter" as const, x: "params.lr", y: "metrics.acc" }],
    };
    expect(decodeBoard(encodeBoard(board))).toEqual(board);
    expect(encodeBoard(EMPTY)).toBe("");
  });
  it.each(["{", "[1]", '{"all":{"axis":"sideways","amount":"x"},"extra":[{"kind":"lines"}]}'])(
    "take no harm from %s",
    (text) => expect(decodeBoard(text)).toEqual(EMPTY),
  );
});
