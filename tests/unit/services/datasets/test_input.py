"""What can be written as a table: input, digest and profile."""

from __future__ import annotations

import datetime as dt
import decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mere.errors import InvalidInput
from mere.services.datasets.digest import TableDigest
from mere.services.datasets.input import fit_input, read_input, schema_columns
from mere.services.datasets.profile import Profiler, merge_profiles


def table_of(data: Any) -> pa.Table:
    given = read_input(data)
    return pa.Table.from_batches(given.batches(), schema=given.schema)


def digest_of(data: Any) -> str:
    given = read_input(data)
    digest = TableDigest(given.schema)
    for batch in given.batches():
        digest.add(batch)
    return digest.hexdigest()


def profile_of(data: Any) -> dict[str, Any]:
    given = read_input(data)
    profiler = Profiler(given.schema)
    for batch in given.batches():
        profiler.add(batch)
    return profiler.result()


# Input

COLUMNS = {"a": [1, 2, None], "b": ["x", "ü", None]}


@pytest.mark.parametrize(
    "data",
    [
        COLUMNS,
        pa.table(COLUMNS),
        pa.table(COLUMNS).to_reader(),
        pa.RecordBatch.from_pydict(COLUMNS),
        pl.DataFrame(COLUMNS),
        pl.LazyFrame(COLUMNS),
        pd.DataFrame({"a": pd.array([1, 2, None], "Int64"), "b": ["x", "ü", None]}),
        [{"a": 1, "b": "x"}, {"b": "ü", "a": 2}, {}],
    ],
    ids=lambda data: f"{type(data).__module__.partition('.')[0]}.{type(data).__name__}",
)
def test_all_that_people_have_is_one_table(data: Any) -> None:
    assert table_of(data).to_pydict() == COLUMNS
    assert table_of(COLUMNS).schema == pa.schema([("a", pa.int64()), ("b", pa.string())])


def test_files_are_read(tmp_path: Path) -> None:
    table = pa.table({"a": [1, 2], "b": ["x", "y"]})
    pq.write_table(table, tmp_path / "t.parquet")
    pa.csv.write_csv(table, tmp_path / "t.csv")
    (tmp_path / "t.jsonl").write_text('{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n')
    (tmp_path / "folder").mkdir()
    pq.write_table(table, tmp_path / "folder" / "1.parquet")
    for name in ("t.parquet", "t.csv", "t.jsonl", "folder"):
        assert table_of(tmp_path / name) == table, name
    assert read_input(str(tmp_path / "t.parquet")).rows == 2
    (tmp_path / "t.xlsx").touch()
    with pytest.raises(InvalidInput, match="format"):
        read_input(tmp_path / "t.xlsx")
    with pytest.raises(InvalidInput, match="no file"):
        read_input(tmp_path / "missing.csv")
    (tmp_path / "bad.parquet").write_text("no Parquet")
    with pytest.raises(InvalidInput, match="cannot be read"):
        table_of(tmp_path / "bad.parquet")


def test_types_become_those_of_iceberg() -> None:
    table = pa.table(
        {
            "u1": pa.array([1], pa.uint8()),
            "u4": pa.array([1], pa.uint32()),
            "f2": pa.array(np.array([1.5], np.float16)),
            "large": pa.array(["x"], pa.large_string()),
            "view": pa.array(["x"], pa.string_view()),
            "words": pa.array(["x"]).dictionary_encode(),
            "none": pa.nulls(1),
            "ns": pa.array([1_000], pa.timestamp("ns")),
            "zoned": pa.array([0], pa.timestamp("s", "Europe/Berlin")),
            "day": pa.array([dt.date(2020, 1, 2)], pa.date64()),
            "clock": pa.array([1], pa.time32("s")),
            "list": pa.array([[1]], pa.large_list(pa.uint16())),
            "vector": pa.array([[1.0, 2.0]], pa.list_(pa.float32(), 2)),
            "map": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int8())),
            "struct": pa.array([{"x": [1]}], pa.struct([("x", pa.list_(pa.int16()))])),
            "decimal": pa.array([decimal.Decimal("1.50")], pa.decimal128(5, 2)),
        }
    )
    stored = table_of(table)
    assert [str(kind) for kind in stored.schema.types] == [
        "int32",
        "int64",
        "float",
        "string",
        "string",
        "string",
        "string",
        "timestamp[us]",
        "timestamp[us, tz=UTC]",
        "date32[day]",
        "time64[us]",
        "list<element: int32>",
        "list<element: float>",
        "map<string, int32>",
        "struct<x: list<element: int32>>",
        "decimal128(5, 2)",
    ]
    assert stored["ns"].cast(pa.int64()).to_pylist() == [1]
    assert stored["map"].to_pylist() == [[("k", 1)]]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (pa.table({"t": pa.array([1], pa.timestamp("ns"))}), "'t'"),
        (pa.table({"u": pa.array([2**64 - 1], pa.uint64())}), "'u'"),
        (pa.table({"d": pa.array([1], pa.duration("s"))}), "duration"),
        (pa.table([[1], [2]], names=["a", "a"]), "twice"),
        (pa.table({"": [1]}), "no name"),
        ({}, "columns, not 0"),
        ([], "columns, not 0"),
        ({"a": [1], "b": [1, 2]}, "cannot be read"),
        ({"a": [1, "x"]}, "'a'"),
        ({1: [1]}, "column name 1"),
        (7, "int"),
        ([1, 2], "list"),
        (np.zeros((2, 2)), "ndarray"),
        (b"bytes", "bytes"),
    ],
)
def test_what_cannot_be_stored_is_named(data: Any, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        table_of(data)


def test_an_index_of_pandas_is_kept_if_it_has_a_name() -> None:
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="id"))
    assert table_of(frame).to_pydict() == {"id": ["x", "y"], "a": [1, 2]}
    assert table_of(frame.rename_axis(None)).to_pydict() == {"a": [1, 2]}


