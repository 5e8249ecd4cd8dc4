"""The thread behind a run: it takes what was logged, and makes it durable in the warehouse.

Each sending is one segment: the points, what they add to the run's summary, new params and tags
and the heartbeat. What could not be sent is kept and tried again; when the lake has kept it
(because nobody knows whether the store took it), it is the lake's to send, and is not sent twice.
What fails by a bug is not sent again: unacknowledged records may be lost, but never doubled.
The thread is a daemon and every wait for it is bounded, so it never keeps a process from ending.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Protocol

import msgspec

from mere.client.buffer import Buffer
from mere.client.intake import Intake
from mere.clock import Clock
from mere.entities.metric import Points
from mere.errors import ErrorCode, Internal, InvalidInput, MereError
from mere.services.liveness import HEARTBEAT_S

__all__ = ["Destination", "Order", "Worker", "WorkerSettings"]

_log = logging.getLogger("mere")

_DRAIN_CALLS_MAX = 100_000
_RETRY_S_MAX = 30.0


class WorkerSettings(msgspec.Struct, frozen=True):
    """How a run sends.

    Args:
        flush_interval_s: What was logged is sent this often.
        finish_timeout_s: How long an ending run tries to send what is left.
    """

    flush_interval_s: float = 1.0
    finish_timeout_s: float = 30.0


class Order(Enum):
    """What a worker may be told to do."""

    WAKE = auto()
    FLUSH = auto()
    FINISH = auto()


class Destination(Protocol):
    """Where a worker sends to."""

    def begin(self, intake: Intake) -> None:
        """Do what has to be done once before the first sending; tried again if it raises."""

    def send(self, points: Points, changes: dict[str, Any]) -> None:
        """Make points and changes durable as one segment."""

    def tidy(self, *, is_last: bool) -> None:
        """Shorten the warehouse's tail if it has grown long."""


