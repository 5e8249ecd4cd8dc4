"""Segments in the hands of their sender: kept by it, tried again by it, each stored once.

A `SegmentWriter` keeps in memory what it tried in vain, so its process must live. Here the sender
itself holds what it sends, on disk if it likes, and another process may go on where it was killed.

- A **parcel** is a batch at rest, as bytes, with the time it was packed at (`pack`).
- A **sealed segment** is a batch whose name is fixed, since it is about to be tried
  (`Stream.seal`). Whoever means to try it again after a crash notes the name, and when it was
  tried first, before the first try. Name, parcel and time give the same segment again
  (`Sealed.of`).

However late a parcel is sent, its segment has the time at which it was packed, and so finds its
place among what others wrote to the same rows. A patch made `AT_SENDING` is as new as its first
try instead: it is for what nobody else may decide, such as how a run ended.

Crash cases. A try whose reply was lost, or whose sender died, leaves it open whether the segment
is stored. Then the rule is, by the time since the first try:

1. Up to `late_ms`: it is put again under its name. If it was stored, the put meets its own object;
   if that was folded meanwhile, folds remember its stream and take it no second time.
2. Up to a day before `lost_writer_ms`, or half of `ended_writer_ms` where the stream ended: the
   journal and the memory of folds are asked whether it is stored. If it is not, it gets another
   name, in a new stream.
3. Beyond that, folds have forgotten. Its records are looked for: a segment is never visible in
   part, so its first log record tells of all. A segment of patches alone is sent again, as a patch
   without tallies may be repeated.

So a segment is stored once, however late it is sent. The limit of the rule: in case 3 a record
that equals another of an earlier segment in every column but floats is taken for that one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from mere.clock import Clock, HybridClock
from mere.errors import AlreadyExists, CorruptData, NotFound
from mere.lake.objects.store import ObjectStore
from mere.lake.records import Batch, Patch
from mere.lake.segment import Segment, SegmentName, decode, encode

__all__ = ["AT_SENDING", "Sealed", "Stream", "pack"]

AT_SENDING = 0
"""The tick of a patch that is as new as the first try to send it."""

_NOBODY = "0" * 16
_TICK_BYTES = 8
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_US = 24 * 3600 * 1_000_000


class Sealed(NamedTuple):
    """A segment under its name.

    Args:
        segment: What it holds.
        data: Its bytes.
        first_us: When it was, or is to be, tried first, in microseconds since the epoch.
    """

    segment: Segment
    data: bytes
    first_us: int

    @classmethod
    def of(cls, name: SegmentName, parcel: bytes, first_us: int) -> Sealed:
        """The segment that was sealed under this name before.

        Raises:
            CorruptData: The parcel is not what was packed.
        """
        return cls._made(name, _unpack(parcel), first_us)

    @classmethod
    def _made(cls, name: SegmentName, held: Segment, first_us: int) -> Sealed:
        newest = max(name.tick, HybridClock.from_ms(first_us // 1000))
        patches = {table: [_timed(p, newest) for p in some] for table, some in held.patches.items()}
        segment = Segment(name, held.is_last, held.logs, patches)
        return cls(segment, encode(segment), first_us)


def pack(batch: Batch, tick: int, *, is_last: bool = False) -> bytes:
    """A batch as bytes, to be given a name later.

    Args:
        batch: What it holds.
        tick: When it was made, which decides what its patches are newer than.
        is_last: Its sender will send nothing after it.

    Raises:
        InvalidInput: It cannot be stored.
    """
    held = Segment.of(SegmentName(tick, _NOBODY, 0), batch, is_last=is_last)
    return tick.to_bytes(_TICK_BYTES, "big") + encode(held)


def _unpack(parcel: bytes) -> Segment:
    tick = int.from_bytes(parcel[:_TICK_BYTES], "big")
    return decode(SegmentName(tick, _NOBODY, 0).key, parcel[_TICK_BYTES:])


def _timed(patch: Patch, newest: int) -> Patch:
    return msgspec.structs.replace(patch, tick=newest) if patch.tick == AT_SENDING else patch


class Stream:
    """One sender's stream of segments, one on its way at a time; `Lake.stream` makes them.

    Args:
        store: Where to.
        clock: For the stream's identity.
        hybrid: For the times in the segments' names.
        on_segment: Called with each segment that was stored.
        is_stored: Whether a segment is in the journal, or folds remember it.
        scan: Rows of a table with given values, as `Lake.scan` returns them.
        late_ms: So long a segment is tried under one name without asking.
        lost_writer_ms: So long folds remember a stream.
        ended_writer_ms: And one that was ended.
    """

    def __init__(
        self,
        store: ObjectStore,
        clock: Clock,
        hybrid: HybridClock,
        *,
        on_segment: Callable[[Segment], None],
        is_stored: Callable[[SegmentName], bool],
        scan: Callable[..., Any],
        late_ms: int,
        lost_writer_ms: int,
        ended_writer_ms: int,
    ) -> None:
        self._store = store
        self._clock = clock
        self._hybrid = hybrid
        self._on_segment = on_segment
        self._is_stored = is_stored
        self._scan = scan
        self._late_us = late_ms * 1000
        self._idle_us_max = lost_writer_ms * 500
        self._forgotten_us = lost_writer_ms * 1000 - _DAY_US
        self._ended_us = ended_writer_ms * 500
        self._writer = ""
        self._sequence = 0
        self._is_open = False
        self._written_us = 0
        self._begin()

    def seal(self, parcel: bytes) -> Sealed:
        """Give a parcel the next name of the stream.

        A sealed segment that could not be put is the caller's; what is sealed after it begins
        another stream, so that no number is given twice. So does one that is sealed again.

        Raises:
            CorruptData: The parcel is not what was packed.
        """
        return self._seal(_unpack(parcel))

    def seal_batch(self, batch: Batch, tick: int, *, is_last: bool = False) -> Sealed:
        """What `seal` would make of the batch, were it packed; raises as `pack` does."""
        return self._seal(Segment.of(SegmentName(tick, _NOBODY, 0), batch, is_last=is_last))

    def _seal(self, held: Segment) -> Sealed:
        now_us = self._clock.now_us()
        if self._is_open or now_us - self._written_us > self._idle_us_max:
            self._begin()
        name = SegmentName(held.name.tick, self._writer, self._sequence + 1)
        self._is_open = True
        return Sealed._made(name, held, now_us)  # noqa: SLF001  it is ours

    def put(self, sealed: Sealed) -> None:
        """Make a sealed segment durable; to repeat it is harmless for `late_ms`.

        Raises:
            AlreadyExists: Something else has its name: give it another.
            Unavailable: The store did not answer; it may be stored or not.
        """
        name = sealed.segment.name
        try:
            self._store.put(name.key, sealed.data)
        except AlreadyExists:
            # Another version of mere may have packed the same records into other bytes.
            if not self._is_there(name):
                raise
        if name.writer == self._writer:
            self._is_open = False
            self._sequence = name.sequence
            self._written_us = self._clock.now_us()
            if sealed.segment.is_last:
                self._begin()
        self._on_segment(sealed.segment)

    def was_put(self, sealed: Sealed) -> bool:
        """Put a segment that was tried before, where that is safe, or find out that it is stored.

        Returns:
            Whether it is stored; if not, its records may be sealed under another name.

        Raises:
            Unavailable: The store did not answer.
        """
        age_us = self._clock.now_us() - sealed.first_us
        if age_us > (self._ended_us if sealed.segment.is_last else self._forgotten_us):
            return self._is_shown(sealed.segment)
        if age_us > self._late_us:
            return self._is_stored(sealed.segment.name)
        try:
            self.put(sealed)
        except AlreadyExists:
            return False
        return True

    def _begin(self) -> None:
        self._writer = f"{self._clock.random_bits(64):016x}"
        self._sequence = 0
        self._is_open = False
        self._written_us = self._clock.now_us()

    def _is_there(self, name: SegmentName) -> bool:
        try:
            decode(name.key, self._store.get(name.key))
        except (CorruptData, NotFound):
            return False
        return True

    def _is_shown(self, segment: Segment) -> bool:
        """Whether the records of a segment are there, whatever its name was."""
        for table, parts in segment.logs.items():
            return self._has_row(table, {n: values[0] for n, values in parts[0].columns.items()})
        return False

    def _has_row(self, table: str, row: dict[str, Any]) -> bool:
        """Whether a log table has a row that equals this one in all but floats."""
        exact = {name: value for name, value in row.items() if isinstance(value, str)}
        found = self._scan(table, exact, list(row)).to_pylist()
        wanted = {name: value for name, value in row.items() if not isinstance(value, float)}
        return any(all(_plain(one[name]) == wanted[name] for name in wanted) for one in found)


def _plain(value: Any) -> Any:
    """A value as segments hold it."""
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(microseconds=1)
    return value
