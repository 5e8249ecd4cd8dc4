"""A run as training code holds it: what is logged returns at once and never raises."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from mere.client.buffer import Buffer, Call, snapshot
from mere.client.delivery import Delivery, RunSpec
from mere.client.intake import flatten
from mere.client.shutdown import status_after, watch_run
from mere.client.worker import Order, Worker, WorkerSettings
from mere.clock import SystemClock
from mere.entities.run import RunStatus
from mere.errors import ErrorCode, MereError, Unavailable

__all__ = ["Run"]

_log = logging.getLogger("mere")

_FLUSH_TIMEOUT_S = 60.0
_GRACE_S = 5.0


class Run:
    """A run being tracked. `mere.start_run` makes them.

    Args:
        spec: What the run is.
        settings: How often and how long it sends.
        params: What goes into the run.
        tags: What else is worth remembering.
        on_end: Called once with the run when it has ended.
    """

    def __init__(
        self,
        spec: RunSpec,
        settings: WorkerSettings,
        *,
        params: Mapping[str, Any],
        tags: Mapping[str, Any],
        on_end: Callable[[Run], None],
    ) -> None:
        self._spec = spec
        self._settings = settings
        self._on_end = on_end
        self._clock = SystemClock()
        self._now_us = self._clock.now_us
        self._status = RunStatus.RUNNING
        self._is_owner = True
        self._is_warned = False
        self._put: Callable[[Call, int], None]
        self._connect()
        # Before the worker starts, so that they are in the first segment with the run's row.
        self.log_params(params)
        self.set_tags(tags)
        self._start_worker()

    def __repr__(self) -> str:
        return f"<mere.Run {self.name} {self.run_id} {self._status}>"

    @property
    def run_id(self) -> str:
        """The run's id: 32 hexadecimal digits."""
        return self._spec.run_id

    @property
    def name(self) -> str:
        """The run's name."""
        return self._spec.name

    @property
    def experiment(self) -> str:
        """The name of the run's experiment."""
        return self._spec.experiment

    @property
    def experiment_id(self) -> str:
        """The id of the run's experiment; waits until the store has told it.

        Raises:
            Unavailable: The store did not answer.
        """
        if not self._delivery.has_begun.is_set():
            self.flush()
        if self._delivery.experiment_id is None:
            raise Unavailable(
                ErrorCode.STORE_UNAVAILABLE,
                f"the experiment of {self._label} is not known in this process: ask the run's own",
            )
        return self._delivery.experiment_id

    @property
    def parent_run_id(self) -> str | None:
        """The id of the run this one is nested in."""
        return self._spec.parent_run_id

    @property
    def warehouse(self) -> str:
        """The address of the warehouse it logs to."""
        return self._spec.url

    @property
    def status(self) -> RunStatus:
        """RUNNING, until the run has ended."""
        return self._status

    @property
    def is_active(self) -> bool:
        """Whether it can be logged to."""
        return not self._status.is_final

    def log(
        self,
        metrics: Mapping[str, Any],
        step: int | None = None,
        timestamp: datetime | float | None = None,
    ) -> None:
        """Log metrics; returns at once, sends in the background, never raises.

        Args:
            metrics: Numbers by key: Python's, or NumPy's, PyTorch's and others' that hold one.
                Nested dictionaries become keys joined by slashes. NaN and infinities are kept.
            step: Where in the training this is. By default each key counts on by itself, from 0
                or from one beyond its greatest step.
            timestamp: When it was measured: a datetime, or seconds since the epoch; by default,
                now.
        """
        try:
            if timestamp is None:
                timestamp = self._now_us()
            elif not isinstance(timestamp, datetime):
                # Microseconds as an integer are ours; what a user gives is in seconds.
                timestamp = float(timestamp)
            held = snapshot(metrics)
            self._put(("metrics", held, step, timestamp), len(held))
        except Exception as error:  # noqa: BLE001  what a user logs may raise anything
            self._warn_once(f"{metrics!r} was not logged: {error}")

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log params: what goes into the run. Returns at once, never raises.

        A param never changes: another value for one already logged is left out, with a warning.
        Values are stored as text; nested dictionaries become keys joined by slashes.
        """
        self._log_texts("params", params)

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags, and remove those whose value is None. Returns at once, never raises."""
        self._log_texts("tags", tags)

    def flush(self, timeout_s: float | None = None) -> None:
        """Wait until everything logged so far is durable.

        Args:
            timeout_s: How long to wait; by default, a minute.

        Raises:
            Unavailable: The store did not take it, or not in time. It is still held and tried
                again.
            InvalidInput: The warehouse cannot be used at all, so nothing is logged.
        """
        if not self.is_active:
            return
        self._ensure_worker()
        reply: queue.SimpleQueue[MereError | None] = queue.SimpleQueue()
        self._orders.put((Order.FLUSH, None, reply))
        wait_s = _FLUSH_TIMEOUT_S if timeout_s is None else timeout_s
        try:
            error = reply.get(timeout=wait_s)
        except queue.Empty:
            error = Unavailable(
                ErrorCode.STORE_UNAVAILABLE,
                f"{self._label} was not flushed within {wait_s:g} s: it is still being tried",
                timeout_s=wait_s,
            )
        if error is not None:
            raise error

    def finish(self, status: str = RunStatus.FINISHED, *, timeout_s: float | None = None) -> None:
        """End the run: send what is left, waiting for it a bounded time; then warn.

        In a forked child this sends what the child has logged; the run goes on in its parent.

        Args:
            status: FINISHED, FAILED or KILLED.
            timeout_s: How long to try; by default, half a minute.

        Raises:
            InvalidInput: There is no such status; the run goes on.
        """
        final = RunStatus.of(status)
        if not self.is_active:
            return
        self._status = final if final.is_final else RunStatus.FINISHED
        self._put = self._drop
        try:
            if self._worker is not None:
                self._send_rest(timeout_s)
        finally:
            self._on_end(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.finish(status_after(error))

    def wait_ended(self, timeout_s: float) -> None:
        """Wait for an end that is under way: a signal may have come in its midst."""
        if self._worker is not None:
            self._worker.has_ended.wait(timeout_s)

    def leave_to_parent(self) -> None:
        """Begin anew in a forked child: what waits is the parent's to send, and so is the end."""
        self._is_owner = False
        if self.is_active:
            self._connect()
            self._put = self._put_first_in_child

    @property
    def _label(self) -> str:
        return f"run {self.name}"

    def _connect(self) -> None:
        self._worker: Worker | None = None
        self._orders: queue.SimpleQueue[tuple[Order, Any, Any]] = queue.SimpleQueue()
        orders = self._orders
        self._buffer = Buffer(lambda: orders.put((Order.WAKE, None, None)))
        self._delivery = Delivery(self._spec, is_owner=self._is_owner)
        self._put = self._buffer.put

    def _start_worker(self) -> None:
        self._worker = Worker(
            self._label,
            self._buffer,
            self._orders,
            self._delivery,
            self._clock,
            self._settings,
            has_heartbeat=self._is_owner,
        )
        self._worker.start()

    def _ensure_worker(self) -> None:
        if self._worker is None:
            self._put = self._buffer.put
            self._start_worker()
            # Only a child that logs has something to send at its end.
            watch_run(self)

    def _put_first_in_child(self, call: Call, points: int) -> None:
        self._ensure_worker()
        self._put(call, points)

    def _drop(self, _call: Call, _points: int) -> None:
        self._warn_once("has ended: what is logged to it now is dropped")

    def _log_texts(self, kind: str, values: Mapping[str, Any]) -> None:
        try:
            texts = {
                name: leaf if leaf is None and kind == "tags" else str(leaf)
                for key, value in values.items()
                for name, leaf in flatten(key, value)
            }
            self._put((kind, texts, None, None), len(texts))
        except Exception as error:  # noqa: BLE001  same
            self._warn_once(f"{kind} were not logged: {error}")

    def _send_rest(self, timeout_s: float | None) -> None:
        last: dict[str, Any] = {}
        if self._is_owner:
            last = {"status": str(self._status), "ended_at": self._now_us()}
        reply: queue.SimpleQueue[tuple[MereError | None, int]] = queue.SimpleQueue()
        wait_s = self._settings.finish_timeout_s if timeout_s is None else timeout_s
        self._orders.put((Order.FINISH, (last, wait_s), reply))
        try:
            error, points = reply.get(timeout=wait_s + _GRACE_S)
        except queue.Empty:
            _log.warning(
                "%s: the store did not answer in time, so its end and what was logged last may be "
                "lost",
                self._label,
            )
            return
        if error is not None:
            _log.warning(
                "%s: its end and %d points were not stored: %s", self._label, points, error
            )

    def _warn_once(self, message: str) -> None:
        if not self._is_warned:
            self._is_warned = True
            _log.warning("%s: %s", self._label, message)
