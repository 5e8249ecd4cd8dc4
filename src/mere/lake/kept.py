"""Columns of a keyed table, kept in the query engine's memory so that asking again is quick.

Parquet files are read and maps are searched once for each file, not once for each question. What
is kept belongs to the files of a snapshot: when a fold replaces some of them, the rows of those
are replaced and no others. The tail is never kept, it is laid over in each query; so an answer is
that of the view, or of the view with some of its tail folded already, which is the same.

Nothing here is truth. What was not asked for lately is dropped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mere.lake.sources import quoted

if TYPE_CHECKING:
    import duckdb

    from mere.lake.view import TableView

__all__ = ["KeptColumns", "KeptTables", "column_name", "text_literal"]

KeptColumns = Mapping[str, str]
"""Expressions over a table's columns, by the name that they are kept under."""

_COLUMNS_MAX = 128
_FILE = "kept in file"


def column_name(expression: str) -> str:
    """The name that an expression is kept under: the same for the same one."""
    return "k_" + hashlib.blake2b(expression.encode(), digest_size=9).hexdigest()


def text_literal(text: str) -> str:
    """A text as SQL, whatever characters it has."""
    parts = ["'" + part.replace("'", "''") + "'" for part in text.split("\0")]
    return parts[0] if len(parts) == 1 else "(" + " || chr(0) || ".join(parts) + ")"


@dataclass
class _Kept:
    """One table: the columns that are kept of it, the oldest first, and of which files."""

    name: str
    columns: dict[str, str]
    files: dict[str, int] = field(default_factory=dict)
    count: int = 0


class KeptTables:
    """The kept columns of all tables; call with the engine's lock held.

    Args:
        connection: The engine's database.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._kept: dict[str, _Kept] = {}
        self._count = 0

    def relation(self, view: TableView, schema: str, columns: KeptColumns) -> str:
        """SQL of a table with the key and some expressions of each row of a view.

        Args:
            view: The table as it is now.
            schema: Where the engine has prepared it, in full and as its tail.
            columns: The expressions wanted, by name.
        """
        name = view.table.name
        tail = f"{schema}.{quoted(f'tail of {name}')}"
        kept = self._with_columns(view, columns)
        self._catch_up(kept, view, tail)
        key = ", ".join(map(quoted, view.table.key))
        source = f"select {', '.join((key, *columns))} from main.{kept.name}"
        if view.patches and view.files:
            source += f" anti join {schema}.{quoted(f'keys of {name}')} using ({key})"
        if view.tail.num_rows:
            source += f" union all select {_selected(view, columns)} from {tail}"
        return f"({source})"

    def _with_columns(self, view: TableView, columns: KeptColumns) -> _Kept:
        """What is kept of a table, with the columns wanted; made anew where some are missing."""
        kept = self._kept.get(view.table.name)
        if kept is not None and columns.keys() <= kept.columns.keys():
            for name in columns:  # the ones asked for last are at the end
                kept.columns[name] = kept.columns.pop(name)
            return kept
        known = dict(kept.columns) if kept is not None else {}
        room = max(0, _COLUMNS_MAX - len(columns))
        others = [name for name in known if name not in columns][-room:] if room else []
        chosen = {name: known[name] for name in others} | dict(columns)
        self._count += 1
        fresh = _Kept(f"kept_{self._count}", chosen)
        self._create(fresh, view)
        if kept is not None:
            self._connection.execute(f"DROP TABLE main.{kept.name}")
        self._kept[view.table.name] = fresh
        return fresh

    def _create(self, kept: _Kept, view: TableView) -> None:
        """Make the empty table: its types are those of the expressions over the empty tail."""
        table = view.schema.empty_table()
        self._connection.register("incoming", table)
        try:
            self._connection.execute(
                f"CREATE TABLE main.{kept.name} AS SELECT {_selected(view, kept.columns)}, "
                f"0::integer AS {quoted(_FILE)} FROM incoming LIMIT 0"
            )
        finally:
            self._connection.unregister("incoming")

    def _catch_up(self, kept: _Kept, view: TableView, tail: str) -> None:
        """Replace the rows of files that went by those of files that came."""
        now = {file.key: file for file in view.files}
        if now.keys() == kept.files.keys():
            return
        fresh = [file for name, file in now.items() if name not in kept.files]
        paths = view.paths_of(fresh)
        gone = [number for name, number in kept.files.items() if name not in now]
        numbers = {file.key: kept.count + 1 + place for place, file in enumerate(fresh)}
        kept.count += len(fresh)
        cursor = self._connection.cursor()
        try:
            cursor.execute("BEGIN")
            if gone:
                cursor.execute(
                    f"DELETE FROM main.{kept.name} WHERE {quoted(_FILE)} IN "
                    f"({', '.join(map(str, gone))})"
                )
            if fresh:
                cursor.execute(_insert(kept, view, tail, zip(paths, numbers.values(), strict=True)))
            cursor.execute("COMMIT")
        finally:
            cursor.close()
        kept.files = {name: numbers.get(name) or kept.files[name] for name in now}


def _selected(view: TableView, columns: KeptColumns) -> str:
    key = map(quoted, view.table.key)
    return ", ".join((*key, *(f"{sql} as {name}" for name, sql in columns.items())))


def _insert(kept: _Kept, view: TableView, tail: str, files: Iterable[tuple[str, int]]) -> str:
    """The statement that adds the rows of some files, given as path and number."""
    numbers = dict(files)
    paths = ", ".join(map(text_literal, numbers))
    which = " ".join(f"when {text_literal(path)} then {n}" for path, n in numbers.items())
    source = f"select * from read_parquet([{paths}], union_by_name = true, filename = true)"
    if len(view.state.metadata.schemas) > 1:
        # Files of before a column was added do not have it.
        source += f" union all by name (select * from {tail} limit 0)"
    # Ids begin with when they were made. The newest are asked for most, and who looks for the first
    # few of many by their times is done three times as soon if those are met first.
    newest_first = ", ".join(f"{quoted(name)} DESC" for name in view.table.key)
    # By name: the order of `kept.columns` is that of their use, and changes.
    return (
        f"INSERT INTO main.{kept.name} BY NAME SELECT {_selected(view, kept.columns)}, "
        f"(case filename {which} end)::integer AS {quoted(_FILE)} FROM ({source}) "
        f"ORDER BY {newest_first}"
    )
