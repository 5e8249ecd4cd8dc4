"""Durable writes by one writer: points a second, and the latency of one record."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

from benchmarks.harness import Bench, Theme, Timing, time_once
from benchmarks.points import new_ids, points_of
from mere.lake import Lake

__all__ = ["THEME"]

_BATCHES = (1, 1_000, 100_000)
_STORES = ("folder", "s3")


def _run(bench: Bench) -> None:
    for where in _STORES:
        if bench.wants(f"ingest.latency.{where}"):
            _latency(bench, where)
        for size in _BATCHES:
            if bench.wants(f"ingest.points_per_s.{where}.{size}"):
                _throughput(bench, where, size)


def _throughput(bench: Bench, where: str, size: int) -> None:
    bench.say(f"durable points/s, {where}, batches of {size}")
    columns = points_of(new_ids(1)[0], size)
    seconds_max = bench.choose(0.7, 3, 6)
    with bench.lake(where) as lake:
        taken = _until(lambda: lake.append("metrics", columns), seconds_max, at_least=3)
        tail_bytes = sum(info.size for info in lake.store.list("journal/"))
    bench.emit(
        f"ingest.points_per_s.{where}.{size}",
        size / taken.median,
        "points/s",
        batch=size,
        store=_kind(bench, where),
        journal_bytes_per_point=round(tail_bytes / ((len(taken.seconds) + 1) * size), 2),
        **taken.spread,
    )


def _latency(bench: Bench, where: str) -> None:
    """One durable record, and in turn with it the bare put of as many bytes."""
    bench.say(f"latency of one durable record, {where}")
    record = [{"run_id": new_ids(1)[0], "key": "loss", "step": 1, "timestamp": 0, "value": 0.5}]
    with bench.lake(where) as lake:
        lake.append("metrics", record)
        data = _newest_segment(lake)
        numbers = count()
        ours: list[float] = []
        raw: list[float] = []
        for _ in range(bench.choose(100, 400, 1000)):
            ours.append(time_once(lambda: lake.append("metrics", record)))
            raw.append(time_once(lambda: lake.store.put(f"raw/{next(numbers)}", data)))
    mine, bare = Timing(tuple(ours)), Timing(tuple(raw))
    bench.emit(
        f"ingest.latency.{where}",
        mine.ms,
        "ms",
        store=_kind(bench, where),
        beside={
            "what": "put of the same bytes on the same store",
            "value": round(bare.ms, 4),
            "unit": "ms",
            "overhead_ms": round(mine.ms - bare.ms, 4),
        },
        **mine.spread,
    )


def _until(work: Any, seconds_max: float, *, at_least: int) -> Timing:
    """Repeat some work for a while, after one round to warm up."""
    work()
    taken: list[float] = []
    began = time.perf_counter()
    while len(taken) < at_least or time.perf_counter() - began < seconds_max:
        taken.append(time_once(work))
    return Timing(tuple(taken))


def _newest_segment(lake: Lake) -> bytes:
    return lake.store.get(lake.store.list("journal/")[-1].key)


def _kind(bench: Bench, where: str) -> str:
    return "local folder" if where == "folder" else bench.s3().kind


THEME = Theme(
    (
        *(f"ingest.latency.{where}" for where in _STORES),
        *(f"ingest.points_per_s.{where}.{size}" for where in _STORES for size in _BATCHES),
    ),
    _run,
)
