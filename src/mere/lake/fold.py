"""The fold: the journal's tail becomes part of the Iceberg tables.

It takes a view, writes files and metadata for the tables the tail touches, and publishes one root
that swaps them all. What it folded is written in each table's new snapshot (``mere.folded``: the
last sequence by writer), so whoever publishes first has folded those segments and everybody else
starts over without them.

Crash cases. Before the root: orphans, which upkeep collects. After the root, before the segments
are deleted: they are listed still and counted as folded; the next fold deletes them. The lost
reply of the root's put: the store repeats it and finds its own content.

Between the root and the deletions a marker with the root's number is put into the journal, where
it sorts behind all segments. So the listing of the journal, which every reader takes, says
whether there is a newer root: whoever misses a segment because it was folded sees the marker.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pyiceberg.manifest import DataFile

from mere.clock import Clock, HybridClock
from mere.errors import Conflict, ErrorCode, InvalidInput
from mere.lake.arrow import from_rows, sort_order
from mere.lake.catalog import Catalog, Root
from mere.lake.merge import Merged, Reading, hosts_of, without_keys
from mere.lake.parquet import read_data_file, write_data_file
from mere.lake.records import Key
from mere.lake.rows import RowStamps
from mere.lake.schema import Table
from mere.lake.segment import Segment, SegmentName
from mere.lake.settings import LakeSettings
from mere.lake.stamps import encode_stamps
from mere.lake.tables import Commit, DataFileRef, StampsRef, TableState
from mere.lake.view import TableView, View

__all__ = ["FoldReport", "Folder", "deletable", "write_sorted"]


@dataclass(frozen=True)
class FoldReport:
    """What a fold did.

    Args:
        root: The newest root's number now.
        segments: Segments folded; 0 where there was nothing to do.
        records: Records in them.
        tables: The tables they touched.
        deleted: Segments removed from the journal.
    """

    root: int
    segments: int = 0
    records: int = 0
    tables: tuple[str, ...] = field(default=())
    deleted: int = 0


class Folder:
    """Stages and publishes folds.

    Args:
        catalog: Where roots are published.
        clock: For the root's time.
        settings: File sizes and horizons.
    """

    def __init__(self, catalog: Catalog, clock: Clock, settings: LakeSettings) -> None:
        self._catalog = catalog
        self._clock = clock
        self._settings = settings

    def fold(self, view: View, declared: Iterable[Table]) -> Root:
        """Fold the whole tail of a view and publish the root that holds it.

        Raises:
            Conflict: Another root was published since the view; take a new view and fold that.
            InvalidInput: The tail has records this version does not know how to store.
        """
        started_us = self._clock.now_us()
        tables = {table.name: table for table in declared}
        at_ms = max(started_us // 1000, view.root.at_ms + 1)
        locations = dict(view.root.tables)
        for name in sorted({name for segment in view.tail for name in segment.tables}):
            locations[name] = self._fold_table(view, name, tables.get(name), at_ms)
        self.check_age(started_us)
        return self._catalog.publish(view.root, locations, at_ms)

    def check_age(self, started_us: int) -> None:
        """Refuse to publish files so old that they may have been collected as orphans.

        Raises:
            Conflict: Staging took too long, as it does on a machine that slept meanwhile.
        """
        took_ms = (self._clock.now_us() - started_us) // 1000
        if took_ms > self._settings.fold_ms_max:
            raise Conflict(
                ErrorCode.ROOT_MOVED,
                f"staging took {took_ms} ms, more than {self._settings.fold_ms_max}: fold again",
            )

    def _fold_table(self, view: View, name: str, declared: Table | None, at_ms: int) -> str:
        iceberg = view.reading.iceberg
        table_view = view.table(name)
        state = table_view.state
        if declared is not None:
            state = iceberg.evolve(state, declared)
        segments = [s for s in view.tail if name in s.tables]
        _check_columns(state.table, segments)
        fresh = TableView(view.reading, state, segments)
        commit = self._offsets(view, state, segments, at_ms)
        if state.table.is_keyed:
            self._fold_rows(view, fresh, commit, at_ms)
        else:
            self._fold_log(view, fresh, commit)
        return iceberg.stage(state, commit, at_ms)

    def _offsets(
        self, view: View, state: TableState, segments: Sequence[Segment], at_ms: int
    ) -> Commit:
        """A commit that records what is folded, and forgets writers that cannot come back."""
        settings = self._settings
        listed = {name.writer for name in view.listing.names}
        folded = dict(state.folded)
        forget_at = dict(state.forget_at)
        for segment in segments:
            name = segment.name
            wait_ms = settings.ended_writer_ms if segment.is_last else settings.lost_writer_ms
            if name.sequence > folded.get(name.writer, 0):
                folded[name.writer] = name.sequence
                forget_at[name.writer] = at_ms + wait_ms
        for writer, when in list(forget_at.items()):
            if when < at_ms and writer not in listed:
                del forget_at[writer], folded[writer]
        commit = Commit.after("append", state)
        commit.folded, commit.forget_at = folded, forget_at
        commit.stamps = [ref for ref in state.stamps if ref.expires_ms >= at_ms]
        dropped = (ref.newest_tick for ref in state.stamps if ref.expires_ms < at_ms)
        commit.forgotten_tick = max(state.forgotten_tick, *dropped, 0)
        return commit

    def _fold_log(self, view: View, fresh: TableView, commit: Commit) -> None:
        rows = fresh.tail
        rows = rows.take(sort_order(rows, fresh.table.order))
        commit.added = write_sorted(view.reading, fresh.state, rows, self._settings)

    def _fold_rows(self, view: View, fresh: TableView, commit: Commit, at_ms: int) -> None:
        """Rewrite the files whose key range holds a touched key, each by itself."""
        merged = fresh.merged
        commit.operation = "overwrite"
        limit = self._settings.keyed_file_rows
        held, placed = _place(fresh.files, merged, limit)
        files = {file.key: file for file in fresh.files}
        for name in sorted(held.keys() | placed.keys()):
            rows = from_rows(fresh.schema, [merged.rows[key] or {} for key in placed.get(name, ())])
            file = files.get(name)
            if file is not None:
                (path,) = view.reading.files.paths([(file.key, file.size)])
                kept = read_data_file(path, file, fresh.state)
                kept = without_keys(kept, fresh.table.key, held.get(name, ()))
                rows = pa.concat_tables([kept, rows])
                commit.removed.append(file)
            rows = rows.take(sort_order(rows, fresh.table.key))
            commit.added += write_sorted(view.reading, fresh.state, rows, self._settings)
        stamps = merged.stamps
        if fresh.table.has_final_deletes:
            # What is deleted for good is remembered for good: it is carried along, keys alone.
            expired = (ref for ref in fresh.state.stamps if ref.expires_ms < at_ms)
            stamps = {**_graves(view.reading, expired), **stamps}
        if stamps:
            commit.stamps.append(self._write_stamps(view, fresh.table, stamps, at_ms))

    def _write_stamps(
        self, view: View, table: Table, rows: Mapping[Key, RowStamps], at_ms: int
    ) -> StampsRef:
        key = view.reading.iceberg.new_key(table.name, ".stamps", "metadata/")
        view.reading.store.put(key, encode_stamps(dict(rows)))
        newest = max(
            stamp[0]
            for stamps in rows.values()
            for stamp in (*stamps.writes, *((stamps.deleted,) if stamps.deleted else ()))
        )
        has_tombstones = any(stamps.deleted for stamps in rows.values())
        is_final = has_tombstones and table.has_final_deletes
        kept_ms = self._settings.lost_writer_ms if is_final else self._settings.late_ms
        # A writer whose clock is ahead stays so: what is late against it comes late after it.
        expires_ms = max(at_ms, HybridClock.to_ms(newest)) + kept_ms
        return StampsRef(key, newest, expires_ms, has_tombstones)


def write_sorted(
    reading: Reading, state: TableState, rows: pa.Table, settings: LakeSettings
) -> list[DataFile]:
    """Write sorted rows as files of about equal size, none with more rows than a file may have."""
    is_keyed = state.table.is_keyed
    rows_max = settings.keyed_file_rows if is_keyed else settings.log_file_rows
    group_rows = settings.keyed_group_rows if is_keyed else settings.log_group_rows
    count = -(-rows.num_rows // rows_max)
    size = -(-rows.num_rows // count) if count else 1
    return [
        write_data_file(reading.store, reading.iceberg, state, rows.slice(start, size), group_rows)
        for start in range(0, rows.num_rows, size)
    ]


def _graves(reading: Reading, refs: Iterable[StampsRef]) -> dict[Key, RowStamps]:
    """The tombstones that some objects with stamps hold."""
    return {
        key: RowStamps(deleted=stamps.deleted)
        for ref in refs
        if ref.has_tombstones
        for key, stamps in reading.iceberg.stamps(ref).items()
        if stamps.deleted
    }


def deletable(view: View) -> list[SegmentName]:
    """The listed segments that the view's root holds: their fold was killed before it was done."""
    return [name for name in view.listing.names if view.is_folded(name)]


