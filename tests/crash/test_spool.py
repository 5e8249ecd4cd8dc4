"""Trainings and syncs killed at random moments, behind a proxy that fails: nothing is doubled."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import textwrap
import time
from collections import defaultdict
from pathlib import Path

import pytest

import mere
from mere.cli.app import run as cli
from mere.client.spool import spool_root
from mere.services.warehouse import close_warehouses
from mere.testing.proxy import FaultPlan, run_flaky_proxy
from mere.testing.s3server import S3Server

pytestmark = pytest.mark.slow

SOURCES = str(Path(mere.__file__).parents[1])
TRAIN = """
    import sys, time, mere
    run = mere.start_run("hunt", name=sys.argv[1], flush_interval_s=0.05, console=False)
    try:
        run.flush(10)  # at its very start a run takes two seconds to give the store up
    except mere.Unavailable:
        pass
    for value in range(400):
        run.log({"a": value})
        print(value, flush=True)
        time.sleep(0.005)
    run.finish(timeout_s=1)
"""
LAG = 200
"""Values that may be in memory when a process is killed: those of a second, on a slow day."""


def test_killed_trainings_and_syncs_lose_little_and_double_nothing(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(5)
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(TRAIN))
    plan = FaultPlan(fail_one_in=4, pause_one_in=12, pause_s=2.5, seed=5)
    with run_flaky_proxy(s3_server.endpoint, plan) as proxy:
        for name, value in s3_server.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint)
        monkeypatch.setenv("MERE_WAREHOUSE", s3_server.new_prefix("hunt"))
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        env = {**os.environ, "PYTHONPATH": SOURCES, "MERE_CAPTURE": "false"}
        said: dict[str, int] = {}
        for number in range(5):
            name = f"run-{number}"
            proxy.faults.is_down = number in (1, 3)
            train = subprocess.Popen(
                [sys.executable, str(script), name], env=env, stdout=subprocess.PIPE, text=True
            )
            syncs = []
            give_up = time.monotonic() + 1.5 + chance.random() * 3
            while time.monotonic() < give_up:
                sync = subprocess.Popen([sys.executable, "-m", "mere", "sync"], env=env)
                time.sleep(chance.random())
                sync.kill()
                syncs.append(sync)
            if number != 4:
                train.kill()
            out, _ = train.communicate(timeout=60)
            said[name] = len(out.splitlines())
            for sync in syncs:
                sync.wait(timeout=20)
        proxy.faults = FaultPlan()
        cli(["sync"])
        assert not [p for p in spool_root().glob("*/*/0*") if p.parents[1].name != "aside"]
        assert not (spool_root() / "aside").exists()
        check(said)
        mere.fold()
        check(said)
        close_warehouses()


def check(said: dict[str, int]) -> None:
    """Each run's points are the first so many values, each once, and nearly all were kept."""
    found = mere.sql(
        "select r.name, m.value, m.step from metrics m join runs r using (run_id) order by m.value"
    )
    kept = defaultdict(list)
    for row in found.to_pylist():
        kept[row["name"]].append(row["value"])
    for name, logged in said.items():
        values = kept[name]
        assert values == [float(n) for n in range(len(values))], name
        assert logged - LAG <= len(values) <= 400, name
    assert len(kept["run-4"]) == 400
    counts = mere.sql("select name, metric_summary['a'].count as n from runs").to_pylist()
    assert {row["name"]: row["n"] or 0 for row in counts if kept[row["name"]]} == {
        name: len(values) for name, values in kept.items() if values
    }
