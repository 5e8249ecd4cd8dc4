"""Table declarations: what a caller tells the engine about its tables.

A declaration names the columns with their Iceberg types and says how patches to a column merge.
It is stored in the Iceberg table's properties, so a process that knows nothing of the product
can still read, fold and compact a warehouse. Nothing here imports a data library.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mere.errors import CorruptData, ErrorCode, InvalidInput

__all__ = ["CREATED_AT", "UPDATED_AT", "Column", "Pyramid", "Table", "Type", "parse_type"]

CREATED_AT = "created_at"
UPDATED_AT = "updated_at"

_PRIMITIVES = frozenset(
    {
        "boolean",
        "int",
        "long",
        "float",
        "double",
        "string",
        "binary",
        "date",
        "timestamptz",
    }
)
_TALLY_FIELDS = ("step", "timestamp", "value", "min", "max", "count")
_MERGES = ("set", "map", "tally")


class Type(msgspec.Struct, frozen=True):
    """A parsed Iceberg type: a primitive's name, or map, list or struct with its parts."""

    kind: str
    parts: tuple[Type, ...] = ()
    names: tuple[str, ...] = ()


def parse_type(text: str) -> Type:
    """Parse an Iceberg type such as ``map<string, struct<step: long, value: double>>``.

    Raises:
        InvalidInput: The text is not a type the engine stores.
    """
    parsed, rest = _parse(text.strip(), text)
    if rest.strip():
        raise _bad_type(text)
    return parsed


def _parse(rest: str, whole: str) -> tuple[Type, str]:
    word = rest[: next((i for i, c in enumerate(rest) if c in "<>,:"), len(rest))].strip()
    tail = rest[rest.index(word) + len(word) :].lstrip() if word else rest
    if word in _PRIMITIVES:
        return Type(word), tail
    if word not in ("map", "list", "struct") or not tail.startswith("<"):
        raise _bad_type(whole)
    tail, names, parts = tail[1:], [], []
    while True:
        if word == "struct":
            name, colon, tail = tail.partition(":")
            if not colon:
                raise _bad_type(whole)
            names.append(name.strip())
        part, tail = _parse(tail.lstrip(), whole)
        parts.append(part)
        tail = tail.lstrip()
        if tail.startswith(">"):
            break
        if not tail.startswith(","):
            raise _bad_type(whole)
        tail = tail[1:]
    if len(parts) != {"map": 2, "list": 1}.get(word, len(parts)):
        raise _bad_type(whole)
    return Type(word, tuple(parts), tuple(names)), tail[1:]


def _bad_type(text: str) -> InvalidInput:
    return InvalidInput(
        ErrorCode.INVALID_VALUE,
        f"{text!r} is not a column type: use {', '.join(sorted(_PRIMITIVES))}, "
        "map<…>, list<…> or struct<name: type, …>",
        type=text,
    )


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """A column of a table.

    Args:
        name: The column's name in SQL.
        type: An Iceberg type.
        doc: A sentence for the reader of the schema.
        merge: How patches to this column of a keyed table merge. ``set``: the newest patch
            wins (the default). ``map``: the same for each key of a map, and None removes the
            key (the default of maps). ``tally``: a map of
            ``struct<step, timestamp, value, min, max, count>`` whose patches are contributions:
            min, max and count add up, and step, timestamp and value come together from the
            greatest (step, timestamp, value).
        derive: ``column.field``: the engine fills this map from a field of that tally column;
            patches do not set it.
    """

    name: str
    type: str
    doc: str = ""
    merge: str = ""
    derive: str = ""

    @property
    def parsed(self) -> Type:
        """The parsed type."""
        return parse_type(self.type)

    @property
    def rule(self) -> str:
        """The merge rule in force: ``set``, ``map``, ``tally`` or ``derive``."""
        if self.derive:
            return "derive"
        return self.merge or ("map" if self.type.lstrip().startswith("map") else "set")


class Pyramid(msgspec.Struct, frozen=True, omit_defaults=True):
    """How points of a sorted log table are looked at from afar; see `mere.lake.pyramid`.

    The table's last sort column, a long, is the position of a point in its series; the others
    name the series.

    Args:
        moment: The column that says when a point was, a timestamptz.
        value: The column that holds its value, a double.
    """

    moment: str
    value: str


