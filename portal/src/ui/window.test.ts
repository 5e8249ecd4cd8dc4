import { expect, test } from "vitest";

import { orderOf, orderText } from "./order";
import { pagesOf } from "./useWindow";

test("the pages around what is in sight are asked for, the first one apart", () => {
  expect(pagesOf(0, 40)).toEqual([]);
  expect(pagesOf(80, 130)).toEqual([1]);
  expect(pagesOf(950, 1_020)).toEqual([9, 10]);
  expect(pagesOf(100, 90_000)).toEqual([1, 2, 3, 4]);
});

test("an order is one text in the address", () => {
  expect(orderOf("", "-version")).toEqual({ by: "version", isDescending: true });
  expect(orderOf("metric:val/acc", "name")).toEqual({ by: "metric:val/acc", isDescending: false });
  for (const text of ["name", "-live"]) expect(orderText(orderOf(text, "x"))).toBe(text);
});
