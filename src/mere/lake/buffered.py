"""A writer that returns at once: records gather in memory and a thread sends them.

Invariant: what was accepted is either durable, or still pending here and will be sent, in order
and once. When too much is pending, the next record is refused. Only what can never be stored (a
batch larger than a segment) is dropped, and the next flush says so.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mere.clock import Clock
from mere.errors import ErrorCode, InvalidInput, MereError, Unavailable
from mere.lake.records import Batch
from mere.lake.schema import Table
from mere.lake.writer import SegmentWriter

__all__ = ["BufferedWriter"]


class BufferedWriter:
    """Accepts records without waiting for the store.

    Args:
        writer: The process's journal writer.
        find_table: Looks a declaration up by name.
        clock: For waiting.
        interval_ms: Pending records are sent at least this often.
        pending_records_max: Beyond so many unsent records, more are refused.
    """

    def __init__(
        self,
        writer: SegmentWriter,
        find_table: Callable[[str], Table],
        clock: Clock,
        *,
        interval_ms: int,
        pending_records_max: int,
    ) -> None:
        self._writer = writer
        self._find_table = find_table
        self._clock = clock
        self._interval_s = interval_ms / 1000
        self._pending_records_max = pending_records_max
        self._is_closed = False
        self.begin()
        _buffered.add(self)

    def begin(self) -> None:
        """Start over with nothing pending and no thread."""
        self._changed = threading.Condition()
        self._pending = Batch()
        self._sending: Batch | None = None
        self._is_kept = False
        self._error: MereError | None = None
        self._thread: threading.Thread | None = None
        self._hurries = 0

    @property
    def pending(self) -> int:
        """Records that are not durable yet."""
        with self._changed:
            return self._pending.records + (self._sending.records if self._sending else 0)

    def append(self, table: str, rows: Any) -> None:
        """Accept records of a log table.

        Raises:
            InvalidInput: A value does not fit, or the writer is closed.
            Unavailable: Too much is pending; these records were not accepted.
        """
        self._accept(lambda batch: batch.append(self._find_table(table), rows))

    def patch(
        self, table: str, rows: Iterable[Mapping[str, Any]], *, at: int | None = None
    ) -> None:
        """Accept patches to a keyed table; raises as `append` does."""
        self._accept(lambda batch: batch.patch(self._find_table(table), rows, at=at))

    def delete(self, table: str, keys: Iterable[Any]) -> None:
        """Accept tombstones for a keyed table; raises as `append` does."""
        self._accept(lambda batch: batch.delete(self._find_table(table), keys))

    def flush(self, timeout_s: float | None = None) -> None:
        """Return when everything accepted so far is durable.

        Raises:
            Unavailable: The store did not take it, or the time is up; it stays pending.
        """
        deadline = None if timeout_s is None else self._clock.monotonic() + timeout_s
        with self._changed:
            self._error = None
            self._hurries += 1
            self._wake()
            try:
                while True:
                    if self._error is not None:
                        raise self._error
                    if not self._pending.records and self._sending is None:
                        return
                    left = None if deadline is None else deadline - self._clock.monotonic()
                    if left is not None and left <= 0:
                        raise Unavailable(
                            ErrorCode.STORE_UNAVAILABLE,
                            f"{self._pending.records} records are still pending after "
                            f"{timeout_s} s: flush again",
                        )
                    self._changed.wait(left)
            finally:
                self._hurries -= 1

    def close(self, timeout_s: float | None = None) -> None:
        """Flush and accept no more; raises as `flush` does, and may then be called again."""
        with self._changed:
            self._is_closed = True
        self.flush(timeout_s)

    def _accept(self, add: Callable[[Batch], None]) -> None:
        batch = Batch()
        add(batch)
        with self._changed:
            if self._is_closed:
                raise InvalidInput(ErrorCode.CLOSED, "the writer is closed: open another")
            pending = self._pending.records + batch.records
            if pending > self._pending_records_max and self._pending.records:
                raise Unavailable(
                    ErrorCode.LIMIT_EXCEEDED,
                    f"{self._pending.records} records are pending and the limit is "
                    f"{self._pending_records_max}: flush, or wait for the store",
                )
            self._pending.extend(batch)
            self._wake()

    def _wake(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="mere-writer", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._pending.records and self._sending is None:
                    if not self._changed.wait(timeout=5 * self._interval_s + 1):
                        self._thread = None
                        return
                    continue
                if not self._hurries and not self._is_closed:
                    self._changed.wait_for(lambda: self._hurries > 0, self._interval_s)
                if self._sending is None:
                    self._sending, self._pending = self._pending, Batch()
                batch = self._sending
            self._send(batch)

    def _send(self, batch: Batch) -> None:
        error: MereError | None = None
        try:
            # What the journal writer has kept goes out before anything else it is given.
            self._writer.commit(Batch() if self._is_kept else batch)
        except MereError as failure:
            error = failure
        with self._changed:
            if error is None or isinstance(error, InvalidInput):
                self._sending, self._is_kept = None, False
            elif not self._is_kept:
                self._is_kept = bool(error.details.get("kept"))
            self._error = error
            self._changed.notify_all()
            if error is not None and not self._hurries:
                self._changed.wait(self._interval_s)


_buffered: weakref.WeakSet[BufferedWriter] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    # What is pending is the parent's to send, and its thread does not exist here.
    for writer in _buffered:
        writer.begin()


os.register_at_fork(after_in_child=_after_fork_in_child)
