import { describe, expect, it } from "vitest";

import { choicesOf, isNarrowed, rangeOf, textOf, valuesOf, wantOf } from "./state";

describe("the address of the list of traces", () => {
  it("holds values as they are, and several as a list", () => {
    for (const values of [["a"], ["a", "b"], [""], ["[odd"], ['["a"]', "ä,b"], []])
      expect(valuesOf(textOf(values))).toEqual(values);
    expect(textOf(["plain"])).toBe("plain");
    expect(valuesOf("[broken")).toEqual(["[broken"]);
  });

  it("says what the server is asked", () => {
    const search = { q: "status = 'OK'", user: "ada", model: '["a","b"]', from: "1000", to: "x" };
    expect(wantOf(search, 5)).toEqual({
      filter: "status = 'OK'",
      chosen: { model: ["a", "b"], user: ["ada"] },
      from_us: 1_000_000,
    });
    expect(wantOf({}, 5)).toEqual({});
    expect(choicesOf({ other: "x" })).toEqual({});
  });

  it("reckons the last hour from now", () => {
    expect(rangeOf({ last: "1h", from: "5" }, 3_600_007)).toEqual([7, undefined]);
    expect(rangeOf({ last: "nonsense" }, 10)).toEqual([undefined, undefined]);
  });

  it("knows whether something narrows the list", () => {
    expect(isNarrowed({ sort: "-cost", view: "sessions" })).toBe(false);
    expect(isNarrowed({ tag: "a=b" })).toBe(true);
  });
});
