"""Rows of a version to look at: windows of those stored here, read in processes of their own.

Data that is kept elsewhere is not fetched: an address that somebody wrote must not make a server
open files of its machine, or ask around in its network.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.dataset import Dataset, DatasetKind
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.services.datasets.parquet_heads import parquet_head, parquet_value

if TYPE_CHECKING:
    from mere.lake import Lake

__all__ = ["RowWindow", "read_value", "read_window"]

ROWS_MAX = 500
COLUMNS_MAX = 100
_IMAGE_BYTES = 8 << 20


class RowWindow(msgspec.Struct):
    """Some rows of a version.

    Args:
        columns: The names of the columns.
        types: Their types.
        rows: The values, as JSON has them; long ones are cut, and images are addresses that hold
            them, up to some megabytes of all.
        offset: How many rows are before these.
        total: How many rows the version has.
        problem: Why there are none to show.
    """

    columns: list[str]
    types: list[str]
    rows: list[list[Any]]
    offset: int
    total: int
    problem: str | None = None


def read_window(
    lake: Lake, dataset: Dataset, *, offset: int, limit: int, columns: list[str]
) -> RowWindow:
    """Read some rows of a version.

    Args:
        lake: Where it is stored.
        dataset: The version.
        offset: How many rows to leave out.
        limit: At most so many rows.
        columns: Which columns; the first ones where none is named.

    Raises:
        InvalidInput: It is no table, has no such column, or too much is asked for.
        NotFound: Its rows are gone.
        Unavailable: Too many others look at rows.
    """
    if not (0 <= limit <= ROWS_MAX and offset >= 0 and len(columns) <= COLUMNS_MAX):
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"{limit} rows of {len(columns)} columns behind {offset}: ask for 0 to {ROWS_MAX} rows "
            f"and at most {COLUMNS_MAX} columns",
            limit=ROWS_MAX,
        )
    files = _files(lake, dataset)
    types = {column.name: column.type for column in dataset.columns}
    names = columns or list(types)[:COLUMNS_MAX]
    for name in names:
        _check_column(dataset, types, name)
    window = RowWindow(
        names, [types[name] for name in names], [], offset, sum(n for _, n, _ in files)
    )
    for key, skip, count, size in _parts(files, offset, limit):
        with lake.blobs.open(key, size=size) as file:
            head = parquet_head(
                file, size, rows=count, columns=names, skip=skip, image_bytes=_IMAGE_BYTES
            )
        if head.problem is not None:
            window.problem = head.problem
            break
        window.rows += head.rows
    return window


def read_value(lake: Lake, dataset: Dataset, row: int, column: str) -> str | bytes:
    """One value: bytes as they are, all else as text; raises as `read_window` does."""
    files = _files(lake, dataset)
    _check_column(dataset, {one.name: one.type for one in dataset.columns}, column)
    for key, skip, _, size in _parts(files, row, 1) if row >= 0 else ():
        with lake.blobs.open(key, size=size) as file:
            return parquet_value(file, size, row=skip, column=column)
    raise NotFound(
        ErrorCode.DATASET_NOT_FOUND, f"dataset {dataset.label} has no row {row}", row=row
    )


def _files(lake: Lake, dataset: Dataset) -> list[tuple[str, int, int]]:
    if dataset.kind is not DatasetKind.TABLE or not dataset.table_name or not dataset.snapshot_id:
        what = "is made of files" if dataset.kind is DatasetKind.FILES else "is kept elsewhere"
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"dataset {dataset.label} {what}: it has no rows to show here",
            dataset=dataset.label,
        )
    return lake.table_files(dataset.table_name, dataset.snapshot_id)


def _parts(
    files: list[tuple[str, int, int]], offset: int, limit: int
) -> Iterator[tuple[str, int, int, int]]:
    """Of which files some rows are: the key, the rows to leave out, how many to read, the size."""
    for key, rows, size in files:
        if limit <= 0:
            return
        if offset < rows:
            count = min(limit, rows - offset)
            yield key, offset, count, size
            limit -= count
        offset = max(0, offset - rows)


def _check_column(dataset: Dataset, types: dict[str, str], name: str) -> None:
    if name not in types:
        raise InvalidInput(
            ErrorCode.UNKNOWN_COLUMN,
            f"dataset {dataset.label} has no column {name[:200]!r}",
            column=name[:200],
        )
