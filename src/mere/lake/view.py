"""A view: one root's tables and the tail that is not folded into them yet, as one state.

A view never changes. It holds whole segments or none of them, and each record once: a segment's
records of a table count as tail only beyond what that table's snapshot says is folded.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mere.errors import ErrorCode, InvalidInput
from mere.lake.arrow import arrow_schema, from_log, from_rows
from mere.lake.catalog import Root
from mere.lake.journal import Listing
from mere.lake.merge import (
    Merged,
    Reading,
    merge_patches,
    patches_of,
    without_keys,
)
from mere.lake.parquet import encoded, read_data_file
from mere.lake.records import Key
from mere.lake.rows import Row, Stamped
from mere.lake.schema import Table
from mere.lake.segment import Segment, SegmentName
from mere.lake.states import States
from mere.lake.tables import DataFileRef, TableState

__all__ = ["TableView", "View", "last_folded"]


class View:
    """One consistent state of all tables.

    Args:
        reading: Access to the store.
        root: The root it stands on.
        states: The tables at that root, and empty ones for those only declared.
        tail: The segments that are not folded yet, in order of time.
        listing: The journal as it was listed, folded segments included.
    """

    def __init__(
        self,
        reading: Reading,
        root: Root,
        states: States,
        tail: Sequence[Segment],
        listing: Listing,
    ) -> None:
        self.reading = reading
        self.root = root
        self.states = states
        self.tail = tail
        self.listing = listing
        self._tables: dict[str, TableView] = {}
        self._lock = threading.RLock()

    @cached_property
    def folded(self) -> dict[str, int]:
        """The last sequence of each writer that any table has folded."""
        return last_folded(self.states.records.values())

    def is_folded(self, name: SegmentName) -> bool:
        """Whether the root holds a segment."""
        return name.sequence <= self.folded.get(name.writer, 0)

    def table(self, name: str) -> TableView:
        """One table of this state.

        Raises:
            InvalidInput: There is no such table.
        """
        with self._lock:
            found = self._tables.get(name)
            if found is None:
                state = self.states.get(name)
                if state is None:
                    known = ", ".join(sorted(self.states)) or "none"
                    raise InvalidInput(
                        ErrorCode.UNKNOWN_TABLE,
                        f"there is no table {name!r}: the tables are {known}",
                        table=name,
                    )
                found = self._tables[name] = TableView(self.reading, state, self.tail)
            return found


def last_folded(states: Iterable[TableState]) -> dict[str, int]:
    """The last sequence of each writer that any table has folded.

    A fold takes whole segments, of all their tables, so what one table has folded all have.
    """
    result: dict[str, int] = {}
    for state in states:
        for writer, sequence in state.folded.items():
            result[writer] = max(sequence, result.get(writer, 0))
    return result


class TableView:
    """One table of a view: the files of its snapshot and the records of the tail.

    Attributes:
        state: The table at the view's root.
        schema: The Arrow schema of everything it returns.
    """

    def __init__(self, reading: Reading, state: TableState, tail: Sequence[Segment]) -> None:
        self._reading = reading
        self._segments = tail
        self._lock = threading.RLock()
        self.state = state
        self.schema = arrow_schema(state.metadata.schema())

    @property
    def table(self) -> Table:
        """The table's declaration."""
        return self.state.table

    @cached_property
    def files(self) -> list[DataFileRef]:
        """The files of the snapshot."""
        return self._reading.iceberg.files(self.state)

    @cached_property
    def patches(self) -> dict[Key, list[Stamped]]:
        """The tail's patches by key; empty for log tables."""
        return patches_of(self.state, self._segments) if self.table.is_keyed else {}

    @cached_property
    def merged(self) -> Merged:
        """The rows the tail touches, as they are now."""
        with self._lock:
            return merge_patches(self._reading, self.state, self.patches)

    @cached_property
    def tail(self) -> pa.Table:
        """What the tail adds: the records of a log table, the touched rows of a keyed one."""
        with self._lock:
            if self.table.is_keyed:
                rows = [row for row in self.merged.rows.values() if row is not None]
                return from_rows(self.schema, rows)
            folded = self.state.folded
            parts = [
                part
                for segment in self._segments
                if segment.name.sequence > folded.get(segment.name.writer, 0)
                for part in segment.logs.get(self.table.name, ())
            ]
            return from_log(self.schema, parts)

    def paths(self) -> list[str]:
        """Local paths of all files of the snapshot."""
        return self.paths_of(self.files)

    def paths_of(self, files: Iterable[DataFileRef]) -> list[str]:
        """Local paths of some files of the snapshot."""
        return self._reading.files.paths((file.key, file.size) for file in files)

    def get(self, key: Key) -> Row | None:
        """One row of a keyed table, or None."""
        one = {key: self.patches.get(key, [])}
        return merge_patches(self._reading, self.state, one).rows[key]

    def scan(
        self,
        where: Mapping[str, Any] | None = None,
        columns: Sequence[str] | None = None,
        *,
        is_encoded: bool = False,
    ) -> pa.Table:
        """The rows that fulfil all conditions; files that cannot hold any are not read.

        Args:
            where: A value, or a list of values, by column.
            columns: The columns to return; all of them otherwise.
            is_encoded: Whether maps are as `parquet.encoded` has them.

        Raises:
            InvalidInput: A column is not one of the table's.
        """
        for name in (*(where or {}), *(columns or ())):
            if name not in self.schema.names:
                raise InvalidInput(
                    ErrorCode.UNKNOWN_COLUMN,
                    f"table {self.table.name} has no column {name!r}: it has "
                    f"{', '.join(self.schema.names)}",
                    column=name,
                )
        conditions = {name: self._wanted(name, value) for name, value in (where or {}).items()}
        names = list(columns or self.schema.names)
        tail = self.tail
        for name, values in conditions.items():
            tail = tail.filter(pc.is_in(tail.column(name), values))
        tail = tail.select(names)
        if is_encoded:
            tail = tail.cast(encoded(tail.schema))
        files = self._scan_files(conditions, names, is_encoded=is_encoded)
        return pa.concat_tables([*files, tail])

    def _wanted(self, name: str, value: Any) -> pa.Array:
        """The values a column is to hold, in the column's type."""
        values = list(value) if isinstance(value, list | tuple | set) else [value]
        kind = self.schema.field(name).type
        try:
            if pa.types.is_nested(kind):
                raise pa.ArrowTypeError("its values cannot be compared")
            return pa.array(values, kind)
        except (pa.ArrowException, OverflowError) as error:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"column {self.table.name}.{name} is {kind}: {error}",
                column=name,
            ) from error

    def _scan_files(
        self, conditions: Mapping[str, pa.Array], names: list[str], *, is_encoded: bool
    ) -> list[pa.Table]:
        order = self.table.order
        # Bounds say nothing of nulls.
        bounded = {
            order.index(name): values.to_pylist()
            for name, values in conditions.items()
            if name in order and not values.null_count and not pa.types.is_timestamp(values.type)
        }
        refs = [
            file
            for file in self.files
            if all(file.may_hold(index, values) for index, values in bounded.items())
        ]
        paths = self._reading.files.paths((ref.key, ref.size) for ref in refs)
        key, touched = self.table.key, self.merged.rows if self.table.is_keyed else {}
        needed = list(dict.fromkeys((*names, *(key if touched else ()))))
        parts = [
            read_data_file(
                path, ref, self.state, where=conditions, columns=needed, is_encoded=is_encoded
            )
            for path, ref in zip(paths, refs, strict=True)
        ]
        return [without_keys(part, key, touched).select(names) for part in parts]
