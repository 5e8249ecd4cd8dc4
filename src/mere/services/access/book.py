"""The book of access: the state that a process holds in memory, and when it looks again.

A change made through this process holds at once. One made elsewhere holds when this process looks
next: under load after `FRESH_MS`, at the latest at the first request after `STALE_MS_MAX`. Before
somebody is refused, the book is looked up if it is older than `LOOK_MS`: that bounds what wrong
credentials can cost, and lets what was given elsewhere count at once.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mere.services.access.state import AccessState, read_state, state_mark

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake

__all__ = ["FRESH_MS", "LOOK_MS", "STALE_MS_MAX", "AccessBook"]

FRESH_MS = 2_000
STALE_MS_MAX = 5_000
LOOK_MS = 500


class AccessBook:
    """Holds what is stored about access; safe for use by several threads.

    Args:
        lake: Where it is stored.
        clock: Tells how old is what is known.
    """

    def __init__(self, lake: Lake, clock: Clock) -> None:
        self.lake = lake
        self.clock = clock
        self._lock = threading.Lock()
        self._state: AccessState | None = None
        self._mark: object = None
        self._read_at = 0.0
        self._is_asked_for = False

    def state(self) -> AccessState:
        """What is stored, not older than `STALE_MS_MAX`; may take a listing."""
        known, age_ms = self._state, self._age_ms()
        if known is not None and age_ms < FRESH_MS:
            return known
        # While one thread looks, others go on with what is not stale yet.
        is_needed = known is None or age_ms >= STALE_MS_MAX
        if not self._lock.acquire(blocking=is_needed):
            assert known is not None
            return known
        try:
            if self._state is not None and self._age_ms() < FRESH_MS:
                return self._state
            return self._looked()
        finally:
            self._lock.release()

    def state_quickly(self) -> AccessState | None:
        """The same, if it is at hand; None to one caller now and then, who is to look again."""
        state, age_ms = self._state, self._age_ms()
        if state is None or age_ms >= STALE_MS_MAX:
            return None
        if age_ms >= FRESH_MS and not self._is_asked_for:
            self._is_asked_for = True
            return None
        return state

    def newest(self, *, age_ms_max: int = 0) -> AccessState:
        """What is stored now, or was so long ago; for whoever is about to change it."""
        with self._lock:
            if self._state is not None and self._age_ms() < age_ms_max:
                return self._state
            return self._looked()

    def forget(self) -> None:
        """Look again before the next decision: something was changed here."""
        with self._lock:  # whoever looks at the moment may not have seen the change
            self._state = None

    def now(self) -> datetime:
        """What time it is, as entities hold it."""
        return datetime.fromtimestamp(self.clock.now_us() / 1e6, UTC)

    def _age_ms(self) -> float:
        return (self.clock.monotonic() - self._read_at) * 1000

    def _looked(self) -> AccessState:
        """Look what there is. Call with the lock held."""
        began = self.clock.monotonic()
        try:
            view = self.lake.view()
            mark, state = state_mark(view), self._state
            if state is None or mark != self._mark:
                state = read_state(view)
            self._state, self._mark, self._read_at = state, mark, began
            return state
        finally:
            self._is_asked_for = False
