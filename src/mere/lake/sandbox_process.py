"""The process in which foreign SQL runs: one query after another, each in a database of its own.

It is started with an empty environment, and it is killed without harm: all it is told comes
through its standard input, all it says goes to its standard output, and it keeps nothing. What
DuckDB does not heed, its own limits of memory and interrupts, the process itself and its parent
see to. `mere.lake.sandbox` is the other end.

A talk: the parent asks ``{query, offered}``; the process answers which tables the query reads, or
refuses; the parent sends those tables' parts and the limits; the process answers with batches.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import struct
import threading
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Self

import duckdb
import psutil
import pyarrow as pa

from mere.clock import SystemClock
from mere.errors import InvalidInput
from mere.lake.sandbox_check import checked_tables
from mere.lake.sources import quoted, select_of

__all__ = ["Pipe", "main"]

EXIT_MEMORY = 91
_HEADER = struct.Struct(">Q")
_LOOK_S = 0.02
_BATCH_ROWS = 8192
_SETTINGS = (
    "autoload_known_extensions = false",
    "autoinstall_known_extensions = false",
    "allow_community_extensions = false",
    "allow_persistent_secrets = false",
    "python_enable_replacements = false",
    "enable_progress_bar = false",
    "preserve_insertion_order = false",
    "max_expression_depth = 250",
    "temp_directory = ''",
    "TimeZone = 'UTC'",
    # Only so an error tells where in the query it is.
    "errors_as_json = true",
)


class Pipe:
    """Messages over two byte streams: a length, then so many bytes.

    Args:
        incoming: Where messages come from.
        outgoing: Where they go.
    """

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._incoming = incoming
        self._outgoing = outgoing

    def send(self, data: bytes | memoryview | pa.Buffer) -> None:
        """Send bytes."""
        view = memoryview(data).cast("B")
        self._outgoing.write(_HEADER.pack(view.nbytes))
        self._outgoing.write(view)
        self._outgoing.flush()

    def receive(self) -> bytes:
        """The next message's bytes.

        Raises:
            EOFError: There is none.
        """
        (size,) = _HEADER.unpack(self._exactly(_HEADER.size))
        return self._exactly(size)

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message."""
        self.send(json.dumps(message).encode())

    def hear(self) -> dict[str, Any]:
        """Receive a message; raises as `receive` does."""
        heard: dict[str, Any] = json.loads(self.receive())
        return heard

    def _exactly(self, size: int) -> bytes:
        data = self._incoming.read(size)
        if len(data) < size:
            raise EOFError
        return data


