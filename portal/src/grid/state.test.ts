import { expect, test } from "vitest";

import { moved } from "./moves";
import { placed, STRETCH_ROWS, toSee } from "./scroll";
import { choose, chosenCount, isChosen, readSelection, toggle, writeSelection } from "./selection";
import { readSort, turnSort, writeSort } from "./sort";

test("a click sorts numbers with the best first, the next one turns, the third lets go", () => {
  const once = turnSort([], "metrics.acc", false);
  expect(writeSort(once)).toBe("metrics.acc desc");
  const twice = turnSort(once, "metrics.acc", false);
  expect(writeSort(twice)).toBe("metrics.acc");
  expect(turnSort(twice, "metrics.acc", false)).toEqual([]);
  expect(writeSort(turnSort(once, "name", true))).toBe("metrics.acc desc; name");
  expect(writeSort(turnSort(readSort("a desc; name; b"), "name", true))).toBe(
    "a desc; name desc; b",
  );
  expect(readSort("metrics.`a desc; b` desc")).toEqual([
    { text: "metrics.`a desc; b`", isDescending: true },
  ]);
});

test("some are chosen by their ids, all by a word with exceptions", () => {
  const some = choose(readSelection("a~b"), ["c", "d"], true);
  expect(writeSelection(toggle(some, "a"))).toBe("b~c~d");
  const all = toggle(readSelection("all"), "a");
  expect([isChosen(all, "a"), isChosen(all, "z"), chosenCount(all, 10)]).toEqual([false, true, 9]);
  expect(writeSelection(all)).toBe("all~a");
  expect(writeSelection(choose(all, ["a"], true))).toBe("all");
  expect(writeSelection(choose(all, ["b", "c"], false))).toBe("all~a~b~c");
  const many = choose(
    some,
    Array.from({ length: 50 }, (_, i) => `r${i}`),
    true,
  );
  expect(writeSelection(many)).toBeNull();
});

test("keys go from cell to cell and stop at the edges", () => {
  const bounds = { rows: 100, columns: 5, page: 20 };
  const go = (row: number, column: number, key: string, hasControl = false) =>
    moved({ row, column }, { key, hasControl }, bounds);
  expect(go(0, 1, "ArrowUp")).toEqual({ row: -1, column: 1 });
  expect(go(-1, 1, "ArrowUp")).toEqual({ row: -1, column: 1 });
  expect(go(99, 4, "ArrowDown")).toEqual({ row: 99, column: 4 });
  expect(go(50, 2, "PageDown")).toEqual({ row: 70, column: 2 });
  expect(go(5, 2, "PageUp")).toEqual({ row: 0, column: 2 });
  expect(go(5, 2, "End", true)).toEqual({ row: 99, column: 4 });
  expect(go(5, 2, "Home")).toEqual({ row: 5, column: 0 });
  expect(go(5, 2, "q")).toBeNull();
});

const extent = { rows: 2_000_000, stretch: STRETCH_ROWS, rowHeight: 28, viewHeight: 560 };

test("few rows are scrolled as they are", () => {
  const few = { ...extent, rows: 100, stretch: 100 };
  expect(placed({ base: 0, top: 0 }, 900, few)).toEqual({ base: 0, top: 900 });
});

test("a jump goes to the same share of all rows, and the last row can be reached", () => {
  const reach = STRETCH_ROWS * 28 - 560;
  expect(placed({ base: 0, top: 0 }, reach, extent)).toEqual({ base: 1_500_000, top: reach });
  expect(placed({ base: 900_000, top: reach / 2 }, 0, extent)).toEqual({ base: 0, top: 0 });
  expect(placed({ base: 0, top: 0 }, reach / 2, extent).base).toBe(750_000);
});

test("small steps move row by row, and never come to an end that is none", () => {
  const steady = placed({ base: 700_000, top: 100_000 }, 100_056, extent);
  expect(steady).toEqual({ base: 700_000, top: 100_056 });
  const near = placed({ base: 700_000, top: 1_000 }, 900, extent);
  expect(near).toEqual({ base: 450_000, top: 900 + 250_000 * 28 });
  expect(near.base + near.top / 28).toBeCloseTo(700_000 + 900 / 28);
  const last = STRETCH_ROWS * 28 - 560;
  const down = placed({ base: 700_000, top: last - 500 }, last - 400, extent);
  expect(down.base + down.top / 28).toBeCloseTo(700_000 + (last - 400) / 28);
  expect(down.base).toBe(950_000);
});

test("a row is brought into sight with as little scrolling as can be", () => {
  expect(toSee(5, { base: 0, top: 0 }, extent)).toEqual({ base: 0, top: 0 });
  expect(toSee(20, { base: 0, top: 0 }, extent)).toEqual({ base: 0, top: 28 });
  expect(toSee(3, { base: 0, top: 280 }, extent)).toEqual({ base: 0, top: 84 });
  const far = toSee(1_999_999, { base: 0, top: 0 }, extent);
  expect(far).toEqual({ base: 1_500_000, top: STRETCH_ROWS * 28 - 560 });
});
