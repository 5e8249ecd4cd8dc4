import { expect, it } from "vitest";

import { ApiError } from "../../api/client";
import { problemOf } from "../../api/sql";
import { withAsked } from "./history";
import { asCurl, asDuckDb, asPython, stateWords } from "./tools";

it("Python has the query as it is, quotes and backslashes too", () => {
  expect(asPython({ sql: "select 1", asOf: "" })).toContain('mere.sql("""select 1""")');
  const text = asPython({ sql: 'select "a\\b"\nfrom """x"""', asOf: "12" });
  expect(text).toContain('select "a\\\\b"\nfrom \\"\\"\\"x\\"\\"\\"');
  expect(text).toContain("as_of=12");
  expect(asPython({ sql: "x", asOf: "2026-01-01T00:00:00Z" })).toContain(
    'datetime.fromisoformat("2026-01-01T00:00:00+00:00")',
  );
  expect(asPython({ sql: "x", asOf: 'tag "a"' })).toContain('as_of="tag \\"a\\""');
});

it("DuckDB and curl get states and quotes", () => {
  expect(asDuckDb({ sql: "select 1;", asOf: "it's" }, "http://h")).toContain("'mere@it''s'");
  expect(asCurl({ sql: "select 'a'", asOf: "" }, "http://h")).toContain("select '\\''a'\\''");
});

it("states are said in words", () => {
  expect(stateWords("")).toBe("now");
  expect(stateWords("7")).toBe("root 7");
  expect(stateWords("baseline")).toBe("tag baseline");
});

it("what is asked again moves to the front, and the list has an end", () => {
  const one = (sql: string, at: number) => ({ sql, asOf: "", at, rows: 1 });
  const list = withAsked([one("a", 1), one("b", 2)], one("b", 3));
  expect(list.map((each) => each.sql)).toEqual(["b", "a"]);
  const many = Array.from({ length: 150 }, (_, i) => one(`q${i}`, i));
  expect(withAsked(many, one("new", 999))).toHaveLength(100);
});

it("a place counted in code points is found in JavaScript's text", () => {
  const sql = "select '🦆', lss";
  const error = new ApiError(400, "invalid_query", "no", { start: 12, end: 15 });
  const problem = problemOf(error, sql)!;
  expect(sql.slice(problem.start, problem.end)).toBe("lss");
  expect(problemOf(new Error("x"), sql)).toBeNull();
});
