"""Pyramids as objects: Parquet files, written beside the data files they are made from.

The first rows are the file's *directory*, one for each series: its name (the columns the table is
sorted by, but for the last), how many points it has from which row of the data file on, how far
these reach, and which levels it has. Behind them come the levels, the finest first, each in row
groups of its own. Rows of levels name their series by its place in the directory.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mere.errors import CorruptData, ErrorCode
from mere.lake.pyramid import Buckets, Ints, Points, build_levels
from mere.lake.schema import Table

__all__ = [
    "Directory",
    "directory_of",
    "encode_pyramid",
    "points_of",
    "read_directory",
    "read_level",
]

_GROUP_ROWS = 16_384
_DIRECTORY = -1
_REACH = ("row", "count", "front", "back", "since", "until", "finest", "coarsest")
_MEASURES = tuple(field.name for field in fields(Buckets))


@dataclass(frozen=True)
class Directory:
    """The series of one data file.

    Args:
        names: Their names, a column for each part.
        row: Where each begins in the data file.
        count: How many points it has.
        front: The least position.
        back: The greatest.
        since: The earliest moment.
        until: The latest.
        finest: The bits of the finest level; -1 where there is none.
        coarsest: The bits of the coarsest.
    """

    names: pa.Table
    row: Ints
    count: Ints
    front: Ints
    back: Ints
    since: Ints
    until: Ints
    finest: Ints
    coarsest: Ints


def points_of(table: Table, rows: pa.Table, series: Ints) -> Points:
    """The points in rows of a table whose series are known; rows without a value are left out.

    Args:
        table: The table, which has a pyramid.
        rows: Rows of it.
        series: The series of each row.
    """
    assert table.pyramid is not None
    names = (table.sort[-1], table.pyramid.moment, table.pyramid.value)
    columns = [rows.column(name).combine_chunks() for name in names]
    if any(column.null_count for column in columns):
        held = ~np.logical_or.reduce([c.is_null().to_numpy(zero_copy_only=False) for c in columns])
        columns = [column.filter(pa.array(held)) for column in columns]
        series = series[held]
    position, moment, value = columns
    return Points(
        series,
        position.to_numpy(zero_copy_only=False).astype(np.int64, copy=False),
        moment.cast(pa.int64()).to_numpy(zero_copy_only=False),
        value.to_numpy(zero_copy_only=False),
    )


def encode_pyramid(table: Table, rows: pa.Table) -> bytes | None:
    """The pyramid of a data file, or None where none is worth while.

    Args:
        table: The table.
        rows: The rows of the file, in its order.
    """
    if table.pyramid is None or not rows.num_rows:
        return None
    wanted = (*table.sort, table.pyramid.moment, table.pyramid.value)
    if any(rows.column(name).null_count for name in wanted):
        return None
    names = [rows.column(name).combine_chunks() for name in table.sort[:-1]]
    starts = _changes(names, rows.num_rows)
    lengths = np.diff(starts, append=rows.num_rows)
    points = points_of(table, rows, np.repeat(np.arange(len(starts)), lengths))
    levels = build_levels(points, len(starts))
    if not levels.buckets:
        return None
    plain = _directory(table, names, starts, points)
    directory = replace(plain, finest=levels.finest, coarsest=levels.coarsest)
    return _encode(directory, levels.buckets)


def directory_of(table: Table, rows: pa.Table) -> Directory | None:
    """The directory that a file without a pyramid would have; None where a value is missing.

    Args:
        table: The table.
        rows: The rows of the file, in its order; a series may come in several stretches.
    """
    names = [rows.column(name).combine_chunks() for name in table.sort[:-1]]
    if any(column.null_count for column in rows.columns):
        return None
    starts = _changes(names, rows.num_rows) if rows.num_rows else np.empty(0, np.int64)
    lengths = np.diff(starts, append=rows.num_rows)
    points = points_of(table, rows, np.repeat(np.arange(len(starts)), lengths))
    return _directory(table, names, starts, points)


def _directory(table: Table, names: Sequence[pa.Array], starts: Ints, points: Points) -> Directory:
    """A directory without levels."""
    none = np.full(len(starts), -1)
    if not len(starts):
        return Directory(
            _names(table, names, starts), none, none, none, none, none, none, none, none
        )
    return Directory(
        _names(table, names, starts),
        starts,
        np.diff(starts, append=len(points)),
        np.minimum.reduceat(points.position, starts),
        np.maximum.reduceat(points.position, starts),
        np.minimum.reduceat(points.moment, starts),
        np.maximum.reduceat(points.moment, starts),
        none,
        none,
    )


def _names(table: Table, names: Sequence[pa.Array], starts: Ints) -> pa.Table:
    chosen = (column.take(pa.array(starts)) for column in names)
    return pa.table(dict(zip(table.sort[:-1], chosen, strict=True)))


def _changes(columns: Sequence[pa.Array], count: int) -> Ints:
    """Where a row differs from the one before in any of some columns."""
    differs = np.zeros(count, bool)
    differs[0] = True
    for column in columns:
        is_text = pa.types.is_string(column.type)
        codes = column.dictionary_encode().indices if is_text else column
        values = codes.to_numpy(zero_copy_only=False)
        differs[1:] |= values[1:] != values[:-1]
    return np.flatnonzero(differs)


def _encode(directory: Directory, levels: dict[int, Buckets]) -> bytes:
    parts = [_part(_DIRECTORY, directory.names.num_rows, _columns(directory, _REACH))]
    for name in directory.names.column_names:
        parts[0] = parts[0].append_column(name, directory.names.column(name))
    parts += [_part(bits, len(level), _columns(level, _MEASURES)) for bits, level in levels.items()]
    schema = pa.unify_schemas([part.schema for part in parts])
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    floats = [field.name for field in schema if pa.types.is_floating(field.type)]
    buffer = io.BytesIO()
    with pq.ParquetWriter(
        buffer,
        schema,
        compression="zstd",
        use_dictionary=texts,
        column_encoding={
            field.name: "BYTE_STREAM_SPLIT" if field.name in floats else "DELTA_BINARY_PACKED"
            for field in schema
            if field.name not in texts
        },
        store_schema=False,
    ) as writer:
        for part in parts:
            arrays = [
                part.column(field.name)
                if field.name in part.column_names
                else pa.nulls(part.num_rows, field.type)
                for field in schema
            ]
            writer.write_table(pa.table(arrays, schema=schema), _GROUP_ROWS)
    return buffer.getvalue()


def _columns(holder: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(holder, name) for name in names}


def _part(bits: int, count: int, columns: dict[str, Any]) -> pa.Table:
    return pa.table({"bits": np.full(count, bits), **columns})


def read_directory(path: str, table: Table) -> Directory:
    """The directory of a pyramid.

    Raises:
        CorruptData: The file cannot be read.
    """
    names = table.sort[:-1]
    found = _read(path, _DIRECTORY, None, (*names, *_REACH))
    return Directory(found.select(names), *(found.column(name).to_numpy() for name in _REACH))


def read_level(path: str, bits: int, series: Ints) -> Buckets:
    """The buckets of one level that belong to some series, which are sorted.

    Raises:
        CorruptData: The file cannot be read.
    """
    found = _read(path, bits, (int(series[0]), int(series[-1])), _MEASURES)
    buckets = Buckets(*(found.column(name).to_numpy() for name in _MEASURES))
    return buckets.where(np.isin(buckets.series, series))


def _read(path: str, bits: int, series: tuple[int, int] | None, columns: Sequence[str]) -> pa.Table:
    """The rows of one level, or more: whole row groups that hold some of the series."""
    try:
        with pq.ParquetFile(path, memory_map=True) as file:
            groups = [
                number
                for number in range(file.metadata.num_row_groups)
                if _holds(file.metadata.row_group(number), bits, series)
            ]
            return file.read_row_groups(groups, list(columns)).combine_chunks()
    except (pa.ArrowException, OSError, KeyError) as error:
        raise CorruptData(
            ErrorCode.BAD_OBJECT, f"pyramid {path} cannot be read: {error}", path=path
        ) from error


def _holds(group: pq.RowGroupMetaData, bits: int, series: tuple[int, int] | None) -> bool:
    """Whether a row group is of a level and may hold series from one to another."""
    columns = {}
    for number in range(group.num_columns):
        column = group.column(number)
        if column.path_in_schema in ("bits", "series"):
            columns[column.path_in_schema] = column.statistics
    level, held = columns["bits"], columns["series"]
    if level.min != bits:
        return False
    return series is None or (held.min <= series[1] and held.max >= series[0])
