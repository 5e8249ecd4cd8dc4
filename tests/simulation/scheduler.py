"""Simulated processes on simulated time: who acts next follows from the seed alone.

Every process is a greenlet with a clock of its own. Whenever it waits (for the store, or because
it sleeps) the scheduler gives the word to whoever is due first. Nothing runs at the same time as
anything else, so a seed replays to the letter.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable

from greenlet import greenlet

from mere.testing.faults import FaultyStore

__all__ = ["Crash", "Process", "Scheduler", "SimulatedClock"]

_START_US = 1_700_000_000_000_000


class Crash(BaseException):
    """The process is killed here; no `except Exception` of the engine may hold it up."""


class Scheduler:
    """Time, and whose turn it is.

    Args:
        chance: Where all decisions come from.
        trace: Told what happens, with the time; or None.
    """

    def __init__(self, chance: random.Random, trace: Callable[[str], None] | None = None) -> None:
        self.chance = chance
        self.now_us = _START_US
        self._due: list[tuple[int, int, Process]] = []
        self._count = 0
        self._hub = greenlet.getcurrent()
        self._trace = trace

    def spawn(self, name: str, run: Callable[[Process], None], *, skew_us: int = 0) -> Process:
        """Start a process; it first acts when `run` is called."""
        process = Process(self, name, run, SimulatedClock(self, self.chance.getrandbits(64)))
        process.clock.skew_us = skew_us
        self._wait(process, 0)
        return process

    def run(self) -> None:
        """Go on until every process has ended; what a process raises is raised here."""
        while self._due:
            wake_us, _, process = heapq.heappop(self._due)
            self.now_us = max(self.now_us, wake_us)
            process.thread.switch()

    def pause(self, process: Process, delay_us: int) -> None:
        """Let others act for so long."""
        self._wait(process, delay_us)
        self._hub.switch()

    def say(self, process: Process | None, what: str) -> None:
        """Add a line to the trace."""
        if self._trace is not None:
            name = process.name if process else "-"
            self._trace(f"{(self.now_us - _START_US) / 1e6:10.3f} {name:<8} {what}")

    @property
    def is_tracing(self) -> bool:
        return self._trace is not None

    def _wait(self, process: Process, delay_us: int) -> None:
        self._count += 1
        heapq.heappush(self._due, (self.now_us + delay_us, self._count, process))


class Process:
    """One simulated process: it acts, waits, and may be killed wherever it waits.

    Args:
        scheduler: Decides when it acts.
        name: For the trace.
        run: What it does.
        clock: Its own clock.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        name: str,
        run: Callable[[Process], None],
        clock: SimulatedClock,
    ) -> None:
        self.scheduler = scheduler
        self.name = name
        self.clock = clock
        clock.process = self
        self.crash_rate = 0.0
        """The chance to be killed at each step."""
        self.is_dead = False
        """Killed; nothing of it reaches the store any more until it is restarted."""
        self.faulty: FaultyStore | None = None
        """The store it has open, whose faults can be changed."""
        self.thread = greenlet(lambda: run(self), parent=scheduler._hub)

    def step(self) -> None:
        """Wait for the store: mostly shortly, at times long. A crash may come instead."""
        if self.is_dead:
            raise Crash
        chance = self.scheduler.chance
        if self.crash_rate and chance.random() < self.crash_rate:
            self.is_dead = True
            self.scheduler.say(self, "CRASH")
            raise Crash
        delay_us = chance.randrange(500, 20_000)
        if chance.random() < 0.01:
            delay_us = chance.randrange(100_000, 3_000_000)
        self.scheduler.pause(self, delay_us)

    def say(self, what: str) -> None:
        self.scheduler.say(self, what)


class SimulatedClock:
    """A process's clock: the simulation's time, a skew, and random bits from the seed."""

    process: Process

    def __init__(self, scheduler: Scheduler, seed: int) -> None:
        self._scheduler = scheduler
        self._random = random.Random(seed)
        self.skew_us = 0

    def now_us(self) -> int:
        return self._scheduler.now_us + self.skew_us

    def monotonic(self) -> float:
        return self._scheduler.now_us / 1e6

    def sleep(self, seconds: float) -> None:
        if self.process.is_dead:
            raise Crash
        self._scheduler.pause(self.process, round(seconds * 1e6))

    def random_bits(self, bits: int) -> int:
        return self._random.getrandbits(bits)


class StoreClock:
    """The store's own clock, by which it dates objects."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def now_us(self) -> int:
        return self._scheduler.now_us

    def monotonic(self) -> float:
        return self._scheduler.now_us / 1e6

    def sleep(self, seconds: float) -> None:
        raise AssertionError("a store does not sleep")

    def random_bits(self, bits: int) -> int:
        raise AssertionError("a store throws no dice")
