"""Time, identifiers and randomness: the only module that asks the machine for them.

Everything else is handed a `Clock`, so a simulation decides what time it is and which random
bits come up, and replays to the bit from a seed.
"""

from __future__ import annotations

import random
import threading
import time
from typing import Protocol

__all__ = ["Clock", "HybridClock", "SystemClock", "run_id"]

_COUNTER_BITS = 16
_FOLLOW_MS_MAX = 24 * 3600 * 1000


class Clock(Protocol):
    """Where time and randomness come from."""

    def now_us(self) -> int:
        """Microseconds since the Unix epoch, by the wall clock."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going backwards."""

    def sleep(self, seconds: float) -> None:
        """Wait for some seconds."""

    def random_bits(self, bits: int) -> int:
        """A random integer of so many bits."""


class SystemClock:
    """The machine's own time and randomness."""

    def __init__(self) -> None:
        self._random = random.SystemRandom()

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def random_bits(self, bits: int) -> int:
        return self._random.getrandbits(bits)


class HybridClock:
    """A hybrid logical clock: wall time that never repeats or goes back, and follows others.

    A tick is one integer: milliseconds since the epoch in the upper 48 bits, a counter in the
    lower 16. Every tick is greater than the one before and than every tick observed, so what a
    process writes after it has seen something sorts behind it, whatever its wall clock says.
    A tick more than a day ahead of our own wall clock is not followed: one machine with a broken
    clock must not drag all others along.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0
        self._lock = threading.Lock()

    def tick(self) -> int:
        """The next tick."""
        with self._lock:
            wall = (self._clock.now_us() // 1000) << _COUNTER_BITS
            self._last = max(self._last + 1, wall)
            return self._last

    def observe(self, tick: int) -> None:
        """Make every later tick greater than `tick`."""
        limit = (self._clock.now_us() // 1000 + _FOLLOW_MS_MAX) << _COUNTER_BITS
        with self._lock:
            if self._last < tick <= limit:
                self._last = tick

    @staticmethod
    def to_ms(tick: int) -> int:
        """The milliseconds since the epoch that a tick stands for."""
        return tick >> _COUNTER_BITS

    @staticmethod
    def from_ms(ms: int) -> int:
        """The first tick of a millisecond."""
        return ms << _COUNTER_BITS


def run_id(clock: Clock) -> str:
    """A UUIDv7 (RFC 9562, section 5.7) as 32 hex digits; ids sort by creation time."""
    ms = clock.now_us() // 1000
    value = (ms & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | clock.random_bits(12) << 64
    value |= 0b10 << 62 | clock.random_bits(62)
    return f"{value:032x}"
