"""The examples of the how-to run in the environment of the libraries."""

from __future__ import annotations

import re
import subprocess

import pytest

import mere
from mere.services.warehouse import close_warehouses
from tests.frameworks.conftest import ROOT, child_environment, environment_of

PAGE = ROOT / "docs" / "howto" / "frameworks.md"


@pytest.mark.slow
def test_the_examples_run_and_log(tmp_path):
    text = PAGE.read_text()
    blocks = re.findall(r"^```py\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 4
    done = subprocess.run(
        [
            environment_of(ROOT / ".frameworks" / "bin" / "python", "frameworks"),
            "-c",
            "\n".join(blocks),
        ],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env=child_environment(tmp_path),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "did not log" not in done.stderr
    try:
        found = mere.sql(
            "select kind, status, count(*) as n from runs group by all order by kind",
            warehouse=str(tmp_path / "warehouse"),
        ).to_pylist()
    finally:
        close_warehouses()
    assert found == [
        {"kind": "study", "status": "FINISHED", "n": 1},
        {"kind": "train", "status": "FINISHED", "n": 3},
        {"kind": "trial", "status": "FINISHED", "n": 5},
    ]
