"""Patches of the tail merged over the rows they touch: the one place where both meet.

A view merges to answer, a fold merges to store; both call `merge_patches`, so what a reader saw
before a fold is what is stored by it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from mere.lake.arrow import arrow_schema, to_rows
from mere.lake.files import LocalFiles
from mere.lake.iceberg import Iceberg
from mere.lake.objects.store import ObjectStore
from mere.lake.parquet import read_data_file
from mere.lake.records import Key
from mere.lake.rows import Row, RowStamps, Stamped, apply, combine_stamps
from mere.lake.segment import Segment
from mere.lake.tables import DataFileRef, TableState

__all__ = [
    "Merged",
    "Reading",
    "hosts_of",
    "merge_patches",
    "patches_of",
    "without_keys",
]


@dataclass(frozen=True)
class Reading:
    """What is needed to read tables."""

    store: ObjectStore
    iceberg: Iceberg
    files: LocalFiles


@dataclass(frozen=True)
class Merged:
    """Touched rows as they are now.

    Args:
        rows: The row by key; None where it is deleted or never came to be.
        stamps: What is known of each row's stamps now.
    """

    rows: dict[Key, Row | None]
    stamps: dict[Key, RowStamps]


def patches_of(state: TableState, segments: Iterable[Segment]) -> dict[Key, list[Stamped]]:
    """The patches to a table that are not folded into it yet, by key."""
    result: dict[Key, list[Stamped]] = {}
    for segment in segments:
        name = segment.name
        if name.sequence <= state.folded.get(name.writer, 0):
            continue
        for index, patch in enumerate(segment.patches.get(state.table.name, ())):
            stamp = (name.tick, name.writer, index)
            result.setdefault(tuple(patch.key), []).append(Stamped(stamp, patch))
    return result


def hosts_of(files: Iterable[DataFileRef], keys: Iterable[Key]) -> dict[str, list[Key]]:
    """The keys that each file may hold, by the file's key; files that hold none are left out."""
    wanted = sorted(keys)
    hosts = {}
    for file in files:
        low, high = file.lower[0], file.upper[0]
        start = 0 if low is None else bisect_left(wanted, (low,))
        held = []
        for key in wanted[start:]:
            if high is not None and key[0] > high:
                break
            if all(file.may_hold(column, (value,)) for column, value in enumerate(key)):
                held.append(key)
        if held:
            hosts[file.key] = held
    return hosts


def merge_patches(
    reading: Reading, state: TableState, patches: Mapping[Key, list[Stamped]]
) -> Merged:
    """Apply patches to the rows as they lie in the table's files.

    Raises:
        CorruptData: A file the table refers to is missing or unreadable.
    """
    if not patches:
        return Merged({}, {})
    base = _base_rows(reading, state, list(patches))
    known = _known_stamps(reading, state, patches)
    rows: dict[Key, Row | None] = {}
    stamps: dict[Key, RowStamps] = {}
    for key, changes in patches.items():
        rows[key], stamps[key] = apply(
            state.table,
            base.get(key),
            known.get(key),
            changes,
            forgotten=state.forgotten_tick,
        )
    return Merged(rows, stamps)


def _base_rows(reading: Reading, state: TableState, keys: list[Key]) -> dict[Key, Row]:
    files = {file.key: file for file in reading.iceberg.files(state)}
    hosts = hosts_of(files.values(), keys)
    refs = [files[name] for name in hosts]
    paths = reading.files.paths((ref.key, ref.size) for ref in refs)
    rows: dict[Key, Row] = {}
    name = state.table.key[0]
    kind = arrow_schema(state.metadata.schema()).field(name).type
    for ref, path in zip(refs, paths, strict=True):
        first = pa.array([key[0] for key in hosts[ref.key]], kind)
        table = read_data_file(path, ref, state, where={name: first})
        for row in to_rows(table):
            rows[tuple(row[name] for name in state.table.key)] = row
    return rows


def _known_stamps(
    reading: Reading, state: TableState, patches: Mapping[Key, list[Stamped]]
) -> dict[Key, RowStamps]:
    """What is known of the rows' stamps, as far as it can matter.

    A patch newer than every stamp in an object overrides all that the object knows of, so only
    objects with a stamp newer than the oldest patch are read: none, unless a patch is late. A
    final tombstone, though, holds against newer patches too.
    """
    ticks = (
        stamped.stamp[0] if stamped.patch.tick is None else stamped.patch.tick
        for changes in patches.values()
        for stamped in changes
    )
    oldest = min(ticks, default=None)
    if oldest is None:
        return {}
    known: dict[Key, RowStamps] = {}
    for ref in state.stamps:
        is_final = ref.has_tombstones and state.table.has_final_deletes
        if ref.newest_tick < oldest and not is_final:
            continue
        for key, stamps in reading.iceberg.stamps(ref).items():
            if key in patches:
                known[key] = combine_stamps(known.get(key, RowStamps()), stamps)
    return known


def without_keys(table: pa.Table, columns: tuple[str, ...], keys: Iterable[Key]) -> pa.Table:
    """The rows whose key is none of these."""
    gone = set(keys)
    if not gone or not table.num_rows:
        return table
    first = table.column(columns[0])
    held = pc.is_in(first, pa.array([key[0] for key in gone], first.type))
    if len(columns) > 1:
        values = zip(*(table.column(name).to_pylist() for name in columns), strict=True)
        held = pa.array([key in gone for key in values])
    return table.filter(pc.invert(held))
