"""The thread that asks the store, so that the one that gathers never waits long for it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Hand", "Job"]

_T = TypeVar("_T")


class Job(Generic[_T]):
    """Some work given to a hand.

    Args:
        work: What to do.
    """

    def __init__(self, work: Callable[[], _T]) -> None:
        self._work = work
        self._done = threading.Event()
        self._result: _T
        self._error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._done.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Wait for its end; return whether it has come."""
        return self._done.wait(timeout_s)

    def result(self) -> _T:
        """What the work returned; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._result

    def run(self) -> None:
        """Do it."""
        try:
            self._result = self._work()
        except BaseException as error:  # noqa: BLE001  it belongs to who waits
            self._error = error
        self._done.set()


class Hand:
    """Does jobs one after the other in a thread of its own.

    Args:
        name: The thread's name.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[Job[object] | None] = queue.SimpleQueue()

    def start(self) -> None:
        """Start the thread: early, since none can be started while a process ends."""
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def give(self, work: Callable[[], _T]) -> Job[_T]:
        """Give it a job; the caller may wait for it, as long as it likes."""
        job = Job(work)
        self._jobs.put(job)  # type: ignore[arg-type]
        return job

    def stop(self) -> None:
        """Let the thread end after the jobs it has."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.run()
