"""Declarations as Iceberg schemas, and bounds of data files as Python values. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DoubleType,
    FloatType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    PrimitiveType,
    StringType,
    StructType,
    TimestamptzType,
)

from mere.lake.schema import Column, Table, Type

__all__ = ["bounds_of", "grown_schema", "schema_of"]

_PRIMITIVES: dict[str, IcebergType] = {
    "boolean": BooleanType(),
    "int": IntegerType(),
    "long": LongType(),
    "float": FloatType(),
    "double": DoubleType(),
    "string": StringType(),
    "binary": BinaryType(),
    "date": DateType(),
    "timestamptz": TimestamptzType(),
}


def schema_of(table: Table) -> Schema:
    """The Iceberg schema of a new table; its key columns are its identifier fields."""
    ids = itertools.count(1)
    fields = [
        _field(column, ids, required=column.name in table.key) for column in table.stored_columns
    ]
    keys = [field.field_id for field in fields if field.name in table.key]
    return Schema(*fields, identifier_field_ids=keys)


def grown_schema(metadata: TableMetadata, added: Sequence[Column]) -> Schema:
    """The table's current schema with columns added behind its own."""
    old = metadata.schema()
    ids = itertools.count(metadata.last_column_id + 1)
    return Schema(
        *old.fields,
        *(_field(column, ids, required=False) for column in added),
        schema_id=max(schema.schema_id for schema in metadata.schemas) + 1,
        identifier_field_ids=old.identifier_field_ids,
    )


def bounds_of(
    schema: Schema, columns: Sequence[str], file: DataFile
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The least and greatest value of some columns in a file; None where it is not known."""
    lower, upper = file.lower_bounds or {}, file.upper_bounds or {}
    fields = [schema.find_field(name) for name in columns]
    return tuple(_bound(f, lower) for f in fields), tuple(_bound(f, upper) for f in fields)


def _bound(field: NestedField, bounds: dict[int, bytes]) -> Any:
    raw = bounds.get(field.field_id)
    if raw is None or not isinstance(field.field_type, PrimitiveType):
        return None
    return from_bytes(field.field_type, raw)


def _field(column: Column, ids: Iterator[int], *, required: bool) -> NestedField:
    # The field takes its id before its parts do, so ids follow the order of columns.
    number = next(ids)
    return NestedField(
        number, column.name, _type(column.parsed, ids), required, doc=column.doc or None
    )


def _type(parsed: Type, ids: Iterator[int]) -> IcebergType:
    if parsed.kind == "map":
        key, value = next(ids), next(ids)
        return MapType(
            key,
            _type(parsed.parts[0], ids),
            value,
            _type(parsed.parts[1], ids),
            value_required=False,
        )
    if parsed.kind == "list":
        return ListType(next(ids), _type(parsed.parts[0], ids), element_required=False)
    if parsed.kind == "struct":
        return StructType(
            *(
                NestedField(next(ids), name, _type(part, ids), False)
                for name, part in zip(parsed.names, parsed.parts, strict=True)
            )
        )
    return _PRIMITIVES[parsed.kind]
