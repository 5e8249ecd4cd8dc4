"""Servers that die or lose their store under load: what was acknowledged stays, once."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from mere.services.warehouse import open_warehouse
from mere.testing.proxy import FaultPlan, run_flaky_proxy
from mere.testing.s3server import S3Server
from tests.server.load import Load, check_all_there
from tests.server.replicas import ask, balanced, running

pytestmark = pytest.mark.slow
_KILLS = 3


def _wait_for(load: Load, more: int, timeout_s: float = 300) -> None:
    """Wait until so many more calls were acknowledged."""
    goal = load.acknowledged + more
    give_up = time.monotonic() + timeout_s
    while load.acknowledged < goal:
        assert time.monotonic() < give_up, f"{load.acknowledged} of {goal} calls acknowledged"
        time.sleep(0.02)


def _stored_twice(url: str) -> int:
    """How many rows of metrics are stored more than once, read without a server."""
    rows = open_warehouse(url).sql(
        "select count(*) - count(distinct (run_id, key, step)) as n from metrics"
    )
    return int(rows.to_pylist()[0]["n"])


@pytest.mark.parametrize("store", ["folder", "bucket"])
def test_a_replica_is_killed_under_load_and_the_other_has_it_all(
    store: str, tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    url = str(tmp_path / "lake") if store == "folder" else s3_server.new_prefix()
    moments = random.Random(store)
    with ExitStack() as stack:
        stays = stack.enter_context(running(url, tmp_path, "--fold-s", "1"))
        goes = stack.enter_context(running(url, tmp_path, "--fold-s", "1"))
        balancer = stack.enter_context(balanced(stays, goes))
        with Load(balancer.endpoint) as load:
            for _ in range(_KILLS):
                _wait_for(load, 50)
                time.sleep(moments.random())
                goes.kill()
                _wait_for(load, 50)
                goes = stack.enter_context(running(url, tmp_path, "--fold-s", "1"))
                balancer.ports = [stays.port, goes.port]
        assert sum(one.retries for one in load.done) > 0
        check_all_there(stays.url, load)
        check_all_there(goes.url, load)


def test_what_is_under_way_is_answered_when_a_server_is_stopped(
    tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    plan = FaultPlan()
    with ExitStack() as stack:
        slow = stack.enter_context(run_flaky_proxy(s3_server.endpoint, plan))
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", slow.endpoint)
        url = s3_server.new_prefix()
        server = stack.enter_context(running(url, tmp_path))
        run = ask(server.url, "runs/create", experiment_id="0").json()["run"]["info"]["run_id"]
        ask(server.url, "runs/log-metric", run_id=run, key="m", value=0, timestamp=0)
        plan.pause_one_in, plan.pause_s = 1, 1.5
        answers: list[httpx.Response | Exception] = []

        def send(step: int) -> None:
            point = {"run_id": run, "key": "m", "value": step, "timestamp": step, "step": step}
            try:
                answers.append(ask(server.url, "runs/log-metric", **point))
            except httpx.TransportError as error:
                answers.append(error)

        threads = [threading.Thread(target=send, args=(step,)) for step in range(1, 9)]
        for thread in threads:
            thread.start()
        time.sleep(0.7)  # all have come, and the store has answered none
        code = server.stop()
        for thread in threads:
            thread.join()
        assert [getattr(one, "status_code", one) for one in answers] == [200] * 8
        assert code == 0
        plan.pause_one_in = 0
        lake = open_warehouse(url)
        rows = lake.sql("select count(*) as n from metrics where run_id = ?", [run]).to_pylist()
        assert rows == [{"n": 9}]


def test_the_store_is_away_for_seconds_and_nothing_is_lost_or_doubled(
    tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    plan = FaultPlan(seed=4)
    with ExitStack() as stack:
        flaky = stack.enter_context(run_flaky_proxy(s3_server.endpoint, plan))
        through = {"AWS_ENDPOINT_URL_S3": flaky.endpoint}
        url = s3_server.new_prefix()
        server = stack.enter_context(running(url, tmp_path, "--fold-s", "1", environment=through))
        with Load(server.url, clients=3) as load:
            _wait_for(load, 20)
            plan.is_down = True
            time.sleep(5)
            # It lives, and says so, while the store does not.
            assert httpx.get(f"{server.url}/health", timeout=5).status_code == 200
            plan.is_down = False
            _wait_for(load, 20)
            plan.fail_one_in = 5  # replies lost, requests cut and refused
            _wait_for(load, 60)
            plan.fail_one_in = 0
        check_all_there(server.url, load)
        assert _stored_twice(url) == 0


@contextlib.contextmanager
def _small_disk(folder: Path, size: str) -> Iterator[None]:
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_said_and_got_over(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with _small_disk(disk, "6m"), running(str(disk / "lake"), tmp_path, "--fold-s", "0") as server:
        run = ask(server.url, "runs/create", experiment_id="0").json()["run"]["info"]["run_id"]
        ask(server.url, "runs/log-metric", run_id=run, key="m", value=1, timestamp=1, step=1)
        fill = disk / "fill"
        with fill.open("wb", buffering=0) as out, contextlib.suppress(OSError):
            while True:
                out.write(bytes(1 << 12))
        full = ask(server.url, "runs/log-metric", run_id=run, key="m", value=2, timestamp=2, step=2)
        assert (full.status_code, full.json()["error_code"]) == (507, "RESOURCE_EXHAUSTED")
        fill.unlink()
        for _ in range(2):  # as a client does
            again = ask(
                server.url, "runs/log-metric", run_id=run, key="m", value=2, timestamp=2, step=2
            )
            assert again.status_code == 200, again.text
        answer = ask(
            server.url, "metrics/get-history", method="GET", run_id=run, metric_key="m"
        ).json()
        assert [one["step"] for one in answer["metrics"]] == [1, 2]


def test_two_servers_cannot_have_one_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(AssertionError, match="cannot listen on"),
            running(str(tmp_path / "lake"), tmp_path, port=port),
        ):
            pass
