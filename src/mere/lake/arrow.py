"""Records as Arrow tables, and rows of Arrow tables as plain values. Pure, no I/O.

Every conversion goes by the Iceberg schema of the table, so that what is not folded yet has
exactly the types of what is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate, chain, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.schema import Schema
from pyiceberg.types import (
    DecimalType,
    FixedType,
    IcebergType,
    ListType,
    MapType,
    NestedField,
    StructType,
)

from mere.lake.records import LogPart
from mere.lake.rows import Row

__all__ = ["arrow_schema", "from_log", "from_rows", "sort_order", "to_rows"]

_FIELD_ID = b"PARQUET:field_id"
_TIME = pa.timestamp("us", "UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PRIMITIVES = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "binary": pa.binary(),
    "date": pa.date32(),
    "timestamptz": _TIME,
    "timestamp": pa.timestamp("us"),
    "time": pa.time64("us"),
}


def arrow_schema(schema: Schema) -> pa.Schema:
    """The Arrow schema of an Iceberg schema, with the field ids that Parquet files carry."""
    return pa.schema([_field(field) for field in schema.fields])


def _field(field: NestedField) -> pa.Field:
    return pa.field(
        field.name,
        _type(field.field_type),
        nullable=not field.required,
        metadata={_FIELD_ID: str(field.field_id)},
    )


def _type(kind: IcebergType) -> pa.DataType:
    if isinstance(kind, MapType):
        return pa.map_(_field(kind.key_field), _field(kind.value_field))
    if isinstance(kind, ListType):
        return pa.list_(_field(kind.element_field))
    if isinstance(kind, StructType):
        return pa.struct([_field(field) for field in kind.fields])
    if isinstance(kind, DecimalType):
        return pa.decimal128(kind.precision, kind.scale)
    if isinstance(kind, FixedType):
        return pa.binary(len(kind))
    return _PRIMITIVES[str(kind)]


def from_log(schema: pa.Schema, parts: Iterable[LogPart]) -> pa.Table:
    """Log records as a table; columns a part does not have are null."""
    batches = [_batch(schema, part.rows, part.columns) for part in parts]
    return pa.Table.from_batches(batches, schema)


def from_rows(schema: pa.Schema, rows: Sequence[Row]) -> pa.Table:
    """Rows of a keyed table as a table."""
    columns = {name: [row.get(name) for row in rows] for name in schema.names}
    return pa.Table.from_batches([_batch(schema, len(rows), columns)], schema)


def _batch(schema: pa.Schema, count: int, columns: dict[str, list[Any]]) -> pa.RecordBatch:
    arrays = [
        pa.nulls(count, field.type)
        if field.name not in columns
        else _array(field.type, columns[field.name])
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(kind: pa.DataType, values: Sequence[Any]) -> pa.Array:
    """Plain values as an array; a nested one is put together from its parts.

    Letting Arrow take nested objects apart is several times slower, and makes millions of
    short-lived objects for the garbage collector to walk through.
    """
    if not pa.types.is_nested(kind):
        return pa.array(values, kind)
    has_nulls = None in values
    mask = pa.array([value is None for value in values], pa.bool_()) if has_nulls else None
    if pa.types.is_struct(kind):
        empty: dict[str, Any] = {}
        given = [value or empty for value in values] if has_nulls else values
        parts = [_array(field.type, [value.get(field.name) for value in given]) for field in kind]
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=mask)
    given = [value or () for value in values] if has_nulls else values
    offsets = pa.array([0, *accumulate(map(len, given))], pa.int32())
    entries = list(chain.from_iterable(given))
    if not pa.types.is_map(kind):
        items = _array(kind.value_type, entries)
        return pa.ListArray.from_arrays(offsets, items, type=kind, mask=mask)
    items = _array(kind.item_type, [item for value in given if value for item in value.values()])
    keys = pa.array(entries, kind.key_type)
    return pa.MapArray.from_arrays(offsets, keys, items, type=kind, mask=mask)


def to_rows(table: pa.Table, *, has_datetimes: bool = False) -> list[Row]:
    """The rows of a table as plain values, maps as dicts; a key that is there twice has the last.

    Column by column: Arrow's own ``to_pylist`` makes an object of each value first, which takes
    several times as long.

    Args:
        table: The rows.
        has_datetimes: Whether times come as datetimes, or in microseconds.
    """
    names = table.schema.names
    columns = [_values(column.combine_chunks(), has_datetimes) for column in table.columns]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _values(array: pa.Array, has_datetimes: bool) -> list[Any]:  # noqa: FBT001  private, recursive
    """An array as plain values, taken apart as `_array` puts it together."""
    kind = array.type
    if pa.types.is_timestamp(kind) and (not has_datetimes or _is_utc(kind)):
        moments = array.cast(pa.int64()).to_pylist()
        return _datetimes(moments) if has_datetimes else moments
    values: list[Any]
    if pa.types.is_struct(kind):
        names = [field.name for field in kind]
        parts = [_values(part, has_datetimes) for part in array.flatten()]
        values = [dict(zip(names, entry, strict=True)) for entry in zip(*parts, strict=True)]
    elif pa.types.is_map(kind) or pa.types.is_list(kind):
        first, last = array.offsets[0].as_py(), array.offsets[-1].as_py()
        ends = [offset - first for offset in array.offsets.to_pylist()]
        if pa.types.is_map(kind):
            keys = _values(array.keys.slice(first, last - first), has_datetimes)
            items = _values(array.items.slice(first, last - first), has_datetimes)
            values = [
                dict(zip(keys[start:end], items[start:end], strict=True))
                for start, end in pairwise(ends)
            ]
        else:
            items = _values(array.values.slice(first, last - first), has_datetimes)
            values = [items[start:end] for start, end in pairwise(ends)]
    else:
        return array.to_pylist()  # type: ignore[no-any-return]
    if array.null_count:
        valid = array.is_valid().to_pylist()
        return [value if is_valid else None for value, is_valid in zip(values, valid, strict=True)]
    return values


def _is_utc(kind: pa.TimestampType) -> bool:
    """Whether a time is one of ours; the query engine has a longer name for UTC."""
    return kind.unit == "us" and kind.tz in ("UTC", "Etc/UTC")


def _datetimes(moments: list[int | None]) -> list[datetime | None]:
    return [None if us is None else _EPOCH + timedelta(microseconds=us) for us in moments]


def sort_order(table: pa.Table, columns: Sequence[str]) -> pa.Array:
    """The indices that sort a table by some columns, nulls first; equal rows keep their order.

    Strings are replaced by the ranks of their distinct values first: run ids and metric names
    repeat so often that comparing integers is several times faster than comparing strings.
    """
    if not columns:
        return pa.array(np.arange(table.num_rows))
    keys = [_ranks(table.column(name).combine_chunks()) for name in reversed(columns)]
    return pa.array(np.lexsort(keys))


def _ranks(column: pa.Array) -> np.ndarray[Any, Any]:
    if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
        encoded = column.dictionary_encode()
        order = pc.sort_indices(encoded.dictionary).to_numpy()
        ranks = np.empty(len(order) + 1, dtype=np.int64)
        ranks[order] = np.arange(1, len(order) + 1)
        ranks[-1] = 0  # where nulls, filled with -1 below, end up
        by_rank: np.ndarray[Any, Any] = ranks[pc.fill_null(encoded.indices, -1).to_numpy()]
        return by_rank
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    if pa.types.is_floating(column.type):
        plain = column
    else:
        plain = pc.fill_null(column.cast(pa.int64()), np.iinfo(np.int64).min)
    values: np.ndarray[Any, Any] = plain.to_numpy(zero_copy_only=False)
    return values
