"""How much one client may ask, and how long an answer may take."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable
from typing import TypeVar

from mere.clock import Clock
from mere.errors import ErrorCode, Unavailable

__all__ = ["Deadlines", "RateLimit"]

_T = TypeVar("_T")
_CLIENTS_MAX = 20_000
_PAUSES_MAX = 5
"""The watch that wakes later than after so many of its pauses was not running, nor was the rest."""


class RateLimit:
    """Lets each client do so many requests a second, and twice as many for a moment.

    Args:
        per_s: Requests a second; 0 lets everything pass.
        clock: For their age.
    """

    def __init__(self, per_s: float, clock: Clock) -> None:
        self._per_s = per_s
        self._burst = per_s * 2
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, client: str) -> float:
        """How long a client has to wait before the next request; 0 lets it pass and counts it."""
        if not self._per_s:
            return 0.0
        now = self._clock.monotonic()
        tokens, since = self._buckets.pop(client, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._per_s)
        allowed = tokens >= 1
        self._buckets[client] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > _CLIENTS_MAX:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / self._per_s


class Deadlines:
    """How long answers may take; for one event loop.

    One task looks at all of them now and then: a timer for each would cost more than most answers.
    Time in which the process did not run counts for nobody: after a machine was suspended or moved,
    the clock says that every answer is late.

    Args:
        seconds: How long; what takes longer ends up to a second later.
        clock: For their age.
    """

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self._pause_s = min(1.0, seconds / 10)
        self._ran_s = 0.0
        self._looked_at = clock.monotonic()
        self._begun: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()

    async def keep(self, answer: Awaitable[_T]) -> _T:
        """Wait for an answer, and hold the task that does so to the limit.

        Raises:
            Unavailable: It took longer.
        """
        task = asyncio.current_task()
        assert task is not None
        self._begun[task] = self._now()
        try:
            return await answer
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            task.uncancel()
            raise Unavailable(
                ErrorCode.TIMED_OUT,
                f"the answer took longer than {self._seconds:g} s: ask for less",
            ) from None
        finally:
            self._begun.pop(task, None)
            self._late.discard(task)

    async def watch(self) -> None:
        """End what takes too long, until cancelled."""
        while True:
            await asyncio.sleep(self._pause_s)
            self._ran_s = self._now()
            self._looked_at = self._clock.monotonic()
            before = self._ran_s - self._seconds
            for task in [task for task, begun in self._begun.items() if begun < before]:
                if task not in self._late:
                    self._late.add(task)
                    task.cancel()

    def _now(self) -> float:
        """For how many seconds the process has run."""
        since_s = self._clock.monotonic() - self._looked_at
        return self._ran_s + min(since_s, _PAUSES_MAX * self._pause_s)
