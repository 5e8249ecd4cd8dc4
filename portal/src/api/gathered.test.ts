import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Gathered } from "./gathered";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** What was told, and when. */
function heard() {
  const told: [number, readonly string[]][] = [];
  const from = performance.now();
  const gathered = new Gathered((all) => told.push([performance.now() - from, all]));
  return { told, gathered };
}

test("what comes after a silence is told at once, with what belongs to it", () => {
  const { told, gathered } = heard();
  gathered.add(["run:1"]);
  gathered.add(["runs:7", "run:1"]);
  vi.advanceTimersByTime(20);
  expect(told).toEqual([[20, ["run:1", "runs:7"]]]);
  vi.advanceTimersByTime(5_000);
  gathered.add(["run:2"]);
  vi.advanceTimersByTime(20);
  expect(told[1]).toEqual([5_040, ["run:2"]]);
});

test("what comes soon after waits, and nothing is lost", () => {
  const { told, gathered } = heard();
  gathered.add(["a"]);
  vi.advanceTimersByTime(100);
  gathered.add(["b"]);
  gathered.add(["c"]);
  vi.advanceTimersByTime(1_000);
  expect(told).toEqual([
    [20, ["a"]],
    [720, ["b", "c"]],
  ]);
});

test("however much comes, it is told three times in two seconds and no more", () => {
  const { told, gathered } = heard();
  for (let at = 0; at < 10_000; at += 10) {
    gathered.add([`run:${at % 100}`]);
    vi.advanceTimersByTime(10);
  }
  expect(told.length).toBe(15);
});
