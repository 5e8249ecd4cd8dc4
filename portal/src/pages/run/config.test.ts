import { expect, test } from "vitest";

import { nested } from "./config";

const plain = (params: Record<string, string>): unknown =>
  JSON.parse(JSON.stringify(nested(params)));

test("keys are parted at slashes", () => {
  expect(plain({ "a/b": "1", "a/c/d": "2", lr: "3" })).toEqual({
    a: { b: "1", c: { d: "2" } },
    lr: "3",
  });
});

test("nothing is lost where a key is a value and a branch", () => {
  expect(plain({ a: "1", "a/b": "2" })).toEqual({ a: { "": "1", b: "2" } });
});

test("hostile keys are keys", () => {
  expect(JSON.stringify(nested({ "__proto__/x": "1", constructor: "2" }))).toBe(
    '{"__proto__":{"x":"1"},"constructor":"2"}',
  );
  expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
});
