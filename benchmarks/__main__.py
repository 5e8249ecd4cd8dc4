"""Run the benchmarks: ``python -m benchmarks --help``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import traceback
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path

from benchmarks import artifacts, folding, history, ingest, outage, sdk, search, tracking
from benchmarks.harness import Bench

THEMES = (
    ingest.THEME,
    folding.THEME,
    search.THEME,
    history.THEME,
    sdk.THEME,
    outage.THEME,
    tracking.THEME,
    artifacts.THEME,
)
_LIBRARIES = ("duckdb", "pyarrow", "pyiceberg", "mlflow-skinny", "sqlalchemy")


def main() -> int:
    """Measure what was asked for; the number of themes that failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN")
    parser.add_argument("--skip", action="append", default=[], metavar="PATTERN")
    parser.add_argument("--quick", action="store_true", help="small sizes, about a minute")
    parser.add_argument("--full", action="store_true", help="up to 1M runs and 100M points")
    parser.add_argument("--list", action="store_true", help="only list the figures")
    parser.add_argument("--folder", type=Path, help="where fixtures lie meanwhile")
    chosen = parser.parse_args()
    if chosen.list:
        print(*(name for theme in THEMES for name in theme.names), sep="\n")
        return 0
    size = "quick" if chosen.quick else "full" if chosen.full else "usual"
    folder = Path(tempfile.mkdtemp(prefix="mere-bench-", dir=chosen.folder))
    failed = 0
    try:
        with ExitStack() as stack:
            bench = Bench(folder, size, chosen.only, chosen.skip, stack)
            print(json.dumps(_machine(size)), flush=True)
            for theme in THEMES:
                if not any(bench.wants(name) for name in theme.names):
                    continue
                try:
                    theme.run(bench)
                except Exception:  # noqa: BLE001
                    # One theme that cannot be measured must not hide the others.
                    traceback.print_exc()
                    failed += 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return failed


def _machine(size: str) -> dict[str, object]:
    """What the figures were measured on."""
    versions: dict[str, str | None] = {}
    for name in _LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "name": "machine",
        "size": size,
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "system": platform.platform(),
        **versions,
    }


if __name__ == "__main__":
    sys.exit(main())
