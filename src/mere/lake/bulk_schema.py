"""What a caller's Arrow schema becomes in a bulk table. Pure, no I/O.

Iceberg has fewer types than Arrow. Each Arrow type is stored as the one type that holds all of
its values, and refused, with advice, where there is none. Columns keep their field ids from one
schema of a table to the next as long as name and type stay; whatever changes gets new ids, so old
snapshots keep their meaning.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FixedType,
    FloatType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
    TimeType,
)

from mere.errors import ErrorCode, InvalidInput
from mere.lake.arrow import arrow_schema

__all__ = ["conform", "first_schema", "next_schema", "plain_schema", "stored_schema"]

_PRECISION_MAX = 38
_DEPTH_MAX = 50
_COLUMNS_MAX = 10_000
_SIMPLE: tuple[tuple[Any, pa.DataType, type[IcebergType]], ...] = (
    (pa.types.is_boolean, pa.bool_(), BooleanType),
    (pa.types.is_int64, pa.int64(), LongType),
    (pa.types.is_uint64, pa.int64(), LongType),
    (pa.types.is_uint32, pa.int64(), LongType),
    (pa.types.is_integer, pa.int32(), IntegerType),
    (pa.types.is_float64, pa.float64(), DoubleType),
    (pa.types.is_floating, pa.float32(), FloatType),
    (pa.types.is_string, pa.string(), StringType),
    (pa.types.is_large_string, pa.string(), StringType),
    (pa.types.is_string_view, pa.string(), StringType),
    (pa.types.is_binary, pa.binary(), BinaryType),
    (pa.types.is_large_binary, pa.binary(), BinaryType),
    (pa.types.is_binary_view, pa.binary(), BinaryType),
    (pa.types.is_date, pa.date32(), DateType),
    (pa.types.is_time, pa.time64("us"), TimeType),
)
_WIDER = {
    (pa.int32(), pa.int64()),
    (pa.float32(), pa.float64()),
}
_ADVICE = (
    (pa.types.is_null, "it has no values and no type: cast it, for instance to string"),
    (pa.types.is_duration, "Iceberg has no durations: store them as a whole number of a unit"),
    (pa.types.is_interval, "Iceberg has no intervals: store them as whole numbers"),
    (pa.types.is_union, "Iceberg has no unions: give each of the types a column of its own"),
)


def stored_schema(given: pa.Schema) -> pa.Schema:
    """The types in which a schema's columns are stored.

    Raises:
        InvalidInput: A column has no type that Iceberg holds, or no name of its own.
    """
    names = list(given.names)
    if not 0 < len(names) <= _COLUMNS_MAX:
        raise _refused("", f"a table has between 1 and {_COLUMNS_MAX} columns, not {len(names)}")
    _check_names(names, "")
    return pa.schema([pa.field(field.name, _stored(field.type, field.name)) for field in given])


def first_schema(stored: pa.Schema) -> Schema:
    """The Iceberg schema of a new table."""
    return _schema(stored, {}, itertools.count(1), 0)


def next_schema(metadata: TableMetadata, stored: pa.Schema) -> Schema:
    """The Iceberg schema for the next snapshot of a table: one of its own, or a new one."""
    known: dict[tuple[str, str], NestedField] = {}
    for schema in reversed(metadata.schemas):
        for field in schema.fields:
            known.setdefault((field.name, str(plain_schema(Schema(field)).field(0).type)), field)
    number = max(schema.schema_id for schema in metadata.schemas) + 1
    fresh = _schema(stored, known, itertools.count(metadata.last_column_id + 1), number)
    for schema in metadata.schemas:
        if schema.as_struct() == fresh.as_struct():
            return schema
    return fresh


def plain_schema(schema: Schema) -> pa.Schema:
    """The Arrow schema of an Iceberg schema, as callers see it: without field ids."""
    return pa.schema([pa.field(f.name, _bare(f.type)) for f in arrow_schema(schema)])


def conform(given: pa.Schema, schema: Schema, table: str) -> None:
    """Make sure that rows of one schema can be appended to a table without loss.

    Raises:
        InvalidInput: Names the column that does not fit.
    """
    stored, wanted = stored_schema(given), plain_schema(schema)
    advice = "make it fit, or overwrite the table"
    for field in wanted:
        if field.name not in stored.names:
            raise _refused(field.name, f"table {table} has it and the new rows do not: {advice}")
        own = stored.field(field.name).type
        if own != field.type and not _widens(own, field.type):
            raise _refused(
                field.name, f"table {table} holds {field.type}, the new rows {own}: {advice}"
            )
    extra = [name for name in stored.names if name not in wanted.names]
    if extra:
        raise _refused(extra[0], f"the new rows have it and table {table} does not: {advice}")


def _widens(own: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether every value of one type is a value of the other."""
    if pa.types.is_decimal(own) and pa.types.is_decimal(wanted):
        return bool(own.scale == wanted.scale and own.precision <= wanted.precision)
    return (own, wanted) in _WIDER


