import { expect, test } from "vitest";

import { pageOf, walked, within } from "./walk";

const EXTENT = { rows: 100, columns: 5 };
const from = { row: 10, column: 2 };

test("keys lead to cells", () => {
  const to = (key: string) => walked(key, from, 20, EXTENT);
  expect(to("ArrowDown")).toEqual({ row: 11, column: 2 });
  expect(to("ArrowLeft")).toEqual({ row: 10, column: 1 });
  expect(to("PageDown")).toEqual({ row: 30, column: 2 });
  expect(to("Home")).toEqual({ row: 10, column: 0 });
  expect(to("End")).toEqual({ row: 10, column: 4 });
  expect(to("Enter")).toBeUndefined();
  const jumps = { End: { row: 99, column: 2 } };
  expect(walked("End", from, 20, EXTENT, jumps)).toEqual({ row: 99, column: 2 });
  expect(walked("Home", from, 20, EXTENT, jumps)).toEqual({ row: 10, column: 0 });
});

test("nobody walks out of the grid", () => {
  expect(within({ row: -10, column: 5 }, EXTENT)).toEqual({ row: 0, column: 4 });
  expect(within({ row: 100, column: -1 }, EXTENT)).toEqual({ row: 99, column: 0 });
});

test("a page is what is in sight, less two rows", () => {
  expect(pageOf(null, 25)).toBe(14);
  expect(pageOf({ clientHeight: 10 } as HTMLElement, 25)).toBe(1);
});
