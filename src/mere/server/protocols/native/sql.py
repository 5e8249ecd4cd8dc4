"""SQL over HTTP: one SELECT in, rows out; and what there is to ask.

A query ends when whoever asked goes away, so nobody waits for an answer that nobody reads.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.actor import Action, Scope
from mere.server.operations import Answer, Call, Permission
from mere.server.protocols.native.arrow import ARROW, arrow_answer
from mere.server.protocols.native.sql_rows import CSV, PARQUET, csv_bytes, json_rows, parquet_bytes
from mere.server.protocols.native.wire import operation
from mere.services.sql.catalogue import StatesShown, TableShown
from mere.services.sql.queries import state_named

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.lake.sandbox import Stop

__all__ = ["OPERATIONS", "SqlText"]

_ANYTHING = Permission(Action.READ, scope=lambda _: Scope.anything())


class SqlRequest(msgspec.Struct, forbid_unknown_fields=False):
    """A query.

    Args:
        query: One SELECT, as DuckDB speaks it.
        params: Values for ``?`` (a list) or ``$name`` (an object).
        as_of: A time with its zone (ISO 8601), a tag, or a root's number: the state to read.
        limit: Cut the result behind so many rows, instead of refusing one that is too large.
    """

    query: str
    params: list[Any] | dict[str, Any] | None = None
    as_of: int | str | None = None
    limit: int | None = None


class SqlColumn(msgspec.Struct):
    """A column of a result."""

    name: str
    type: str


class SqlAnswer(msgspec.Struct, omit_defaults=True):
    """A result as JSON; as Arrow it is exact for every type.

    Args:
        columns: Its columns.
        rows: Its rows, or the first of them.
        row_count: How many rows are here.
        cut: What cut the result, ``rows`` or ``bytes``, where there is more.
    """

    columns: list[SqlColumn]
    rows: list[list[Any]]
    row_count: int
    cut: str | None = None


class StateQuery(msgspec.Struct):
    """Which state: a time with its zone, a tag, or a root's number; by default, now."""

    as_of: str | None = None


class StatesQuery(msgspec.Struct):
    """Which states to list: the newest, or those before a root."""

    before: int | None = None
    limit: int = 50


class SqlText(msgspec.Struct):
    """A query for ``POST /sql`` that asks what another request asks."""

    sql: str


class SqlTables(msgspec.Struct):
    """The tables that the caller may read."""

    tables: list[TableShown]


@operation(
    "POST",
    "/api/sql",
    "/api/v1/sql",
    permission=_ANYTHING,
    request=SqlRequest,
    answer=SqlAnswer,
    sends={200: ARROW},
)
async def run_sql(call: Call) -> Answer:
    """Run one SELECT over all tables that the caller may read."""
    from mere.lake.sandbox import Stop

    stop = Stop()
    leaving = asyncio.create_task(_stop_when_left(call, stop))
    try:
        return await call.in_thread(_answered, call, stop)
    finally:
        leaving.cancel()
        stop.set()


@operation("GET", "/api/v1/sql/tables", permission=_ANYTHING, request=StateQuery, answer=SqlTables)
def list_tables(call: Call) -> SqlTables:
    """The tables that the caller may read, with what their columns mean."""
    as_of = _state(call.data.as_of)
    return SqlTables(call.warehouse.sql_catalogue.tables(call.actor, as_of))


@operation(
    "GET",
    "/api/v1/sql/tables/{table}",
    permission=_ANYTHING,
    request=StateQuery,
    answer=TableShown,
)
def get_table(call: Call) -> TableShown:
    """One table, that of a dataset with its columns."""
    as_of = _state(call.data.as_of)
    return call.warehouse.sql_catalogue.table(call.actor, call.path["table"], as_of)


@operation(
    "GET", "/api/v1/sql/states", permission=_ANYTHING, request=StatesQuery, answer=StatesShown
)
def list_states(call: Call) -> StatesShown:
    """The states that queries may read `as_of`: tags and roots, the newest first."""
    asked: StatesQuery = call.data
    return call.warehouse.sql_catalogue.states(call.actor, asked.before, asked.limit)


def _state(as_of: int | str | None) -> Any:
    return state_named(as_of) if isinstance(as_of, str) else as_of


async def _stop_when_left(call: Call, stop: Stop) -> None:
    """End a query when the connection of whoever asked for it ends."""
    while (await call.raw.receive())["type"] != "http.disconnect":
        pass
    stop.set()


def _answered(call: Call, stop: Stop) -> Answer:
    asked: SqlRequest = call.data
    began = call.clock.monotonic()
    table = call.warehouse.queries.run(
        call.actor, asked.query, asked.params, _state(asked.as_of), limit=asked.limit, stop=stop
    )
    took_ms = (call.clock.monotonic() - began) * 1000
    answer = _in_form(table, call.headers.get("accept", ""))
    answer.headers["Server-Timing"] = f"sql;dur={took_ms:.1f}"
    return answer


def _in_form(table: pa.Table, accepted: str) -> Answer:
    if ARROW in accepted:
        return arrow_answer(table, {})
    if PARQUET in accepted:
        return Answer(parquet_bytes(table), PARQUET)
    if CSV in accepted:
        return Answer(csv_bytes(table), CSV)
    columns = [SqlColumn(field.name, str(field.type)) for field in table.schema]
    rows = json_rows(table)
    cut = (table.schema.metadata or {}).get(b"cut")
    found = SqlAnswer(columns, rows, len(rows), None if cut is None else cut.decode())
    return Answer(msgspec.json.encode(found))


OPERATIONS = (run_sql, list_tables, get_table, list_states)
