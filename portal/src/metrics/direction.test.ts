import { expect, test } from "vitest";

import { hasDirection, isLessBetter } from "./direction";

test.each([
  ["loss", "val/loss", "val/loss1", "logloss", "valLoss", "lossG", "loss_fn"],
  ["err", "test_errors", "error_rate", "mean_absolute_error"],
  ["rmse", "train_rmse", "rmsle", "nmse", "mse_1", "mae", "smape"],
  ["perplexity", "ppl", "nll", "val/wer", "cer", "fid_50k", "ece", "brier_score", "regret"],
  ["latency_ms", "p99_latency", "latencies", "seconds", "walltime", "time_ms", "time/step", "cost"],
])("less of %s and its like is better", (...metrics) => {
  expect(metrics.filter((one) => !isLessBetter(one))).toEqual([]);
});

test("more of all else is", () => {
  const metrics = ["acc", "val/auc", "f1", "reward", "glossary", "timestep", "time_step", "power"];
  const others = ["timestamp", "answer", "piece", "confidence", "apply", "lossless", "blossom"];
  expect([...metrics, ...others].filter(isLessBetter)).toEqual([]);
});

test("of some neither is", () => {
  expect(["lr", "train/epoch", "opt.momentum", "Step"].filter(hasDirection)).toEqual([]);
  expect(["loss", "acc", "epochs_won"].filter(hasDirection)).toEqual(["loss", "acc", "epochs_won"]);
});
