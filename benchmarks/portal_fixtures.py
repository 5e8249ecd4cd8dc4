"""Warehouses that the portal is measured with, made in bulk and kept for the next time.

Each is one function of a folder and sizes. A fixture lies in a folder that is named by what made
it, this file and the sizes, so that another is made when either changes.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import portal_data
from benchmarks.portal_data import METRIC, STARTED_MS, base_of, id_of, name_of, params_of
from mere.lake import Lake
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse
from tests.portal.made_traces import big_trace, trace_id_of

__all__ = [
    "TRACE",
    "compared_lake",
    "curves_lake",
    "kept",
    "keys_lake",
    "pages_lake",
    "runs_lake",
]

TRACE = trace_id_of(0xB1)
_RUNS_A_PATCH = 20_000
_POINTS_A_BATCH = 500_000
_LONG_RUN = "f" * 32


def kept(home: Path, build: Callable[..., dict[str, Any]], **sizes: int) -> dict[str, Any]:
    """What a builder made for these sizes, now or before; ``url`` is where."""
    source = inspect.getsource(sys.modules[__name__]) + inspect.getsource(portal_data)
    made_of = json.dumps([build.__name__, sizes, source]).encode()
    folder = home / f"{build.__name__}-{hashlib.sha256(made_of).hexdigest()[:12]}"
    done = folder / "made.json"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        url = str(folder / "lake")
        told = {"url": url, **build(open_warehouse(url), **sizes)}
        close_warehouses()
        done.write_text(json.dumps(told))
    found: dict[str, Any] = json.loads(done.read_text())
    return found


def runs_lake(warehouse: Warehouse, *, runs: int) -> dict[str, Any]:
    """Many runs with two params and one metric, and no points."""
    home = _experiment(warehouse, "large")
    _patch_runs(warehouse.lake, home, runs)
    warehouse.lake.fold()
    return {"experiment": home}


def curves_lake(warehouse: Warehouse, *, runs: int, points: int, listed: int = 0) -> dict[str, Any]:
    """Runs of which each has a curve; ``listed`` runs are there in all."""
    home = _experiment(warehouse, "curves")
    total = max(runs, listed)
    _patch_runs(warehouse.lake, home, total, points=points)
    for table in _curves(runs, total, points):
        warehouse.lake.append("metrics", table)
    warehouse.lake.fold()
    return {"experiment": home}


def keys_lake(warehouse: Warehouse, *, runs: int, keys: int) -> dict[str, Any]:
    """Runs that have logged many metrics, ten points of each."""
    home = _experiment(warehouse, "keys")
    names = [f"layer{n // 100}/block{n // 10 % 10}/norm{n % 10}" for n in range(keys)]
    rows = list(_rows(runs, home, runs, 10))
    for number, row in enumerate(rows):
        row["metric_summary"] = {
            key: _summary(number + at / keys, row["started_at"], 10) for at, key in enumerate(names)
        }
    for row in rows:
        warehouse.lake.patch("runs", [row])
        columns = {
            "run_id": [row["run_id"]] * keys * 10,
            "key": [key for key in names for _ in range(10)],
            "step": list(range(10)) * keys,
            "timestamp": [row["started_at"] + step * 1000 for step in range(10)] * keys,
            "value": [at / keys + step for at in range(keys) for step in range(10)],
        }
        warehouse.lake.append("metrics", columns)
    warehouse.lake.fold()
    return {"experiment": home}


def compared_lake(warehouse: Warehouse, *, runs: int, keys: int) -> dict[str, Any]:
    """Runs with many params each, of which one in ten differs."""
    home = _experiment(warehouse, "compared")
    same = {f"config/part{n // 50}/option{n % 50}": f"value {n}" for n in range(keys)}
    names = list(same)[::10]
    pending = []
    for number, row in enumerate(_rows(runs, home, runs, 1)):
        own = {key: str(number * at % 13) for at, key in enumerate(names)}
        pending.append({**row, "params": {**same, **own}})
        if len(pending) == 100 or number == runs - 1:
            warehouse.lake.patch("runs", pending)
            pending = []
    warehouse.lake.fold()
    return {"experiment": home}


def pages_lake(warehouse: Warehouse, *, spans: int, nodes: int, lines: int) -> dict[str, Any]:
    """One trace of many spans, a dataset that many runs have read, and one long log."""
    home = _experiment(warehouse, "pages")
    warehouse.traces.receive(big_trace(0xB1, STARTED_MS * 1_000_000, spans), home)
    data = warehouse.datasets.references.add("hub", uri="https://example.org/hub", digest="1")
    _patch_runs(warehouse.lake, home, nodes)
    read = {"direction": "read", "asset": f"dataset:{data.dataset_id}"}
    at = STARTED_MS * 1000
    warehouse.lake.patch(
        "lineage", [{"run_id": id_of(n), **read, "logged_at": at} for n in range(nodes)]
    )
    row = next(_rows(1, home, 1, 1))
    warehouse.lake.patch("runs", [{**row, "run_id": _LONG_RUN, "name": "long"}])
    for first in range(0, lines, 50_000):
        numbers = range(first, min(lines, first + 50_000))
        columns = {
            "run_id": [_LONG_RUN] * len(numbers),
            "process": [0] * len(numbers),
            "line": list(numbers),
            "stream": ["stderr" if n % 97 == 0 else "stdout" for n in numbers],
            "timestamp": [at + n * 1000 for n in numbers],
            "text": [f"step {n} loss {1 / (n + 1):.6f}" for n in numbers],
        }
        warehouse.lake.append("console", columns)
    warehouse.lake.fold()
    return {"experiment": home, "hub": data.dataset_id, "run": _LONG_RUN}


def _experiment(warehouse: Warehouse, name: str) -> str:
    return str(warehouse.experiments.get_or_create(name).experiment_id)


def _patch_runs(lake: Lake, home: str, runs: int, *, points: int = 10) -> None:
    pending: list[dict[str, Any]] = []
    for number, row in enumerate(_rows(runs, home, runs, points), 1):
        pending.append(row)
        if len(pending) == _RUNS_A_PATCH or number == runs:
            lake.patch("runs", pending)
            pending = []
        if number % (_RUNS_A_PATCH * 5) == 0:
            lake.fold()


def _rows(runs: int, home: str, total: int, points: int) -> Iterator[dict[str, Any]]:
    for number in range(runs):
        began = (STARTED_MS + number * 1000) * 1000
        yield {
            "run_id": id_of(number),
            "experiment_id": home,
            "name": name_of(number),
            "status": "FINISHED",
            "lifecycle": "active",
            "kind": "train",
            "started_at": began,
            "ended_at": began + 60_000_000,
            "params": params_of(number),
            "metric_summary": {METRIC: _summary(base_of(number, total), began, points)},
        }


def _summary(value: float, at: int, points: int) -> dict[str, Any]:
    return {
        "step": points - 1,
        "timestamp": at + points * 250_000,
        "value": value,
        "min": value - 0.1,
        "max": value + 1,
        "count": points,
    }


def _curves(runs: int, total: int, points: int) -> Iterator[pa.Table]:
    """Tables of points: curves as those of `portal_data`, drawn by NumPy as they are many."""
    at_once = max(1, _POINTS_A_BATCH // points)
    for first in range(0, runs, at_once):
        numbers = range(first, min(runs, first + at_once))
        for part in range(0, points, _POINTS_A_BATCH):
            steps = np.arange(part, min(points, part + _POINTS_A_BATCH))
            some = len(steps)
            noise = np.random.default_rng(random.Random(first + part).getrandbits(32))
            base = np.repeat([base_of(n, total) for n in numbers], some)
            step = np.tile(steps, len(numbers))
            began = np.repeat([(STARTED_MS + n * 1000) * 1000 for n in numbers], some)
            fall = np.exp(-5 * step / points)
            yield pa.table(
                {
                    "run_id": pa.array([id_of(n) for n in numbers for _ in range(some)]),
                    "key": pa.array([METRIC] * len(step)),
                    "step": step,
                    "timestamp": pa.array(began + step * 250_000, pa.timestamp("us", "UTC")),
                    "value": base + fall + noise.normal(0, 0.02, len(step)),
                }
            )
