"""What a writer hands over, checked and in the shape in which it is stored.

A `Batch` is one atomic unit: its records become visible together. Log records are kept by
column, patches by row. Times are integers, microseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any

import msgspec

from mere.errors import ErrorCode, InvalidInput
from mere.lake.schema import Column, Table, Type

__all__ = ["Batch", "Key", "LogPart", "Patch"]

Key = tuple[Any, ...]

# Structs here are out of the garbage collector's sight (gc=False): they come by the hundred
# thousand, hold plain values and can be part of no cycle.
_LONG = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PRIMITIVES: dict[str, Any] = {
    "boolean": bool,
    "int": Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)],
    "long": _LONG,
    "float": float,
    "double": float,
    "string": str,
    "binary": bytes,
    "date": Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)],
    "timestamptz": _LONG | datetime,
}


class LogPart(msgspec.Struct, gc=False):
    """Records of one log table: `rows` of them, by column; a missing column is all null."""

    rows: int
    columns: dict[str, list[Any]]


class Patch(msgspec.Struct, array_like=True, gc=False):
    """A change to one row: columns to set, map entries to merge, contributions to tallies.

    Args:
        key: The row's key, in the order of the table's key columns.
        sets: Columns to set; None sets null.
        maps: Entries by map column; None removes the entry.
        tallies: ``[step, timestamp, value, min, max, count]`` by entry, by tally column.
        is_tombstone: The row is removed, by itself or before the rest applies.
        tick: The time that decides which patch is newer, where it is not the segment's.
    """

    key: Key
    sets: dict[str, Any] = {}
    maps: dict[str, dict[str, Any]] = {}
    tallies: dict[str, dict[str, list[Any]]] = {}
    is_tombstone: bool = False
    tick: int | None = None


class Batch:
    """Records gathered for one segment, by table."""

    def __init__(self) -> None:
        self.logs: dict[str, list[LogPart]] = {}
        self.patches: dict[str, list[Patch]] = {}
        self.records = 0

    def append(self, table: Table, rows: Any) -> None:
        """Add records of a log table, given as rows or as equally long columns.

        Raises:
            InvalidInput: A value does not fit its column; nothing was added.
        """
        _require_records(table)
        if table.is_keyed:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"table {table.name} is keyed: patch its rows instead of appending",
            )
        part = _log_part(table, rows)
        if part.rows:
            self.logs.setdefault(table.name, []).append(part)
            self.records += part.rows

    def patch(
        self, table: Table, rows: Iterable[Mapping[str, Any]], *, at: int | None = None
    ) -> None:
        """Add patches to rows of a keyed table; each row gives its key and what to change.

        Raises:
            InvalidInput: A value does not fit its column; nothing was added.
        """
        _require_keyed(table)
        patches = [_patch(table, row, at) for row in rows]
        if patches:
            self.patches.setdefault(table.name, []).extend(patches)
            self.records += len(patches)

    def delete(self, table: Table, keys: Iterable[Any]) -> None:
        """Add tombstones for rows of a keyed table.

        Raises:
            InvalidInput: A key does not fit; nothing was added.
        """
        _require_keyed(table)
        patches = [Patch(_key(table, key), is_tombstone=True) for key in keys]
        if patches:
            self.patches.setdefault(table.name, []).extend(patches)
            self.records += len(patches)

    def extend(self, other: Batch) -> None:
        """Add all that another batch holds, behind our own."""
        for name, parts in other.logs.items():
            self.logs.setdefault(name, []).extend(parts)
        for name, patches in other.patches.items():
            self.patches.setdefault(name, []).extend(patches)
        self.records += other.records


def _require_records(table: Table) -> None:
    if table.is_bulk:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"table {table.name} holds no records: write it with write_table",
        )


def _require_keyed(table: Table) -> None:
    _require_records(table)
    if not table.is_keyed:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"table {table.name} is a log: append to it, it has no keys",
        )


def _log_part(table: Table, rows: Any) -> LogPart:
    if hasattr(rows, "to_pydict"):
        rows = rows.to_pydict()
    if isinstance(rows, Mapping):
        columns = {name: list(values) for name, values in rows.items()}
        lengths = {len(values) for values in columns.values()}
        if len(lengths) > 1:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"columns of table {table.name} differ in length: {sorted(lengths)}",
            )
        count = lengths.pop() if lengths else 0
    else:
        rows = list(rows)
        names = {name for row in rows for name in row}
        columns = {name: [row.get(name) for row in rows] for name in names}
        count = len(rows)
    return LogPart(
        count,
        {
            name: _converter(table.column(name), many=True)(values)
            for name, values in columns.items()
        },
    )


def _patch(table: Table, row: Mapping[str, Any], at: int | None) -> Patch:
    try:
        key = _key(table, tuple(row[name] for name in table.key))
    except KeyError as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"a patch to table {table.name} needs its key column {error}",
        ) from error
    patch = Patch(key, {}, {}, {}, tick=at)
    for name, value in row.items():
        if name in table.key:
            continue
        column = table.column(name)
        rule = column.rule
        if rule == "derive":
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"column {table.name}.{name} is derived from {column.derive}: set that instead",
            )
        converted = _converter(column, many=False)(value)
        if rule == "set" or value is None:
            patch.sets[name] = converted
        elif rule == "map":
            patch.maps[name] = converted
        else:
            patch.tallies[name] = converted
        if value is None and rule != "set":
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"column {table.name}.{name} merges by key: give a map, and None for a key to "
                "remove",
            )
    return patch


def _key(table: Table, key: Any) -> Key:
    values = (key,) if not isinstance(key, tuple | list) else tuple(key)
    if len(values) != len(table.key) or any(value is None for value in values):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"key {key!r} of table {table.name} does not give {', '.join(table.key)}",
        )
    return tuple(
        _converter(table.column(name), many=False)(value)
        for name, value in zip(table.key, values, strict=True)
    )


@cache
def _converter(column: Column, *, many: bool) -> Callable[[Any], Any]:
    """A function that checks a value (or a list of them) and gives it its stored form."""
    parsed = column.parsed
    accepted = _python_type(parsed)
    if column.rule == "tally":
        accepted = dict[str, _TallyInput]
    elif column.rule == "map":
        accepted = dict[str, _python_type(parsed.parts[1]) | None]  # type: ignore[misc]
    else:
        accepted |= None
    wanted: Any = list[accepted] if many else accepted  # type: ignore[valid-type]
    to_stored = _stored_form(column)
    is_time = parsed.kind == "timestamptz"
    has_text = "string" in column.type

    def convert(value: Any) -> Any:
        try:
            if is_time and many and set(map(type, value)) == {int}:
                return msgspec.convert(value, list[_LONG])
            checked = msgspec.convert(value, wanted)
        except msgspec.ValidationError as error:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"column {column.name} holds {column.type}: {error} (got {_brief(value)})",
                column=column.name,
            ) from error
        if to_stored is not None:
            checked = [to_stored(item) for item in checked] if many else to_stored(checked)
        if has_text:
            _check_text(column, checked)
        return checked

    return convert


def _check_text(column: Column, value: Any) -> None:
    """Refuse what no UTF-8 can hold here, where it can be named, and not in a shared segment."""
    try:
        msgspec.msgpack.encode(value)
    except UnicodeEncodeError as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"column {column.name} has text that is no Unicode: {error.reason} in "
            f"{error.object[:40]!r}",
            column=column.name,
        ) from error


class _TallyInput(msgspec.Struct, gc=False):
    step: _LONG
    timestamp: _LONG | datetime
    value: float
    min: float
    max: float
    count: _LONG


def _python_type(parsed: Type) -> Any:
    if parsed.kind == "map":
        return dict[_python_type(parsed.parts[0]), _python_type(parsed.parts[1]) | None]  # type: ignore[misc]
    if parsed.kind == "list":
        return list[_python_type(parsed.parts[0]) | None]  # type: ignore[misc]
    if parsed.kind == "struct":
        return dict[str, Any]
    return _PRIMITIVES[parsed.kind]


def _stored_form(column: Column) -> Callable[[Any], Any] | None:
    """What turns a checked value into its stored form; None where it is that already."""
    if column.rule == "tally":
        return lambda tallies: {
            name: [t.step, _micros(t.timestamp), t.value, t.min, t.max, t.count]
            for name, t in tallies.items()
        }
    if "timestamptz" in column.type or "struct" in column.type:
        parsed = column.parsed
        return lambda value: value if type(value) is int else _stored(parsed, value)
    return None


def _stored(parsed: Type, value: Any) -> Any:
    if value is None:
        return None
    if parsed.kind == "timestamptz":
        return _micros(value)
    if parsed.kind == "map":
        return {name: _stored(parsed.parts[1], item) for name, item in value.items()}
    if parsed.kind == "list":
        return [_stored(parsed.parts[0], item) for item in value]
    if parsed.kind == "struct":
        unknown = set(value) - set(parsed.names)
        if unknown:
            raise InvalidInput(
                ErrorCode.UNKNOWN_COLUMN,
                f"struct has no field {sorted(unknown)}: it has {', '.join(parsed.names)}",
            )
        return {
            name: _stored_field(part, value.get(name))
            for name, part in zip(parsed.names, parsed.parts, strict=True)
        }
    return value


def _stored_field(parsed: Type, value: Any) -> Any:
    if value is None or parsed.kind in ("map", "list", "struct"):
        return _stored(parsed, value)
    try:
        return _stored(parsed, msgspec.convert(value, _PRIMITIVES[parsed.kind]))
    except msgspec.ValidationError as error:
        raise InvalidInput(ErrorCode.INVALID_VALUE, f"struct field: {error}") from error


def _micros(value: int | datetime) -> int:
    if type(value) is int:
        return value
    assert isinstance(value, datetime)
    if value.tzinfo is None:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"time {value!r} has no time zone: give an aware datetime or microseconds",
        )
    delta = value - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def _brief(value: Any) -> str:
    values: Sequence[Any] = value if isinstance(value, list) else [value]
    text = repr(values[0]) if len(values) == 1 else f"{len(values)} values"
    return text if len(text) <= 80 else text[:77] + "…"
