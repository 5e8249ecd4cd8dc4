import { expect, test } from "vitest";

import { deltas } from "./better";

test("deltas say by how much, and those in both come first", () => {
  const told = deltas({ acc: 0.9, loss: 0.5, mine: 1 }, { acc: 0.8, loss: 0.5, odd: "NaN" });
  expect(told.map((one) => [one.key, one.verdict])).toEqual([
    ["acc", "better"],
    ["loss", "same"],
    ["mine", null],
    ["odd", null],
  ]);
  expect(told[0]?.by).toBeCloseTo(0.1);
});
