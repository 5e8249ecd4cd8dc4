"""What every benchmark shares: figures, their sizes, fixtures built once, and how to time.

A figure is one JSON line: its name, its value (the median unless the name says otherwise), its
unit, what it was measured with and, under ``beside``, what does the same work without mere.
"""

from __future__ import annotations

import fnmatch
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from mere.clock import SystemClock
from mere.lake import Lake
from mere.lake.objects.open import open_store
from mere.services.tables import TABLES
from mere.testing.s3server import S3Server, run_s3_server

__all__ = ["SIZES", "Bench", "Theme", "Timing", "folder_bytes", "time_once"]

SIZES = ("quick", "usual", "full")
_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Theme:
    """Figures that are measured together.

    Args:
        names: The figures, so that others need not be run to find out.
        run: Measures and emits them.
    """

    names: tuple[str, ...]
    run: Callable[[Bench], None]


@dataclass(frozen=True)
class Timing:
    """Times of one piece of work, in seconds."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The time that half of the repetitions stayed under."""
        return median(self.seconds)

    @property
    def ms(self) -> float:
        """The median in milliseconds."""
        return self.median * 1000

    @property
    def spread(self) -> dict[str, Any]:
        """What tells how far the median is to be trusted."""
        ordered = sorted(self.seconds)
        return {
            "repeats": len(ordered),
            "best_ms": rounded(ordered[0] * 1000),
            "worst_ms": rounded(ordered[-1] * 1000),
        }


class Bench:
    """One run of the benchmarks.

    Args:
        folder: Where fixtures lie.
        size: ``quick``, ``usual`` or ``full``.
        only: Patterns of figures to measure; none means all.
        skip: Patterns of figures or sizes to leave out, such as ``search.*`` or ``1m``.
        stack: Ends the servers that were started.
    """

    def __init__(
        self, folder: Path, size: str, only: list[str], skip: list[str], stack: ExitStack
    ) -> None:
        self.folder = folder
        self.size = size
        self._only = only
        self._skip = skip
        self._stack = stack
        self._server: S3Server | None = None
        self._fixtures: dict[str, Any] = {}

    def wants(self, name: str) -> bool:
        """Whether a figure was asked for."""
        asked = any(fnmatch.fnmatchcase(name, f"*{p}*") for p in self._only) or not self._only
        return asked and not any(fnmatch.fnmatchcase(name, f"*{p}*") for p in self._skip)

    def choose(self, quick: Any, usual: Any, full: Any) -> Any:
        """The value for this run's size."""
        return dict(zip(SIZES, (quick, usual, full), strict=True))[self.size]

    def emit(
        self,
        name: str,
        value: float,
        unit: str,
        *,
        beside: dict[str, Any] | None = None,
        **params: Any,
    ) -> None:
        """Print a figure."""
        figure = {"name": name, "value": rounded(value), "unit": unit, **params}
        if beside is not None:
            figure["beside"] = beside
        print(json.dumps(figure), flush=True)

    def say(self, text: str) -> None:
        """Tell on stderr how far it is."""
        print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)

    def repeat(
        self, work: Callable[[], Any], *, times: int = 9, seconds_max: float = 20.0
    ) -> Timing:
        """Time some work after one round to warm up, less often if it takes long."""
        first = time_once(work)
        taken: list[float] = []
        while len(taken) < times and (not taken or sum(taken) + first < seconds_max):
            taken.append(time_once(work))
        return Timing(tuple(taken))

    def fixture(self, name: str, build: Callable[[Path], Any]) -> Any:
        """What `build` made in a folder of its own, made at the first call only."""
        if name not in self._fixtures:
            self.say(f"building {name}")
            self._fixtures[name] = build(self.folder / name)
        return self._fixtures[name]

    def s3(self) -> S3Server:
        """An S3 server on this machine, started at the first call."""
        if self._server is None:
            self._server = self._stack.enter_context(run_s3_server())
        return self._server

    @contextmanager
    def lake(self, where: str) -> Iterator[Lake]:
        """A new, empty lake: in a local ``folder``, or on ``s3``."""
        clock = SystemClock()
        if where == "s3":
            server = self.s3()
            url = server.new_prefix()
            store = open_store(url, clock=clock, environment=server.environment)
        else:
            url = tempfile.mkdtemp(prefix="lake-", dir=self.folder)
            store = open_store(url, clock=clock)
        with Lake.open(url, tables=TABLES, clock=clock, store=store) as lake:
            yield lake

    def child(self, module: str, *arguments: Any, **environment: str) -> dict[str, Any]:
        """Run a module of ours in a process of its own; what it prints is one JSON object.

        Raises:
            RuntimeError: It failed.
        """
        # A fresh process finds bytecode, as it does wherever Python is not told to write none.
        inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)],
            cwd=_ROOT,
            env={**inherited, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{module} failed: {done.stderr[-2000:]}")
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer


def time_once(work: Callable[[], Any]) -> float:
    """The seconds that some work took."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def folder_bytes(folder: Path, pattern: str = "**/*") -> int:
    """The bytes of the files below a folder."""
    return sum(path.stat().st_size for path in folder.glob(pattern) if path.is_file())


def rounded(value: float) -> float:
    """Four digits: no timing on a shared machine is worth more."""
    return float(f"{value:.4g}")
