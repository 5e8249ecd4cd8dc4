"""What a warehouse looks like from outside: sizes, ages, and what is damaged or not ours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from mere.clock import HybridClock
from mere.errors import CorruptData, ErrorCode, MereError, NotFound
from mere.lake.segment import decode

if TYPE_CHECKING:
    from mere.lake.engine import Lake
    from mere.lake.journal import Listing
    from mere.lake.segment import SegmentName
    from mere.lake.view import View

__all__ = ["LakeStatus", "TableStatus", "TailStatus", "glance", "read_status"]


class TableStatus(msgspec.Struct, frozen=True):
    """A table at the newest root, the tail apart."""

    name: str
    rows: int
    files: int
    bytes: int


class TailStatus(msgspec.Struct, frozen=True):
    """The journal: what waits to be folded.

    Args:
        segments: Segments listed.
        bytes: Their size.
        writers: Writers they are from.
        oldest_s: The age in seconds of the oldest that is not folded, by its own time; None where
            all are folded.
        unfolded: Segments not folded yet.
    """

    segments: int
    bytes: int
    writers: int
    oldest_s: float | None
    unfolded: int


class LakeStatus(msgspec.Struct, frozen=True):
    """A warehouse's state.

    Args:
        warehouse_id: Which warehouse.
        location: Where it was made.
        root: The newest root's number; 0 before the first fold.
        root_at: When it was made.
        tail: The journal.
        tables: The tables at the newest root.
        foreign: Objects in the engine's folders that are not the engine's; they are left alone.
        damaged: One message for each object that is missing or cannot be read.
    """

    warehouse_id: str
    location: str
    root: int
    root_at: datetime | None
    tail: TailStatus
    tables: list[TableStatus]
    foreign: list[str]
    damaged: list[str]


def _check_bulk(lake: Lake, view: View, name: str) -> None:
    """Look whether all snapshots have their files, by one listing: they may be large.

    Raises:
        CorruptData: Names a file that is missing or has another size than its table says.
    """
    state, iceberg = view.states[name], view.reading.iceberg
    sizes = {info.key: info.size for info in lake.store.list(f"tables/{name}/data/")}
    for snapshot in state.metadata.snapshots:
        for file in iceberg.files_of(state, snapshot):
            if sizes.get(file.key) != file.size:
                raise CorruptData(
                    ErrorCode.MISSING_FILE,
                    f"file {file.key} is missing or has another size than table {name} says: "
                    "restore it from a backup",
                    key=file.key,
                )


def read_status(lake: Lake) -> LakeStatus:
    """Look at everything, and go on where something is damaged.

    Raises:
        Unavailable: The store did not answer.
    """
    listing = lake.journal.look()
    damaged = []
    for name in listing.names:
        try:
            decode(name.key, lake.store.get(name.key))
        except NotFound:  # folded since it was listed
            continue
        except CorruptData as error:
            damaged.append(error.message)
    root, tables, unfolded = None, [], list(listing.names)
    try:
        view = lake.newest_view()
        root = view.root
        unfolded = [segment.name for segment in view.tail]
        tables = [
            TableStatus(name, state.rows, state.file_count, state.size)
            for name, state in sorted(view.states.items())
        ]
        for table in view.root.tables:
            if view.states.is_bulk(table):
                _check_bulk(lake, view, table)
            else:
                view.table(table).paths()
    except MereError as error:
        if not isinstance(error, CorruptData):
            raise
        if error.message not in damaged:
            damaged.append(error.message)
    tail = _tail(lake, listing, unfolded)
    return LakeStatus(
        lake.warehouse.warehouse_id,
        lake.warehouse.location,
        root.number if root else 0,
        root.at if root and root.number else None,
        tail,
        tables,
        [*listing.foreign, *lake.catalog.foreign()],
        damaged,
    )


def glance(lake: Lake) -> LakeStatus:
    """Tell of the tables that hold records without opening a file: one listing, as for any view.

    Raises:
        Unavailable: The store did not answer.
    """
    view = lake.view()
    root = view.root
    return LakeStatus(
        lake.warehouse.warehouse_id,
        lake.warehouse.location,
        root.number,
        root.at if root.number else None,
        _tail(lake, view.listing, [segment.name for segment in view.tail]),
        [
            TableStatus(name, state.rows, state.file_count, state.size)
            for name, state in sorted(view.states.records.items())
        ],
        [],
        [],
    )


def _tail(lake: Lake, listing: Listing, unfolded: Sequence[SegmentName]) -> TailStatus:
    now_ms = lake.clock.now_us() / 1000
    oldest = min((HybridClock.to_ms(name.tick) for name in unfolded), default=None)
    return TailStatus(
        len(listing.names),
        sum(listing.sizes.values()),
        len({name.writer for name in listing.names}),
        None if oldest is None else max(0.0, (now_ms - oldest) / 1000),
        len(unfolded),
    )
