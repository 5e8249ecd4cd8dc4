"""Where a log call leaves its data: the only code of ours that runs in the training loop.

`Buffer.put` appends one tuple to a deque, which is atomic, so there is no lock that a signal
handler or a fork could find taken. Everything else happens in the worker's thread.

Memory is bounded by `points_max`: beyond it the newest calls are dropped, counted, and the worker
warns. The count of what waits is kept without a lock too; threads that race may make it a few
calls wrong until the worker next sets it right, which a bound on memory can bear.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["POINTS_MAX", "Buffer", "Call", "snapshot"]

POINTS_MAX = 1_000_000
_WAKE_POINTS = 65_536

Call = tuple[str, Any, Any, Any]
"""What is logged (``metrics``, ``params``, ``tags``, …), the data, the step, the time."""


class Buffer:
    """Calls on their way from the training loop to the worker.

    Args:
        wake: Called once when so much waits that the worker had better not sleep on. It runs in
            the training loop and may be interrupted by itself, so it must not take a lock.
        points_max: Beyond so many waiting points, calls are dropped.
    """

    __slots__ = ("_calls", "_is_awake", "_wake", "dropped", "points_max", "waiting")

    def __init__(self, wake: Callable[[], None], points_max: int = POINTS_MAX) -> None:
        self._calls: deque[Call] = deque()
        self._wake = wake
        self._is_awake = False
        self.points_max = points_max
        self.waiting = 0
        self.dropped = 0

    def put(self, call: Call, points: int) -> None:
        """Add a call; never blocks, never raises."""
        waiting = self.waiting
        if waiting >= self.points_max:
            self.dropped += points
            return
        self.waiting = waiting + points
        self._calls.append(call)
        if waiting > _WAKE_POINTS and not self._is_awake:
            self._is_awake = True
            self._wake()

    def drain(self, take: Callable[[Call], None], calls_max: int) -> bool:
        """Hand over the calls that wait, oldest first; return whether none is left."""
        self._is_awake = False
        calls = self._calls
        for _ in range(calls_max):
            try:
                call = calls.popleft()
            except IndexError:
                return True
            take(call)
        return not calls

    def settle(self, held: int) -> None:
        """Set the count of what waits right: what is left here, and what the worker holds."""
        self.waiting = len(self._calls) + held


def snapshot(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Copy what a later line of the training loop could change.

    Plain numbers cannot be changed. Arrays and tensors can, in place, so they are copied where
    they are (on a GPU without waiting for it); the worker turns them into numbers.
    """
    held = dict(metrics)
    for key, value in held.items():
        if value.__class__ is not float and not isinstance(value, int | float | str):
            held[key] = _copy(value)
    return held


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return snapshot(value)
    if hasattr(value, "detach"):
        return value.detach().clone()
    return value.copy() if hasattr(value, "copy") else value
