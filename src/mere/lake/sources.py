"""What a query engine is given of one table of a view: files, rows in memory, and the SQL of both.

A table is its Parquet files without the rows that the tail touches, and the tail. The engine that
runs in this process and the sandbox for foreign queries put the same parts together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from mere.errors import ErrorCode, InvalidInput
from mere.lake.view import TableView

__all__ = ["TableSource", "literal", "quoted", "select_of", "source_of"]


@dataclass(frozen=True)
class TableSource:
    """The parts of one table.

    Args:
        name: The table's.
        columns: Names of its columns.
        key: Names of its key columns; none for a log table.
        paths: Its files on the local disk.
        is_evolved: Whether files may lack columns.
        keys: The keys of rows that the tail touches, which do not count in the files.
        tail: The rows that are not in the files.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    paths: tuple[str, ...]
    is_evolved: bool
    keys: pa.Table | None
    tail: pa.Table | None


def source_of(view: TableView, *, is_shown_only: bool = False) -> TableSource:
    """The parts of a table; where it is only shown, its columns and no rows.

    Raises:
        InvalidInput: SQL cannot tell its columns apart.
    """
    table = view.table
    _check_cases(table.name, view.schema.names)
    paths = () if is_shown_only else tuple(view.paths())
    # All files of a bulk table's snapshot have one schema.
    is_evolved = len(view.state.metadata.schemas) > 1 and not table.is_bulk
    has_keys = bool(paths and table.is_keyed and view.patches)
    has_tail = not paths or is_evolved or view.tail.num_rows > 0
    return TableSource(
        table.name,
        tuple(view.schema.names),
        tuple(table.key),
        paths,
        is_evolved,
        _keys(view) if has_keys else None,
        view.tail if has_tail else None,
    )


def select_of(
    columns: Sequence[str],
    key: Sequence[str],
    paths: Sequence[str],
    *,
    is_evolved: bool,
    keys: str | None,
    tail: str | None,
) -> str:
    """The query that puts the parts of a table together.

    Args:
        columns: As in `TableSource`.
        key: As in `TableSource`.
        paths: As in `TableSource`.
        is_evolved: As in `TableSource`.
        keys: The name, quoted, under which the engine knows the keys.
        tail: The same for the tail.
    """
    listed = ", ".join(map(quoted, columns))
    sources = []
    if tail is not None:
        sources.append(f"SELECT {listed} FROM {tail}")
    if paths:
        files = "[" + ", ".join(map(literal, paths)) + "]"
        source = f"read_parquet({files}, union_by_name = {str(is_evolved).lower()})"
        if keys is not None:
            source += f" ANTI JOIN {keys} USING ({', '.join(map(quoted, key))})"
        sources.append(f"SELECT {'*' if is_evolved else listed} FROM {source}")
    return f"SELECT {listed} FROM ({' UNION ALL BY NAME '.join(sources)})"


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL has it."""
    return "'" + text.replace("'", "''") + "'"


def _keys(view: TableView) -> pa.Table:
    columns = {
        name: pa.array([key[index] for key in view.patches], view.schema.field(name).type)
        for index, name in enumerate(view.table.key)
    }
    return pa.table(columns)


def _check_cases(table: str, names: Sequence[str]) -> None:
    """Refuse columns that SQL cannot tell apart: it would give the first for each."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise InvalidInput(
                ErrorCode.INVALID_QUERY,
                f"columns {other!r} and {name!r} of table {table} differ in case only, which SQL "
                "does not see: read the table as Arrow, or rename one",
                table=table,
            )
