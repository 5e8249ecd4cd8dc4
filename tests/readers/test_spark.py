"""Spark attaches to a server's Iceberg catalog; `make test-spark` installs it, 400 MB."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.readers.catalog_server import fill, serving

PYTHON = Path(__file__).parents[2] / ".spark" / "bin" / "python"


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON.exists(), reason="`make test-spark` installs Spark")
def test_spark_reads_and_cannot_write(tmp_path):
    token = fill(tmp_path / "lake")
    script = Path(__file__).with_name("spark_reads.py")
    with serving(tmp_path / "lake") as uri:
        result = subprocess.run(
            [str(PYTHON), str(script), uri, token],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert result.returncode == 0, result.stderr[-2000:]
    answers = json.loads(result.stdout.splitlines()[-1])
    assert answers.pop("delete") != "done"
    assert answers == {
        "namespaces": [["mere"]],
        "tables": ["metrics", "runs"],
        "runs": [["a", "0.1", 0.5], ["b", "0.1", 0.5], ["c", "0.1", 0.5]],
        "points": [[3, 3]],
        "snapshots": [[2]],
    }
