"""Rows as callers see them: times as datetimes, keys in the forms people give them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from mere.errors import ErrorCode, InvalidInput
from mere.lake.records import Key
from mere.lake.rows import Row
from mere.lake.schema import Table, Type

__all__ = ["key_of", "public_row"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def key_of(table: Table, key: Any) -> Key:
    """A key as a tuple.

    Raises:
        InvalidInput: The table has no key, or it has more or fewer columns.
    """
    values = tuple(key) if isinstance(key, tuple | list) else (key,)
    if not table.is_keyed or len(values) != len(table.key):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"key {key!r} does not fit table {table.name}, keyed by {table.key or 'nothing'}",
        )
    return values


def public_row(table: Table, row: Row) -> Row:
    """A row with its times as datetimes in UTC, and maps without entries as empty dicts."""
    public = {}
    for column in table.stored_columns:
        value = row.get(column.name)
        if value is None and column.rule != "set":
            value = {}
        public[column.name] = _public(column.parsed, value)
    return public


def _public(parsed: Type, value: Any) -> Any:
    if value is None:
        return None
    if parsed.kind == "timestamptz":
        return _EPOCH + timedelta(microseconds=value)
    if parsed.kind == "map":
        return {name: _public(parsed.parts[1], item) for name, item in value.items()}
    if parsed.kind == "list":
        return [_public(parsed.parts[0], item) for item in value]
    if parsed.kind == "struct":
        return {
            name: _public(part, value.get(name))
            for name, part in zip(parsed.names, parsed.parts, strict=True)
        }
    return value
