"""Scans and points reads with tiny files and row groups: nothing is pruned that is wanted."""

from __future__ import annotations

import pyarrow as pa
import pytest
from msgspec.structs import replace

from mere.errors import InvalidInput
from mere.lake import Column
from tests.unit.lake.conftest import ITEMS


@pytest.fixture
def lake(open_lake):
    """Points of six series and forty items, in files of many row groups, and some in the tail."""
    lake = open_lake(log_file_rows=40, log_group_rows=3, keyed_file_rows=20, keyed_group_rows=2)
    for part in range(3):
        lake.append(
            "points",
            [
                {"series": series, "step": part * 10 + i, "at": i, "value": float(i)}
                for series in ("a", "b", "c", "d", "é", None)
                for i in range(10)
            ],
        )
        if part < 2:
            lake.fold()
    lake.patch("items", [{"id": f"{i:02}", "name": f"n{i % 4}", "size": i} for i in range(40)])
    lake.fold()
    lake.append("points", [{"series": "a", "step": 99}])
    lake.patch("items", [{"id": "07", "name": "changed"}, {"id": "99", "name": "n1"}])
    return lake


@pytest.mark.parametrize("series", ["a", "b", "c", "d", "é", None])
def test_a_series_is_found_whole(lake, series):
    found = lake.scan("points", {"series": series}, ["step", "series"])
    assert found.column_names == ["step", "series"]
    steps = list(range(30)) + ([99] if series == "a" else [])
    assert sorted(found.column("step").to_pylist()) == steps
    assert set(found.column("series").to_pylist()) == {series}


def test_several_values_and_columns_at_once(lake):
    found = lake.scan("points", {"series": ["a", "d", "x"], "step": [3, 25], "value": 5.0})
    rows = found.select(["series", "step"]).to_pylist()
    assert sorted(rows, key=str) == [{"series": "a", "step": 25}, {"series": "d", "step": 25}]


def test_a_times_values_may_be_micros_or_datetimes(lake):
    at = lake.scan("points", {"series": "b", "at": 4}).column("at")[0].as_py()
    assert lake.scan("points", {"at": at}).num_rows == 18


def test_keyed_rows_are_the_newest_and_come_once(lake):
    assert lake.scan("items", {"name": "changed"}, ["size"]).to_pylist() == [{"size": 7}]
    names = lake.scan("items", {"name": "n3"}, ["name", "id"]).column("id").to_pylist()
    assert sorted(names) == [f"{i:02}" for i in range(3, 40, 4) if i != 7]
    assert lake.scan("items").num_rows == 41


def test_every_row_is_got_by_its_key(lake):
    for i in range(40):
        assert lake.get("items", f"{i:02}")["size"] == i
    assert lake.get("items", "99")["name"] == "n1"
    assert lake.get("items", "nobody") is None
    assert lake.get("items", "") is None


@pytest.mark.parametrize(
    "where", [{"step": "x"}, {"series": 5}, {"step": 2**70}, {"nothing": 1}, {"at": "today"}]
)
def test_a_value_of_another_type_is_refused(lake, where):
    with pytest.raises(InvalidInput):
        lake.scan("points", where)


def test_maps_cannot_be_compared(lake):
    with pytest.raises(InvalidInput, match="compared"):
        lake.scan("items", {"tags": {"a": "1"}})


@pytest.mark.parametrize("is_evolved", [False, True])
@pytest.mark.parametrize("wanted", [None, ["00"], ["03", "17", "41", "99"], ["nobody"]])
def test_maps_whose_texts_are_numbered_hold_the_same(open_lake, wanted, is_evolved):
    lake = open_lake(keyed_file_rows=20, keyed_group_rows=7)
    for part in range(2):
        rows = [
            {
                "id": f"{i:02}",
                "tags": {"a": f"v{i % 3}", f"k{i % 5}": "", "é": "ü"} if i % 4 else {},
            }
            for i in range(part * 40, part * 40 + 40)
        ]
        lake.patch("items", [*rows, {"id": f"without {part}"}])
        lake.fold()
    if is_evolved:
        columns = (*ITEMS.columns, Column("seeds", "map<string, string>"))
        lake = open_lake((replace(ITEMS, columns=columns),))
    lake.patch("items", [{"id": "17", "tags": {"a": None, "b": "new"}}, {"id": "99"}])
    names = ["size", "tags", *(["seeds"] if is_evolved else []), "id"]
    where = {"id": wanted} if wanted else None
    plain = lake.scan("items", where, names)
    found = lake.scan("items", where, names, is_encoded=True)
    assert found.column_names == names
    assert found.to_pylist() == plain.to_pylist()
    kind = found.schema.field("tags").type
    assert pa.types.is_dictionary(kind.key_type)
    assert pa.types.is_dictionary(kind.item_type)
    assert found["id"].type == pa.string()


def test_texts_of_maps_that_are_too_many_for_a_files_dictionary_are_found_too(open_lake):
    lake = open_lake()
    tags = [{f"k{i % 9}": f"{i:04}" * 300, "same": "x"} for i in range(1_500)]
    lake.patch("items", [{"id": f"{i:04}", "tags": one} for i, one in enumerate(tags)])
    lake.fold()
    found = lake.scan("items", columns=["tags", "id"], is_encoded=True)
    assert [dict(row["tags"]) for row in found.to_pylist()] == tags


def test_maps_of_numbers_keep_their_numbers_when_keys_are_numbered(open_lake):
    lake = open_lake(keyed_group_rows=2)
    point = {"step": 1, "timestamp": 5, "value": 0.5, "min": 0.1, "max": 0.9, "count": 3}
    lake.patch("tallied", [{"id": f"{i}", "summary": {"loss": point}} for i in range(5)])
    lake.fold()
    lake.patch("tallied", [{"id": "3", "summary": {"acc": point}}])
    found = lake.scan("tallied", {"id": ["1", "3"]}, is_encoded=True)
    assert found.to_pylist() == lake.scan("tallied", {"id": ["1", "3"]}).to_pylist()
    assert pa.types.is_dictionary(found.schema.field("latest").type.key_type)
