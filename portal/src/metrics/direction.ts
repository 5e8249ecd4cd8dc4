/** Whether more or less of a metric is better: by its name, where nobody says it. */

/** The server has the same in services/comparison/directions.py; a test compares them. */
const LESS_IS_BETTER =
  /loss(?!ary|om|y|less)|err(or)?s?(?![a-z])|rmse|msl?e(?![a-z])|mae(?![a-z])|mape|perplexity|ppl(?![a-z])|nll|(?<![a-z])(wer|cer|fid|ece)(?![a-z])|brier|regret|latenc(y|ies)|duration|seconds|time(?![a-z]|_st(ep|amp))|cost|divergence/i;

export function isLessBetter(metric: string): boolean {
  return LESS_IS_BETTER.test(metric);
}
