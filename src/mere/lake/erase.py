"""Erasing: rows of a log table leave it for good.

Records of log tables are never changed, so there are no tombstones for them. What has to go goes
by rewriting the files that hold it, as a compaction rewrites files, and a root publishes the new
ones. The tail is folded first, so that segments which hold such rows are among the files.

Crash cases are those of a compaction: before the root, orphans; after it, the old files belong to
older roots and go with them. A segment that arrives later with rows of an erased value is a new
record: it stays until somebody erases again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from mere.errors import Conflict, ErrorCode, InvalidInput, Unavailable
from mere.lake.fold import Folder, write_sorted
from mere.lake.parquet import read_data_file
from mere.lake.tables import Commit, DataFileRef, TableState

if TYPE_CHECKING:
    from mere.lake.engine import Lake
    from mere.lake.view import View

__all__ = ["erase", "erase_before"]

_ATTEMPTS = 50


@dataclass(frozen=True)
class _Doom:
    """Which rows go.

    Args:
        may_be_in: Whether a file may hold any.
        holds: Which rows of a first sort column they are; null where it is null.
    """

    may_be_in: Callable[[DataFileRef], bool]
    holds: Callable[[pa.ChunkedArray], pa.ChunkedArray]


def erase(lake: Lake, table: str, values: Collection[str]) -> int:
    """Remove the rows of a log table whose first sort column holds one of some values.

    Args:
        lake: The lake.
        table: A log table that is sorted.
        values: The values that go.

    Returns:
        How many rows went.

    Raises:
        InvalidInput: The table is keyed, or has no order.
        Unavailable: Other processes published first again and again; nothing went.
    """
    _require_sorted(lake, table)
    if not values:
        return 0
    doomed = pa.array(sorted(values))
    doom = _Doom(lambda file: file.may_hold(0, values), lambda column: pc.is_in(column, doomed))
    return _erase(lake, table, doom)


def erase_before(lake: Lake, table: str, before_us: int) -> int:
    """Remove the rows of a log table that is sorted by time and that are older than a moment.

    Args:
        lake: The lake.
        table: A log table whose first sort column is a time.
        before_us: Rows before this go, in microseconds since the epoch.

    Returns:
        How many rows went.

    Raises:
        InvalidInput: The table is not sorted by time.
        Unavailable: Other processes published first again and again; nothing went.
    """
    _require_sorted(lake, table)
    declared = lake.table(table)
    kinds = {column.name: column.type for column in declared.columns}
    if kinds.get(declared.sort[0]) != "timestamptz":
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"table {table} is not sorted by time: rows can be erased by value only",
            table=table,
        )

    def may_be_in(file: DataFileRef) -> bool:
        return file.lower[0] is None or bool(file.lower[0] < before_us)

    limit = pa.scalar(before_us, pa.timestamp("us", "UTC"))
    return _erase(lake, table, _Doom(may_be_in, lambda column: pc.less(column, limit)))


def _require_sorted(lake: Lake, table: str) -> None:
    declared = lake.table(table)
    if declared.is_keyed or not declared.sort:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"rows can be erased from sorted log tables only, and {table} is none: delete its rows",
            table=table,
        )


def _erase(lake: Lake, table: str, doom: _Doom) -> int:
    for _ in range(_ATTEMPTS):
        lake.fold()
        view = lake.newest_view()
        if table not in view.root.tables:
            return 0
        try:
            return _erase_once(lake, view, table, doom)
        except Conflict:
            continue
    raise Unavailable(
        ErrorCode.ROOT_MOVED,
        f"other processes published first {_ATTEMPTS} times: erase again later",
    )


def _erase_once(lake: Lake, view: View, name: str, doom: _Doom) -> int:
    started_us = lake.clock.now_us()
    state = view.reading.iceberg.load(view.root.tables[name])
    commit = Commit.after("overwrite", state)
    gone = _rewrite(lake, view, state, doom, commit)
    if gone:
        commit.erased += gone
        at_ms = max(started_us // 1000, view.root.at_ms + 1)
        location = view.reading.iceberg.stage(state, commit, at_ms)
        Folder(lake.catalog, lake.clock, lake.settings).check_age(started_us)
        lake.publish(view.root, {**view.root.tables, name: location}, at_ms)
    return gone


def _rewrite(lake: Lake, view: View, state: TableState, doom: _Doom, commit: Commit) -> int:
    """Stage the files that hold such rows without them, one at a time; count what went."""
    first = state.table.order[0]
    gone = 0
    for file in view.reading.iceberg.files(state):
        if not doom.may_be_in(file):
            continue
        (path,) = view.reading.files.paths([(file.key, file.size)])
        rows = read_data_file(path, file, state)
        # A null in the column is no value, so its row stays.
        kept = rows.filter(pc.invert(pc.fill_null(doom.holds(rows.column(first)), False)))
        if kept.num_rows == rows.num_rows:
            continue
        gone += rows.num_rows - kept.num_rows
        commit.removed.append(file)
        commit.added += write_sorted(view.reading, state, kept, lake.settings)
    return gone
