"""What the lake should hold, computed plainly: all batches, sorted by stamp, one after another.

The model knows nothing of segments' life, folds or files. A view is right if it shows a set of
whole batches and, for each table, what comes of applying exactly these in the order of their
stamps.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mere.lake.records import Patch
from mere.lake.rows import Row
from mere.lake.schema import Table

__all__ = ["Model", "Point", "SimulatedBatch", "plain", "rows_after"]

Point = tuple[str, str, int, int, float | None]
"""A run, a key, a step, a moment in microseconds and a value."""

_TALLY = ("step", "timestamp", "value", "min", "max", "count")


@dataclass
class SimulatedBatch:
    """A batch that a process tried to write.

    Args:
        id: Stands in each of its log records.
        events: How many log records it has.
        state: ``open`` while nobody knows, ``acked`` once durable, ``refused`` if the engine said
            that it did not take it.
        stamp: (tick, writer) of the segment that holds it, once it was sent.
        patches: Its patches by table, as stored.
        points: Its points of series.
    """

    id: str
    events: int
    state: str = "open"
    stamp: tuple[int, str] | None = None
    patches: dict[str, list[Patch]] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)


class Model:
    """All batches of a simulation."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self.tables = {table.name: table for table in tables}
        self.batches: dict[str, SimulatedBatch] = {}
        self._rows: dict[tuple[str, frozenset[str]], dict[Any, Row]] = {}

    @property
    def acked(self) -> set[str]:
        """The batches that were acknowledged."""
        return {batch.id for batch in self.batches.values() if batch.state == "acked"}

    def rows(self, table: str, batches: frozenset[str]) -> dict[Any, Row]:
        """The rows of a keyed table after some batches, by key."""
        found = self._rows.get((table, batches))
        if found is None:
            chosen = [self.batches[name] for name in batches]
            found = self._rows[table, batches] = rows_after(
                self.tables[table],
                [
                    ((*(batch.stamp or (0, "")), index), patch)
                    for batch in chosen
                    for index, patch in enumerate(batch.patches.get(table, ()))
                ],
            )
        return found


def rows_after(table: Table, patches: Iterable[tuple[Any, Patch]]) -> dict[Any, Row]:
    """The rows of a keyed table after some patches, each with its (tick, writer, index)."""
    changes: dict[Any, list[tuple[Any, Patch]]] = {}
    for (tick, writer, index), patch in patches:
        when = tick if patch.tick is None else patch.tick
        changes.setdefault(tuple(patch.key), []).append(((when, writer, index, tick), patch))
    rows = {}
    for key, ordered in changes.items():
        row = _row(table, key, sorted(ordered, key=lambda change: change[0]))
        if row is not None:
            rows[key] = row
    return rows


def _row(table: Table, key: Any, changes: list[tuple[Any, Patch]]) -> Row | None:
    has_tallies = any(column.rule == "tally" for column in table.columns)
    row: Row | None = None
    for (tick, *_), patch in changes:
        if patch.is_tombstone:
            if has_tallies:
                return None
            row = None
            continue
        ms = tick >> 16
        if row is None:
            row = _empty(table, key) | {"created_at": ms * 1000}
        row["updated_at"] = ms * 1000
        row.update(patch.sets)
        for name, entries in patch.maps.items():
            row[name] |= entries
            row[name] = {entry: value for entry, value in row[name].items() if value is not None}
        for name, tallies in patch.tallies.items():
            for entry, contribution in tallies.items():
                row[name].setdefault(entry, []).append(contribution)
    if row is None:
        return None
    for column in table.columns:
        if column.rule == "tally":
            row[column.name] = {name: _tally(all_) for name, all_ in row[column.name].items()}
    for column in table.columns:
        if column.rule == "derive":
            source, _, part = column.derive.partition(".")
            row[column.name] = {name: tally[part] for name, tally in row[source].items()}
    return {name: None if value == {} else value for name, value in row.items()}


def _empty(table: Table, key: Any) -> Row:
    row: Row = {column.name: None if column.rule == "set" else {} for column in table.columns}
    return row | dict(zip(table.key, key, strict=True))


def _tally(contributions: list[list[Any]]) -> dict[str, Any]:
    rows = [dict(zip(_TALLY, contribution, strict=True)) for contribution in contributions]
    last = max(
        rows,
        key=lambda row: (
            row["step"],
            row["timestamp"],
            not math.isnan(row["value"]),
            -math.inf if math.isnan(row["value"]) else row["value"],
        ),
    )
    least = [row["min"] for row in rows if not math.isnan(row["min"])]
    greatest = [row["max"] for row in rows if not math.isnan(row["max"])]
    return {
        "step": last["step"],
        "timestamp": last["timestamp"],
        "value": last["value"],
        "min": min(least, default=math.nan),
        "max": max(greatest, default=math.nan),
        "count": sum(row["count"] for row in rows),
    }


def plain(value: Any) -> Any:
    """A value that can be compared: NaN equals NaN."""
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value
