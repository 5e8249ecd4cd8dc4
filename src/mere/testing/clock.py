"""A clock that stands still until it is moved, with randomness from a seed."""

from __future__ import annotations

import random
import threading

__all__ = ["ManualClock"]

_START_US = 1_700_000_000_000_000


class ManualClock:
    """Time that passes only when told to, or when somebody sleeps.

    Two clocks made from one seed and moved alike give the same times and the same bits.

    Args:
        seed: Where the random bits come from.
        start_us: The wall clock's first reading, in microseconds since the epoch.
    """

    def __init__(self, seed: int = 0, *, start_us: int = _START_US) -> None:
        self._time = _Time(start_us)
        self._random = random.Random(seed)
        self.skew_us = 0
        """How far this clock's wall time is ahead of the true one; may be set at any moment."""

    def skewed(self, skew_us: int, seed: int = 0) -> ManualClock:
        """Return another machine's clock: the same passing time, another wall time and seed."""
        other = ManualClock(seed)
        other._time = self._time
        other.skew_us = skew_us
        return other

    def now_us(self) -> int:
        return self._time.true_us + self.skew_us

    def monotonic(self) -> float:
        return self._time.passed_us / 1e6

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move this clock, and every other that shares its time, forward."""
        if seconds < 0:
            raise ValueError(f"time passes forward only; not by {seconds} s")
        self._time.pass_us(round(seconds * 1e6))

    def random_bits(self, bits: int) -> int:
        return self._random.getrandbits(bits)


class _Time:
    """The time that several clocks share."""

    def __init__(self, start_us: int) -> None:
        self._start_us = start_us
        self._lock = threading.Lock()
        self.true_us = start_us

    @property
    def passed_us(self) -> int:
        return self.true_us - self._start_us

    def pass_us(self, us: int) -> None:
        with self._lock:
            self.true_us += us
