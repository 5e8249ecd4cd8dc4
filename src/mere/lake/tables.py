"""Tables as values: one table at one root, and what a commit changes in it. No I/O.

What the engine adds to Iceberg is in one table property, the declaration, and in five entries of
each snapshot's summary: how far each writer's segments are folded, when that may be forgotten,
where the stamps of rows touched lately are, up to when stamps were dropped, and how many rows were
erased.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from pyiceberg.manifest import DataFile
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Operation, Summary

from mere.errors import CorruptData, ErrorCode
from mere.lake.schema import Table

__all__ = [
    "BULK_SUFFIX",
    "PROPERTY_TABLE",
    "Commit",
    "DataFileRef",
    "StampsRef",
    "TableState",
    "summary_of",
]

PROPERTY_TABLE = "mere.table"
BULK_SUFFIX = "-bulk.metadata.json"
"""How the names of bulk tables' metadata end: a root alone says which tables hold no records."""

SUMMARY_FOLDED = "mere.folded"
SUMMARY_FORGET = "mere.forget-at"
SUMMARY_STAMPS = "mere.stamps"
SUMMARY_FORGOTTEN = "mere.stamps-forgotten"
SUMMARY_ERASED = "mere.erased"


@dataclass(frozen=True)
class DataFileRef:
    """One Parquet file of a table, with the bounds of the columns it is sorted by."""

    key: str
    rows: int
    size: int
    lower: tuple[Any, ...]
    upper: tuple[Any, ...]
    data_file: DataFile = field(repr=False, compare=False)

    def may_hold(self, column: int, values: Iterable[Any]) -> bool:
        """Whether a value of the sort column with this index may be in the file."""
        low, high = self.lower[column], self.upper[column]
        return low is None or high is None or any(low <= value <= high for value in values)


class StampsRef(NamedTuple):
    """An object with the stamps of rows that one fold touched."""

    key: str
    newest_tick: int
    expires_ms: int
    has_tombstones: bool


@dataclass(frozen=True)
class TableState:
    """A table at one root: its declaration, its metadata and where that lies."""

    table: Table
    metadata: TableMetadata = field(repr=False)
    location: str
    """The metadata file's key."""

    @cached_property
    def _summary(self) -> Mapping[str, str]:
        snapshot = self.metadata.current_snapshot()
        if snapshot is None or snapshot.summary is None:
            return {}
        return snapshot.summary.additional_properties

    @cached_property
    def folded(self) -> dict[str, int]:
        """The last sequence folded into the table, by writer."""
        folded: dict[str, int] = self._json(SUMMARY_FOLDED)
        return folded

    @cached_property
    def forget_at(self) -> dict[str, int]:
        """When a writer's offset may be dropped, in milliseconds since the epoch."""
        forget_at: dict[str, int] = self._json(SUMMARY_FORGET)
        return forget_at

    @cached_property
    def stamps(self) -> list[StampsRef]:
        """Objects with stamps of rows touched lately."""
        return [StampsRef(*ref) for ref in self._json(SUMMARY_STAMPS, [])]

    @property
    def forgotten_tick(self) -> int:
        """The newest tick in any object with stamps that was dropped."""
        tick: int = self._json(SUMMARY_FORGOTTEN, 0)
        return tick

    @property
    def erased(self) -> int:
        """How many rows were ever erased: where it is another, more was done than to add rows."""
        rows: int = self._json(SUMMARY_ERASED, 0)
        return rows

    def _json(self, name: str, default: Any = None) -> Any:
        text = self._summary.get(name)
        if text is None:
            return {} if default is None else default
        try:
            return json.loads(text)
        except ValueError as error:
            raise CorruptData(
                ErrorCode.BAD_OBJECT,
                f"{name} in the snapshot of {self.location} is unreadable: {error}",
                key=self.location,
            ) from error

    @property
    def rows(self) -> int:
        """Rows in the table, by its snapshot's summary."""
        return int(self._summary.get("total-records", "0"))

    @property
    def size(self) -> int:
        """Bytes in the table's files, by its snapshot's summary."""
        return int(self._summary.get("total-files-size", "0"))

    @property
    def file_count(self) -> int:
        """Files in the table, by its snapshot's summary."""
        return int(self._summary.get("total-data-files", "0"))


@dataclass
class Commit:
    """What one commit changes in one table.

    Args:
        added: New files.
        removed: Files that go.
        operation: ``append``, ``overwrite`` or ``replace`` (same rows in other files).
        folded: The last sequence folded, by writer, complete.
        forget_at: When each writer may be forgotten, complete.
        stamps: The objects with stamps, complete.
        forgotten_tick: The newest tick in any such object that was dropped.
        erased: How many rows were ever erased.
        properties: What the writer of a bulk table says of its snapshot.
    """

    operation: str
    added: list[DataFile] = field(default_factory=list)
    removed: list[DataFileRef] = field(default_factory=list)
    folded: dict[str, int] = field(default_factory=dict)
    forget_at: dict[str, int] = field(default_factory=dict)
    stamps: list[StampsRef] = field(default_factory=list)
    forgotten_tick: int = 0
    erased: int = 0
    properties: dict[str, str] = field(default_factory=dict)

    @classmethod
    def after(cls, operation: str, state: TableState) -> Commit:
        """A commit that changes nothing yet and remembers all that the table remembers."""
        return cls(
            operation,
            folded=dict(state.folded),
            forget_at=dict(state.forget_at),
            stamps=list(state.stamps),
            forgotten_tick=state.forgotten_tick,
            erased=state.erased,
        )


def summary_of(state: TableState, commit: Commit) -> Summary:
    """The summary of the snapshot that a commit makes."""
    added = (
        sum(f.record_count for f in commit.added),
        sum(_size(f) for f in commit.added),
    )
    removed = (sum(f.rows for f in commit.removed), sum(f.size for f in commit.removed))
    changes = {
        "added-data-files": len(commit.added),
        "added-records": added[0],
        "added-files-size": added[1],
        "deleted-data-files": len(commit.removed),
        "deleted-records": removed[0],
        "removed-files-size": removed[1],
    }
    totals = {
        "total-records": state.rows + added[0] - removed[0],
        "total-files-size": state.size + added[1] - removed[1],
        "total-data-files": state.file_count + len(commit.added) - len(commit.removed),
    }
    if state.table.is_bulk:
        return Summary(
            operation=Operation(commit.operation),
            **commit.properties,
            **{name: str(value) for name, value in changes.items() if value},
            **{name: str(value) for name, value in totals.items()},
        )
    ours = {
        SUMMARY_FOLDED: commit.folded,
        SUMMARY_FORGET: commit.forget_at,
        SUMMARY_STAMPS: commit.stamps,
        SUMMARY_FORGOTTEN: commit.forgotten_tick,
        SUMMARY_ERASED: commit.erased,
    }
    return Summary(
        operation=Operation(commit.operation),
        **{name: str(value) for name, value in changes.items() if value},
        **{name: str(value) for name, value in totals.items()},
        **{name: json.dumps(value, separators=(",", ":")) for name, value in ours.items()},
    )


def _size(file: DataFile) -> int:
    return file.file_size_in_bytes
