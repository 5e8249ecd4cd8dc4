"""Opening a warehouse of many runs: the first query of a fresh process, and warm ones."""

from __future__ import annotations

from statistics import median
from typing import Any

from benchmarks.harness import Bench, Theme
from benchmarks.mlflow_beside import ask_mlflow, beside
from benchmarks.points import QUERY, build_runs
from mere.clock import SystemClock
from mere.lake import Lake
from mere.services.runs.runs import RunQuery, Runs
from mere.services.tables import TABLES

__all__ = ["THEME"]

_SIZES = {"1k": 1_000, "10k": 10_000, "100k": 100_000, "1m": 1_000_000}
_COLD_REPEATS = 5
_MEASURED = ("cold", "warm", "filter", "get")
FILTER: RunQuery = {
    "filter": "params.lr = '0.01' and metrics.m1 > 0.5 and tags.t0 != 'v7'",
    "order": "metrics.m0 DESC",
    "columns": ["run_id", "name"],
}
"""The same question as `QUERY`, as people ask it."""


def _run(bench: Bench) -> None:
    ours = bench.choose(("1k", "10k"), ("1k", "10k", "100k"), tuple(_SIZES))
    theirs = bench.choose(("1k",), ("1k", "10k", "100k"), ("1k", "10k", "100k"))
    for label in ours:
        if any(bench.wants(f"search.{what}.{label}") for what in _MEASURED):
            _search(bench, label, has_mlflow=label in theirs)


def _search(bench: Bench, label: str, *, has_mlflow: bool) -> None:
    runs = _SIZES[label]
    folder = bench.fixture(f"{runs} runs", lambda path: build_runs(path, runs))
    if bench.wants(f"search.cold.{label}"):
        bench.say(f"first query of a fresh process, {label} runs")
        bench.child("cold", folder)  # Python's bytecode and the disk's cache
        colds = [bench.child("cold", folder) for _ in range(_COLD_REPEATS)]
        bench.emit(
            f"search.cold.{label}",
            median(cold["total_ms"] for cold in colds),
            "ms",
            runs=runs,
            repeats=len(colds),
            **{
                part: median(cold[part] for cold in colds)
                for part in ("import_ms", "libraries_ms", "query_ms")
            },
        )
    with Lake.open(str(folder), tables=TABLES) as lake:
        if bench.wants(f"search.warm.{label}"):
            bench.say(f"warm query, {label} runs")
            warm = bench.repeat(lambda: lake.sql(QUERY), times=31)
            theirs: dict[str, Any] | None = None
            if has_mlflow:
                bench.say(f"the same by MLflow, {label} runs")
                answer = ask_mlflow(bench, "search", runs=runs)
                theirs = beside(answer, "search_runs", "search_ms", "ms", per=warm.ms)
            bench.emit(
                f"search.warm.{label}", warm.ms, "ms", runs=runs, beside=theirs, **warm.spread
            )
        if bench.wants(f"search.filter.{label}"):
            bench.say(f"the same in the filter language, {label} runs")
            runs_of = Runs(lake, SystemClock())
            asked = bench.repeat(lambda: runs_of.search(**FILTER, limit=100), times=31)
            bench.emit(f"search.filter.{label}", asked.ms, "ms", runs=runs, **asked.spread)
        if bench.wants(f"search.get.{label}"):
            run = lake.sql(QUERY).column("run_id")[0].as_py()
            got = bench.repeat(lambda: lake.get("runs", run), times=31)
            bench.emit(f"search.get.{label}", got.ms, "ms", runs=runs, **got.spread)


THEME = Theme(tuple(f"search.{what}.{label}" for label in _SIZES for what in _MEASURED), _run)
