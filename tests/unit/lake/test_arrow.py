"""Values to Arrow and back, nested ones above all: they are put together part by part."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from mere.lake import Column, Table
from mere.lake.arrow import arrow_schema, from_rows, to_rows
from mere.lake.iceberg_schema import schema_of

TYPES = {
    "texts": "map<string, string>",
    "numbers": "map<string, double>",
    "tally": "map<string, struct<step: long, at: timestamptz, value: double>>",
    "pair": "struct<a: string, at: timestamptz>",
    "names": "list<string>",
    "pairs": "list<struct<a: string, n: long>>",
    "deep": "struct<inner: map<string, list<long>>, note: string>",
}
ROWS: list[dict[str, Any]] = [
    {
        "id": "0",
        "texts": {"a": "1", "b": None, "": "x"},
        "numbers": {"a": 1.5},
        "tally": {"loss": {"step": 1, "at": 7, "value": 0.5}, "gone": None},
        "pair": {"a": "x", "at": 1_700_000_000_000_001},
        "names": ["a", None, ""],
        "pairs": [{"a": "x", "n": 1}, None],
        "deep": {"inner": {"k": [1, None], "none": None, "empty": []}, "note": None},
    },
    {"id": "1", **dict.fromkeys(TYPES)},
    {
        "id": "2",
        **{name: {} for name in ("texts", "numbers", "tally")},
        "pair": {"a": None, "at": None},
        "names": [],
        "pairs": [],
        "deep": {"inner": {}, "note": "x"},
    },
    {
        "id": "3",
        "texts": {"z": "9"},
        "numbers": {"z": float("inf")},
        "tally": {"z": {"step": -1, "at": 0, "value": -0.5}},
        "pair": None,
        "names": ["last"],
        "pairs": [{"a": None, "n": None}],
        "deep": None,
    },
]


@pytest.fixture
def schema() -> pa.Schema:
    columns = [Column(name, kind, merge="set") for name, kind in TYPES.items()]
    table = Table("things", (Column("id", "string"), *columns), key=("id",))
    stored = arrow_schema(schema_of(table))
    return pa.schema([field for field in stored if field.name == "id" or field.name in TYPES])


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], ROWS[1:2] * 3, ROWS[2:], ROWS[::-1], []])
def test_rows_come_back_as_they_went_in(schema, rows):
    table = from_rows(schema, rows)
    table.validate(full=True)
    assert to_rows(table) == rows


def test_the_array_is_what_arrow_makes_of_the_same_values(schema):
    table = from_rows(schema, ROWS)
    assert table.column("texts").to_pylist()[0] == [("a", "1"), ("b", None), ("", "x")]
    assert table.column("names").equals(
        pa.chunked_array([pa.array([row["names"] for row in ROWS], schema.field("names").type)])
    )
    assert [value.is_valid for value in table.column("pair")] == [True, False, True, False]


@pytest.mark.parametrize(("start", "length"), [(0, 1), (1, 2), (2, 2), (3, 1), (1, 0)])
def test_a_slice_gives_only_its_own_rows(schema, start, length):
    table = from_rows(schema, ROWS).slice(start, length)
    assert to_rows(table) == ROWS[start : start + length]


def test_parts_put_behind_one_another_are_read_as_one(schema):
    whole = from_rows(schema, ROWS)
    parts = pa.concat_tables([whole.slice(2), whole.slice(0, 2), whole])
    assert to_rows(parts) == [*ROWS[2:], *ROWS[:2], *ROWS]


def test_a_missing_field_of_a_struct_is_null(schema):
    rows = to_rows(from_rows(schema, [{"id": "0", "pair": {"a": "x"}}]))
    assert rows[0]["pair"] == {"a": "x", "at": None}


@pytest.mark.parametrize("utc", ["UTC", "Etc/UTC", "Europe/Paris", None])
@pytest.mark.parametrize("start", [0, 1, 2])
def test_with_datetimes_rows_are_what_arrow_makes_of_them(schema, utc, start):
    times = pa.array([0, None, -1_500_000, 1_700_000_000_000_001], pa.timestamp("us", utc))
    table = from_rows(schema, ROWS).append_column("at", times).slice(start)
    assert to_rows(table, has_datetimes=True) == table.to_pylist(maps_as_pydicts="lossy")