class Worker:
    """Sends what one run logs.

    Args:
        label: How warnings name the run.
        buffer: Where log calls wait.
        orders: Where orders come from, as (order, data, where to reply).
        destination: Where to send.
        clock: Time.
        settings: How often, how long.
        has_heartbeat: Whether this process answers for the run being alive.
    """

    def __init__(
        self,
        label: str,
        buffer: Buffer,
        orders: queue.SimpleQueue[tuple[Order, Any, Any]],
        destination: Destination,
        clock: Clock,
        settings: WorkerSettings,
        *,
        has_heartbeat: bool,
    ) -> None:
        self._label = label
        self._buffer = buffer
        self._orders = orders
        self._destination = destination
        self._clock = clock
        self._settings = settings
        self._has_heartbeat = has_heartbeat
        self._intake = Intake(label)
        self.has_ended = threading.Event()
        self._has_begun = False
        self._is_unsettled = False
        self._refusal: InvalidInput | None = None
        self._is_warned = False
        self._has_met_bug = False
        self._warned_dropped = 0
        self._failures = 0
        self._beat_at = -float(HEARTBEAT_S)

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name=f"mere {self._label}", daemon=True).start()

    def _run(self) -> None:
        self._attempt(must_send=True)
        due = self._clock.monotonic() + self._settings.flush_interval_s
        while True:
            try:
                wait_s = max(0.0, due - self._clock.monotonic())
                order, data, reply = self._orders.get(timeout=wait_s)
            except queue.Empty:
                order, data, reply = Order.WAKE, None, None
            if order is Order.FINISH:
                self._finish(data, reply)
                return
            error = self._attempt(must_send=order is Order.FLUSH)
            if order is Order.FLUSH:
                reply.put(error)
            delay_s = self._settings.flush_interval_s
            if self._failures:
                delay_s = max(delay_s, min(_RETRY_S_MAX, 0.5 * 2**self._failures))
            due = self._clock.monotonic() + delay_s

    def _attempt(self, *, must_send: bool, last: dict[str, Any] | None = None) -> MereError | None:
        """Send everything that waits; return what kept it from being sent.

        Args:
            must_send: Whether the caller wants to know that all is settled.
            last: What changes with the very last segment.
        """
        try:
            self._begin()
            while True:
                is_empty = self._take()
                if is_empty and last:
                    self._intake.changes.update(last)
                self._send(must_send=must_send)
                if is_empty:
                    break
        except MereError as error:
            return self._note_failure(error)
        except Exception as error:  # noqa: BLE001  the thread's boundary: training goes on
            _log.debug("%s: could not send", self._label, exc_info=True)
            return self._note_failure(
                Internal(
                    ErrorCode.BUG,
                    f"a bug in mere, please report it: {type(error).__name__}: {error}",
                )
            )
        finally:
            self._buffer.settle(len(self._intake.points))
        if self._refusal is not None:
            return self._refusal
        if self._is_warned:
            _log.warning("%s: the store answers again, everything logged is stored", self._label)
            self._is_warned = False
        self._failures = 0
        self._guard(lambda: self._destination.tidy(is_last=False))
        return None

    def _begin(self) -> None:
        # What the run knows from before has to be known before anything logged is judged by it.
        if not self._has_begun and self._refusal is None:
            self._destination.begin(self._intake)
            self._has_begun = True

    def _take(self) -> bool:
        """Convert waiting calls; return whether none is left."""
        is_empty = self._buffer.drain(self._intake.take, _DRAIN_CALLS_MAX)
        if self._buffer.dropped > self._warned_dropped:
            if self._warned_dropped == 0:
                _log.warning(
                    "%s: %d points wait to be sent and no more are held: newer ones are dropped "
                    "until the store takes them",
                    self._label,
                    self._buffer.points_max,
                )
            self._warned_dropped = self._buffer.dropped
        return is_empty

    def _send(self, *, must_send: bool) -> None:
        if self._refusal is not None:
            self._intake.give()
            return
        now = self._clock.monotonic()
        is_beat = self._has_heartbeat and now - self._beat_at >= HEARTBEAT_S
        intake = self._intake
        has_news = bool(intake.points) or bool(intake.changes)
        # An open end is settled by the next segment, so there has to be one.
        if not (has_news or is_beat or (must_send and self._is_unsettled)):
            return
        points, changes = intake.give()
        stamped = {**self._heartbeat(is_beat=is_beat), **changes}
        try:
            self._destination.send(points, stamped)
        except MereError as error:
            if error.details.get("kept"):
                self._is_unsettled = True
            elif isinstance(error, InvalidInput) and error.code is not ErrorCode.FORKED:
                # It would be refused each time, and all that follows would wait behind it.
                _log.warning("%s: %d points were refused: %s", self._label, len(points), error)
                return
            else:
                intake.take_back(points, changes)
            raise
        except Exception as error:
            # A bug, before or after the store took the segment: to repeat it could double it.
            raise Internal(
                ErrorCode.BUG,
                f"{len(points)} points may be lost to a bug in mere, please report it: "
                f"{type(error).__name__}: {error}",
            ) from error
        self._is_unsettled = False
        self._beat_at = now

    def _heartbeat(self, *, is_beat: bool) -> dict[str, Any]:
        if not self._has_heartbeat:
            return {}
        alive: dict[str, Any] = {"heartbeat_at": self._clock.now_us()}
        # A run that could not reach the store for long may have been written off as dead.
        return {**alive, "status": "RUNNING", "ended_at": None} if is_beat else alive

    def _note_failure(self, error: MereError) -> MereError:
        self._failures += 1
        if isinstance(error, InvalidInput):
            # Opening was refused: no retry will change that.
            self._refusal = error
            _log.warning("%s: nothing will be logged: %s", self._label, error)
        elif isinstance(error, Internal):
            if not self._has_met_bug:
                self._has_met_bug = True
                _log.error("%s: %s", self._label, error)
        elif not self._is_warned:
            self._is_warned = True
            _log.warning(
                "%s: the store does not take what is logged; it is held in memory and tried again "
                "(%s)",
                self._label,
                error,
            )
        return error

    def _finish(self, data: tuple[dict[str, Any], float], reply: queue.SimpleQueue[Any]) -> None:
        changes, timeout_s = data
        deadline = self._clock.monotonic() + timeout_s
        delay_s = 0.1
        while True:
            error = self._attempt(must_send=True, last=changes)
            left_s = deadline - self._clock.monotonic()
            if error is None or self._refusal or isinstance(error, Internal) or left_s <= 0:
                break
            self._clock.sleep(min(delay_s, left_s))
            delay_s = min(2 * delay_s, 5.0)
        if error is None:
            self._guard(lambda: self._destination.tidy(is_last=True))
        reply.put((error, len(self._intake.points)))
        self.has_ended.set()

    def _guard(self, act: Callable[[], None]) -> None:
        """Do what is good to have and no harm to miss."""
        try:
            act()
        except Exception:  # noqa: BLE001  same
            _log.debug("%s: the tail was not folded", self._label, exc_info=True)
