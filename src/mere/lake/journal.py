"""The reading end of the journal: which segments there are, and what is in them.

A writer numbers its segments without gaps and has one on its way at a time, so whoever sees
segment *n* knows that all before it were written. A gap therefore means that a listing was put
together while segments arrived (list again), or that an object was lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mere.clock import HybridClock
from mere.lake.files import in_parallel
from mere.lake.objects.store import ObjectInfo, ObjectStore
from mere.lake.segment import (
    JOURNAL,
    Segment,
    SegmentName,
    decode,
    marker_key,
    parse_marker,
    parse_name,
)

__all__ = ["Journal", "Listing", "gaps"]

_RECORDS_KEPT = 200_000


@dataclass(frozen=True)
class Listing:
    """The journal at a moment.

    Args:
        names: Its segments in order of time.
        sizes: The bytes of each.
        markers: The numbers of roots that have a marker.
        foreign: Keys that are no segments' names; they are left alone.
    """

    names: tuple[SegmentName, ...] = ()
    sizes: Mapping[SegmentName, int] = field(default_factory=dict)
    markers: tuple[int, ...] = ()
    foreign: tuple[str, ...] = ()

    @property
    def root(self) -> int:
        """The newest root that the journal knows of; 0 where it knows of none."""
        return max(self.markers, default=0)


class Journal:
    """Lists and reads segments, keeping the decoded ones while they are listed."""

    def __init__(self, store: ObjectStore, hybrid: HybridClock, *, width: int) -> None:
        self._store = store
        self._hybrid = hybrid
        self._width = width
        self._segments: dict[SegmentName, Segment] = {}
        self._records = 0
        self._names: dict[str, SegmentName] = {}
        self._infos: dict[str, ObjectInfo] = {}

    def look(self) -> Listing:
        """List the journal: one request. Our clock follows what it sees."""
        sizes: dict[SegmentName, int] = {}
        markers, foreign = [], []
        infos = self._store.list(JOURNAL, known=self._infos)
        known, self._names = self._names, {}  # most of a listing was in the one before
        self._infos = {info.key: info for info in infos}
        for info in infos:
            key = info.key
            name = known.get(key)
            if name is None:
                name = parse_name(key)
                if name is not None:
                    self._hybrid.observe(name.tick)
            if name is not None:
                sizes[name] = info.size
                self._names[key] = name
                continue
            marker = parse_marker(key)
            if marker is not None:
                markers.append(marker)
            else:
                foreign.append(key)
        return Listing(tuple(sorted(sizes)), sizes, tuple(markers), tuple(foreign))

    def read(self, names: Iterable[SegmentName]) -> list[Segment]:
        """Read segments, those not at hand yet from the store.

        Raises:
            NotFound: One has vanished since it was listed: it was folded.
            CorruptData: One was truncated or altered.
        """
        wanted = list(names)
        missing = [name for name in wanted if name not in self._segments]
        fetched = in_parallel(self._fetch, missing, self._width)
        kept = {name: self._segments[name] for name in wanted if name in self._segments}
        found = {**kept, **dict(zip(missing, fetched, strict=True))}
        # What a writer remembers meanwhile goes into the old dictionary, and is fetched.
        self._records = sum(segment.records for segment in found.values())
        self._segments = found
        return [found[name] for name in wanted]

    def remember(self, segment: Segment) -> None:
        """Keep a segment of our own, which need not be fetched then; unless too much is kept."""
        if self._records < _RECORDS_KEPT:
            self._segments[segment.name] = segment
            self._records += segment.records

    def mark(self, root: int) -> None:
        """Say in the listing that a root was published; before anything it holds is deleted."""
        self._store.put(marker_key(root), b"")

    def delete(self, names: Iterable[SegmentName], *, markers: Iterable[int] = ()) -> None:
        """Remove segments that a root holds, and markers of older roots."""
        doomed = [*(name.key for name in names), *(marker_key(root) for root in markers)]
        if doomed:
            self._store.delete(doomed)

    def _fetch(self, name: SegmentName) -> Segment:
        return decode(name.key, self._store.get(name.key))


def gaps(names: Sequence[SegmentName], folded: Mapping[str, int]) -> list[tuple[str, int]]:
    """The (writer, sequence) of segments that must exist and are not listed.

    Args:
        names: The listed segments.
        folded: The last sequence folded of each writer, which need not be listed.
    """
    by_writer: dict[str, list[int]] = {}
    for name in names:
        by_writer.setdefault(name.writer, []).append(name.sequence)
    missing = []
    for writer, sequences in by_writer.items():
        listed = set(sequences)
        first = folded.get(writer, 0) + 1
        missing += [(writer, n) for n in range(first, max(listed)) if n not in listed]
    return missing
