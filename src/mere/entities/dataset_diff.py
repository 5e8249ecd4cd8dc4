"""What is different between two versions of datasets."""

from __future__ import annotations

from typing import Any

import msgspec

from mere.entities.dataset import DatasetFile, SchemaColumn

__all__ = ["ColumnChange", "DatasetDiff", "FileChange", "FilesDiff", "RowsDiff"]


class ColumnChange(msgspec.Struct, frozen=True):
    """A column that both have, with another type or another rule for null."""

    name: str
    before: SchemaColumn
    after: SchemaColumn


class FileChange(msgspec.Struct, frozen=True):
    """A file that both have, with other content."""

    path: str
    before: DatasetFile
    after: DatasetFile


class RowsDiff(msgspec.Struct, frozen=True):
    """Rows as a multiset: a row met twice counts twice, and their order does not matter.

    Args:
        before: How many the first has.
        after: How many the second has.
        added: How many only the second has.
        removed: How many only the first has.
        columns: The columns that were compared: those that both have with one type.
        added_sample: Some of the added, each with ``count``, how many of it.
        removed_sample: Some of the removed, likewise.
    """

    before: int
    after: int
    added: int
    removed: int
    columns: list[str]
    added_sample: list[dict[str, Any]] = []
    removed_sample: list[dict[str, Any]] = []


class FilesDiff(msgspec.Struct, frozen=True):
    """Files by path.

    Args:
        added: Those that only the second has.
        removed: Those that only the first has.
        changed: Those with other content.
        unchanged: How many are the same.
        bytes_added: Bytes of the added, and of the changed as they are after.
        bytes_removed: Bytes of the removed, and of the changed as they were before.
        bytes_unchanged: Bytes of those that are the same.
    """

    added: list[DatasetFile]
    removed: list[DatasetFile]
    changed: list[FileChange]
    unchanged: int
    bytes_added: int
    bytes_removed: int
    bytes_unchanged: int


class DatasetDiff(msgspec.Struct, frozen=True, kw_only=True):
    """The difference between two versions.

    Args:
        before: The first, as ``name@version``.
        after: The second.
        is_same: Whether they hold the same.
        columns_added: Columns that only the second has.
        columns_removed: Columns that only the first has.
        columns_changed: Columns with another type.
        rows: How the rows differ; None where they cannot be read, or for files.
        files: How the files differ; None for tables.
    """

    before: str
    after: str
    is_same: bool
    columns_added: list[SchemaColumn] = []
    columns_removed: list[SchemaColumn] = []
    columns_changed: list[ColumnChange] = []
    rows: RowsDiff | None = None
    files: FilesDiff | None = None
