"""Two servers on one warehouse, and a client that meets the other one with every request."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from mere.testing.s3server import S3Server
from tests.server.replicas import MLFLOW, Replica, ask, balanced, journey, running

_PARTS = {
    "quick": ("tracking", "nested", "artifacts", "datasets", "traces", "prompts"),
    "models": ("models", "autolog"),
}

needs_mlflow = pytest.mark.skipif(not MLFLOW.exists(), reason="MLflow's client is not installed")
pytestmark = pytest.mark.slow


def _two(stack: ExitStack, url: str, folder: Path, env: Mapping[str, str]) -> list[Replica]:
    return [
        stack.enter_context(running(url, folder, "--fold-s", "1", environment=env))
        for _ in range(2)
    ]


@needs_mlflow
@pytest.mark.parametrize("parts", _PARTS)
@pytest.mark.parametrize("store", ["folder", "bucket"])
def test_a_client_between_two_replicas_sees_all_it_did(
    store: str, parts: str, tmp_path: Path, s3_server: S3Server
) -> None:
    url = str(tmp_path / "lake") if store == "folder" else s3_server.new_prefix()
    env = {} if store == "folder" else s3_server.environment
    with ExitStack() as stack:
        replicas = _two(stack, url, tmp_path, env)
        balancer = stack.enter_context(balanced(*replicas))
        # Files through the balancer, as it stands between the client and both.
        settings = {"MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false"}
        journey(balancer.endpoint, tmp_path, *_PARTS[parts], environment=settings)
        assert min(balancer.counts.values()) > 10
        for one in replicas:
            assert "Traceback" not in one.log.read_text()


@needs_mlflow
@pytest.mark.long
@pytest.mark.parametrize("in_parts", ["false", "true"])
@pytest.mark.parametrize("store", ["folder", "bucket"])
def test_a_file_of_100_mb_passes_between_two_replicas(
    store: str, in_parts: str, tmp_path: Path, s3_server: S3Server
) -> None:
    url = str(tmp_path / "lake") if store == "folder" else s3_server.new_prefix()
    env = {} if store == "folder" else s3_server.environment
    with ExitStack() as stack:
        balancer = stack.enter_context(balanced(*_two(stack, url, tmp_path, env)))
        settings = {"MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": in_parts}
        journey(balancer.endpoint, tmp_path, "artifacts", environment=settings, big_bytes=100 << 20)


def test_a_worker_that_is_killed_is_started_again(tmp_path: Path) -> None:
    with running(str(tmp_path / "lake"), tmp_path) as server:
        made = ask(server.url, "runs/create", experiment_id="0").json()["run"]["info"]
        killed = server.workers()
        assert len(killed) == 1
        for worker in killed:
            worker.kill()
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            try:
                again = ask(server.url, "runs/get", method="GET", run_id=made["run_id"])
            except httpx.TransportError:
                time.sleep(0.1)
            else:
                break
        assert again.json()["run"]["info"]["run_id"] == made["run_id"]
        assert server.stop() == 0