def _place(
    files: Sequence[DataFileRef], merged: Merged, rows_max: int
) -> tuple[dict[str, list[Key]], dict[str, list[Key]]]:
    """Where touched keys may lie now, and where their rows go, both by file.

    A row goes into the first file whose range holds its key. A key beyond the ranges goes into
    the file below it while that is not full, so ranges stay apart; the rest get new files,
    under the name ``""``.
    """
    held = hosts_of(files, merged.rows)
    targets: dict[Key, str] = {}
    for name, keys in held.items():
        for key in keys:
            targets.setdefault(key, name)
    bounds = [(file.lower, file) for file in files if None not in file.lower]
    starts = [lower for lower, _ in bounds]
    placed: dict[str, list[Key]] = {}
    for key in sorted(key for key, row in merged.rows.items() if row is not None):
        name = targets.get(key, "")
        if key not in targets:
            index = bisect_right(starts, key) - 1
            below = bounds[index][1] if index >= 0 else None
            name = below.key if below is not None and below.rows < rows_max else ""
        placed.setdefault(name, []).append(key)
    return held, placed


def _check_columns(table: Table, segments: Iterable[Segment]) -> None:
    """Refuse to fold what only a newer mere can store, lest it be lost."""
    known = {column.name for column in table.columns}
    for segment in segments:
        names: set[Any] = set()
        for part in segment.logs.get(table.name, ()):
            names.update(part.columns)
        for patch in segment.patches.get(table.name, ()):
            names.update(patch.sets, patch.maps, patch.tallies)
        if names - known:
            raise InvalidInput(
                ErrorCode.UNSUPPORTED_FORMAT,
                f"{segment.name.key} has columns {sorted(names - known)} that this version of "
                f"mere does not know in table {table.name}: fold with the newer one",
                table=table.name,
            )
