/** Programs that use evaluation datasets by MLflow's client, to be copied. */

export interface Snippet {
  why: string;
  text: string;
}

const begin = (server: string) =>
  `import mlflow\n\nmlflow.set_tracking_uri(${JSON.stringify(server)})\n`;

const RECORD = `{
    "inputs": {"question": "How far is the moon?"},
    "expectations": {"expected_response": "384,400 km"},
}`;

/** Makes a first one. */
export function made(server: string): string {
  return (
    `${begin(server)}dataset = mlflow.genai.datasets.create_dataset(name="questions")\n` +
    `dataset.merge_records([${RECORD}])`
  );
}

export function snippets(dataset_id: string, server: string): readonly Snippet[] {
  const id = JSON.stringify(dataset_id);
  return [
    {
      why: "Its records as a table, with MLflow's client:",
      text:
        `${begin(server)}dataset = mlflow.genai.datasets.get_dataset(dataset_id=${id})\n` +
        "frame = dataset.to_df()",
    },
    {
      why: "A program evaluated by it; answer is yours, and is called with the inputs by name:",
      text:
        "@mlflow.genai.scorer\n" +
        "def is_as_expected(outputs, expectations):\n" +
        '    return outputs == expectations.get("expected_response")\n\n' +
        "mlflow.genai.evaluate(data=dataset, predict_fn=answer, scorers=[is_as_expected])",
    },
    {
      why: "More records; one of the same inputs is merged with what is there:",
      text: `dataset.merge_records([${RECORD}])`,
    },
  ];
}

/** Its records by SQL. */
export function sqlOf(dataset_id: string): string {
  return (
    "select record_id, inputs, outputs, expectations, changed_at from evaluation_records " +
    `where dataset_id = '${dataset_id.replaceAll("'", "''")}' order by made_at limit 100`
  );
}
