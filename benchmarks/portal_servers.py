"""The trackers that are shown beside the portal: their data, and their servers as users start them.

TensorBoard and Aim come from `requirements/trackers.in`, in an environment of their own.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil

from benchmarks.server_sides import MLFLOW

__all__ = ["TRACKERS", "aim", "fill_mlflow", "filled", "tensorboard"]

_ROOT = Path(__file__).parents[1]
_START_S = 180.0

TRACKERS = _ROOT / ".trackers/bin/python"
"""The Python that has TensorBoard and Aim."""


def filled(home: Path, what: str, *sizes: int) -> Path:
    """The folder with what a tracker holds of these sizes, filled now or before."""
    fill: Callable[..., None] = fill_mlflow if what == "mlflow" else _fill_by_itself
    sources = [Path(__file__).with_name(f"portal_{one}.py") for one in ("data", _module(what))]
    made_of = b"".join(one.read_bytes() for one in sources) + repr(sizes).encode()
    folder = home / f"{what}-{hashlib.sha256(made_of).hexdigest()[:12]}"
    done = folder / "filled"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        fill(what, folder, *sizes)
        done.touch()
    return folder


def _module(what: str) -> str:
    return "mlflow" if what == "mlflow" else "trackers"


def fill_mlflow(what: str, folder: Path, runs: int, histories: int, points: int) -> None:
    """Fill a SQLite database as MLflow keeps it."""
    del what
    words = [str(MLFLOW), "-m", "benchmarks.portal_mlflow", f"sqlite:///{folder}/mlflow.db"]
    _run([*words, str(runs), str(histories), str(points)])


def _fill_by_itself(what: str, folder: Path, runs: int, points: int) -> None:
    words = [str(TRACKERS), "-m", "benchmarks.portal_trackers", what, str(folder / "data")]
    _run([*words, str(runs), str(points)])


def _run(words: list[str]) -> None:
    done = subprocess.run(words, cwd=_ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words[1:4])} failed: {done.stderr[-2000:]}")


def tensorboard(folder: Path) -> contextlib.AbstractContextManager[str]:
    """Run TensorBoard on a folder; its address."""
    words = [str(TRACKERS), "-m", "tensorboard.main", "--logdir", str(folder / "data")]
    return _serving([*words, "--host", "127.0.0.1"])


def aim(folder: Path) -> contextlib.AbstractContextManager[str]:
    """Run Aim's web UI on a repository; its address."""
    words = [str(TRACKERS.with_name("aim")), "up", "--repo", str(folder / "data")]
    return _serving([*words, "--host", "127.0.0.1"])


@contextlib.contextmanager
def _serving(words: list[str]) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([*words, "--port", str(port)], stdout=log, stderr=log)
        try:
            if not _answers(url, process):
                log.seek(0)
                raise RuntimeError(f"{words[0]} did not start: {log.read()[-2000:]!r}")
            yield url
        finally:
            _end(process)


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    give_up = time.perf_counter() + _START_S
    while time.perf_counter() < give_up and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, follow_redirects=True).status_code == 200:
                return True
        time.sleep(0.1)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    family: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    process.kill()
    process.wait()
    for one in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
