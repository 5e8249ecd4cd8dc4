/** Whether more or less of a metric is better: by its name, where nobody says it. */

/** The server has the same two in services/comparison/directions.py; a test compares them. */
const LESS_IS_BETTER =
  /loss(?!ary|om|y|less)|err(or)?s?(?![a-z])|rmse|msl?e(?![a-z])|mae(?![a-z])|mape|perplexity|ppl(?![a-z])|nll|(?<![a-z])(wer|cer|fid|ece)(?![a-z])|brier|regret|latenc(y|ies)|duration|seconds|time(?![a-z]|_st(ep|amp))|cost|divergence/i;

const NEITHER_IS_BETTER =
  /(^|[/._])(lr|learning_rate|epoch|step|iteration|momentum|weight_decay|batch_size)$/i;

export function isLessBetter(metric: string): boolean {
  return LESS_IS_BETTER.test(metric);
}

/** Whether more or less of it is better at all. */
export function hasDirection(metric: string): boolean {
  return !NEITHER_IS_BETTER.test(metric);
}