class _Watch:
    """Interrupts a query that takes too long, and ends the process where memory runs away.

    Args:
        connection: Runs the query.
        time_ms: How long it may take.
        memory_bytes: How much memory the process may have.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, time_ms: int, memory_bytes: int
    ) -> None:
        self._connection = connection
        self._clock = SystemClock()
        self._until = self._clock.monotonic() + time_ms / 1000
        self._memory_bytes = memory_bytes
        self._done = threading.Event()
        self.is_late = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()

    def _look(self) -> None:
        process = psutil.Process()
        while not self._done.wait(_LOOK_S):
            if process.memory_info().rss > self._memory_bytes:
                os._exit(EXIT_MEMORY)
            if self._clock.monotonic() > self._until:
                self.is_late = True
                self._connection.interrupt()


def main() -> None:
    """Serve queries until the standard input ends."""
    incoming = os.fdopen(os.dup(0), "rb")
    outgoing = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Nothing may be written: files made longer than this fail, pipes do not count.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    pipe = Pipe(incoming, outgoing)
    with contextlib.suppress(EOFError):
        while True:
            _serve(pipe, pipe.hear())


def _serve(pipe: Pipe, asked: dict[str, Any]) -> None:
    connection = duckdb.connect(":memory:")
    query = asked["query"]
    try:
        for setting in _SETTINGS:
            connection.execute(f"SET {setting}")
        tables = checked_tables(_tree(connection, query), asked["offered"])
        pipe.tell({"tables": tables})
        _run(pipe, connection, query, pipe.hear())
    except InvalidInput as error:
        where = _stretch(query, error.details.get("location"))
        pipe.tell({"error": "refused", "code": error.code, "message": error.message} | where)
    except duckdb.Error as error:
        message, location = _explained(error)
        pipe.tell({"error": "query", "message": message} | _stretch(query, location))
    finally:
        connection.close()


def _tree(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, Any]:
    row = connection.execute(
        "SELECT json_serialize_sql(?::VARCHAR, skip_empty := true, skip_null := true)", [query]
    ).fetchone()
    tree: dict[str, Any] = json.loads(row[0]) if row else {}
    return tree


def _run(
    pipe: Pipe, connection: duckdb.DuckDBPyConnection, query: str, told: dict[str, Any]
) -> None:
    """Prepare the tables, lock everything up, and send the result batch by batch."""
    # All of it is read before anything can fail, so that the next message is the next query.
    lookups = {name: pipe.receive() for name in told["lookups"]}
    parts = [
        {part: pipe.receive() for part in ("keys", "tail") if table[part]}
        for table in told["tables"]
    ]
    connection.execute("CREATE SCHEMA hidden")
    for name, data in lookups.items():
        _store(connection, name, data)
    # All tables are there before the first condition that reads one of them.
    selects = [
        _prepare(connection, table, part) for table, part in zip(told["tables"], parts, strict=True)
    ]
    for table, select in zip(told["tables"], selects, strict=True):
        _offer(connection, table, select)
    paths = sorted({path for table in told["tables"] for path in table["paths"]})
    _lock(connection, paths, told)
    limit = told["memory_bytes"]
    with _Watch(connection, told["time_ms"], limit + limit // 2 + (256 << 20)) as watch:
        try:
            _answer(pipe, connection, query, told)
        except Exception as error:  # noqa: BLE001  whatever fails is told: nobody else can see it
            if watch.is_late:
                pipe.tell({"error": "late"})
            else:
                pipe.tell(_told_of(_located(connection, query, told, error), query, paths))


def _lock(
    connection: duckdb.DuckDBPyConnection, paths: Sequence[str], told: dict[str, Any]
) -> None:
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    for setting in (
        f"memory_limit = '{told['memory_bytes'] >> 20}MiB'",
        f"threads = {told['threads']}",
        f"allowed_paths = [{listed}]",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")


def _prepare(
    connection: duckdb.DuckDBPyConnection, table: dict[str, Any], parts: dict[str, bytes]
) -> str:
    stored = {
        part: _store(connection, f"{part} of {table['name']}", data) for part, data in parts.items()
    }
    select = select_of(
        table["columns"],
        table["key"],
        table["paths"],
        is_evolved=table["is_evolved"],
        keys=stored.get("keys"),
        tail=stored.get("tail"),
    )
    if table["is_looked_up"]:
        connection.execute(f"CREATE VIEW hidden.{quoted(table['name'])} AS {select}")
    return select


def _offer(connection: duckdb.DuckDBPyConnection, table: dict[str, Any], select: str) -> None:
    where = table["where"]
    if where:
        # No condition of the query is pushed below a limit, so no trick (an error, a cast) tells
        # of rows that are filtered away.
        select = f"SELECT * FROM ({select}) WHERE {where} LIMIT {2**63 - 1}"
    if table["is_offered"]:
        connection.execute(f"CREATE VIEW main.{quoted(table['name'])} AS {select}")


def _store(connection: duckdb.DuckDBPyConnection, name: str, data: bytes) -> str:
    stored = f"hidden.{quoted(name)}"
    connection.register("incoming", pa.ipc.open_stream(data).read_all())
    try:
        connection.execute(f"CREATE TABLE {stored} AS SELECT * FROM incoming").fetchall()
    finally:
        connection.unregister("incoming")
    return stored


def _answer(
    pipe: Pipe, connection: duckdb.DuckDBPyConnection, query: str, told: dict[str, Any]
) -> None:
    relation = connection.sql(query, params=told["params"])
    reader = relation.to_arrow_reader(_BATCH_ROWS)
    pipe.tell({"batch": True})
    pipe.send(_stream(reader.schema, ()))
    rows = size = 0
    for batch in _batches(reader):
        kept, cut = _fitting(batch, told["rows_max"] - rows, told["bytes_max"] - size)
        rows += kept.num_rows
        size += kept.nbytes
        if cut and not (told["is_cut"] and rows):
            pipe.tell({"error": "large"})
            return
        pipe.tell({"batch": True})
        pipe.send(_stream(reader.schema, (kept,)))
        if cut:
            pipe.tell({"done": True, "cut": cut})
            return
    pipe.tell({"done": True})


def _fitting(
    batch: pa.RecordBatch, rows_left: int, bytes_left: int
) -> tuple[pa.RecordBatch, str | None]:
    """As much of a batch as may still be sent, and which limit cut it."""
    kept = min(batch.num_rows, rows_left)
    cut = "rows" if kept < batch.num_rows else None
    while kept and batch.slice(0, kept).nbytes > bytes_left:
        kept //= 2
        cut = "bytes"
    return batch.slice(0, kept), cut


def _stream(schema: pa.Schema, batches: Sequence[pa.RecordBatch]) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue()


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    with contextlib.closing(reader):
        yield from reader


def _located(
    connection: duckdb.DuckDBPyConnection, query: str, told: dict[str, Any], error: Exception
) -> Exception:
    """The same error with its place: a relation does not tell it, a statement that runs does."""
    if isinstance(error, duckdb.BinderException | duckdb.CatalogException):
        try:
            connection.execute(query, told["params"])
        except duckdb.Error as again:
            return again if type(again) is type(error) else error
    return error


def _explained(error: Exception) -> tuple[str, str | None]:
    """What an error says, and where: DuckDB's own location, counted in bytes."""
    text = str(error)
    kind, brace, rest = text.partition("{")
    try:
        parsed = json.loads(brace + rest)
        return f"{kind}{parsed['exception_message']}", parsed.get("location")
    except (KeyError, TypeError, ValueError):
        return text, None


def _stretch(query: str, location: str | None) -> dict[str, int]:
    """The characters of a query that a location (``[first byte,bytes]``) means."""
    if location is None:
        return {}
    first, length = json.loads(location)
    data = query.encode()
    if not 0 <= first <= first + length <= len(data):
        return {}
    start = len(data[:first].decode(errors="ignore"))
    return {
        "start": start,
        "end": start + len(data[first : first + length].decode(errors="ignore")),
    }


def _told_of(error: Exception, query: str, paths: Sequence[str]) -> dict[str, Any]:
    """What to say of an error: never where files lie."""
    text, location = _explained(error)
    if isinstance(error, duckdb.OutOfMemoryException | MemoryError):
        return {"error": "memory"}
    if isinstance(error, duckdb.IOException):
        return {"error": "files"}
    for path in paths:
        text = text.replace(path, "a file of the tables")
    if isinstance(error, duckdb.InternalException | duckdb.FatalException):
        return {"error": "bug", "message": text}
    return {"error": "query", "message": text} | _stretch(query, location)


if __name__ == "__main__":
    main()
