import { describe, expect, it } from "vitest";

import type { LineageMap } from "../../api/lineage";
import { addressOf, nodeAt, pageOf, versionOf } from "./kinds";
import { firstView, fitted, hit, isSeen, seen, spotsOf, zoomed } from "./view";
import { related, stepFrom, waysOf } from "./walk";

const node = (name: string, column: number, row: number) => ({
  node: `run:${name}`,
  kind: "run" as const,
  label: name,
  status: null,
  home: "1",
  column,
  row,
});

/** a → b, a → c, b → d, and seven more behind c. */
const MAP: LineageMap = {
  root: "run:a",
  nodes: [node("a", 0, 0.5), node("b", 1, 0), node("c", 1, 1), node("d", 2, 0)],
  edges: [
    { source: 0, target: 1, context: null, bends: [] },
    { source: 0, target: 2, context: null, bends: [] },
    { source: 1, target: 3, context: null, bends: [] },
  ],
  groups: [{ of: 2, way: "down", kind: "run", count: 7, column: 2, row: 1 }],
  columns: 3,
  rows: 2,
};
const SIZE = { width: 1000, height: 600 };

describe("walking", () => {
  const ways = waysOf(MAP);
  const places = [...MAP.nodes, ...MAP.groups];
  it("goes along edges, to groups too, and stays where none leads on", () => {
    expect(stepFrom(1, "right", places, ways, [])).toBe(3);
    expect(stepFrom(2, "right", places, ways, [])).toBe(4);
    expect(stepFrom(3, "left", places, ways, [])).toBe(1);
    expect(stepFrom(3, "right", places, ways, [])).toBe(3);
    expect(stepFrom(0, "left", places, ways, [])).toBe(0);
  });
  it("goes up and down in a column", () => {
    expect(stepFrom(1, "down", places, ways, [])).toBe(2);
    expect(stepFrom(2, "up", places, ways, [])).toBe(1);
    expect(stepFrom(3, "down", places, ways, [])).toBe(4);
  });
  it("goes back to where it came from", () => {
    expect(stepFrom(0, "right", places, ways, [2])).toBe(2);
  });
  it("knows what a node has to do with", () => {
    expect([...related(1, ways)].sort()).toEqual([0, 1, 3]);
    expect(related(0, ways).size).toBe(5);
  });
});

describe("the view", () => {
  it("holds all of a small graph, and what is where", () => {
    const view = firstView(MAP, SIZE);
    expect(view).toEqual(fitted(MAP, SIZE));
    const spots = spotsOf(MAP);
    spots.forEach((spot, number) => {
      const at = { x: view.x + (spot.x + 5) * view.scale, y: view.y + (spot.y + 5) * view.scale };
      expect(hit(spots, view, at)).toBe(number);
      expect(isSeen(spot, spot, view, SIZE)).toBe(true);
    });
    expect(hit(spots, view, { x: 1, y: 1 })).toBe(-1);
  });
  it("is around the root where all would be too small", () => {
    const view = firstView({ ...MAP, rows: 5_000 }, SIZE);
    expect(view.scale).toBe(0.8);
  });
  it("zooms around a point and moves no further than it must", () => {
    const view = { x: 10, y: 20, scale: 1 };
    const at = { x: 110, y: 220 };
    const larger = zoomed(view, 2, at);
    expect((at.x - larger.x) / larger.scale).toBe(100);
    expect(seen(view, { x: 100, y: 100 }, SIZE)).toBe(view);
    expect(seen(view, { x: 5_000, y: 100 }, SIZE).y).toBe(20);
  });
});

describe("names", () => {
  it("lead to pages and back", () => {
    expect(nodeAt("dataset-version", "12")).toBe("dataset:12");
    expect(nodeAt("dataset", "a/b")).toBe("datasets:a/b");
    expect(nodeAt("run", "1")).toBe("run:1");
    expect(addressOf({ node: "dataset:12", kind: "dataset" })).toEqual({
      kind: "dataset-version",
      id: "12",
    });
    expect(versionOf("me@home@3", "@")).toEqual({ name: "me@home", version: "3" });
    const model = { ...MAP.nodes[0]!, kind: "model" as const, node: "model:a/b/2", label: "a/b/2" };
    expect(pageOf(model)?.params).toEqual({ model: "a/b", version: "2" });
    expect(pageOf({ ...MAP.nodes[0]!, home: null })).toBeNull();
  });
});
