"""SQL over views, by DuckDB in this process.

Each view gets a schema of its own in one in-memory database, in which a table is the union of its
Parquet files and its tail. Only tables that a query names are prepared. DuckDB reads local files
alone, so it needs no extension.
"""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from mere.errors import CorruptData, ErrorCode, Internal, InvalidInput, MereError
from mere.lake.kept import KeptColumns, KeptTables
from mere.lake.sources import quoted, select_of, source_of
from mere.lake.view import TableView, View

__all__ = ["SqlEngine"]

_SCHEMAS_KEPT = 4


class _Schema:
    """A view's tables in the database, and how many queries are using them."""

    def __init__(self, name: str, view: View) -> None:
        self.name = name
        self.view = view
        self.tables: set[str] = set()
        self.users = 0


class SqlEngine:
    """Runs queries; several threads may do so at once."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(":memory:")
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.execute("SET parquet_metadata_cache = true")
        self._lock = threading.Lock()
        self._kept = KeptTables(self._connection)
        self._schemas: list[_Schema] = []
        self._count = 0

    def abandon(self) -> None:
        """Keep the database from ever being closed, in a child that was forked with it.

        Its threads do not exist there, and closing it would wait for them or crash.
        """
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._connection))

    def query_kept(
        self,
        view: View,
        query: str,
        params: Mapping[str, Any],
        kept: tuple[str, KeptColumns],
    ) -> pa.Table:
        """Run one query in which ``kept_rows`` is a table's key and kept columns.

        Raises:
            InvalidInput: The query is wrong.
            CorruptData: A file the tables refer to cannot be read.
        """
        table, columns = kept
        cursor = self._connection.cursor()
        try:
            for is_last in (False, True):
                with self._using(view, cursor, f"{query} {table}", is_text=True) as schema:
                    with self._lock:
                        rows = self._kept.relation(view.table(table), schema.name, columns)
                    cursor.execute(f"SET search_path = '{schema.name},main'")
                    try:
                        found = cursor.sql(query.replace("kept_rows", rows), params=params)
                        return found.to_arrow_table()
                    except duckdb.CatalogException:  # kept anew meanwhile, with more columns
                        if is_last:
                            raise
        except duckdb.Error as error:
            raise _translated(error) from error
        finally:
            cursor.close()
        raise AssertionError("one of two attempts answers or raises")

    def query(
        self, view: View, query: str, params: Sequence[Any] | Mapping[str, Any] | None = None
    ) -> pa.Table:
        """Run one query over a view and return its result.

        Raises:
            InvalidInput: The query is wrong.
            CorruptData: A file the tables refer to cannot be read.
        """
        cursor = self._connection.cursor()
        try:
            with self._using(view, cursor, query) as schema:
                cursor.execute(f"SET search_path = '{schema.name},main'")
                result: duckdb.DuckDBPyRelation | None = cursor.sql(query, params=params)
                return pa.table({}) if result is None else result.to_arrow_table()
        except duckdb.Error as error:
            raise _translated(error) from error
        finally:
            cursor.close()

    @contextlib.contextmanager
    def _using(
        self, view: View, cursor: duckdb.DuckDBPyConnection, query: str, *, is_text: bool = False
    ) -> Iterator[_Schema]:
        named = _held(query, view) if is_text else self._named(cursor, query, view)
        wanted = [name for name in view.states if name.lower() in named]

        def is_unread(name: str) -> bool:
            # What the text does not even hold is not read: `SHOW TABLES` fetches no dataset.
            return view.states.is_bulk(name) and name.lower() not in query.lower()

        with self._lock:
            schema = self._schema(view)
            schema.users += 1
            try:
                for name in wanted or (() if named else view.states):
                    if name not in schema.tables:
                        self._prepare(schema, view.table(name), is_shown_only=is_unread(name))
            except BaseException:
                schema.users -= 1
                raise
        try:
            yield schema
        finally:
            with self._lock:
                schema.users -= 1
                self._forget()

    @staticmethod
    def _named(cursor: duckdb.DuckDBPyConnection, query: str, view: View) -> set[str]:
        """The tables a query names, in lower case; none for statements such as SHOW TABLES."""
        try:
            return {name.lower() for name in cursor.get_table_names(query)}
        except duckdb.ParserException:
            raise
        except duckdb.Error:
            # DuckDB does not say it of queries with parameters: then all that the text holds.
            return _held(query, view)

    def _schema(self, view: View) -> _Schema:
        for schema in self._schemas:
            if schema.view is view:
                return schema
        self._count += 1
        schema = _Schema(f"view_{self._count}", view)
        self._connection.execute(f"CREATE SCHEMA {schema.name}")
        self._schemas.append(schema)
        return schema

    def _forget(self) -> None:
        """Drop the oldest schemas that nobody uses."""
        for schema in self._schemas[: max(0, len(self._schemas) - _SCHEMAS_KEPT)]:
            if schema.users == 0:
                self._connection.execute(f"DROP SCHEMA {schema.name} CASCADE")
                self._schemas.remove(schema)

    def _prepare(self, schema: _Schema, view: TableView, *, is_shown_only: bool = False) -> None:
        """Create the table's view: its files without the rows the tail touches, and the tail.

        A table that is only shown gets its columns and no rows.
        """
        source = source_of(view, is_shown_only=is_shown_only)
        name = source.name
        keys = tail = None
        if source.keys is not None:
            keys = self._store(schema, f"keys of {name}", source.keys)
        if source.tail is not None:
            tail = self._store(schema, f"tail of {name}", source.tail)
        select = select_of(
            source.columns,
            source.key,
            source.paths,
            is_evolved=source.is_evolved,
            keys=keys,
            tail=tail,
        )
        self._connection.execute(f"CREATE OR REPLACE VIEW {schema.name}.{quoted(name)} AS {select}")
        if not is_shown_only:
            schema.tables.add(name)

    def _store(self, schema: _Schema, name: str, table: pa.Table) -> str:
        """Copy an Arrow table into the database, where every cursor sees it."""
        stored = f"{schema.name}.{quoted(name)}"
        self._connection.register("incoming", table)
        try:
            self._connection.execute(
                f"CREATE OR REPLACE TABLE {stored} AS SELECT * FROM incoming"
            ).fetchall()
        finally:
            self._connection.unregister("incoming")
        return stored


def _held(query: str, view: View) -> set[str]:
    """The tables whose names a text holds, in lower case."""
    text = query.lower()
    return {name for name in map(str.lower, view.states) if name in text}


def _translated(error: duckdb.Error) -> MereError:
    text = str(error)
    if isinstance(error, duckdb.IOException):
        return CorruptData(ErrorCode.BAD_OBJECT, f"the tables' files cannot be read: {text}")
    if isinstance(error, duckdb.InternalException | duckdb.FatalException):
        return Internal(ErrorCode.BUG, f"the query engine failed: {text}")
    return InvalidInput(ErrorCode.INVALID_QUERY, text)
