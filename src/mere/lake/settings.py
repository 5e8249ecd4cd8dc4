"""The engine's tuning values: frozen numbers, apart from the collaborators it is given."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LakeSettings"]

_SECOND = 1000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class LakeSettings:
    """Limits, sizes and times of the engine. Every default is safe for any store."""

    gather_records_max: int = 200_000
    """Group commit stops gathering for one segment beyond so many records."""

    journal_put_ms: int = 10 * _SECOND
    """A segment that the store did not take is tried again for so long, then its sender is told."""

    pending_records_max: int = 1_000_000
    """A buffered writer holds at most so many unsent records."""

    keyed_file_rows: int = 20_000
    """Rows in one file of a keyed table; a fold rewrites whole files."""

    log_file_rows: int = 4_000_000
    """Rows in one file of a log table."""

    keyed_group_rows: int = 2_048
    """Rows in one row group of a keyed table; the least a reader of one row decodes. As many as
    the query engine takes at a time: with fewer, reading all rows takes longer."""

    log_group_rows: int = 65_536
    """Rows in one row group of a log table; the least a reader of one run's points decodes."""

    manifests_max: int = 16
    """A commit that would list more manifests than this merges them into one."""

    snapshots_kept: int = 10
    """Snapshots in one table's metadata; older states are reached through roots."""

    late_ms: int = _HOUR
    """How late a segment may arrive, against its own time, and still find its place in order.
    Stamps of deletes that are final are kept for `lost_writer_ms`, and carried along after that."""

    ended_writer_ms: int = 6 * _HOUR
    """How long a stream that was ended is remembered, lest its last segment is sent twice."""

    lost_writer_ms: int = 7 * _DAY
    """The same for a stream whose writer never ended it. A writer that was idle for half as long
    goes on under another name."""

    fold_ms_max: int = _HOUR // 2
    """A fold or compaction that takes longer gives up before its root: its files may be gone."""

    orphan_ms: int = _DAY
    """Objects nobody refers to are collected once they are this old."""

    root_spacing: tuple[tuple[int, int], ...] = (
        (_HOUR, 0),
        (_DAY, 10 * _MINUTE),
        (30 * _DAY, _HOUR),
    )
    """Which states time travel keeps: (up to this age, one in so many milliseconds). Those in the
    first span are all kept; it must be longer than `fold_ms_max`. Tagged ones stay for ever."""

    roots_min: int = 10
    """Roots kept whatever their age."""

    compact_files_min: int = 8
    """Files of like size that are worth merging."""

    compact_tier_factor: int = 8
    """One tier of file sizes is so many times the tier below."""

    cache_bytes_max: int = 20 << 30
    """The bound on the local cache of immutable files."""

    parallel_requests: int = 16
    """Requests under way at once when many objects are read."""

    relist_attempts: int = 5
    """Listings tried before a gap in a writer's stream counts as a lost segment."""