def _stored(kind: pa.DataType, path: str, depth: int = 0) -> pa.DataType:
    """The type that a type is stored in."""
    if depth > _DEPTH_MAX:
        raise _refused(path, f"it is nested deeper than {_DEPTH_MAX} levels")
    if isinstance(kind, pa.BaseExtensionType):
        return _stored(kind.storage_type, path, depth + 1)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return _stored(kind.value_type, path, depth + 1)
    if pa.types.is_map(kind):
        key = _stored(kind.key_type, f"{path}.key", depth + 1)
        return pa.map_(key, _stored(kind.item_type, f"{path}.value", depth + 1))
    if pa.types.is_struct(kind):
        _check_names([field.name for field in kind], path)
        return pa.struct([(f.name, _stored(f.type, f"{path}.{f.name}", depth + 1)) for f in kind])
    if pa.types.is_nested(kind) and hasattr(kind, "value_type"):
        element = _stored(kind.value_type, f"{path}.element", depth + 1)
        return pa.list_(pa.field("element", element))
    return _stored_primitive(kind, path)


def _stored_primitive(kind: pa.DataType, path: str) -> pa.DataType:
    if pa.types.is_decimal(kind):
        if not 0 <= kind.scale <= kind.precision <= _PRECISION_MAX:
            limit = f"up to {_PRECISION_MAX} digits, and a scale between 0 and their number"
            raise _refused(path, f"Iceberg has no {kind}: its decimals have {limit}")
        return pa.decimal128(kind.precision, kind.scale)
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", "UTC" if kind.tz else None)
    if pa.types.is_fixed_size_binary(kind):
        return kind
    for is_one, stored, _ in _SIMPLE:
        if is_one(kind):
            return stored
    for is_one, advice in _ADVICE:
        if is_one(kind):
            raise _refused(path, f"its type is {kind}, and {advice}")
    raise _refused(path, f"Iceberg has nothing that holds {kind}: cast it")


def _schema(
    stored: pa.Schema, known: dict[tuple[str, str], NestedField], ids: Iterator[int], number: int
) -> Schema:
    fields = []
    for field in stored:
        old = known.get((field.name, str(field.type)))
        if old is not None:
            fields.append(old)
            continue
        own = next(ids)
        fields.append(NestedField(own, field.name, _iceberg_type(field.type, ids), False))
    return Schema(*fields, schema_id=number)


def _iceberg_type(kind: pa.DataType, ids: Iterator[int]) -> IcebergType:
    """The Iceberg type of a type that `stored_schema` gave."""
    if pa.types.is_map(kind):
        key, value = next(ids), next(ids)
        return MapType(
            key,
            _iceberg_type(kind.key_type, ids),
            value,
            _iceberg_type(kind.item_type, ids),
            value_required=False,
        )
    if pa.types.is_struct(kind):
        numbers = [next(ids) for _ in kind]
        return StructType(
            *(
                NestedField(number, field.name, _iceberg_type(field.type, ids), False)
                for number, field in zip(numbers, kind, strict=True)
            )
        )
    if pa.types.is_list(kind):
        return ListType(next(ids), _iceberg_type(kind.value_type, ids), element_required=False)
    if pa.types.is_decimal(kind):
        return DecimalType(kind.precision, kind.scale)
    if pa.types.is_timestamp(kind):
        return TimestamptzType() if kind.tz else TimestampType()
    if pa.types.is_fixed_size_binary(kind):
        return FixedType(kind.byte_width)
    return next(iceberg() for is_one, _, iceberg in _SIMPLE if is_one(kind))


def _bare(kind: pa.DataType) -> pa.DataType:
    """A type without the metadata of its parts, all of them nullable."""
    if pa.types.is_map(kind):
        return pa.map_(_bare(kind.key_type), _bare(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _bare(field.type)) for field in kind])
    if pa.types.is_list(kind):
        return pa.list_(pa.field("element", _bare(kind.value_type)))
    return kind


def _check_names(names: Iterable[str], path: str) -> None:
    where = f"struct {path!r}" if path else "the table"
    seen: set[str] = set()
    for name in names:
        if not name:
            raise _refused(path, f"a column of {where} has no name: give it one")
        if name in seen:
            raise _refused(name, f"{where} has it twice: rename one")
        seen.add(name)
    if not seen:
        raise _refused(path, "it is a struct without fields, which Parquet cannot hold: drop it")


def _refused(column: str, reason: str) -> InvalidInput:
    what = f"column {column!r}" if column else "the table"
    return InvalidInput(
        ErrorCode.INVALID_VALUE, f"{what} cannot be stored: {reason}", column=column
    )
