"""Two streams of rows compared as multisets, by DuckDB, which spills to disk what is too large.

Rows are equal as SQL groups them: null is null, NaN is NaN, and both zeros are one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from mere.errors import ErrorCode, Internal, InvalidInput

__all__ = ["RowDifference", "compare_rows"]

_MEMORY = "1GB"


@dataclass(frozen=True)
class RowDifference:
    """How two multisets of rows differ.

    Args:
        before: Rows of the first.
        after: Rows of the second.
        added: Rows that only the second has.
        removed: Rows that only the first has.
        added_sample: Some of the added, as (row, how many of it), in order.
        removed_sample: Some of the removed, likewise.
    """

    before: int
    after: int
    added: int
    removed: int
    added_sample: list[tuple[dict[str, Any], int]]
    removed_sample: list[tuple[dict[str, Any], int]]


def compare_rows(
    first: pa.RecordBatchReader,
    second: pa.RecordBatchReader,
    columns: Sequence[str],
    *,
    sample: int = 10,
    memory: str = _MEMORY,
) -> RowDifference:
    """Compare the given columns of two streams.

    Args:
        first: Rows before.
        second: Rows after.
        columns: The columns to compare, which both have; without any, rows are only counted.
        sample: How many different rows to return of either kind.
        memory: How much to hold in memory; the rest goes to the folder of temporary files.

    Raises:
        InvalidInput: A column cannot be compared.
    """
    counts = [0, 0]
    # What a stream raises while DuckDB reads it would come out as DuckDB's error.
    raised: list[BaseException] = []

    def counted(side: int, reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
        schema = pa.schema([reader.schema.field(name) for name in columns])

        def batches() -> Iterator[pa.RecordBatch]:
            try:
                for batch in reader:
                    counts[side] += batch.num_rows
                    yield batch.select(list(columns))
            except BaseException as error:
                raised.append(error)
                raise

        return pa.RecordBatchReader.from_batches(schema, batches())

    if not columns:
        counts = [sum(batch.num_rows for batch in reader) for reader in (first, second)]
        low = min(counts)
        return RowDifference(counts[0], counts[1], counts[1] - low, counts[0] - low, [], [])
    with tempfile.TemporaryDirectory(prefix="mere-compare-") as folder:
        connection = duckdb.connect(":memory:")
        try:
            connection.execute(f"SET memory_limit = '{memory}'")
            connection.execute("SET temp_directory = $1", [folder])
            connection.execute("SET preserve_insertion_order = false")
            connection.execute("SET TimeZone = 'UTC'")
            connection.register("before", counted(0, first))
            connection.register("after", counted(1, second))
            names = ", ".join(f"{_quoted(name)} AS c{at}" for at, name in enumerate(columns))
            connection.execute(
                "CREATE TEMP TABLE differing AS SELECT * FROM ("
                "SELECT * EXCLUDE (side), sum(side)::BIGINT AS balance FROM ("
                f"SELECT {names}, -1 AS side FROM before UNION ALL "
                f"SELECT {names}, 1 AS side FROM after) GROUP BY ALL) WHERE balance <> 0"
            )
            added, added_sample = _side(connection, columns, sample, "balance > 0")
            removed, removed_sample = _side(connection, columns, sample, "balance < 0")
        except duckdb.Error as error:
            if raised:
                raise raised[0] from error
            raise _translated(error) from error
        finally:
            connection.close()
    return RowDifference(counts[0], counts[1], added, removed, added_sample, removed_sample)


def _side(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[str], sample: int, condition: str
) -> tuple[int, list[tuple[dict[str, Any], int]]]:
    total = connection.sql(
        f"SELECT coalesce(sum(abs(balance)), 0)::BIGINT FROM differing WHERE {condition}"
    ).fetchall()
    # As Arrow, since DuckDB's own way to Python values of times needs another library.
    found: pa.Table = connection.sql(
        f"SELECT * EXCLUDE (balance), abs(balance) FROM differing WHERE {condition} "
        f"ORDER BY ALL LIMIT {int(sample)}"
    ).to_arrow_table()
    values = [column.to_pylist() for column in found.columns]
    return int(total[0][0]), [
        (dict(zip(columns, row[:-1], strict=True)), int(row[-1]))
        for row in zip(*values, strict=True)
    ]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _translated(error: duckdb.Error) -> Internal | InvalidInput:
    if isinstance(error, duckdb.InternalException | duckdb.FatalException):
        return Internal(ErrorCode.BUG, f"the query engine failed: {error}")
    return InvalidInput(ErrorCode.INVALID_QUERY, f"the rows cannot be compared: {error}")
