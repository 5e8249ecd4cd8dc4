from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import mere
from mere.client import fluent, outbox
from mere.services.warehouse import close_warehouses

SOURCES = str(Path(mere.__file__).parents[1])
Script = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A fresh local warehouse that everything in the test logs to by default."""
    folder = str(tmp_path / "warehouse")
    monkeypatch.setenv("MERE_WAREHOUSE", folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield folder
    while (run := fluent.active_run()) is not None:
        run.finish(timeout_s=0)
    close_warehouses()
    outbox._outboxes.reset()


@pytest.fixture
def script(url: str, tmp_path: Path) -> Script:
    """Run lines of Python in a process of their own, as a file."""

    def run(lines: str, *, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "train.py"
        file.write_text(textwrap.dedent(lines))
        return subprocess.run(
            [sys.executable, "-W", "ignore::DeprecationWarning", str(file)],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            env={**os.environ, "MERE_WAREHOUSE": url, "PYTHONPATH": SOURCES},
        )

    return run