def test_large_rows_make_small_batches() -> None:
    given = read_input({"blob": [b"x" * (1 << 20)] * 100})
    assert max(batch.nbytes for batch in given.batches()) < 40 << 20


def test_appended_rows_fit_the_table() -> None:
    schema = pa.schema([pa.field("a", pa.int64()), pa.field("b", pa.string())])
    fitted = fit_input(read_input({"a": pa.array([1], pa.int8())}), schema)
    assert pa.Table.from_batches(fitted.batches()).to_pydict() == {"a": [1], "b": [None]}
    with pytest.raises(InvalidInput, match="'c'"):
        fit_input(read_input({"c": [1]}), schema)
    with pytest.raises(InvalidInput, match="'a'"):
        list(fit_input(read_input({"a": ["x"]}), schema).batches())


# Digest

VALUES: dict[str, Any] = {
    "int": st.integers(-(2**40), 2**40),
    "float": st.floats(width=64),
    "text": st.text(max_size=5),
    "bool": st.booleans(),
    "list": st.lists(st.none() | st.integers(0, 9), max_size=3),
    "struct": st.fixed_dictionaries({"x": st.none() | st.text(max_size=2)}),
    "map": st.dictionaries(st.text(max_size=2), st.none() | st.booleans(), max_size=2).map(
        lambda found: list(found.items())
    ),
}
SCHEMA = pa.schema(
    [
        ("int", pa.int64()),
        ("float", pa.float64()),
        ("text", pa.string()),
        ("bool", pa.bool_()),
        ("list", pa.list_(pa.int64())),
        ("struct", pa.struct([("x", pa.string())])),
        ("map", pa.map_(pa.string(), pa.bool_())),
    ]
)
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | kind for name, kind in VALUES.items()}), max_size=8
)


@given(rows=ROWS, cut=st.integers(1, 5))
def test_the_digest_does_not_depend_on_batches(rows: list[dict[str, Any]], cut: int) -> None:
    whole = pa.Table.from_pylist(rows, SCHEMA)
    pieces = [whole.slice(at, cut).combine_chunks() for at in range(0, len(whole), cut)]
    sliced = pa.concat_tables([whole, *pieces]).slice(len(whole)) if pieces else whole
    assert digest_of(whole) == digest_of(sliced)
    taken = whole.take(pa.array(range(len(whole)), pa.int64()))
    assert digest_of(whole) == digest_of(taken)


@given(first=ROWS, second=ROWS)
def test_other_rows_have_another_digest(first: list[Any], second: list[Any]) -> None:
    a, b = (pa.Table.from_pylist(rows, SCHEMA) for rows in (first, second))
    # Arrow holds NaN to differ from itself.
    if repr(a.to_pylist()) != repr(b.to_pylist()):
        assert digest_of(a) != digest_of(b)


def test_the_digest_knows_names_types_order_and_nulls() -> None:
    tables = [
        {"a": [1, 2]},
        {"b": [1, 2]},
        {"a": [2, 1]},
        {"a": [1.0, 2.0]},
        {"a": [1, 2, None]},
        {"a": [1, None, 2]},
        {"a": ["1", "2"]},
        {"a": ["12", ""]},
        {"a": [[1], [2]]},
        {"a": [[1, 2], []]},
    ]
    assert len({digest_of(table) for table in tables}) == len(tables)


def test_what_lies_under_a_null_does_not_matter() -> None:
    mask = pa.array([False, True])
    arrays = [pa.array(np.array([1, n]), mask=np.array([False, True])) for n in (7, 8)]
    assert arrays[0].null_count == len(mask) - 1
    assert digest_of({"a": arrays[0]}) == digest_of({"a": arrays[1]})


# Profile


