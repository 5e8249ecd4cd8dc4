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

test("what has no better end is not judged", () => {
  const told = deltas(
    { lr: 0.1, "train/epoch": 3, step: 7 },
    { lr: 0.2, "train/epoch": 2, step: 7 },
  );
  expect(told.map((one) => [one.key, one.verdict])).toEqual([
    ["lr", null],
    ["step", "same"],
    ["train/epoch", null],
  ]);
  expect(told[0]?.by).toBeCloseTo(-0.1);
});
