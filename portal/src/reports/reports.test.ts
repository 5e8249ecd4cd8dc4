import { expect, test } from "vitest";

import { blocksOf, inserted, replaced } from "./blocks";
import { readPanel, windowOf, writePanel, type ReportPanel } from "./panel";

const LINES: ReportPanel = { kind: "lines", experiment: "7", keys: ["loss"] };

test("a text is parted into Markdown and panels, in their order", () => {
  const body = `# One\n\n${writePanel(LINES)}\n\ntwo\n\`\`\`panel\n{nonsense\n\`\`\`\n`;
  const blocks = blocksOf(body);
  expect(blocks.map((one) => one.kind)).toEqual(["text", "panel", "text", "panel"]);
  expect(blocks[1]).toMatchObject({ read: { panel: LINES } });
  expect(blocks[3]).toMatchObject({ read: { error: expect.stringContaining("no JSON") } });
  expect(
    blocks
      .map((one) => body.slice(one.from, one.to))
      .join("")
      .trim(),
  ).toBe(body.replace(/\n\n(?=```)/, "\n\n").trim());
});

test("fences are those of Markdown, as the server reads them", () => {
  const body =
    "````panel\n```panel\n{}\n```\n````\n" +
    '~~~panel\n{"a": 1}\n~~~\n' +
    '    ```panel\n    {"b": 1}\n    ```\n' +
    '```panel extra\n{"c": 1}\n```\n' +
    "```js\n```panel\n```\n" +
    '```panel\n{"d": 1}';
  const texts = blocksOf(body).flatMap((one) => (one.kind === "panel" ? [one.text] : []));
  expect(texts).toEqual(["```panel\n{}\n```", '{"a": 1}', '{"c": 1}', '{"d": 1}']);
  expect(blocksOf("")).toEqual([]);
  expect(blocksOf("a\r\n```panel\r\n{}\r\n```\r\nb")).toHaveLength(3);
});

test("a block is replaced where it lies, and put in between", () => {
  const body = "a\n\n```panel\n{}\n```\n\nb\n";
  const panel = blocksOf(body)[1]!;
  expect(replaced(body, panel, "NEW")).toBe("a\n\nNEW\n\nb\n");
  expect(inserted("a\nb", 2, "P")).toBe("a\n\nP\n\nb");
  expect(inserted("", 0, "P")).toBe("P\n");
});

test("what is written is read again, and no more than that", () => {
  const panels: ReportPanel[] = [
    LINES,
    { ...LINES, pin: "x", title: "T", limit: 5, settings: { smoothing: "ema" } },
    { kind: "runs", experiment: "7", columns: ["name", "params.`a b`"], filter: "a = '```'" },
    { kind: "scatter", experiment: "7", x: "params.a", y: "metrics.b" },
    { kind: "image", run: "a", path: "b.png" },
    { kind: "sql", query: "select 1" },
  ];
  for (const panel of panels) {
    const [block] = blocksOf(writePanel(panel));
    expect(block).toMatchObject({ kind: "panel", read: { panel } });
  }
});

test.each([
  "",
  "[]",
  "null",
  "{}",
  '{"kind": "lines"}',
  '{"kind": "lines", "experiment": "1"}',
  '{"kind": "lines", "experiment": "1", "keys": [1]}',
  '{"kind": "lines", "experiment": 1, "keys": ["a"]}',
  '{"kind": "image", "run": {}}',
  '{"kind": "sql"}',
  '{"kind": "__proto__", "experiment": "1"}',
  '{"kind": "constructor", "experiment": "1"}',
  "[".repeat(1000),
])("nonsense says what is wrong: %s", (text) => {
  expect(readPanel(text)).toHaveProperty("error");
});

test("runs are asked for by ids or by a filter", () => {
  expect(windowOf({ experiment: "7", runs: ["a", "b'"] }, ["name", "params.x"])).toEqual({
    experiments: ["7"],
    filter: "run_id in ('a', 'b''')",
    order: [],
    columns: ["name", "params.x"],
    limit: 1000,
  });
  expect(windowOf({ experiment: "7", filter: "a = 1" }, []).limit).toBe(100);
});