def columns_of(profile: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {column["name"]: column for column in profile["columns"]}


def test_a_profile_says_what_columns_hold() -> None:
    nan, inf = float("nan"), float("inf")
    profile = profile_of(
        {
            "n": [1, 2, 3, None, 4],
            "x": [1.5, nan, inf, -inf, 2.5],
            "s": ["a", "b", "a", None, "long" * 50],
            "t": [dt.date(2020, 1, day) for day in (1, 2, 3, 4, 5)],
            "b": [True, True, False, None, True],
            "l": [[1], [], None, [1, 2, 3], [1]],
        }
    )
    assert profile["rows"] == 5
    found = columns_of(profile)
    histogram = found["n"].pop("histogram")
    assert (histogram["low"], histogram["high"]) == (1, 4)
    assert [at for at, count in enumerate(histogram["counts"]) if count] == [0, 8, 16, 23]
    assert found["n"] == {
        "name": "n",
        "type": "int64",
        "nulls": 1,
        "min": 1,
        "max": 4,
        "mean": 2.5,
        "std": pytest.approx(np.std([1, 2, 3, 4], ddof=1)),
        "distinct": 4,
        "quantiles": {"0.05": 1, "0.25": 2, "0.5": 3, "0.75": 3, "0.95": 4},
    }
    assert (found["x"]["nans"], found["x"]["infinite"], found["x"]["mean"]) == (1, 2, 2.0)
    assert (found["x"]["min"], found["x"]["max"]) == (1.5, 2.5)
    assert found["s"]["top"][0] == ["a", 2]
    assert (found["s"]["distinct"], found["s"]["length_max"]) == (3, 200)
    assert len(found["s"]["max"]) == 80
    assert (found["t"]["min"], found["t"]["max"]) == ("2020-01-01", "2020-01-05")
    assert found["t"]["quantiles"]["0.5"] == "2020-01-03"
    assert (found["b"]["true"], found["b"]["nulls"]) == (3, 1)
    assert found["l"] == {
        "name": "l",
        "type": "list<element: int64>",
        "nulls": 1,
        "length_max": 3,
    }


@pytest.mark.parametrize(
    "values",
    [
        [],
        [None, None],
        [float("nan")],
        [1e308, 1e308, -1e308],
        [decimal.Decimal("1.5"), None],
        [dt.datetime(2020, 1, 1, tzinfo=dt.UTC)],
        [dt.time(1, 2)],
        [b"\xff", b""],
        [{"x": 1}],
        [2**63 - 1, -(2**63)],
    ],
)
def test_a_profile_is_json_whatever_is_there(values: list[Any]) -> None:
    import msgspec

    column = pa.array(values) if values else pa.array([], pa.float64())
    profile = profile_of({"a": column})
    assert msgspec.json.decode(msgspec.json.encode(profile)) == profile
    assert profile["rows"] == len(values)


def test_a_large_table_is_sampled() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=400_000)
    classes = rng.integers(0, 5, size=400_000)
    profile = profile_of({"x": values, "c": classes, "id": np.arange(400_000)})
    assert profile["sample_rows"] <= 100_000
    found = columns_of(profile)
    assert found["x"]["mean"] == pytest.approx(values.mean())
    assert found["x"]["std"] == pytest.approx(values.std(ddof=1))
    assert found["x"]["quantiles"]["0.5"] == pytest.approx(0, abs=0.05)
    assert found["c"]["distinct"] == 5
    assert sum(count for _, count in found["c"]["top"]) == profile["sample_rows"]
    assert found["id"]["distinct"] > 100_000
    assert (found["id"]["min"], found["id"]["max"]) == (0, 399_999)


def test_thousands_of_columns_are_bounded() -> None:
    profile = profile_of({f"c{n}": np.arange(3_000) for n in range(1_200)})
    assert len(profile["columns"]) == 1_000
    assert profile["columns_left_out"] == 200
    assert profile["sample_rows"] <= 2_000


def test_profiles_merge_where_they_can() -> None:
    first: dict[str, list[Any]] = {
        "n": [1, 2, None],
        "t": ["a", "b", "c"],
        "d": [decimal.Decimal(9)] * 3,
    }
    second: dict[str, list[Any]] = {"n": [7, 8], "t": ["z", None], "d": [decimal.Decimal(10)] * 2}
    merged = merge_profiles(profile_of(first), profile_of(second))
    whole = profile_of({name: [*first[name], *second[name]] for name in first})
    assert merged["rows"] == whole["rows"] == 5
    for one, other in zip(merged["columns"], whole["columns"], strict=True):
        for key in ("name", "nulls", "min", "max", "mean", "std", "length_max"):
            expected = other.get(key)
            if isinstance(expected, float):
                expected = pytest.approx(expected)
            assert one.get(key) == expected, (one["name"], key)


def test_the_schema_as_it_is_recorded() -> None:
    columns = schema_columns(pa.schema([pa.field("a", pa.int64(), nullable=False)]))
    assert (columns[0].name, columns[0].type, columns[0].nullable) == ("a", "int64", False)
