"""How patches become rows: each cell of a row keeps its newest write. Pure, no I/O.

A row of a keyed table is a set of cells: one for each column that is set as a whole, one for each
key of a map column. Every patch carries a stamp, (tick, writer, index), and no two stamps are
equal. A cell holds the value with the greatest stamp, and a tombstone removes all that is older
than itself. So patches commute: the row is the same in whatever order, and in whatever groups,
they are applied. This is what makes a row independent of where folds fell, even when a slow
writer's segment arrives after a later one has been folded.

Rows in Iceberg carry no stamps. For rows touched lately a fold stores the stamps beside the
table (`RowStamps`); a cell without one counts as older than any patch. The two columns kept by
the engine follow from the stamps: `created_at` is the oldest that still counts, `updated_at` the
newest.

A map without entries is null, so that a row written before its column was added reads the same.

A patch with a tick of its own was written again, perhaps long after its time, to heal a crash. If
it is so old that stamps of its time are forgotten, it counts as older than what is there.

Contributions to tallies are added up, whatever their stamps. They cannot be taken out again, so
in a table with tallies a tombstone is final: the key never comes back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import msgspec

from mere.clock import HybridClock
from mere.lake.records import Patch
from mere.lake.schema import CREATED_AT, UPDATED_AT, Table

__all__ = [
    "Row",
    "RowStamps",
    "Stamp",
    "Stamped",
    "apply",
    "combine_stamps",
    "merge_tallies",
]

Row = dict[str, Any]
"""A row by column: plain values, times in microseconds, maps and tallies as dicts."""

Stamp = tuple[int, str, int]
"""(tick, writer, index in the segment): what makes one write newer than another."""

_OLDEST: Stamp = (0, "", 0)


class Stamped(msgspec.Struct, gc=False):
    """A patch and the stamp that decides what it is newer than."""

    stamp: Stamp
    patch: Patch


class RowStamps(msgspec.Struct, array_like=True, gc=False):
    """The stamps of one row's cells, as far as they are known.

    Args:
        sets: The newest stamp by column.
        maps: The newest stamp by key, by map column; removed keys have one too.
        deleted: The newest tombstone.
        writes: Every patch that was no tombstone.
    """

    sets: dict[str, Stamp] = {}
    maps: dict[str, dict[str, Stamp]] = {}
    deleted: Stamp | None = None
    writes: list[Stamp] = []


def combine_stamps(first: RowStamps, second: RowStamps) -> RowStamps:
    """The stamps known from two sources: the greater of each."""
    result = RowStamps(
        dict(first.sets),
        {column: dict(stamps) for column, stamps in first.maps.items()},
        max(filter(None, (first.deleted, second.deleted)), default=None),
        sorted({*first.writes, *second.writes}),
    )
    for column, stamp in second.sets.items():
        result.sets[column] = max(stamp, result.sets.get(column, _OLDEST))
    for column, stamps in second.maps.items():
        mine = result.maps.setdefault(column, {})
        for name, stamp in stamps.items():
            mine[name] = max(stamp, mine.get(name, _OLDEST))
    return result


def apply(
    table: Table,
    row: Row | None,
    known: RowStamps | None,
    patches: Iterable[Stamped],
    *,
    forgotten: int = 0,
) -> tuple[Row | None, RowStamps]:
    """Apply patches to a row; the order in which they are given does not matter.

    Args:
        table: The declaration.
        row: The row as stored, or None where there is none.
        known: What is known of the stamps of its cells, tombstones included.
        patches: Patches to this row that are not in it yet.
        forgotten: The newest tick of any stamp of the table that is not known any more.

    Returns:
        The new row, None if it is deleted, and the stamps known of it now.
    """
    state = _State(table, row, known or RowStamps(), forgotten)
    for stamped in patches:
        state.apply(stamped)
    return state.result()


class _State:
    """One row in the making."""

    def __init__(self, table: Table, row: Row | None, known: RowStamps, forgotten: int) -> None:
        self._table = table
        self._sets: Row = {}
        self._maps: dict[str, dict[str, Any]] = {}
        self._tallies: dict[str, dict[str, Any]] = {}
        self._key: Row = {}
        self._stamps = combine_stamps(known, RowStamps())
        self._writes = list(known.writes)
        self._created_ms: int | None = None
        self._updated_us: int | None = None
        for column in table.columns:
            value = None if row is None else row.get(column.name)
            if value is None or column.rule == "derive":
                continue
            if column.name in table.key:
                self._key[column.name] = value
            elif column.rule == "set":
                self._sets[column.name] = value
            elif column.rule == "map":
                self._maps[column.name] = dict(value)
            else:
                self._tallies[column.name] = dict(value)
        if row is not None:
            created = row.get(CREATED_AT)
            self._created_ms = None if created is None else created // 1000
            self._updated_us = row.get(UPDATED_AT)
        self._has_base = row is not None
        self._forgotten = forgotten
        self._buried = known.deleted

    def apply(self, stamped: Stamped) -> None:
        patch = stamped.patch
        tick, writer, index = stamped.stamp
        stamp: Stamp = (tick if patch.tick is None else patch.tick, writer, index)
        self._key = dict(zip(self._table.key, patch.key, strict=True))
        if patch.is_tombstone:
            self._bury(stamp)
            return
        self._writes.append(stamp)
        deleted = self._stamps.deleted or _OLDEST
        for name, contributions in patch.tallies.items():
            tally = self._tallies.setdefault(name, {})
            for entry, contribution in contributions.items():
                tally[entry] = merge_tallies(tally.get(entry), contribution)
        if stamp < deleted:
            return
        if patch.tick is not None and patch.tick <= self._forgotten and self._has_base:
            patch = self._what_is_missing(patch)
        sets = self._stamps.sets
        for name, value in patch.sets.items():
            if stamp >= sets.get(name, _OLDEST):
                sets[name] = stamp
                self._sets[name] = value
        for name, entries in patch.maps.items():
            stamps = self._stamps.maps.setdefault(name, {})
            values = self._maps.setdefault(name, {})
            for entry, value in entries.items():
                if stamp < stamps.get(entry, _OLDEST):
                    continue
                stamps[entry] = stamp
                if value is None:
                    values.pop(entry, None)
                else:
                    values[entry] = value

    def _what_is_missing(self, patch: Patch) -> Patch:
        """What a patch of long ago may still change where stamps are forgotten.

        Such a patch was written again, to heal what a crash may have left undone. A row that is
        no younger has taken it long since; in one that is younger it fills cells that are empty.
        """
        assert patch.tick is not None
        stamps = self._stamps
        is_taken = (self._created_ms or 0) <= HybridClock.to_ms(patch.tick)

        def is_open(stamped: bool, empty: bool) -> bool:  # noqa: FBT001
            return stamped or (empty and not is_taken)

        sets = {
            name: value
            for name, value in patch.sets.items()
            if is_open(name in stamps.sets, self._sets.get(name) is None)
        }
        maps = {
            column: {
                name: value
                for name, value in entries.items()
                if is_open(
                    name in stamps.maps.get(column, {}), name not in self._maps.get(column, {})
                )
            }
            for column, entries in patch.maps.items()
        }
        return Patch(patch.key, sets, maps)

    def _bury(self, stamp: Stamp) -> None:
        """Remove every cell older than the tombstone; a cell of unknown age is older."""
        self._stamps.deleted = stamp = max(stamp, self._stamps.deleted or _OLDEST)
        sets = self._stamps.sets
        self._sets = {n: v for n, v in self._sets.items() if sets.get(n, _OLDEST) > stamp}
        for name, values in self._maps.items():
            stamps = self._stamps.maps.get(name, {})
            self._maps[name] = {n: v for n, v in values.items() if stamps.get(n, _OLDEST) > stamp}

    def result(self) -> tuple[Row | None, RowStamps]:
        stamps = self._stamps
        stamps.writes = sorted(set(self._writes))
        alive, created_ms = self._born(stamps)
        if not alive or (stamps.deleted is not None and self._table.has_final_deletes):
            return None, stamps
        newest_ms = max((HybridClock.to_ms(stamp[0]) for stamp in stamps.writes), default=0)
        row: Row = dict(self._key)
        for column in self._table.columns:
            if column.name in self._key:
                continue
            row[column.name] = self._value(column.name, column.rule, column.derive)
        row[CREATED_AT] = created_ms * 1000
        row[UPDATED_AT] = max(newest_ms * 1000, self._updated_us or 0)
        return row, stamps

    def _born(self, stamps: RowStamps) -> tuple[bool, int]:
        """Whether the row is there, and the millisecond of the oldest write that counts."""
        deleted = stamps.deleted
        if deleted is None:
            oldest = [HybridClock.to_ms(stamp[0]) for stamp in stamps.writes]
            if self._created_ms is not None:
                oldest.append(self._created_ms)
            return self._has_base or bool(stamps.writes), min(oldest, default=0)
        living = [HybridClock.to_ms(stamp[0]) for stamp in stamps.writes if stamp > deleted]
        # A row that is stored came to be after every tombstone applied before. Its first write
        # may be unknown here, where only part of the stamps had to be read.
        is_applied = deleted == self._buried
        created_ms = self._created_ms
        if created_ms is not None and (is_applied or HybridClock.from_ms(created_ms) > deleted[0]):
            living.append(created_ms)
        return bool(living), min(living, default=0)

    def _value(self, name: str, rule: str, derive: str) -> Any:
        if rule == "set":
            return self._sets.get(name)
        if rule == "map":
            return self._maps.get(name) or None
        if rule == "tally":
            return self._tallies.get(name) or None
        source, _, field = derive.partition(".")
        tallies = self._tallies.get(source) or {}
        return {entry: tally[field] for entry, tally in tallies.items()} or None


def merge_tallies(mine: dict[str, Any] | None, contribution: list[Any]) -> dict[str, Any]:
    """Add a contribution to a tally; commutative and associative.

    NaN counts, but never as the least or the greatest value unless there is no other; as the
    latest value of a step and time it gives way to any number.
    """
    step, timestamp, value, least, greatest, count = contribution
    if mine is None:
        return {
            "step": step,
            "timestamp": timestamp,
            "value": value,
            "min": least,
            "max": greatest,
            "count": count,
        }
    merged = {**mine, "count": mine["count"] + count}
    at, latest = (step, timestamp), (mine["step"], mine["timestamp"])
    if at > latest or (at == latest and (value > mine["value"] or math.isnan(mine["value"]))):
        merged |= {"step": step, "timestamp": timestamp, "value": value}
    if least < mine["min"] or math.isnan(mine["min"]):
        merged["min"] = least
    if greatest > mine["max"] or math.isnan(mine["max"]):
        merged["max"] = greatest
    return merged
