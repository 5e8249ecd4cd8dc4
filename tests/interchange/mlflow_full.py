"""Imports a large store that MLflow itself made, twice, and compares all of it.

::

    .venv/bin/python tests/interchange/mlflow_full.py --runs 1000 --points 1000
    .venv/bin/python tests/interchange/mlflow_full.py --runs 20 --points 100 --server mlflow

MLflow runs in another environment (``--python``, by default ``.bench``), which needs
mlflow-skinny, sqlalchemy and alembic. ``--server COMMAND`` imports over HTTP instead, from a server
started with that command; it has to be the one of a full MLflow.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import mere

ROOT = Path(__file__).parents[2]
LARGEST = sys.float_info.max
QUERIES = {
    "params": (
        "select run_uuid, key, value from params",
        "select run_id, unnest(map_keys(params)), unnest(map_values(params)) from runs",
    ),
    "tags": (
        "select run_uuid, key, value from tags",
        "select run_id, unnest(map_keys(tags)), unnest(map_values(tags)) from runs",
    ),
    "runs": (
        (
            "select run_uuid, name, status, lifecycle_stage, start_time * 1000, end_time * 1000 "
            "from runs"
        ),
        (
            "select run_id, name, status, lifecycle, epoch_us(started_at), epoch_us(ended_at) "
            "from runs"
        ),
    ),
    "points": (
        "select run_uuid, key, step, timestamp * 1000, value, is_nan from metrics",
        "select run_id, key, step, epoch_us(timestamp), value, isnan(value)::int from metrics",
    ),
    "counts": (
        "select run_uuid, key, count(*) from metrics group by 1, 2",
        (
            "select run_id, k, s.count from (select run_id, unnest(map_keys(metric_summary)) as k, "
            "unnest(map_values(metric_summary)) as s from runs)"
        ),
    ),
}


def main() -> None:
    """Make, import, compare, import again, compare again; print what it took as JSON."""
    options = parse()
    with tempfile.TemporaryDirectory(prefix="mere-mlflow-") as name:
        folder = Path(name)
        database, warehouse = folder / "mlflow.db", str(folder / "warehouse")
        figures: dict[str, object] = {"runs": options.runs, "points": options.points}
        with source(options, folder, database) as address:
            began = time.monotonic()
            make(options, address, folder)
            figures["made_s"] = round(time.monotonic() - began, 1)
            figures["database_mb"] = round(database.stat().st_size / 1e6, 1)
            for turn in ("first", "second"):
                began = time.monotonic()
                report = mere.import_mlflow(address, warehouse=warehouse)
                figures[f"{turn}_s"] = round(time.monotonic() - began, 2)
                figures[f"{turn}_new"] = [report.runs_new, report.points_new, report.files_new]
                compare(database, warehouse)
        assert figures["second_new"] == [0, 0, 0], figures
        assert report.conflicts_count == 0, report.conflicts
        figures["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps(figures))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--points", type=int, default=1000, help="of each run")
    parser.add_argument("--python", default=str(ROOT / ".bench" / "bin" / "python"))
    parser.add_argument("--server", help="the command `mlflow` of a full MLflow")
    return parser.parse_args()


def make(options: argparse.Namespace, address: str, folder: Path) -> None:
    script = ROOT / "tests" / "interchange" / "mlflow_source.py"
    numbers = [str(options.runs), str(options.points)]
    subprocess.run([options.python, str(script), address, *numbers], cwd=folder, check=True)


@contextmanager
def source(options: argparse.Namespace, folder: Path, database: Path) -> Iterator[str]:
    """The address to fill and to import from."""
    local = f"sqlite:///{database}"
    if not options.server:
        yield local
        return
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [options.server, "server", "--backend-store-uri", local, "--port", str(port)]
    command += ["--artifacts-destination", str(folder / "mlartifacts"), "--workers", "1"]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait(30)


def compare(database: Path, warehouse: str) -> None:
    """Both stores hold the same runs, params, tags and points, each as often."""
    with closing(sqlite3.connect(database)) as theirs:
        for what, (query, ours) in QUERIES.items():
            expected = sorted(map(normal, theirs.execute(query)))
            table = mere.sql(ours, warehouse=warehouse)
            columns = [column.to_pylist() for column in table.columns]
            found = sorted(map(normal, zip(*columns, strict=True)))
            assert len(found) == len(expected), f"{what}: {len(found)} of {len(expected)}"
            wrong = [pair for pair in zip(found, expected, strict=True) if pair[0] != pair[1]]
            assert not wrong, f"{what}: {len(wrong)} differ, such as {wrong[0]}"


def normal(row: tuple[object, ...]) -> tuple[str, ...]:
    """A row in words that compare: MLflow stores NaN as a flag, infinity as the largest float."""
    is_nan = len(row) == 6 and row[5] == 1 and isinstance(row[4], float)
    return tuple("nan" if is_nan and at == 4 else repr(value(one)) for at, one in enumerate(row))


def value(one: object) -> object:
    if isinstance(one, float) and abs(one) == LARGEST:
        return math.copysign(math.inf, one)
    return one


if __name__ == "__main__":
    main()
