"""Real processes on a real store, killed at random moments, and what must be true afterwards."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any, Self

from mere.lake import Lake
from tests.crash.worker import work

__all__ = ["Hunt", "check"]

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.crash.worker", "mere.lake.fold", "mere.lake.upkeep"])
_START_TIMEOUT_S = 60.0


class _Worker:
    """A process, and the pipe through which it says what was acknowledged."""

    def __init__(self, role: str, number: int, arguments: tuple[Any, ...]) -> None:
        self.role = role
        read_end, write_end = _context.Pipe(duplex=False)
        self._pipe = read_end
        url, cache, environment = arguments
        name = f"{role[0]}{number}"
        self.process: Any = _context.Process(
            target=_run, args=(role, url, cache, name, environment, write_end), daemon=True
        )
        self.process.start()
        write_end.close()
        self._rest = b""
        self.is_ready = False
        os.set_blocking(read_end.fileno(), False)

    def hear(self) -> list[str]:
        """The lines said since the last call; a line that was cut short by death is dropped."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._pipe.fileno(), 65536):
                self._rest += data
        *lines, self._rest = self._rest.split(b"\n")
        heard = [line.decode() for line in lines]
        wrong = [line for line in heard if line.startswith("error")]
        assert not wrong, wrong
        self.is_ready |= "ready" in heard
        return [line for line in heard if line != "ready"]

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()


def _run(
    role: str, url: str, cache: str, name: str, environment: Mapping[str, str], pipe: Any
) -> None:
    work(role, url, cache, name, environment, pipe.fileno())


class Hunt:
    """Keeps processes of some roles alive, kills them by chance, and remembers the acks.

    Args:
        url: The warehouse.
        cache: The folder for local copies.
        environment: Variables that reach the store.
        roles: One process each.
        seed: When whom.
    """

    def __init__(
        self, url: str, cache: str, environment: Mapping[str, str], roles: list[str], seed: int
    ) -> None:
        self._arguments = (url, cache, dict(environment))
        self._chance = random.Random(seed)
        self.acked: set[str] = set()
        self._count = 0
        self._workers = [self._start(role) for role in roles]
        self._wait_until(lambda: all(worker.is_ready for worker in self._workers))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            if worker.process.is_alive():
                worker.kill()
        self.hear()

    def _start(self, role: str) -> _Worker:
        self._count += 1
        return _Worker(role, self._count, self._arguments)

    def hear(self) -> None:
        """Take down what was acknowledged until now."""
        for worker in self._workers:
            self.acked.update(worker.hear())

    def kill_one(self) -> None:
        """Let all work for a moment, kill one, and start another in its place."""
        self._pause(self._chance.random() * 0.1)
        index = self._chance.randrange(len(self._workers))
        victim = self._workers[index]
        self._wait_until(lambda: victim.is_ready)
        self._pause(self._chance.random() * 0.1)
        victim.kill()
        self.acked.update(victim.hear())
        self._workers[index] = self._start(victim.role)

    def check_alive(self) -> None:
        """Complain of a process that ended by itself: none of them has an end."""
        for worker in self._workers:
            if not worker.process.is_alive():
                raise AssertionError(f"{worker.role} died: {worker.process.exitcode}")

    def _pause(self, seconds: float) -> None:
        time.sleep(seconds)
        self.hear()
        self.check_alive()

    def _wait_until(self, condition: Any) -> None:
        give_up = time.monotonic() + _START_TIMEOUT_S
        while not condition():
            assert time.monotonic() < give_up, "a process did not start"
            time.sleep(0.005)
            self.hear()


def check(lake: Lake, acked: set[str], seen: frozenset[str] = frozenset()) -> frozenset[str]:
    """Check one view: all acknowledged, none twice, none by half; return what it shows."""
    must = acked | seen

    def look(view: Any) -> frozenset[str]:
        events = view.table("events").scan().to_pydict()
        things = view.table("things").scan().to_pydict()
        found = Counter(zip(events["batch"], events["n"], strict=True))
        shown = frozenset(events["batch"])
        doubled = [key for key, count in found.items() if count > 1]
        assert not doubled, f"doubled: {doubled[:5]}"
        assert len(found) == 2 * len(shown), "a batch shows one of its two records"
        assert len(things["batch"]) == len(set(things["batch"])), "a key is there twice"
        assert set(things["batch"]) == shown, "a batch shows in one table only"
        assert not must - shown, f"lost: {sorted(must - shown)[:5]}"
        return shown

    answer: frozenset[str] = lake._answer(None, look)
    return answer
