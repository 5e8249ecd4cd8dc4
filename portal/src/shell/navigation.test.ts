import { describe, expect, it } from "vitest";

import { fitting } from "./Navigation";

describe("fitting", () => {
  it("shows all where there is room for all, without the menu", () => {
    expect(fitting([50, 50, 50], 40, 154)).toBe(3);
  });
  it("leaves room for the menu where there is not", () => {
    expect(fitting([50, 50, 50], 40, 153)).toBe(2);
    expect(fitting([50, 50, 50], 40, 100)).toBe(1);
    expect(fitting([50, 50, 50], 40, 20)).toBe(0);
    expect(fitting([], 40, 20)).toBe(0);
  });
});
