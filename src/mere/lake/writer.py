"""The writing end of the journal: batches in, durable segments out.

One writer is one process's stream of segments, numbered from 1 without gaps, one on its way at a
time. Threads share it: whoever comes while a segment is on its way joins the next one, and the
first of those sends it for all (group commit). A stream may be ended, so that folds need not
remember it for long; what is written after that begins another.

Crash cases. A put that fails leaves it open whether the object is there. The segment is then kept
and put again, under the same name and with the same content, before anything else is written; so
no number is skipped and nothing is stored twice. A process that dies loses only what was never
acknowledged. A forked child begins a stream of its own: what its parent had in hand is the
parent's to send.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import NamedTuple

from mere.clock import Clock, HybridClock
from mere.errors import AlreadyExists, ErrorCode, MereError, Unavailable
from mere.lake.objects.store import ObjectStore
from mere.lake.records import Batch, LogPart, Patch
from mere.lake.segment import Segment, SegmentName, encode

__all__ = ["BatchTicket", "SegmentWriter"]


class BatchTicket:
    """One segment in the making: what was gathered for it and what became of it."""

    def __init__(self) -> None:
        self.batch = Batch()
        self.is_last = False
        self.is_kept = False
        self.is_done = False
        self.error: MereError | None = None


class SegmentWriter:
    """Writes batches to the journal, in order, each exactly once.

    Args:
        store: Where to.
        clock: For the writer's identity.
        hybrid: For the times in the segments' names.
        on_segment: Called with each segment once it is durable, in order.
        is_stored: Tells of a segment tried long ago whether it is in the journal or folded.
        late_ms: How long a segment may be tried before that is asked.
        gather_records_max: A segment takes no more batches beyond so many records.
        idle_ms_max: After so long without a segment the stream goes on as another writer's, since
            folds forget those that write no more.
    """

    def __init__(
        self,
        store: ObjectStore,
        clock: Clock,
        hybrid: HybridClock,
        *,
        on_segment: Callable[[Segment], None],
        is_stored: Callable[[SegmentName], bool],
        late_ms: int,
        gather_records_max: int,
        idle_ms_max: int,
    ) -> None:
        self._store = store
        self._clock = clock
        self._hybrid = hybrid
        self._on_segment = on_segment
        self._is_stored = is_stored
        self._late_us = late_ms * 1000
        self._gather_records_max = gather_records_max
        self._idle_us_max = idle_ms_max * 1000
        self.begin_stream()
        _writers.add(self)

    def begin_stream(self) -> None:
        """Start over as another writer; what was in hand is forgotten."""
        self._changed = threading.Condition()
        self._writer = f"{self._clock.random_bits(64):016x}"
        self._sequence = 0
        self._written_us = self._clock.now_us()
        self._is_sending = False
        self._gathering: list[BatchTicket] = []
        self._unsettled: _Tried | None = None

    @property
    def is_settled(self) -> bool:
        """Whether the fate of everything that was tried is known."""
        return self._unsettled is None

    def commit(self, batch: Batch, *, is_last: bool = False) -> None:
        """Make a batch durable; its records become visible together.

        Args:
            batch: What to write; an empty batch only settles what is open.
            is_last: End the stream with this segment.

        Raises:
            InvalidInput: The batch cannot be stored; nothing of it was.
            Unavailable: The store did not answer. ``details["kept"]`` says whether the writer
                keeps the batch and sends it before the next one (then do not write it again) or
                did not take it.
        """
        ticket = self._join(batch, is_last=is_last)
        with self._changed:
            while not ticket.is_done:
                if not self._is_sending:
                    break
                self._changed.wait()
            else:
                if ticket.error is not None:
                    raise ticket.error
                return
            self._is_sending = True
            if ticket in self._gathering:
                self._gathering.remove(ticket)
        try:
            self._send(ticket)
        except MereError as error:
            ticket.error = error
        except BaseException:
            # Interrupted (Ctrl-C): the others of this segment must not take it for success.
            ticket.error = Unavailable(
                ErrorCode.STORE_UNAVAILABLE,
                "writing was interrupted",
                kept=ticket.is_kept,
            )
            raise
        finally:
            with self._changed:
                ticket.is_done = True
                self._is_sending = False
                self._changed.notify_all()
        if ticket.error is not None:
            raise ticket.error

    def settle(self) -> None:
        """Send what an earlier failure left open.

        Raises:
            Unavailable: The store still does not answer.
        """
        if self._unsettled is not None:
            self.commit(Batch())

    def _join(self, batch: Batch, *, is_last: bool) -> BatchTicket:
        """The ticket of the segment that will hold the batch."""
        with self._changed:
            last = self._gathering[-1] if self._gathering else None
            is_full = last is not None and (
                last.batch.records + batch.records > self._gather_records_max
            )
            if last is None or is_full:
                last = BatchTicket()
                self._gathering.append(last)
            last.batch.extend(batch)
            last.is_last |= is_last
            return last

    def _send(self, ticket: BatchTicket) -> None:
        if self._unsettled is not None:
            self._put(self._unsettled)
        if not ticket.batch.records:
            return
        now_us = self._clock.now_us()
        if now_us - self._written_us > self._idle_us_max:
            # Folds may have forgotten how far a stream was that has been silent for so long.
            self._begin_other_stream()
        segment = self._next_segment(
            ticket.batch.logs, ticket.batch.patches, is_last=ticket.is_last
        )
        tried = _Tried(segment, encode(segment), now_us)
        self._unsettled = tried
        ticket.is_kept = True
        try:
            self._put(tried)
        except MereError as error:
            error.details["kept"] = self._unsettled is not None
            raise

    def _next_segment(
        self,
        logs: dict[str, list[LogPart]],
        patches: dict[str, list[Patch]],
        *,
        is_last: bool,
    ) -> Segment:
        name = SegmentName(self._hybrid.tick(), self._writer, self._sequence + 1)
        return Segment(name, is_last, logs, patches)

    def _put(self, tried: _Tried) -> None:
        is_stored = False
        if self._clock.now_us() - tried.first_us > self._late_us:
            # The first attempt may have succeeded, and its object be folded and gone. Putting it
            # again would store it twice, once folds have forgotten this stream.
            is_stored = self._is_stored(tried.segment.name)
            if not is_stored:
                tried = self._renamed(tried.segment)
        if not is_stored:
            tried = self._stored(tried)
        name = tried.segment.name
        self._sequence = name.sequence
        self._written_us = self._clock.now_us()
        self._unsettled = None
        if tried.segment.is_last:
            self._begin_other_stream()
        self._on_segment(tried.segment)

    def _stored(self, tried: _Tried) -> _Tried:
        """Put a segment; what was stored, which has another name if its own was taken."""
        try:
            self._store.put(tried.segment.name.key, tried.data)
        except AlreadyExists:
            # Somebody else's object is in the way. It is for readers to complain about; our
            # records go into a stream of their own.
            tried = self._renamed(tried.segment)
            self._store.put(tried.segment.name.key, tried.data)
        return tried

    def _renamed(self, segment: Segment) -> _Tried:
        """The same records as the first segment of another stream."""
        self._begin_other_stream()
        renamed = self._next_segment(segment.logs, segment.patches, is_last=segment.is_last)
        self._unsettled = _Tried(renamed, encode(renamed), self._clock.now_us())
        return self._unsettled

    def _begin_other_stream(self) -> None:
        self._unsettled = None
        self._sequence = 0
        self._written_us = self._clock.now_us()
        self._writer = f"{self._clock.random_bits(64):016x}"


class _Tried(NamedTuple):
    """A segment of which it is not known whether it is stored, and when it was tried first."""

    segment: Segment
    data: bytes
    first_us: int


_writers: weakref.WeakSet[SegmentWriter] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    # Locks may have been held by threads that do not exist in the child.
    for writer in _writers:
        writer.begin_stream()


os.register_at_fork(after_in_child=_after_fork_in_child)
