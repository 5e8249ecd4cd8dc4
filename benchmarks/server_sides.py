"""The servers that are compared: mere, and MLflow's own with SQLite and with PostgreSQL.

Each is started as its users start it, with the settings it comes with. PostgreSQL is a cluster of
this benchmark's own, with its defaults, which are durable.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from benchmarks.harness import folder_bytes

__all__ = ["MLFLOW", "Side", "mere_side", "mlflow_side", "postgres"]

_ROOT = Path(__file__).parents[1]
_START_S = 180.0

MLFLOW = _ROOT / ".mlflow/bin/python"
"""The Python that has MLflow."""


@dataclass
class Side:
    """A running server.

    Args:
        name: mere, sqlite or postgres.
        url: Where it answers.
        process: Its first process.
        started_s: How long it took from the start to the first answer.
        store: Where its data are, as its own address says.
    """

    name: str
    url: str
    process: subprocess.Popen[bytes]
    started_s: float
    store: str

    def memory_mb(self) -> float:
        """What its processes hold in memory for themselves."""
        first = psutil.Process(self.process.pid)
        family = [first, *first.children(recursive=True)]
        return sum(one.memory_full_info().uss for one in family) / 1e6


@contextlib.contextmanager
def mere_side(
    warehouse: str, *, workers: int = 1, environment: Mapping[str, str] | None = None
) -> Iterator[Side]:
    """Run ``mere server`` on a warehouse."""
    port = _free_port()
    words = [sys.executable, "-m", "mere", "server", "--port", str(port)]
    words += ["--workers", str(workers), "--warehouse", warehouse]
    with _running("mere", words, port, warehouse, environment or {}) as side:
        yield side


@contextlib.contextmanager
def mlflow_side(name: str, database: str, folder: Path) -> Iterator[Side]:
    """Run ``mlflow server`` on a database."""
    port = _free_port()
    words = [str(MLFLOW), "-m", "mlflow", "server", "--port", str(port), "--host", "127.0.0.1"]
    words += ["--backend-store-uri", database]
    words += ["--artifacts-destination", str(folder / "artifacts")]
    with _running(name, words, port, database, {"MLFLOW_DISABLE_TELEMETRY": "true"}) as side:
        yield side


@contextlib.contextmanager
def _running(
    name: str, words: list[str], port: int, store: str, environment: Mapping[str, str]
) -> Iterator[Side]:
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    log = tempfile.TemporaryFile()  # noqa: SIM115  closed with the server
    process = subprocess.Popen(
        words,
        cwd=_ROOT,
        env={**inherited, **environment},
        stdout=log,
        stderr=log,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        if not _answers(url, process):
            log.seek(0)
            said = log.read()[-3000:].decode(errors="replace")
            raise RuntimeError(f"{name} did not start: {said}")
        yield Side(name, url, process, time.perf_counter() - began, store)
    finally:
        family: list[psutil.Process] = []
        if process.poll() is None:
            family = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()
        process.wait()
        log.close()
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    """Wait until a server answers a question about its data; tell whether it did."""
    give_up = time.perf_counter() + _START_S
    body = {"experiment_ids": ["0"], "max_results": 1}
    while time.perf_counter() < give_up and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.post(f"{url}/api/2.0/mlflow/runs/search", json=body).status_code == 200:
                return True
        time.sleep(0.02)
    return False


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[tuple[str, Path]]:
    """Run a PostgreSQL of our own; its address for SQLAlchemy, and its data folder.

    Raises:
        RuntimeError: It is not installed.
    """
    found = shutil.which("initdb") or next(
        iter(sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")))), None
    )
    if found is None:
        raise RuntimeError("PostgreSQL is not installed")
    binaries, data, port = Path(found).parent, folder / "postgres", _free_port()
    data.mkdir(parents=True)
    as_user: list[str] = []
    if os.geteuid() == 0:  # it refuses to run as root
        as_user = ["runuser", "-u", "postgres", "--"]
        shutil.chown(data, "postgres")
        for parent in [data, *data.parents][:3]:
            parent.chmod(parent.stat().st_mode | 0o011)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={data}"
    control = [*as_user, str(binaries / "pg_ctl"), "-D", str(data), "-w", "-s"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    subprocess.run(
        [*as_user, found, "-D", str(data), "-A", "trust", "-U", "bench"],
        check=True,
        **quiet,  # type: ignore[call-overload]
    )
    subprocess.run([*control, "-o", options, "start"], check=True, **quiet)  # type: ignore[call-overload]
    try:
        yield f"postgresql+psycopg2://bench@127.0.0.1:{port}/postgres", data
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, **quiet)  # type: ignore[call-overload]


def stored_bytes(store: str, data: Path | None) -> int:
    """What a side's data take on disk."""
    if data is not None:
        return folder_bytes(data)
    path = Path(store.removeprefix("sqlite:///"))
    return path.stat().st_size if path.is_file() else folder_bytes(path)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
