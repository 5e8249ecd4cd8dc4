from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import mere
from mere.services.warehouse import close_warehouses

Start = Callable[..., subprocess.CompletedProcess[str]]

TRAIN = """
    import random
    import sys

    import mere
    from parts.model import SCALE

    mere.set_seed(3)
    with mere.start_run("exp", name="train", params={"words": len(sys.argv)}) as run:
        for step in range(5):
            run.log({"loss": SCALE * random.random(), "step_time": random.random()}, step=step)
"""


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    url = str(tmp_path / "warehouse")
    monkeypatch.setenv("MERE_WAREHOUSE", url)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield url
    close_warehouses()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository whose working tree differs from its commit."""
    root = tmp_path / "project"
    (root / "parts").mkdir(parents=True)
    (root / "parts" / "__init__.py").write_text("")
    (root / "parts" / "model.py").write_text("SCALE = 1.0\n")
    (root / "train.py").write_text(textwrap.dedent(TRAIN))
    git(root, "init", "--quiet", "--initial-branch", "main")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "first")
    (root / "parts" / "model.py").write_text("SCALE = 2.0\n")
    return root


@pytest.fixture
def start(warehouse: str, project: Path) -> Start:
    """Run Python in the project, as its user does."""

    def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
        sources = str(Path(mere.__file__).parents[1])
        done = subprocess.run(
            [sys.executable, *words],
            cwd=project,
            env={**os.environ, "PYTHONPATH": sources, **env},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done

    return run
