import { expect, test } from "vitest";

import { made, snippets, sqlOf } from "./snippets";

test("programs name the server and the dataset as Python writes texts", () => {
  const [read, evaluated, more] = snippets('d-"1', "http://here:5000");
  expect(read?.text).toBe(
    'import mlflow\n\nmlflow.set_tracking_uri("http://here:5000")\n' +
      'dataset = mlflow.genai.datasets.get_dataset(dataset_id="d-\\"1")\nframe = dataset.to_df()',
  );
  expect(evaluated?.text).toContain("mlflow.genai.evaluate(data=dataset");
  expect(more?.text).toContain("dataset.merge_records([{");
  expect(made("http://here:5000")).toContain('create_dataset(name="questions")');
});

test("SQL holds the id as a text", () => {
  expect(sqlOf("d-1")).toContain("where dataset_id = 'd-1'");
  expect(sqlOf("d'")).toContain("where dataset_id = 'd'''");
});
