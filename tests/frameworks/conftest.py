"""Trainings run in the libraries' own environment; what they logged is read here."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

import mere
from mere.services.warehouse import close_warehouses

ROOT = Path(__file__).parents[2]
QUIET = {"MERE_CONSOLE": "0", "MERE_SYSTEM_METRICS": "0", "MERE_CAPTURE": "0"}


class Logged:
    """What one script's trainings logged, and what the library said.

    Args:
        warehouse: Where to.
        said: What each training returned.
    """

    def __init__(self, warehouse: Path, said: dict[str, Any]) -> None:
        self.warehouse = str(warehouse)
        self.said = said

    def run(self, name: str) -> Any:
        return mere.get_run(name, warehouse=self.warehouse)

    def curve(self, name: str, key: str) -> list[tuple[int, float]]:
        run_id = self.run(name).run_id
        found = mere.metric_history(run_id, key, warehouse=self.warehouse).to_pylist()
        return [(point["step"], point["value"]) for point in found]

    def children(self, name: str) -> list[dict[str, Any]]:
        return mere.sql(
            "select * from runs where parent_run_id = ? order by name",
            [self.run(name).run_id],
            warehouse=self.warehouse,
        ).to_pylist()

    def artifacts(self, name: str) -> set[str]:
        found = mere.sql(
            "select path from artifacts where owner = ?",
            [self.run(name).run_id],
            warehouse=self.warehouse,
        )
        return {row["path"] for row in found.to_pylist()}


def environment_of(python: Path, target: str) -> str:
    if not python.exists():
        pytest.fail(f"the environment of training libraries is missing: `make {target}`")
    return str(python)


def child_environment(folder: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MERE_")}
    return {
        **kept,
        **QUIET,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(Path(__file__).parent)]),
        "MERE_WAREHOUSE": str(folder / "warehouse"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_STATE_HOME": str(folder / "state"),
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "OMP_NUM_THREADS": "1",
    }


def train(python: str, script: str, folder: Path) -> Logged:
    done = subprocess.run(
        [python, str(Path(__file__).with_name(script))],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=folder,
        env=child_environment(folder),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "did not log" not in done.stderr, done.stderr[-3000:]
    return Logged(folder / "warehouse", json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def trained(request, tmp_path_factory):
    """The logs of the script that the test module names as SCRIPT."""
    python = environment_of(ROOT / ".frameworks" / "bin" / "python", "frameworks")
    yield train(python, request.module.SCRIPT, tmp_path_factory.mktemp("trained"))
    close_warehouses()


def points(values: list[float], first: int = 0) -> Any:
    return [(first + n, pytest.approx(value, rel=1e-9)) for n, value in enumerate(values)]
