"""Folding a million points, and what a point takes at rest."""

from __future__ import annotations

import gc
import io
import os
import time
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.harness import Bench, Theme, folder_bytes
from benchmarks.points import build_runs, curve, new_ids, rows_of
from mere.lake import Lake
from mere.services.tables import TABLES

__all__ = ["THEME", "fill"]

_BATCH = 100_000
_KEYS = 10


def fill(lake: Lake, points: int) -> None:
    """Append points of a hundred runs that train at the same time."""
    ids = new_ids(100)
    for start in range(0, points, _BATCH):
        numbers = range(start, min(points, start + _BATCH))
        steps = [number // (_KEYS * len(ids)) for number in numbers]
        lake.append(
            "metrics",
            {
                "run_id": [ids[number // _KEYS % len(ids)] for number in numbers],
                "key": [f"metric_{number % _KEYS}" for number in numbers],
                "step": steps,
                "timestamp": [1_750_000_000_000_000 + step * 250_000 for step in steps],
                "value": curve(len(numbers), start),
            },
        )


def _run(bench: Bench) -> None:
    if bench.wants("fold.points") or bench.wants("fold.bytes_per_point"):
        _points(bench)
    if bench.wants("fold.runs"):
        _runs(bench)


def _points(bench: Bench) -> None:
    points = bench.choose(200_000, 1_000_000, 1_000_000)
    bench.say(f"fold of {points} points")
    folds: list[float] = []
    writes: list[float] = []
    for _ in range(bench.choose(3, 5, 7)):
        with bench.lake("folder") as lake:
            folder = Path(lake.store.url.removeprefix("file://"))
            # The first fold of a process loads libraries.
            lake.append("metrics", [{"run_id": "0", "key": "k", "step": 0, "value": 0.0}])
            lake.fold()
            fill(lake, points)
            gc.collect()
            began = time.perf_counter()
            report = lake.fold()
            folds.append(time.perf_counter() - began)
            assert report.records == points
            table = lake.sql("SELECT * FROM metrics")
            size = folder_bytes(folder, "tables/metrics/data/*.parquet")
        plain, writing = _write_with_pyarrow(table, folder / "plain.parquet")
        writes.append(writing)
    bench.emit(
        "fold.points",
        median(folds) * 1000,
        "ms",
        points=points,
        best_ms=round(min(folds) * 1000, 1),
        worst_ms=round(max(folds) * 1000, 1),
        repeats=len(folds),
        beside={
            "what": "pyarrow sorting the same Arrow table and writing one Parquet file, fsynced",
            "value": round(median(writes) * 1000, 1),
            "unit": "ms",
            "times_as_long": round(median(folds) / median(writes), 2),
        },
    )
    bench.emit(
        "fold.bytes_per_point",
        size / points,
        "bytes",
        points=points,
        beside={"what": "pyarrow's defaults with zstd", "value": round(plain / points, 2)},
    )


def _write_with_pyarrow(table: pa.Table, path: Path) -> tuple[int, float]:
    began = time.perf_counter()
    ordered = table.sort_by([("run_id", "ascending"), ("key", "ascending"), ("step", "ascending")])
    buffer = io.BytesIO()
    pq.write_table(ordered, buffer, compression="zstd")
    with path.open("wb") as file:
        file.write(buffer.getbuffer())
        file.flush()
        os.fsync(file.fileno())
    return len(buffer.getvalue()), time.perf_counter() - began


def _runs(bench: Bench) -> None:
    """Folding new runs, and then a touch of one run in many."""
    runs = bench.choose(1_000, 10_000, 40_000)
    bench.say(f"fold of {runs} runs")
    rows = list(rows_of(runs))
    with bench.lake("folder") as lake:
        began = time.perf_counter()
        lake.patch("runs", rows)
        patched = time.perf_counter()
        lake.fold()
        folded = time.perf_counter()
    bench.emit(
        "fold.runs",
        (folded - patched) / runs * 1e6,
        "us/run",
        runs=runs,
        patch_us_per_run=round((patched - began) / runs * 1e6, 1),
    )
    many = bench.choose(1_000, 100_000, 100_000)
    folder = bench.fixture(f"{many} runs", lambda path: build_runs(path, many))
    taken = []
    with Lake.open(str(folder), tables=TABLES) as lake:
        ids = lake.sql("SELECT run_id FROM runs USING SAMPLE 9").column(0).to_pylist()
        for run in ids:
            lake.patch("runs", [{"run_id": run, "tags": {"touched": "yes"}}])
            began = time.perf_counter()
            lake.fold()
            taken.append(time.perf_counter() - began)
    bench.emit(
        "fold.one_run_among_many",
        median(taken) * 1000,
        "ms",
        runs=many,
        repeats=len(taken),
    )


THEME = Theme(("fold.points", "fold.bytes_per_point", "fold.runs", "fold.one_run_among_many"), _run)
