"""Scans and points reads with tiny files and row groups: nothing is pruned that is wanted."""

from __future__ import annotations

import pytest

from mere.errors import InvalidInput


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
