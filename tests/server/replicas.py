"""Servers as processes, and what stands before them: a balancer that moves with every request."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from mere.testing.proxy import Relay, pass_on, read_request

__all__ = ["MLFLOW", "Balancer", "Replica", "ask", "balanced", "journey", "running"]

_ROOT = Path(__file__).parents[2]
_START_S = 90.0
_STOP_S = 30.0

MLFLOW = _ROOT / ".mlflow/bin/python"
"""The Python that has MLflow."""


@dataclass
class Replica:
    """A running ``mere server``."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path = field(repr=False)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def workers(self) -> list[psutil.Process]:
        """The processes that answer."""
        children = psutil.Process(self.process.pid).children()
        # The keeper is a child, too; and so is what multiprocessing keeps for itself.
        others = ("mere.server.keeper", "resource_tracker")
        return [one for one in children if not any(o in " ".join(one.cmdline()) for o in others)]

    def kill(self) -> None:
        """Kill all of it at once, as when the machine goes."""
        main = psutil.Process(self.process.pid)
        family = [main, *main.children(recursive=True)]
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGSTOP)
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        self.process.wait(_STOP_S)

    def stop(self) -> int:
        """Stop it in order; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_STOP_S)


@contextlib.contextmanager
def running(
    warehouse: str,
    folder: Path,
    *more: str,
    environment: Mapping[str, str] | None = None,
    port: int = 0,
    python: str | Path = sys.executable,
) -> Iterator[Replica]:
    """Run ``mere server`` on a warehouse until the block ends; it answers when this returns."""
    words = ["-m", "mere", "server", "--json", "--port", str(port), "--warehouse", warehouse]
    log = folder / f"server-{time.monotonic_ns()}.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [str(python), *words, *more],
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=folder,
            env={**os.environ, **(environment or {})},
        )
    replica = Replica("", process, log)
    try:
        replica.url = _told_url(process, log)
        yield replica
    finally:
        if process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                replica.stop()
        if process.poll() is None:
            replica.kill()
        if process.stdout is not None:
            process.stdout.close()


def _told_url(process: subprocess.Popen[bytes], log: Path) -> str:
    assert process.stdout is not None
    watch = threading.Timer(_START_S, process.kill)
    watch.start()
    told = b""
    try:
        while line := process.stdout.readline():
            told += line
            if line.strip() == b"}":
                return str(json.loads(told)["url"])
    finally:
        watch.cancel()
    raise AssertionError(f"the server did not start: {log.read_text()[-3000:]}")


class Balancer(Relay):
    """Sends each request to the next of several servers, past those that do not take it.

    Args:
        ports: Where the servers listen; may be changed while it runs.
    """

    def __init__(self, *ports: int) -> None:
        self.ports = list(ports)
        self.counts: dict[int, int] = {}
        self._turn = 0
        super().__init__()

    def serve(self, client: socket.socket) -> None:
        client.settimeout(120)
        request = read_request(client)
        if request:
            with contextlib.closing(self._next()) as server:
                pass_on(request, server, client)

    def _next(self) -> socket.socket:
        for _ in range(2 * len(self.ports)):
            with self._lock:
                port = self.ports[self._turn % len(self.ports)]
                self._turn += 1
            try:
                server = socket.create_connection(("127.0.0.1", port), timeout=120)
            except OSError:
                continue
            with self._lock:
                self.counts[port] = self.counts.get(port, 0) + 1
            return server
        raise ConnectionRefusedError


@contextlib.contextmanager
def balanced(*replicas: Replica) -> Iterator[Balancer]:
    """A balancer before replicas."""
    balancer = Balancer(*(one.port for one in replicas))
    try:
        yield balancer
    finally:
        balancer.close()


def journey(
    address: str,
    folder: Path,
    *parts: str,
    environment: Mapping[str, str] | None = None,
    name: str = "journey",
    big_bytes: int = 1 << 20,
    timeout_s: float = 400,
) -> str:
    """Send MLflow's client on its way (tests/conformance/journey.py); what it printed."""
    words = [str(_ROOT / "tests/conformance/journey.py"), address, *parts]
    words += ["--name", name, "--big-bytes", str(big_bytes)]
    told = {"MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [str(MLFLOW), *words],
        check=False,
        cwd=folder,
        env={**os.environ, **told, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-5000:]
    return done.stdout


def ask(url: str, path: str, *, method: str = "POST", **fields: object) -> httpx.Response:
    """One request of MLflow's protocol."""
    with httpx.Client(timeout=120) as client:
        address = f"{url}/api/2.0/mlflow/{path}"
        if method == "GET":
            return client.get(address, params=fields)  # type: ignore[arg-type]
        return client.request(method, address, json=fields)