class Table(msgspec.Struct, frozen=True, omit_defaults=True):
    """A table: a keyed one if `key` names columns, else an append-only log.

    Args:
        name: The table's name in SQL and its folder in the warehouse.
        columns: The columns, in order. Keyed tables have `created_at` and `updated_at` beside
            them, which the engine keeps.
        key: The primary key's columns, of type string or long.
        sort: The columns by which a log table's files are sorted; readers prune by them.
        doc: A sentence for the reader of the schema.
        is_bulk: Written whole, by `Lake.write_table`, and never through the journal. Its columns
            are those of its Iceberg schema, and none are declared.
        pyramid: Files of this log table get pyramids; see `mere.lake.pyramid`.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    sort: tuple[str, ...] = ()
    doc: str = ""
    is_bulk: bool = False
    pyramid: Pyramid | None = None

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or not self.name.isascii():
            raise self._bad(f"table name {self.name!r} is not an ASCII identifier")
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise self._bad(f"table {self.name} declares a column twice: {names}")
        by_name = {column.name: column for column in self.columns}
        for name in (*self.key, *self.sort):
            if name not in by_name:
                raise self._bad(f"table {self.name} has no column {name!r} to order by")
        for name in self.key:
            if by_name[name].type not in ("string", "long"):
                raise self._bad(f"key column {self.name}.{name} must be a string or a long")
        if self.key and ({CREATED_AT, UPDATED_AT} & set(names)):
            raise self._bad(f"{CREATED_AT} and {UPDATED_AT} are kept by the engine: leave them out")
        for column in self.columns:
            self._check_column(column, by_name)
        if self.pyramid is not None:
            self._check_pyramid(self.pyramid, by_name)

    def _check_pyramid(self, pyramid: Pyramid, by_name: Mapping[str, Column]) -> None:
        if self.key or len(self.sort) < 2:
            raise self._bad(f"table {self.name} has no series: a pyramid needs a sorted log table")
        kinds = {self.sort[-1]: "long", pyramid.moment: "timestamptz", pyramid.value: "double"}
        for name, kind in kinds.items():
            if name not in by_name or by_name[name].type != kind:
                raise self._bad(f"the pyramid of table {self.name} needs a {kind} column {name!r}")

    def _check_column(self, column: Column, by_name: Mapping[str, Column]) -> None:
        parsed = column.parsed
        where = f"column {self.name}.{column.name}"
        if column.merge and column.merge not in _MERGES:
            raise self._bad(f"{where}: merge {column.merge!r} is none of {', '.join(_MERGES)}")
        if column.rule in ("map", "tally") and (
            parsed.kind != "map" or parsed.parts[0].kind != "string"
        ):
            raise self._bad(f"{where}: merge {column.rule!r} needs a map with string keys")
        if column.rule == "tally" and tuple(parsed.parts[1].names) != _TALLY_FIELDS:
            raise self._bad(f"{where}: a tally is a struct of {', '.join(_TALLY_FIELDS)}")
        if column.derive:
            source, _, field = column.derive.partition(".")
            if source not in by_name or by_name[source].rule != "tally":
                raise self._bad(f"{where}: derives from {source!r}, which is no tally column")
            if field not in _TALLY_FIELDS:
                raise self._bad(f"{where}: a tally has no field {field!r}")

    @staticmethod
    def _bad(message: str) -> InvalidInput:
        return InvalidInput(ErrorCode.INVALID_VALUE, message)

    @property
    def is_keyed(self) -> bool:
        """Whether records are patches to rows, rather than appended."""
        return bool(self.key)

    @property
    def has_final_deletes(self) -> bool:
        """Whether a deleted key never comes back.

        Contributions to a tally cannot be told apart once they have been added up, so what was
        deleted could not be taken out of a row that came back.
        """
        return any(column.rule == "tally" for column in self.columns)

    @property
    def stored_columns(self) -> tuple[Column, ...]:
        """The columns as they lie in Iceberg, those kept by the engine included."""
        if not self.is_keyed:
            return self.columns
        return (
            *self.columns,
            Column(CREATED_AT, "timestamptz", doc="when the row was first written"),
            Column(UPDATED_AT, "timestamptz", doc="when the row was last written"),
        )

    @property
    def order(self) -> tuple[str, ...]:
        """The columns its files are sorted by."""
        return self.key or self.sort

    def column(self, name: str) -> Column:
        """Return a declared column.

        Raises:
            InvalidInput: The table has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        known = ", ".join(column.name for column in self.columns)
        raise InvalidInput(
            ErrorCode.UNKNOWN_COLUMN,
            f"table {self.name} has no column {name!r}: it has {known}",
            table=self.name,
            column=name,
        )

    def to_json(self) -> str:
        """The declaration as it is kept in the table's properties."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Table:
        """Read a stored declaration.

        Raises:
            CorruptData: The text is no declaration.
        """
        try:
            return msgspec.json.decode(text, type=cls)
        except (msgspec.MsgspecError, InvalidInput) as error:
            raise CorruptData(
                ErrorCode.BAD_OBJECT, f"stored table declaration is unreadable: {error}"
            ) from error

    def merged_with(self, stored: Table) -> Table:
        """This declaration, with the columns that only the stored one has behind its own.

        Raises:
            InvalidInput: The two contradict each other; columns are only ever added.
        """
        if self.is_bulk != stored.is_bulk:
            kinds = ("records", "a bulk table")
            raise self._bad(
                f"table {self.name} is {kinds[stored.is_bulk]}, not {kinds[self.is_bulk]}: "
                "choose another name"
            )
        if self.key != stored.key:
            raise self._bad(f"table {self.name} is keyed by {stored.key}, not by {self.key}")
        mine: dict[str, Any] = {column.name: column for column in self.columns}
        for column in stored.columns:
            own = mine.get(column.name)
            if own is not None and own.parsed != column.parsed:
                raise self._bad(
                    f"column {self.name}.{column.name} is stored as {column.type}, not {own.type}: "
                    "columns are only ever added"
                )
        extra = tuple(column for column in stored.columns if column.name not in mine)
        return msgspec.structs.replace(self, columns=self.columns + extra)
