"""What callers learn of a bulk table's versions; loads no library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

__all__ = ["TableSnapshot"]


@dataclass(frozen=True)
class TableSnapshot:
    """One version of a bulk table.

    Args:
        table: The table's name.
        snapshot_id: Iceberg's number of the snapshot.
        rows: Rows in it.
        bytes: Bytes in its files.
        files: Its files.
        root: The root that published it, or at which it was found.
        at: When it was written.
        operation: ``append`` or ``overwrite``.
        tags: Those that hold it.
        properties: What its writer said of it.
    """

    table: str
    snapshot_id: int
    rows: int
    bytes: int
    files: int
    root: int
    at: datetime
    operation: str
    tags: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
