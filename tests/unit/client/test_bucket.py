"""Logging into a bucket, behind a real S3 server."""

from __future__ import annotations

import pytest

import mere
from mere.testing.s3server import S3Server
from tests.unit.client.conftest import Script


@pytest.fixture
def bucket(url: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh prefix that everything in the test logs to by default."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    prefix = s3_server.new_prefix("tracking")
    monkeypatch.setenv("MERE_WAREHOUSE", prefix)
    return prefix


def values() -> list[float]:
    return sorted(mere.sql("select value from metrics")["value"].to_pylist())


def test_a_run_in_a_bucket(bucket: str, script: Script) -> None:
    done = script(
        f"""
        import mere
        with mere.start_run("digits", params={{"lr": 1}}, warehouse="{bucket}") as run:
            for value in range(100):
                run.log({{"a": value}})
        """
    )
    assert done.returncode == 0, done.stderr
    assert values() == [float(n) for n in range(100)]
    assert mere.runs("digits")["status"].to_pylist() == ["FINISHED"]


def test_a_process_that_just_exits(bucket: str, script: Script) -> None:
    done = script(f"import mere\nmere.start_run(warehouse='{bucket}').log({{'a': 1}})\n")
    assert done.returncode == 0, done.stderr
    assert values() == [1.0]


def test_a_forked_child_warns_and_hangs_nowhere(bucket: str, script: Script) -> None:
    done = script(
        f"""
        import os, sys, mere
        run = mere.start_run(warehouse="{bucket}")
        run.log({{"a": 1}})
        run.flush()
        pid = os.fork()
        if pid == 0:
            for value in range(10):
                run.log({{"a": value}})
            try:
                run.flush()
            except mere.InvalidInput as error:
                print(error.code, flush=True)
            sys.exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        run.log({{"a": 2}})
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "forked"
    assert done.stderr.count("nothing will be logged") == 1
    assert values() == [1.0, 2.0]
    assert mere.runs()["status"].to_pylist() == ["FINISHED"]
