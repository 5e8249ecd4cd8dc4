"""Values that never change, kept at hand up to a weight; what was not asked for lately goes first.

They are kept to save requests and work, never to be right: each can be had from the store again.
"""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

__all__ = ["Remembered"]

_V = TypeVar("_V")


class Remembered(Generic[_V]):
    """A bounded cache by key, for several threads.

    Args:
        weight_max: What the values may weigh together, in a unit of the caller's. The newest is
            kept whatever it weighs.
    """

    def __init__(self, weight_max: int) -> None:
        self._weight_max = weight_max
        self._held: dict[str, tuple[_V, int]] = {}
        self._lock = threading.Lock()
        self.weight = 0
        """What those that are kept weigh."""

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: str) -> _V | None:
        """The value of a key, if it is kept still."""
        with self._lock:
            held = self._held.pop(key, None)
            if held is None:
                return None
            self._held[key] = held  # the one asked for last is at the end
            return held[0]

    def put(self, key: str, value: _V, weight: int = 1) -> None:
        """Keep a value; others go to make room."""
        with self._lock:
            self._drop(key)
            self._held[key] = (value, weight)
            self.weight += weight
            while self.weight > self._weight_max and len(self._held) > 1:
                self._drop(next(iter(self._held)))

    def _drop(self, key: str) -> None:
        _, weight = self._held.pop(key, (None, 0))
        self.weight -= weight
