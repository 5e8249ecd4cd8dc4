import {
  columnFromArray,
  decimal,
  float64,
  int64,
  list,
  struct,
  tableFromColumns,
  timestamp,
  TimeUnit,
  utf8,
  type DataType,
} from "@uwdata/flechette";
import { describe, expect, it } from "vitest";

import { columnsOf, numberOf, sorted, textOf, typeName } from "./values";

const EXACT = { useBigInt: true, useDecimalInt: true };

function tableOf(values: Record<string, readonly [readonly unknown[], DataType]>) {
  return tableFromColumns(
    Object.entries(values).map(([name, [cells, type]]) => [
      name,
      columnFromArray([...cells], type, EXACT),
    ]),
  );
}

describe("the text of values", () => {
  it("is exact for decimals", () => {
    expect(textOf(150n, decimal(4, 2, 128))).toBe("1.50");
    expect(textOf(-5n, decimal(4, 2, 128))).toBe("-0.05");
    expect(textOf(123456789012345678901n, decimal(38, 2, 128))).toBe("1234567890123456789.01");
    expect(textOf(7n, decimal(38, 0, 128))).toBe("7");
  });

  it("tells times with as many digits as they have", () => {
    const plain = timestamp(TimeUnit.MICROSECOND, null);
    expect(textOf(1577836800123.456, plain)).toBe("2020-01-01 00:00:00.123456");
    expect(textOf(1577836800000, timestamp(TimeUnit.MICROSECOND, "UTC"))).toBe(
      "2020-01-01 00:00:00Z",
    );
    expect(textOf(-1, plain)).toBe("1969-12-31 23:59:59.999");
    expect(textOf(1e300, plain)).toBe("infinity");
  });

  it("sets out what is nested, and stops where it is told to", () => {
    const type = list(struct({ a: int64(), b: utf8() }));
    const value = [{ a: 1n, b: 'x"y' }, null, { a: 2n, b: null }];
    expect(textOf(value, type)).toBe('[{"a": 1, "b": "x\\"y"}, null, {"a": 2, "b": null}]');
    const long = new Float64Array(1e6).fill(1);
    expect(textOf(long, list(float64()), 12)).toBe("[1, 1, 1, 1,");
    expect(textOf("x".repeat(1e6), utf8(), 5)).toBe("xxxxx");
  });

  it("knows bytes and intervals", () => {
    const { type } = tableOf({ b: [[new Uint8Array([255, 0])], { typeId: 4 } as DataType] }).schema
      .fields[0]!;
    expect(textOf(new Uint8Array([255, 0]), type)).toBe("0xff00");
  });
});

it("types have the names that SQL has", () => {
  expect(typeName(int64())).toBe("int64");
  expect(typeName(decimal(4, 2, 128))).toBe("decimal(4,2)");
  expect(typeName(list(struct({ a: float64() })))).toBe("list<struct<a: double>>");
  expect(typeName(timestamp(TimeUnit.MICROSECOND, "UTC"))).toBe("timestamp UTC");
});

it("numbers are numbers, whatever they come as", () => {
  expect(numberOf(150n, decimal(4, 2, 128))).toBe(1.5);
  expect(numberOf(9n, int64())).toBe(9);
  expect(numberOf(1500, timestamp(TimeUnit.MICROSECOND, null))).toBe(1.5);
  expect(numberOf("7", utf8())).toBeNull();
  expect(numberOf(null, int64())).toBeNull();
});

it("rows are sorted with null last and NaN before it, both ways, and stay in order else", () => {
  const table = tableOf({ x: [[2, null, NaN, -1, 2], float64()] });
  const [column] = columnsOf(table);
  expect([...sorted(table, column!, false)]).toEqual([3, 0, 4, 2, 1]);
  expect([...sorted(table, column!, true)]).toEqual([0, 4, 3, 2, 1]);
});
