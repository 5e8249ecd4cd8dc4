"""A replica is killed while points are logged to it: nothing acknowledged is lost or doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.conformance.servers import address_of, run_mere

pytestmark = pytest.mark.slow

LOG = "/api/2.0/mlflow/runs/log-metric"
WRITERS = 8
ACKNOWLEDGED_BEFORE = 100


def test_what_was_acknowledged_is_there_once_after_a_kill(tmp_path: Path) -> None:
    house = tmp_path / "warehouse"
    command = [sys.executable, "-m", "mere", "server", "--json", "--port", "0", "--warehouse"]
    with (
        # A fold just then may hide what was written; histories show points once even so.
        run_mere(house, "--fold-s", "0") as other,
        subprocess.Popen(
            [*command, str(house), "--fold-s", "0"], stdout=subprocess.PIPE, start_new_session=True
        ) as doomed,
    ):
        url = address_of(doomed)
        run = httpx.post(
            f"{url}/api/2.0/mlflow/runs/create", json={"experiment_id": "0", "run_name": "r"}
        ).json()["run"]["info"]["run_id"]
        acknowledged: list[int] = []
        unanswered: list[int] = []
        enough = threading.Event()

        def log(writer: int) -> None:
            with httpx.Client(base_url=url, timeout=30) as http:
                for step in range(writer, 10_000_000, WRITERS):
                    try:
                        http.post(LOG, json=_point(run, step)).raise_for_status()
                    except httpx.TransportError:
                        unanswered.append(step)
                        return
                    acknowledged.append(step)
                    if len(acknowledged) >= ACKNOWLEDGED_BEFORE:
                        enough.set()

        threads = [threading.Thread(target=log, args=(writer,)) for writer in range(WRITERS)]
        for thread in threads:
            thread.start()
        try:
            assert enough.wait(120), f"only {len(acknowledged)} were acknowledged"
        finally:
            _kill_all(doomed)
        for thread in threads:
            thread.join()
        time.sleep(1)  # clients wait that long at least before they try again
        with httpx.Client(base_url=other, timeout=30) as http:
            # A client sends again what got no answer; some of it, and of this, is stored already.
            for step in [*unanswered, *acknowledged[-20:]]:
                http.post(LOG, json=_point(run, step)).raise_for_status()
            found = http.get(
                "/api/2.0/mlflow/metrics/get-history", params={"run_id": run, "metric_key": "m"}
            ).json()["metrics"]
            rows = http.post("/api/v1/sql", json={"query": "select count(*) as n from metrics"})
    assert rows.json()["rows"] == [[len(found)]]
    steps = [point["step"] for point in found]
    assert len(steps) == len(set(steps))
    assert set(steps) == {*acknowledged, *unanswered}


def _point(run_id: str, step: int) -> dict[str, object]:
    return {"run_id": run_id, "key": "m", "value": 0.5, "timestamp": 1_000 + step, "step": step}


def _kill_all(process: subprocess.Popen[bytes]) -> None:
    """Kill a server with all its workers, as a machine that fails does."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=30)
