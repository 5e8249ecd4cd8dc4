"""What `import mere` loads: training scripts pay it before their first line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import mere
from mere.config import environment

SRC = Path(mere.__file__).parents[1]
HEAVY = ("pyarrow", "pyiceberg", "duckdb", "pandas", "polars", "numpy", "obstore", "cyclopts")


@pytest.mark.parametrize("module", ["mere", "mere.errors", "mere.config", "mere.lake"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment(), "PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
