"""SQL over HTTP: one SELECT in, an Arrow stream or JSON out."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.actor import Action, Scope
from mere.server.operations import Answer, Call, Permission
from mere.server.protocols.native.wire import operation
from mere.services.sql.queries import state_named

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ARROW", "OPERATIONS", "arrow_answer", "json_rows"]

ARROW = "application/vnd.apache.arrow.stream"
_ANYTHING = Permission(Action.READ, scope=lambda _: Scope.anything())


class SqlRequest(msgspec.Struct, forbid_unknown_fields=False):
    """A query.

    Args:
        query: One SELECT, as DuckDB speaks it.
        params: Values for ``?`` (a list) or ``$name`` (an object).
        as_of: A time with its zone (ISO 8601), a tag, or a root's number: the state to read.
    """

    query: str
    params: list[Any] | dict[str, Any] | None = None
    as_of: int | str | None = None


class SqlColumn(msgspec.Struct):
    """A column of a result."""

    name: str
    type: str


class SqlAnswer(msgspec.Struct):
    """A result as JSON; as Arrow it is exact for every type."""

    columns: list[SqlColumn]
    rows: list[list[Any]]
    row_count: int


@operation(
    "POST",
    "/api/sql",
    "/api/v1/sql",
    permission=_ANYTHING,
    request=SqlRequest,
    answer=SqlAnswer,
    sends={200: ARROW},
)
def run_sql(call: Call) -> Answer:
    """Run one SELECT over all tables that the caller may read."""
    asked: SqlRequest = call.data
    as_of = state_named(asked.as_of) if isinstance(asked.as_of, str) else asked.as_of
    table = call.warehouse.queries.run(call.actor, asked.query, asked.params, as_of)
    if ARROW in call.headers.get("accept", ""):
        return arrow_answer(table)
    columns = [SqlColumn(field.name, str(field.type)) for field in table.schema]
    rows = json_rows(table)
    return Answer(msgspec.json.encode(SqlAnswer(columns, rows, len(rows))))


def arrow_answer(table: pa.Table) -> Answer:
    """A table as an Arrow IPC stream."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return Answer(sink.getvalue().to_pybytes(), ARROW)


def json_rows(table: pa.Table) -> list[list[Any]]:
    """The rows of a table in values that JSON has.

    Times are ISO 8601 in UTC, maps are objects, bytes are hexadecimal digits, exact decimals are
    text, and NaN and the infinities are the texts ``NaN``, ``Infinity`` and ``-Infinity``.
    """
    import pyarrow as pa

    def plain(value: Any, kind: Any) -> Any:
        if value is None or isinstance(value, str | bool | int):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else _not_finite(value)
        if pa.types.is_map(kind):
            return {str(key): plain(item, kind.item_type) for key, item in value}
        if pa.types.is_struct(kind):
            return {field.name: plain(value[field.name], field.type) for field in kind}
        if isinstance(value, list):
            return [plain(item, kind.value_type) for item in value]
        return _text(value)

    columns = [
        [plain(value, column.type) for value in column.to_pylist()] for column in table.columns
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, date) else str(value)


OPERATIONS = (run_sql,)
