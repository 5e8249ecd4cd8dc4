"""The difference of two tables is that of two multisets of rows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mere.errors import ErrorCode, InvalidInput
from mere.lake.compare import compare_rows

SCHEMA = pa.schema(
    [
        ("n", pa.int64()),
        ("x", pa.float64()),
        ('t "q"', pa.string()),
        ("balance", pa.list_(pa.int64())),
    ]
)
ROW = st.fixed_dictionaries(
    {
        "n": st.none() | st.integers(0, 2),
        "x": st.none() | st.sampled_from([0.0, -0.0, 1.5, float("nan"), float("inf")]),
        't "q"': st.none() | st.sampled_from(["", "a", "ü"]),
        "balance": st.none() | st.lists(st.none() | st.integers(0, 1), max_size=2),
    }
)
ROWS = st.lists(ROW, max_size=12)


def key(row: dict[str, Any]) -> str:
    """A row as SQL tells rows apart: NaN is NaN, and both zeros are one."""
    x = None if row["x"] is None else row["x"] + 0.0
    return repr(sorted({**row, "x": x}.items()))


def reader(rows: list[dict[str, Any]], cut: int) -> pa.RecordBatchReader:
    return pa.Table.from_pylist(rows, SCHEMA).to_reader(max_chunksize=cut)


@given(first=ROWS, second=ROWS, cut=st.integers(1, 5))
def test_rows_differ_as_multisets_do(first: list[Any], second: list[Any], cut: int) -> None:
    found = compare_rows(reader(first, cut), reader(second, cut), SCHEMA.names, sample=100)
    before, after = (Counter(key(row) for row in rows) for rows in (first, second))
    assert (found.before, found.after) == (len(first), len(second))
    assert found.added == (after - before).total()
    assert found.removed == (before - after).total()
    assert Counter({key(row): count for row, count in found.added_sample}) == after - before
    assert Counter({key(row): count for row, count in found.removed_sample}) == before - after


@given(first=ROWS, second=ROWS)
def test_without_columns_rows_are_counted(first: list[Any], second: list[Any]) -> None:
    found = compare_rows(reader(first, 3), reader(second, 3), [])
    assert found.added - found.removed == len(second) - len(first)
    assert min(found.added, found.removed) == 0


def test_what_a_stream_raises_comes_out() -> None:
    def broken():
        yield pa.RecordBatch.from_pydict({"a": [1]})
        raise InvalidInput(ErrorCode.INVALID_VALUE, "the stream broke")

    schema = pa.schema([("a", pa.int64())])
    first = pa.RecordBatchReader.from_batches(schema, broken())
    second = pa.RecordBatchReader.from_batches(schema, iter(()))
    with pytest.raises(InvalidInput, match="the stream broke"):
        compare_rows(first, second, ["a"])


@pytest.mark.slow
def test_what_is_too_large_for_memory_is_spilled() -> None:
    def batches(start: int):
        for at in range(start, start + 1_000_000, 100_000):
            numbers = pa.array(range(at, at + 100_000), pa.int64())
            texts = pa.array([f"row {n:>60}" for n in range(at, at + 100_000)])
            yield pa.RecordBatch.from_arrays([numbers, texts], names=["n", "t"])

    schema = pa.schema([("n", pa.int64()), ("t", pa.string())])
    first, second = (
        pa.RecordBatchReader.from_batches(schema, batches(start)) for start in (0, 1_000)
    )
    found = compare_rows(first, second, ["n", "t"], memory="150MB")
    assert (found.added, found.removed) == (1_000, 1_000)
    assert found.removed_sample[0][0]["n"] == 0
