"""Servers of their own process, as tests and the matrix start them: ours, and MLflow's own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

__all__ = ["MLFLOW", "address_of", "run_mere", "run_mlflow"]

MLFLOW = Path(__file__).parents[2] / ".mlflow/bin/python"
_START_S_MAX = 120


@contextmanager
def run_mere(warehouse: Path | str, *words: str) -> Iterator[str]:
    """Run `mere server` on a warehouse; gives its address."""
    command = [sys.executable, "-m", "mere", "server", "--json", "--port", "0"]
    with subprocess.Popen(
        [*command, "--warehouse", str(warehouse), *words],
        stdout=subprocess.PIPE,
        env={**os.environ, "MERE_SYSTEM_METRICS": "false"},
    ) as process:
        try:
            yield address_of(process)
        finally:
            process.terminate()
            process.wait(timeout=30)


def address_of(process: subprocess.Popen[bytes]) -> str:
    """The address that a server of ours says it serves at, once it does."""
    assert process.stdout is not None
    lines = b""
    while b"}" not in lines:
        line = process.stdout.readline()
        assert line, "the server ended before it served"
        lines += line
    url: str = json.loads(lines)["url"]
    return url


@contextmanager
def run_mlflow(folder: Path) -> Iterator[str]:
    """Run MLflow's own server with SQLite; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [
            *(MLFLOW, "-m", "mlflow", "server", "--workers", "1", "--port", str(port)),
            *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
            *("--artifacts-destination", str(folder / "artifacts")),
        ],
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd=folder,
    ) as process:
        try:
            _wait(url, process)
            yield url
        finally:
            # It runs its workers as children of its own, and on a busy machine ends slowly.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=30)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_S_MAX
    while True:
        assert process.poll() is None, "the server ended before it served"
        assert time.monotonic() < end, "the server did not begin to serve"
        try:
            if httpx.get(f"{url}/health").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
