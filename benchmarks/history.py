"""The history of one run among very many points."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks.harness import Bench, Theme, folder_bytes
from benchmarks.mlflow_beside import ask_mlflow, beside
from benchmarks.points import curve, new_ids, points_of
from mere.lake import Lake
from mere.services.runs.metrics import Metrics
from mere.services.tables import TABLES

__all__ = ["THEME"]

_KEYS = 10
_POINTS_A_RUN = 100_000
_RUNS_A_FOLD = 40
_SIZES = {"1m": 1_000_000, "10m": 10_000_000, "100m": 100_000_000}


def _run(bench: Bench) -> None:
    for label in bench.choose(("1m",), ("10m",), tuple(_SIZES)[1:]):
        if bench.wants(f"history.run.{label}") or bench.wants(f"history.key.{label}"):
            _among(bench, label)
    for points in bench.choose((100_000,), (100_000, 1_000_000), (100_000, 1_000_000)):
        if bench.wants(f"history.all.{points}"):
            _all(bench, points)


def _build(folder: Path, points: int, say: Callable[[str], None]) -> tuple[str, list[str]]:
    steps = _POINTS_A_RUN // _KEYS
    columns = {
        "key": [f"metric_{i % _KEYS}" for i in range(_POINTS_A_RUN)],
        "step": [i // _KEYS for i in range(_POINTS_A_RUN)],
        "timestamp": [1_750_000_000_000_000 + i // _KEYS * 250_000 for i in range(_POINTS_A_RUN)],
        "value": [round(value, 3) for value in curve(steps) for _ in range(_KEYS)],
    }
    ids = new_ids(points // _POINTS_A_RUN)
    with Lake.open(str(folder), tables=TABLES) as lake:
        for index, run in enumerate(ids, start=1):
            lake.append("metrics", {"run_id": [run] * _POINTS_A_RUN, **columns})
            if index % _RUNS_A_FOLD == 0:
                lake.fold()
                say(f"{index * _POINTS_A_RUN} of {points} points")
        lake.fold()
    return str(folder), ids


def _among(bench: Bench, label: str) -> None:
    points = _SIZES[label]
    url, ids = bench.fixture(f"{label} points", lambda path: _build(path, points, bench.say))
    bench.say(f"history of one run among {label} points")
    # In turn from all over the table, as nobody asks for the same run each time.
    chosen = [ids[len(ids) * i // 7] for i in range(7)]
    size = folder_bytes(Path(url), "tables/metrics/data/*.parquet")
    with Lake.open(url) as lake:
        metrics = Metrics(lake)
        for name, rows, ask in (
            ("run", _POINTS_A_RUN, lambda run: lake.scan("metrics", {"run_id": run})),
            ("key", _POINTS_A_RUN // _KEYS, lambda run: metrics.history(run, "metric_3")),
        ):
            assert ask(chosen[0]).num_rows == rows
            taken = bench.repeat(partial(_ask_next, ask, cycle(chosen)), times=15)
            bench.emit(
                f"history.{name}.{label}",
                taken.ms,
                "ms",
                points=points,
                rows=rows,
                bytes_per_point_of_cheap_values=round(size / points, 2),
                **taken.spread,
            )


def _ask_next(ask: Callable[[str], Any], runs: Iterator[str]) -> None:
    ask(next(runs))


def _all(bench: Bench, points: int) -> None:
    """Every point of one metric, which is all the table holds, beside MLflow with as many."""
    bench.say(f"a history of {points} points")
    with bench.lake("folder") as lake:
        run = new_ids(1)[0]
        lake.append("metrics", points_of(run, points, keys=1))
        lake.fold()
        metrics = Metrics(lake)
        taken = bench.repeat(lambda: metrics.history(run, "metric_0"), times=9)
        assert metrics.history(run, "metric_0").num_rows == points
        folder = Path(lake.store.url.removeprefix("file://"))
        size = folder_bytes(folder, "tables/metrics/data/*.parquet") / points
    bench.say(f"the same {points} points by MLflow")
    answer = ask_mlflow(bench, "history", points=points)
    bench.emit(
        f"history.all.{points}",
        taken.ms,
        "ms",
        points=points,
        beside=beside(answer, "get_metric_history", "history_ms", "ms", per=taken.ms),
        **taken.spread,
    )
    bench.emit(
        f"history.bytes_per_point.{points}",
        size,
        "bytes",
        points=points,
        beside=beside(answer, "its SQLite file", "bytes_per_point", "bytes", per=size),
    )


THEME = Theme(
    (
        *(f"history.{name}.{label}" for label in _SIZES for name in ("run", "key")),
        *(f"history.all.{points}" for points in (100_000, 1_000_000)),
    ),
    _run,
)
