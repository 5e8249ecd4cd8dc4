import { expect, test } from "vitest";

import { joined, quotedKey, written } from "./conditions";
import { found } from "./GateResults";

test("a key is quoted where it has to be", () => {
  expect(quotedKey("acc")).toBe("acc");
  expect(quotedKey("val/auc")).toBe("`val/auc`");
  expect(quotedKey("a`b")).toBe("`a``b`");
});

test("a part becomes a comparison, or nothing while it is incomplete", () => {
  const part = { what: "metrics", key: "val/auc", operator: ">=", value: "0.9" };
  expect(written(part)).toBe("metrics.`val/auc` >= 0.9");
  expect(written({ ...part, key: " " })).toBe("");
  expect(written({ ...part, value: "high" })).toBe("");
  expect(written({ what: "review", key: "", operator: "=", value: "approved" })).toBe(
    "review = 'approved'",
  );
  expect(written({ what: "tags", key: "a", operator: "=", value: "it's" })).toBe(
    "tags.a = 'it''s'",
  );
  expect(written({ what: "tags", key: "a", operator: "is not null", value: "" })).toBe(
    "tags.a is not null",
  );
});

test("what is added holds beside all that stands there already", () => {
  expect(joined("", "a = 1")).toBe("a = 1");
  expect(joined("x > 1", "a = 1")).toBe("x > 1 and a = 1");
  expect(joined("x > 1 or y > 1", "a = 1")).toBe("(x > 1 or y > 1) and a = 1");
});

test("what was found is read as a number where it is one", () => {
  expect(found("0.912345678")).toBe("0.91235");
  expect(found("approved")).toBe("approved");
  expect(found("")).toBe("");
});
