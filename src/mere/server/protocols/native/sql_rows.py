"""Rows of a query's result in the forms that people save: JSON, CSV and Parquet."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mere.errors import ErrorCode, InvalidInput

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CSV", "PARQUET", "csv_bytes", "json_rows", "parquet_bytes"]

CSV: Final = "text/csv"
PARQUET: Final = "application/vnd.apache.parquet"


def json_rows(table: pa.Table) -> list[list[Any]]:
    """The rows of a table in values that JSON has.

    Times are ISO 8601 in UTC, maps are objects, bytes are hexadecimal digits, exact decimals are
    text, and NaN and the infinities are the texts ``NaN``, ``Infinity`` and ``-Infinity``.
    """
    columns = [_plain_values(column) for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def csv_bytes(table: pa.Table) -> bytes:
    """A table as CSV: null is nothing, and lists, structs and maps are JSON."""
    import pyarrow as pa
    from pyarrow import csv

    def is_foreign(kind: pa.DataType) -> bool:
        # Bytes are digits, as in JSON: raw ones would make the file unreadable.
        types = pa.types
        return types.is_nested(kind) or types.is_interval(kind) or _is_binary(kind)

    sink = pa.BufferOutputStream()
    csv.write_csv(_with_texts(table, is_foreign), sink)
    return bytes(sink.getvalue())


def parquet_bytes(table: pa.Table) -> bytes:
    """A table as a Parquet file; intervals, which Parquet does not have, are text."""
    import pyarrow as pa
    from pyarrow import parquet

    sink = pa.BufferOutputStream()
    parquet.write_table(_with_texts(table, pa.types.is_interval), sink, compression="zstd")
    return bytes(sink.getvalue())


def _with_texts(table: pa.Table, is_foreign: Callable[[pa.DataType], bool]) -> pa.Table:
    """A table whose columns of some types are text: JSON, or the text itself."""
    import pyarrow as pa

    def text(value: Any) -> str | None:
        if value is None or isinstance(value, str):
            return value
        return msgspec.json.encode(value).decode()

    columns = [
        pa.array([text(value) for value in _plain_values(column)], pa.string())
        if is_foreign(column.type)
        else column
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names)


def _is_binary(kind: pa.DataType) -> bool:
    import pyarrow as pa

    types = pa.types
    return bool(
        types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)
    )


def _plain_values(column: pa.ChunkedArray) -> list[Any]:
    try:
        return [_plain(value, column.type) for value in column.to_pylist()]
    except (OverflowError, ValueError) as error:  # Python's times end with the year 9999
        import pyarrow as pa

        if pa.types.is_nested(column.type):
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"a value of type {column.type} cannot be told here: ask for Arrow, or cast it",
            ) from error
        return _far_times(column)


def _far_times(column: pa.ChunkedArray) -> list[str | None]:
    """Times that Python has no objects for, as text."""
    import numpy as np
    import pyarrow as pa

    kind = column.type
    is_day = pa.types.is_date32(kind)
    whole, unit = (pa.int32(), "D") if is_day else (pa.int64(), kind.unit)
    most = np.iinfo(whole.to_pandas_dtype()).max
    zone = "" if is_day or kind.tz is None else "Z"

    def text(value: int | None) -> str | None:
        if value is None:
            return None
        if abs(value) == most:
            return "infinity" if value > 0 else "-infinity"
        return f"{np.array(value).astype(f'datetime64[{unit}]')}{zone}"

    return [text(value) for value in column.cast(whole).to_pylist()]


def _plain(value: Any, kind: Any) -> Any:
    import pyarrow as pa

    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else _not_finite(value)
    if pa.types.is_map(kind):
        return {str(key): _plain(item, kind.item_type) for key, item in value}
    if pa.types.is_struct(kind):
        return {field.name: _plain(value[field.name], field.type) for field in kind}
    if isinstance(value, list):
        return [_plain(item, kind.value_type) for item in value]
    return _text(value)


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, date) else str(value)
