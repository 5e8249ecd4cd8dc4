import { expect, test } from "vitest";

import { shell, snippets } from "./loading";

test("what can be loaded is loaded by number and by alias", () => {
  const told = snippets(
    { name: 'a "b"', version: 3, aliases: ["champion"], flavors: { sklearn: "{}" }, files: 2 },
    "http://here",
  );
  expect(told.map((one) => one.text)).toEqual([
    'import mlflow\n\nmlflow.set_tracking_uri("http://here")\nmodel = mlflow.pyfunc.load_model("models:/a \\"b\\"/3")',
    'model = mlflow.pyfunc.load_model("models:/a \\"b\\"@champion")',
    'folder = mlflow.artifacts.download_artifacts("models:/a \\"b\\"/3")',
    "mere models get 'a \"b\"/3' --to model",
  ]);
});

test("what has no flavor is files only", () => {
  const told = snippets(
    { name: "w", version: 1, aliases: [], flavors: {}, files: null },
    "http://here",
  );
  expect(told).toHaveLength(1);
  expect(told[0]?.text).toContain("download_artifacts");
});

test("a word is quoted for a shell where it has to be", () => {
  expect(shell("digits/3")).toBe("digits/3");
  expect(shell("it's $(rm)")).toBe("'it'\\''s $(rm)'");
});
