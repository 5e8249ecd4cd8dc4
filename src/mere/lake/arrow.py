"""Records as Arrow tables, and rows of Arrow tables as plain values. Pure, no I/O.

Every conversion goes by the Iceberg schema of the table, so that what is not folded yet has
exactly the types of what is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.schema import Schema
from pyiceberg.types import IcebergType, ListType, MapType, NestedField, StructType

from mere.lake.records import LogPart
from mere.lake.rows import Row

__all__ = ["arrow_schema", "from_log", "from_rows", "sort_order", "to_rows"]

_FIELD_ID = b"PARQUET:field_id"
_TIME = pa.timestamp("us", "UTC")
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
        else pa.array(_arrow_values(field.type, columns[field.name]), field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _arrow_values(kind: pa.DataType, values: list[Any]) -> list[Any]:
    """The values in the form Arrow takes: a map is a list of pairs."""
    if not pa.types.is_nested(kind):
        return values
    return [_arrow_value(kind, value) for value in values]


def _arrow_value(kind: pa.DataType, value: Any) -> Any:
    if value is None or not pa.types.is_nested(kind):
        return value
    if pa.types.is_map(kind):
        item = kind.item_type
        if pa.types.is_nested(item):
            return [(name, _arrow_value(item, entry)) for name, entry in value.items()]
        return list(value.items())
    if pa.types.is_struct(kind):
        return {field.name: _arrow_value(field.type, value.get(field.name)) for field in kind}
    return [_arrow_value(kind.value_type, entry) for entry in value]


def to_rows(table: pa.Table) -> list[Row]:
    """The rows of a table as plain values: times in microseconds, maps as dicts."""
    columns = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        values = column.cast(_with_integer_times(field.type)).to_pylist()
        if pa.types.is_nested(field.type):
            values = [_plain(field.type, value) for value in values]
        columns[field.name] = values
    names = list(columns)
    return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _with_integer_times(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return pa.int64()
    if pa.types.is_map(kind):
        return pa.map_(kind.key_type, _with_integer_times(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _with_integer_times(field.type)) for field in kind])
    if pa.types.is_list(kind):
        return pa.list_(_with_integer_times(kind.value_type))
    return kind


def _plain(kind: pa.DataType, value: Any) -> Any:
    if value is None or not pa.types.is_nested(kind):
        return value
    if pa.types.is_map(kind):
        item = kind.item_type
        if pa.types.is_nested(item):
            return {name: _plain(item, entry) for name, entry in value}
        return dict(value)
    if pa.types.is_struct(kind):
        return {field.name: _plain(field.type, value[field.name]) for field in kind}
    return [_plain(kind.value_type, entry) for entry in value]


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
