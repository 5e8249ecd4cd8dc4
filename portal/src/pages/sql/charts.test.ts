import {
  columnFromArray,
  float64,
  tableFromColumns,
  timestamp,
  TimeUnit,
  utf8,
  type DataType,
} from "@uwdata/flechette";
import { expect, it } from "vitest";

import { binsOf, fitting, linesOf, mended, rowsOf } from "./charts";
import { columnsOf } from "./values";

const time = timestamp(TimeUnit.MILLISECOND, null);

function made(values: Record<string, readonly [readonly unknown[], DataType]>) {
  const table = tableFromColumns(
    Object.entries(values).map(([name, [cells, type]]) => [
      name,
      columnFromArray([...cells], type),
    ]),
  );
  return { table, columns: columnsOf(table) };
}

it("the columns say which chart fits", () => {
  const kind = (values: Parameters<typeof made>[0]) => {
    const { table, columns } = made(values);
    return fitting(columns, table)?.kind ?? null;
  };
  const text = [["a", "b", "c"], utf8()] as const;
  const up = [[1, 2, 3], float64()] as const;
  const any = [[3, 1, 2], float64()] as const;
  expect(kind({ at: [[1, 2, 3], time], n: any })).toBe("line");
  expect(kind({ at: [[1, 1, 1], time], name: text, n: any })).toBe("bar");
  expect(kind({ name: text, n: any })).toBe("bar");
  expect(kind({ n: any })).toBe("histogram");
  expect(kind({ x: any, y: up, name: text })).toBe("scatter");
  expect(kind({ x: up, y: any })).toBe("line");
  expect(kind({ name: text })).toBeNull();
});

it("another kind of chart keeps what it can of the columns", () => {
  const { columns } = made({ name: [["a"], utf8()], x: [[1], float64()], y: [[2], float64()] });
  const bar = { kind: "bar", x: "name", y: "y", by: "" } as const;
  expect(mended({ ...bar, kind: "scatter" }, columns)).toEqual({
    kind: "scatter",
    x: "x",
    y: "y",
    by: "",
  });
  expect(mended({ ...bar, x: "gone", y: "gone", by: "gone" }, columns)).toEqual({
    kind: "bar",
    x: "name",
    y: "x",
    by: "",
  });
  expect(mended(bar, made({ name: [["a"], utf8()] }).columns)).toBeNull();
});

it("lines are in the order of x, one for each value of the colour, with NaN as a gap", () => {
  const { table, columns } = made({
    x: [[2, 1, 1, null], float64()],
    y: [[20, 10, NaN, 5], float64()],
    who: [["a", "a", "b", "a"], utf8()],
  });
  const lines = linesOf(table, columns, { kind: "line", x: "x", y: "y", by: "who" });
  expect(lines.map((one) => one.label)).toEqual(["a", "b"]);
  expect([...lines[0]!.series.x]).toEqual([1, 2]);
  expect([...lines[0]!.series.last]).toEqual([10, 20]);
  expect([...lines[1]!.series.nan]).toEqual([1]);
});

it("points at one place are drawn as their mean, with the least and the greatest", () => {
  const { table, columns } = made({
    x: [[1, 1, 1, 2], float64()],
    y: [[3, 1, Infinity, 5], float64()],
  });
  const [line] = linesOf(table, columns, { kind: "line", x: "x", y: "y", by: "" });
  const { x, last, lo, hi, inf } = line!.series;
  expect([x, last, lo, hi, inf].map((one) => [...one])).toEqual([
    [1, 2],
    [2, 5],
    [1, 5],
    [3, 5],
    [1, 0],
  ]);
});

it("bars are of their rows, points of their colour", () => {
  const { table, columns } = made({ who: [["a", "a"], utf8()], n: [[1, 2], float64()] });
  const bars = rowsOf(table, columns, { kind: "bar", x: "who", y: "n", by: "" });
  expect(bars).toEqual([
    { run_id: "0", name: "a", who: "a", n: 1 },
    { run_id: "1", name: "a", who: "a", n: 2 },
  ]);
});

it("all values fall into some bin, and those that are none are counted apart", () => {
  const values = [0, 0, 5, 10, NaN, Infinity, null];
  const { table, columns } = made({ x: [values, float64()] });
  const bins = binsOf(table, columns[0]!, 2);
  expect(bins).toEqual({ edges: [0, 5, 10], counts: [2, 2], left: 3 });
  const same = made({ x: [[7, 7], float64()] });
  expect(binsOf(same.table, same.columns[0]!)).toEqual({ edges: [6.5, 7.5], counts: [2], left: 0 });
});
