"""`mere server` beside MLflow's own with SQLite and PostgreSQL: ``python -m benchmarks.server``.

All sides do the same work in one run, on one machine, with the settings they come with: raw HTTP
load, and an unmodified MLflow client. A figure's value is mere's; ``beside`` has the others' and
how many times better mere is. Figures are JSON lines, as those of ``python -m benchmarks``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from benchmarks.harness import Bench
from benchmarks.points import curve, rows_of
from benchmarks.server_load import Loaded, load
from benchmarks.server_sides import (
    MLFLOW,
    Side,
    mere_side,
    mlflow_side,
    postgres,
    stored_bytes,
)
from mere.entities.metric import Points
from mere.lake import Lake
from mere.services.runs.metrics import Metrics
from mere.services.tables import TABLES

NAMES = (
    "server.start",
    "server.log_metric.1",
    "server.log_metric.32",
    "server.log_batch.4",
    "server.client.log",
    "server.client.batch",
    "server.client.cycle",
    "server.search.1k",
    "server.search.10k",
    "server.search.100k",
    "server.history",
    "server.history.raw",
    "server.bytes_per_point",
    "server.start.full",
    "server.memory",
    "server.s3.log_metric.32",
    "server.two_replicas.log_metric.32",
    "server.soak",
)
_ROOT = Path(__file__).parents[1]
_QUERY = "params.lr = '0.01' and metrics.m1 > 0.5 and tags.t0 != 'v7'"
_ORDER = "metrics.m0 DESC"
_PAGE = 25_000
_SETTLE_S = 20
_WARM_UP_S = 5
"""So long each server answers before anything is counted: what a process loads, it loads once."""
_ENOUGH_S = 60
"""What took this long in all is not repeated once more."""

_POINT = (
    '{{"run_id": "{run}", "key": "m", "value": 0.5, "timestamp": 1750000000000, "step": {{n}}}}'
)


class _Arena:
    """The sides of one run.

    Args:
        bench: Sizes, and which figures.
        sides: The servers, mere first.
        data: Where PostgreSQL keeps its files.
    """

    def __init__(self, bench: Bench, sides: list[Side], data: Path | None) -> None:
        self.bench = bench
        self.sides = sides
        self.data = data
        self.runs = {side.name: _new_run(side.url) for side in sides}

    def compare(
        self, name: str, unit: str, values: dict[str, float], *, more: bool, **params: Any
    ) -> None:
        """Print a figure of all sides."""
        ours = values["mere"]
        beside = {
            side: {
                "value": float(f"{value:.4g}"),
                "ratio": float(f"{(ours / value if more else value / ours):.3g}"),
            }
            for side, value in values.items()
            if side != "mere" and value and ours
        }
        self.bench.emit(name, ours, unit, **params, mlflow=beside)

    def bytes(self, side: Side) -> int:
        """What a side has on disk."""
        return stored_bytes(side.store, self.data if side.name == "postgres" else None)


def main() -> int:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN")
    parser.add_argument("--skip", action="append", default=[], metavar="PATTERN")
    parser.add_argument("--quick", action="store_true", help="small sizes, some minutes")
    parser.add_argument("--minutes", type=float, default=0, help="how long the soak takes")
    parser.add_argument("--workers", type=int, default=1, help="processes of mere that answer")
    parser.add_argument("--list", action="store_true", help="only list the figures")
    parser.add_argument("--folder", type=Path, help="where the data lie meanwhile")
    chosen = parser.parse_args()
    if chosen.list:
        print(*NAMES, sep="\n")
        return 0
    folder = Path(tempfile.mkdtemp(prefix="mere-bench-server-", dir=chosen.folder))
    folder.chmod(0o755)
    try:
        with ExitStack() as stack:
            size = "quick" if chosen.quick else "usual"
            bench = Bench(folder, size, chosen.only, chosen.skip, stack)
            print(json.dumps(_machine(size)), flush=True)
            _beside_mlflow(bench, stack, chosen.workers)
        with ExitStack() as stack:
            bench = Bench(folder, size, chosen.only, chosen.skip, stack)
            _alone(bench, chosen.workers, chosen.minutes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _beside_mlflow(bench: Bench, stack: ExitStack, workers: int) -> None:
    wanted = [n for n in NAMES if bench.wants(n) and ".s3" not in n and "two_rep" not in n]
    if not [name for name in wanted if name != "server.soak"]:
        return
    sides = [stack.enter_context(mere_side(str(bench.folder / "lake"), workers=workers))]
    data = None
    if MLFLOW.exists():
        database = f"sqlite:///{bench.folder}/mlflow.db"
        bench.say("starting MLflow with SQLite")
        sides.append(stack.enter_context(mlflow_side("sqlite", database, bench.folder)))
        try:
            address, data = stack.enter_context(postgres(bench.folder))
            bench.say("starting MLflow with PostgreSQL")
            sides.append(stack.enter_context(mlflow_side("postgres", address, bench.folder)))
        except RuntimeError as error:
            bench.say(str(error))
    bench.say("waiting until all have settled: MLflow starts processes of its own for a while")
    time.sleep(_SETTLE_S)
    arena = _Arena(bench, sides, data)
    if bench.wants("server.start"):
        times = {side.name: side.started_s for side in sides}
        arena.compare("server.start", "s", times, more=False, warehouse="empty")
    _raw(arena)
    _clients(arena)
    _history(arena)
    _searches(arena)
    if bench.wants("server.memory"):
        memory = {side.name: side.memory_mb() for side in sides}
        arena.compare("server.memory", "MB", memory, more=False, after="all of the above")
    if bench.wants("server.start.full"):
        _start_full(arena, workers)


def _raw(arena: _Arena) -> None:
    bench = arena.bench
    seconds = bench.choose(3, 10, 30)
    names = ("server.log_metric.1", "server.log_metric.32", "server.log_batch.4")
    for side in arena.sides if any(map(bench.wants, names)) else ():
        bench.say(f"warming up: {side.name}")
        _logged(side.url, arena.runs[side.name], bench.folder, 8, _WARM_UP_S)
    for connections in (1, 32):
        name = f"server.log_metric.{connections}"
        if bench.wants(name):
            done = {}
            for side in arena.sides:
                bench.say(f"{name}: {side.name}")
                done[side.name] = _logged(
                    side.url, arena.runs[side.name], bench.folder, connections, seconds
                )
            _compare_load(arena, name, "requests/s", done, 1)
    if bench.wants("server.log_batch.4"):
        points = [
            f'{{"key": "m{n % 10}", "value": {n / 7}, "timestamp": {1_750_000_000_000 + n}, '
            f'"step": {{n}}{n // 10:03d}}}'
            for n in range(1000)
        ]
        done = {}
        for side in arena.sides:
            bench.say(f"server.log_batch.4: {side.name}")
            body = f'{{"run_id": "{arena.runs[side.name]}", "metrics": [{", ".join(points)}]}}'
            url = f"{side.url}/api/2.0/mlflow/runs/log-batch"
            done[side.name] = load(url, body, bench.folder, connections=4, seconds=seconds)
        _compare_load(arena, "server.log_batch.4", "points/s", done, 1000)


def _logged(url: str, run: str, folder: Path, connections: int, seconds: float) -> Loaded:
    body = _POINT.format(run=run)
    address = f"{url}/api/2.0/mlflow/runs/log-metric"
    return load(address, body, folder, connections=connections, seconds=seconds)


def _compare_load(arena: _Arena, name: str, unit: str, done: dict[str, Loaded], each: int) -> None:
    ours = done["mere"]
    arena.compare(
        name,
        unit,
        {side: one.per_s * each for side, one in done.items()},
        more=True,
        p50_ms=ours.p50_ms,
        p99_ms=ours.p99_ms,
        failed={side: one.failed for side, one in done.items()},
        by=ours.by,
    )


def _clients(arena: _Arena) -> None:
    bench = arena.bench
    for name, work, times in (
        ("server.client.log", "log", bench.choose(10, 100, 300)),
        ("server.client.batch", "batch", bench.choose(3, 20, 50)),
        ("server.client.cycle", "cycle", bench.choose(3, 20, 50)),
    ):
        if not bench.wants(name) or not MLFLOW.exists():
            continue
        answers = {}
        for side in arena.sides:
            bench.say(f"{name}: {side.name}")
            fields = {} if work == "cycle" else {"run": arena.runs[side.name]}
            answers[side.name] = _mlflow("client", side.url, work=work, times=times, fields=fields)
        _compare_answers(arena, name, answers)


def _compare_answers(
    arena: _Arena, name: str, answers: dict[str, dict[str, Any]], **params: Any
) -> None:
    ours = answers["mere"]
    spread = {key: float(f"{ours[key]:.4g}") for key in ("best_ms", "worst_ms", "repeats")}
    values = {side: one["median_ms"] for side, one in answers.items()}
    arena.compare(name, "ms", values, more=False, client=ours["version"], **spread, **params)


def _history(arena: _Arena) -> None:
    bench = arena.bench
    names = ("server.history", "server.history.raw", "server.bytes_per_point")
    if not any(map(bench.wants, names)):
        return
    points = bench.choose(100_000, 1_000_000, 1_000_000)
    answers, sizes, raw = {}, {}, {}
    for side in arena.sides:
        bench.say(f"server.history: {side.name}")
        run = _new_run(side.url)
        before = arena.bytes(side)
        if side.name == "mere":
            with Lake.open(side.store, tables=TABLES) as lake:
                Metrics(lake).log(run, _curve(points))
                lake.fold()
        else:
            _mlflow("fill-points", side.store, run=run, points=points)
        sizes[side.name] = (arena.bytes(side) - before) / points
        if bench.wants("server.history.raw"):
            raw[side.name] = _best_of(3, partial(_pages, side.url, run, points))
        if bench.wants("server.history") and MLFLOW.exists():
            fields = {"run": run, "points": points}
            answers[side.name] = _mlflow("client", side.url, work="history", times=2, fields=fields)
    if answers:
        _compare_answers(arena, "server.history", answers, points=points)
    if raw:
        arena.compare("server.history.raw", "ms", raw, more=False, points=points, page=_PAGE)
    if bench.wants("server.bytes_per_point"):
        arena.compare("server.bytes_per_point", "bytes", sizes, more=False, points=points)


def _best_of(times: int, measure: Callable[[], float]) -> float:
    """The least of so many milliseconds, or of fewer where they are many."""
    taken: list[float] = []
    while len(taken) < times and sum(taken) < _ENOUGH_S * 1000:
        taken.append(measure())
    return min(taken)


def _pages(url: str, run: str, points: int) -> float:
    """How long all pages of a history take that the client asks for, without its own work."""
    asked: dict[str, Any] = {"run_id": run, "metric_key": "metric_0", "max_results": _PAGE}
    began, there, token = time.perf_counter(), 0, ""
    with httpx.Client(timeout=1200) as client:
        while True:
            address = f"{url}/api/2.0/mlflow/metrics/get-history"
            text = client.get(address, params={**asked, "page_token": token} if token else asked)
            there += text.content.count(b'"timestamp"')
            found = re.search(rb'"next_page_token":\s*"([^"]+)"', text.content)
            if found is None:
                break
            token = found.group(1).decode()
    assert there == points, there
    return (time.perf_counter() - began) * 1000


def _curve(number: int) -> Points:
    points = Points()
    for step, value in enumerate(curve(number)):
        points.add("metric_0", step, 1_750_000_000_000_000 + step * 250_000, value)
    return points


def _searches(arena: _Arena) -> None:
    bench = arena.bench
    there = 0
    for number in bench.choose((1_000, 10_000), (1_000, 10_000, 100_000), (100_000,)):
        name = f"server.search.{number // 1000}k"
        if not bench.wants(name):
            continue
        rows = [{**row, "experiment_id": "0"} for row in rows_of(number - there, seed=number)]
        lines = bench.folder / f"runs-{number}.jsonl"
        with lines.open("w") as out:
            out.writelines(f"{json.dumps(_plain(row))}\n" for row in rows)
        there = number
        values: dict[str, float] = {}
        for side in arena.sides:
            bench.say(f"{name}: {side.name}")
            if side.name == "mere":
                with Lake.open(side.store, tables=TABLES) as lake:
                    for first in range(0, len(rows), 10_000):
                        lake.patch("runs", rows[first : first + 10_000])
                    lake.fold()
            else:
                _mlflow("fill-runs", side.store, lines=str(lines))
            values[side.name] = _searched(side.url, bench.choose(3, 9, 9))
        arena.compare(name, "ms", values, more=False, runs=number, found=100)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "run_id": row["run_id"],
        "name": row["name"],
        "started_ms": row["started_at"] // 1000,
        "params": row["params"],
        "tags": row["tags"],
        "metrics": {key: one["value"] for key, one in row["metric_summary"].items()},
    }


def _searched(url: str, times: int) -> float:
    body = {
        "experiment_ids": ["0"],
        "filter": _QUERY,
        "order_by": [_ORDER],
        "max_results": 100,
    }
    taken: list[float] = []
    with httpx.Client(timeout=1200) as client:
        while len(taken) <= times and sum(taken) < _ENOUGH_S * 1000:
            began = time.perf_counter()
            answer = client.post(f"{url}/api/2.0/mlflow/runs/search", json=body)
            taken.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200, answer.text
            assert len(answer.json()["runs"]) > 5
    return statistics.median(taken[1:] or taken)


def _start_full(arena: _Arena, workers: int) -> None:
    times = {}
    for side in arena.sides:
        arena.bench.say(f"server.start.full: {side.name}")
        again = (
            mere_side(side.store, workers=workers)
            if side.name == "mere"
            else mlflow_side(side.name, side.store, arena.bench.folder)
        )
        with again as started:
            times[side.name] = started.started_s
    arena.compare("server.start.full", "s", times, more=False, warehouse="with all of the above")


def _alone(bench: Bench, workers: int, minutes: float) -> None:
    """What there is nothing beside for: on a bucket, with two replicas, for long."""
    seconds = bench.choose(3, 10, 30)
    if bench.wants("server.s3.log_metric.32"):
        server = bench.s3()
        url = server.new_prefix()
        with mere_side(url, workers=workers, environment=server.environment) as side:
            done = _logged(side.url, _new_run(side.url), bench.folder, 32, seconds)
        _emit_load(bench, "server.s3.log_metric.32", done, store=server.kind)
    if bench.wants("server.two_replicas.log_metric.32"):
        lake = str(bench.folder / "lake-of-two")
        with mere_side(lake, workers=workers) as one, mere_side(lake, workers=workers) as other:
            run = _new_run(one.url)
            done = _together([one, other], run, bench.folder, 16, seconds)
        _emit_load(bench, "server.two_replicas.log_metric.32", done)
    if minutes and bench.wants("server.soak"):
        _soak(bench, workers, minutes)


def _together(
    sides: list[Side], run: str, folder: Path, connections: int, seconds: float
) -> Loaded:
    """Load on several servers at once, summed up."""
    from concurrent.futures import ThreadPoolExecutor

    def one(side: Side) -> Loaded:
        own = Path(tempfile.mkdtemp(dir=folder))
        return _logged(side.url, run, own, connections, seconds)

    with ThreadPoolExecutor(len(sides)) as pool:
        done = list(pool.map(one, sides))
    return Loaded(
        sum(each.requests for each in done),
        max(each.seconds for each in done),
        max(each.p50_ms for each in done),
        max(each.p99_ms for each in done),
        sum(each.failed for each in done),
        done[0].by,
    )


def _soak(bench: Bench, workers: int, minutes: float) -> None:
    """One load for long, while what was logged is folded and compacted."""
    with mere_side(str(bench.folder / "lake-soaked"), workers=workers) as side:
        run = _new_run(side.url)
        give_up = time.perf_counter() + minutes * 60
        slices = []
        memory = [side.memory_mb()]
        while time.perf_counter() < give_up:
            done = _logged(side.url, run, bench.folder, 32, 15)
            slices.append(done)
            memory.append(side.memory_mb())
            bench.say(f"soak: {done.per_s:.0f} requests/s, {memory[-1]:.0f} MB")
        rates = [one.per_s for one in slices]
        bench.emit(
            "server.soak",
            statistics.median(rates),
            "requests/s",
            minutes=minutes,
            slowest=round(min(rates)),
            fastest=round(max(rates)),
            first=round(rates[0]),
            last=round(rates[-1]),
            p99_ms=max(one.p99_ms for one in slices),
            requests=sum(one.requests for one in slices),
            failed=sum(one.failed for one in slices),
            memory_mb_first=round(memory[1]),
            memory_mb_last=round(memory[-1]),
            files=sum(1 for _ in Path(side.store).glob("tables/metrics/data/**/*.parquet")),
            journal=sum(1 for _ in Path(side.store).glob("journal/*")),
        )


def _emit_load(bench: Bench, name: str, done: Loaded, **params: Any) -> None:
    bench.emit(
        name,
        done.per_s,
        "requests/s",
        p50_ms=done.p50_ms,
        p99_ms=done.p99_ms,
        failed=done.failed,
        by=done.by,
        **params,
    )


def _new_run(url: str) -> str:
    body = {"experiment_id": "0", "start_time": 1_750_000_000_000}
    answer = httpx.post(f"{url}/api/2.0/mlflow/runs/create", json=body, timeout=60)
    run: str = answer.json()["run"]["info"]["run_id"]
    return run


def _mlflow(what: str, where: str, **told: Any) -> dict[str, Any]:
    """Ask MLflow's environment."""
    done = subprocess.run(
        [str(MLFLOW), "-m", "benchmarks.server_mlflow", what, where, json.dumps(told)],
        cwd=_ROOT,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{what} failed: {done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _machine(size: str) -> dict[str, object]:
    return {
        "name": "machine",
        "size": size,
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "system": platform.platform(),
        "wrk": shutil.which("wrk") is not None,
    }


if __name__ == "__main__":
    sys.exit(main())
