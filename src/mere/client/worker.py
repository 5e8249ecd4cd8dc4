"""The thread behind a run: it takes what was logged, and sees to it that it becomes durable.

Each sending is one segment: the points, what they add to the run's summary, new params and tags
and the heartbeat. What the store does not take in time waits on disk; from then on each sending
goes there, and what waits is sent in the background, in order, until the store has all of it. Only
if the disk does not take it either is it kept in memory and tried again.

What fails by a bug is not sent again: unacknowledged records may be lost, but never doubled.
The thread is a daemon and every wait for it is bounded, so it never keeps a process from ending.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from enum import Enum, auto
from pathlib import Path
from typing import Any, Protocol

import msgspec

from mere.client.buffer import Buffer
from mere.client.intake import Intake
from mere.clock import Clock
from mere.entities.metric import Points
from mere.errors import ErrorCode, Internal, InvalidInput, MereError, Unavailable
from mere.services.runs.liveness import HEARTBEAT_S
from mere.services.runs.metrics import Line

__all__ = ["Destination", "Order", "Worker", "WorkerSettings"]

_log = logging.getLogger("mere")

_DRAIN_CALLS_MAX = 100_000
_RETRY_S_MAX = 30.0
_BEGIN_PATIENCE_S = 2.0
_RESUME_PATIENCE_S = 60.0
_FORCE_S = 2.0
_NOT_YET = "the store has not answered yet"
_SILENT_S = 10.0
_ORIGIN_S = 10.0


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
    """Where a worker sends to: a store, and a disk for what that does not take."""

    @property
    def is_resumed(self) -> bool:
        """Whether what the run knows from before must be asked first."""

    @property
    def is_behind(self) -> bool:
        """Whether something that was sent is not stored yet."""

    @property
    def folder(self) -> Path | None:
        """Where that waits."""

    def start(self) -> None:
        """Begin to work."""

    def begin(self, intake: Intake, wait_s: float) -> bool:
        """Do what has to be done before the first sending; return whether it is done by now."""

    def begin_on_disk(self) -> None:
        """Leave that for later."""

    def await_origin(self, timeout_s: float) -> None:
        """Wait until it is known where the run comes from."""

    def tell_late(self, intake: Intake) -> None:
        """Pass on what came to be known after that."""

    def send(self, points: Points, changes: dict[str, Any], lines: Sequence[Line] = ()) -> None:
        """Make points, changes and lines durable as one segment, in the store or on disk."""

    def catch_up(self, wait_s: float) -> MereError | None:
        """Send what waits, in the background; return what failed, once that is known."""

    def tidy(self, *, is_last: bool, wait_s: float) -> None:
        """Shorten the warehouse's tail if it has grown long."""

    def stop(self) -> None:
        """End it."""


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
        rank: Which process of the run this is.
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
        rank: int = 0,
    ) -> None:
        self._label = label
        self._buffer = buffer
        self._orders = orders
        self._destination = destination
        self._clock = clock
        self._settings = settings
        self._has_heartbeat = has_heartbeat
        self._intake = Intake(label, rank=rank)
        self.has_ended = threading.Event()
        self._has_begun = False
        self._began_at = 0.0
        self._refusal: InvalidInput | None = None
        self._is_warned = False
        self._has_met_bug = False
        self._warned_dropped = 0
        self._told_dropped = 0
        self._failures = 0
        self._beat_at = -float(HEARTBEAT_S)
        self._catch_up_at = 0.0
        self._behind_at = 0.0

    def start(self) -> None:
        """Start the threads."""
        self._began_at = self._clock.monotonic()
        self._destination.start()
        threading.Thread(target=self._run, name=f"mere {self._label}", daemon=True).start()

    def _run(self) -> None:
        self._attempt()
        interval_s = self._settings.flush_interval_s
        due = self._clock.monotonic() + min(interval_s, 1.0)
        while True:
            try:
                wait_s = max(0.0, due - self._clock.monotonic())
                order, data, reply = self._orders.get(timeout=wait_s)
            except queue.Empty:
                order, data, reply = Order.WAKE, None, None
            if order is Order.FINISH:
                self._finish(data, reply)
                return
            if order is Order.FLUSH:
                reply.put(self._settle(data))
            else:
                self._attempt()
                self._catch_up()
            is_late = self._destination.is_behind or not self._has_begun
            due = self._clock.monotonic() + (min(interval_s, 1.0) if is_late else interval_s)

    def _attempt(
        self, *, last: dict[str, Any] | None = None, is_forced: bool = False
    ) -> MereError | None:
        """Send everything that waits in memory; return what kept it from being sent.

        Args:
            last: What changes with the very last segment.
            is_forced: Whether there is no time left to wait for the store before the first one.
        """
        try:
            if not self._begin(is_forced=is_forced):
                return _not_yet()
            self._destination.tell_late(self._intake)
            while True:
                is_empty = self._take()
                if is_empty and last:
                    self._intake.changes.update(last)
                self._send()
                if is_empty:
                    break
        except MereError as error:
            return self._note_failure(error)
        except Exception as error:  # noqa: BLE001  the thread's boundary: training goes on
            _log.debug("%s: could not send", self._label, exc_info=True)
            return self._note_failure(_bug(error))
        finally:
            self._buffer.settle(len(self._intake.points))
        if self._refusal is not None:
            return self._refusal
        if not self._destination.is_behind:
            self._note_success()
        self._guard(lambda: self._destination.tidy(is_last=False, wait_s=0.0))
        return None

    def _begin(self, *, is_forced: bool) -> bool:
        """Whether it is known by now what the run knows from before, or will not be waited for."""
        if self._has_begun or self._refusal is not None:
            return True
        destination, failure = self._destination, None
        waited_s = self._clock.monotonic() - self._began_at
        patience_s = _RESUME_PATIENCE_S if destination.is_resumed else _BEGIN_PATIENCE_S
        try:
            wait_s = min(1.0, self._settings.flush_interval_s)
            self._has_begun = destination.begin(self._intake, wait_s)
        except (InvalidInput, Internal):
            raise
        except MereError as error:
            failure = error
        if self._has_begun:
            return True
        is_late = waited_s >= patience_s or (failure is not None and not destination.is_resumed)
        if is_forced or is_late:
            destination.begin_on_disk()
            self._has_begun = True
        if failure is not None:
            self._note_failure(failure)
        return self._has_begun

    def _settle(self, timeout_s: float, last: dict[str, Any] | None = None) -> MereError | None:
        """Send everything, and wait until the store has it all; return what kept it from that.

        Args:
            timeout_s: How long to wait.
            last: What changes with the very last segment: try again until the time is up.
        """
        clock = self._clock
        is_end = last is not None  # a process that only takes part has {} to add
        deadline = clock.monotonic() + timeout_s
        delay_s = 0.1
        while True:
            left_s = deadline - clock.monotonic()
            error = self._attempt(last=last, is_forced=is_end and left_s < _FORCE_S)
            if self._refusal or isinstance(error, Internal):
                return error
            if error is None or error.details.get("kept"):
                last = None
            if error is None and not self._destination.is_behind:
                return None
            was_behind = self._destination.is_behind
            failure = self._catch_up(max(0.05, min(self._settings.flush_interval_s, left_s)))
            if was_behind and not self._destination.is_behind:
                if error is None:
                    self._note_success()
                    return None
                continue  # what the disk did not take has a way into the store now
            failure = failure or error
            left_s = deadline - clock.monotonic()
            if left_s <= 0 or (failure is not None and not is_end and not _is_not_yet(failure)):
                return failure or _not_yet()
            if failure is not None:
                clock.sleep(min(delay_s, left_s))
                delay_s = min(2 * delay_s, 5.0)

    def _catch_up(self, wait_s: float | None = None) -> MereError | None:
        """Send what waits on disk: when it is due, or now, waiting so long for the outcome."""
        now = self._clock.monotonic()
        if not self._destination.is_behind or (wait_s is None and now < self._catch_up_at):
            return None
        try:
            error = self._destination.catch_up(wait_s or 0.0)
        except Exception as bug:  # noqa: BLE001  same
            error = bug if isinstance(bug, MereError) else _bug(bug)
        self._note_silence(error, now)
        if error is not None:
            self._note_failure(error)
            pause_s = min(_RETRY_S_MAX, 0.5 * 2 ** min(self._failures, 10))
            self._catch_up_at = self._clock.monotonic() + pause_s
        return error

    def _note_silence(self, error: MereError | None, since: float) -> None:
        """Whoever accepts a connection and says nothing is away, too."""
        if not self._destination.is_behind:
            self._behind_at = 0.0
        elif error is None:
            self._behind_at = self._behind_at or since
            if since - self._behind_at > _SILENT_S:
                self._warn_of(_not_yet())

    def _take(self) -> bool:
        """Convert waiting calls; return whether none is left."""
        is_empty = self._buffer.drain(self._intake.take, _DRAIN_CALLS_MAX)
        if self._buffer.dropped > self._warned_dropped:
            if self._warned_dropped == 0:
                _log.warning(
                    "%s: %d points wait to be sent and no more are held: newer ones are dropped "
                    "until the store or the disk takes them",
                    self._label,
                    self._buffer.points_max,
                )
            self._warned_dropped = self._buffer.dropped
        return is_empty

    def _send(self) -> None:
        if self._refusal is not None:
            self._intake.give()
            return
        now = self._clock.monotonic()
        is_beat = self._has_heartbeat and now - self._beat_at >= HEARTBEAT_S
        intake = self._intake
        if not (intake.has_news or is_beat):
            return
        points, changes, lines = intake.give()
        stamped = {**self._heartbeat(is_beat=is_beat), **changes}
        try:
            self._destination.send(points, stamped, lines)
        except MereError as error:
            if isinstance(error, InvalidInput) and error.code is not ErrorCode.FORKED:
                # It would be refused each time, and all that follows would wait behind it.
                _log.warning("%s: %d points were refused: %s", self._label, len(points), error)
                return
            if not error.details.get("kept"):
                intake.take_back(points, changes, lines)
            raise
        except Exception as error:
            # A bug, before or after the store took the segment: to repeat it could double it.
            raise Internal(
                ErrorCode.BUG,
                f"{len(points)} points may be lost to a bug in mere, please report it: "
                f"{type(error).__name__}: {error}",
            ) from error
        self._beat_at = now

    def _heartbeat(self, *, is_beat: bool) -> dict[str, Any]:
        if not self._has_heartbeat:
            return {}
        alive: dict[str, Any] = {"heartbeat_at": self._clock.now_us()}
        # A run that could not reach the store for long may have been written off as dead.
        return {**alive, "status": "RUNNING", "ended_at": None} if is_beat else alive

    def _note_success(self) -> None:
        self._failures = 0
        self._behind_at = 0.0
        if self._is_warned:
            _log.warning("%s: the store answers again, everything held is stored", self._label)
            self._is_warned = False
        self._tell_dropped()

    def _tell_dropped(self) -> None:
        """Say how many values are gone, once it is known."""
        if self._buffer.dropped > self._told_dropped:
            _log.warning(
                "%s: %d values were dropped in all: neither the store nor the disk took them in "
                "time, and memory holds %d",
                self._label,
                self._buffer.dropped,
                self._buffer.points_max,
            )
            self._told_dropped = self._buffer.dropped

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
        else:
            self._warn_of(error)
        return error

    def _warn_of(self, error: MereError) -> None:
        if self._is_warned:
            return
        self._is_warned = True
        folder = self._destination.folder
        _log.warning(
            "%s: the store does not take what is logged; it is kept in %s and tried again (%s)",
            self._label,
            "memory" if folder is None else folder,
            error,
        )

    def _finish(self, data: tuple[dict[str, Any], float], reply: queue.SimpleQueue[Any]) -> None:
        changes, timeout_s = data
        deadline = self._clock.monotonic() + timeout_s
        self._guard(lambda: self._begin(is_forced=False))
        self._destination.await_origin(min(_ORIGIN_S, timeout_s / 2))
        left_s = max(0.0, deadline - self._clock.monotonic())
        error = self._settle(left_s, last=changes)
        if error is None:
            left_s = max(1.0, deadline - self._clock.monotonic())
            self._guard(lambda: self._destination.tidy(is_last=True, wait_s=left_s))
        self._tell_dropped()
        reply.put((error, self._intake.held, self._destination.folder))
        self._destination.stop()
        self.has_ended.set()

    def _guard(self, act: Callable[[], object]) -> None:
        """Do what is good to have and no harm to miss."""
        try:
            act()
        except Exception:  # noqa: BLE001  same
            _log.debug("%s: could not tidy up", self._label, exc_info=True)


def _not_yet() -> Unavailable:
    return Unavailable(ErrorCode.STORE_UNAVAILABLE, _NOT_YET)


def _is_not_yet(error: MereError) -> bool:
    return error.message == _NOT_YET


def _bug(error: Exception) -> Internal:
    return Internal(
        ErrorCode.BUG, f"a bug in mere, please report it: {type(error).__name__}: {error}"
    )
