"""Logging by the product's services, each call durable, beside MLflow's client doing the same."""

from __future__ import annotations

from benchmarks.harness import Bench, Theme
from benchmarks.mlflow_beside import ask_mlflow, beside
from benchmarks.points import curve, new_ids
from mere.entities.metric import Points
from mere.services.runs.metrics import Metrics

__all__ = ["THEME"]

_BATCH = 1_000


def _run(bench: Bench) -> None:
    bench.say("log_metric and log_batch, by MLflow")
    answer = ask_mlflow(bench, "log", singles=bench.choose(30, 200, 500), batch=_BATCH)
    bench.say("the same by mere")
    with bench.lake("folder") as lake:
        metrics = Metrics(lake)
        run = new_ids(1)[0]
        single = bench.repeat(
            lambda: metrics.log(run, _points(1)), times=bench.choose(100, 500, 2000)
        )
        batch = bench.repeat(
            lambda: metrics.log(run, _points(_BATCH)), times=bench.choose(10, 50, 100)
        )
    bench.emit(
        "tracking.log_metric",
        1 / single.median,
        "points/s",
        beside=beside(answer, "log_metric", "singles_per_s", "points/s", of=1 / single.median),
        **single.spread,
    )
    bench.emit(
        "tracking.log_batch",
        _BATCH / batch.median,
        "points/s",
        batch=_BATCH,
        beside=beside(answer, "log_batch", "batch_per_s", "points/s", of=_BATCH / batch.median),
        **batch.spread,
    )


def _points(number: int) -> Points:
    points = Points()
    for step, value in enumerate(curve(number)):
        points.add(f"metric_{step % 10}", step // 10, 1_750_000_000_000_000 + step, value)
    return points


THEME = Theme(("tracking.log_metric", "tracking.log_batch"), _run)
