import { expect, test } from "vitest";

import { pieces, stripped } from "./ansi";

const looks = (text: string) => pieces(text).map((one) => [one.text, one.colour, one.isBold]);

test("colours become those of the theme", () => {
  expect(looks("\x1b[31mred\x1b[0m and \x1b[1;32mgreen\x1b[m")).toEqual([
    ["red", "bad", false],
    [" and ", null, false],
    ["green", "good", true],
  ]);
  expect(looks("\x1b[38;5;196mr\x1b[38;2;10;20;250mb\x1b[38;5;245mg\x1b[39mn")).toEqual([
    ["r", "bad", false],
    ["b", "accent", false],
    ["g", "muted", false],
    ["n", null, false],
  ]);
});

test("a background changes no colour, and what follows it still counts", () => {
  expect(looks("\x1b[48;5;196;1mx")).toEqual([["x", null, true]]);
});

test("other sequences are dropped", () => {
  expect(stripped("\x1b[2K\x1b]0;title\x07a\x1b[?25lb\x08\x00")).toBe("ab");
  expect(stripped("\x1b]8;;javascript:alert(1)\x1b\\link\x1b]8;;\x1b\\")).toBe("link");
});

test("of a line that was written over, the last text is shown", () => {
  expect(stripped("10%\r20%\r30%")).toBe("30%");
  expect(stripped("100%\r")).toBe("100%");
  expect(stripped("a\tb")).toBe("a\tb");
});
