import { expect, test } from "vitest";

import {
  changeColumn,
  column,
  labelOf,
  moveColumn,
  read,
  readColumns,
  splitTexts,
  stepColumn,
  textOf,
  writeColumns,
} from "./columns";

test("a key is written as the language wants it, and read back", () => {
  for (const key of ["acc", "val/acc", "gpu 0/util", "a`b", "a;b=c", "x)"])
    for (const take of ["last", "min", "mean"] as const) {
      const text = textOf("metrics", key, take);
      expect(read(text)).toEqual({ family: "metrics", key, take, kind: "number" });
      expect(labelOf(text)).toBe(key);
    }
  expect(textOf("metrics", "val/acc", "max")).toBe("max(metrics.val/acc)");
  expect(textOf("params", "weight decay")).toBe("params.`weight decay`");
  expect(read("number(params.lr)").kind).toBe("number");
  expect(read("started_at").kind).toBe("time");
});

test("columns go into an address and come back", () => {
  const columns = [
    column("name", true, 300),
    column("metrics.`a;b=3`"),
    column("max(metrics.val/acc)", false, 90),
  ];
  expect(writeColumns(columns)).toBe("!name=300;metrics.`a;b=3`;max(metrics.val/acc)=90");
  expect(readColumns(writeColumns(columns))).toEqual(columns);
  expect(readColumns("")).toBeNull();
  expect(readColumns("run_id;name;name")?.map((one) => one.text)).toEqual(["name"]);
});

test("only semicolons outside of backquotes part texts", () => {
  expect(splitTexts("a; `b;c` ;;d")).toEqual(["a", "`b;c`", "d"]);
});

test("a column is moved before another one, and pinned where that is", () => {
  const columns = [column("name", true), column("status"), column("kind"), column("host")];
  const texts = (list: ReturnType<typeof moveColumn>) =>
    list.map((one) => `${one.isPinned ? "!" : ""}${one.text}`);
  expect(texts(moveColumn(columns, "host", "status"))).toEqual(["!name", "host", "status", "kind"]);
  expect(texts(moveColumn(columns, "host", "name"))).toEqual(["!host", "!name", "status", "kind"]);
  expect(texts(moveColumn(columns, "name", null))).toEqual(["status", "kind", "host", "name"]);
  expect(texts(stepColumn(columns, "status", -1))).toEqual(["!name", "status", "kind", "host"]);
  expect(texts(stepColumn(columns, "status", 1))).toEqual(["!name", "kind", "status", "host"]);
  expect(texts(changeColumn(columns, "kind", { isPinned: true }))).toEqual([
    "!name",
    "!kind",
    "status",
    "host",
  ]);
});
