from __future__ import annotations

import io
import json
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mere.client.documents import encode_dict, encode_histogram, encode_table, table_of
from mere.entities.run import RunSource
from mere.errors import InvalidInput


def read(value, path: str = "x.json"):
    media = encode_dict(value, path)
    assert isinstance(media.content, bytes)

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(media.content, parse_constant=refuse)


@dataclass
class Point:
    x: float
    tags: set[str]


def test_what_json_has_no_words_for() -> None:
    value = {
        1: np.float32(0.5),
        "nan": [math.nan, math.inf, -math.inf, np.float64("nan")],
        "array": np.arange(3),
        "when": datetime(2026, 1, 2, tzinfo=UTC),
        "day": date(2026, 1, 2),
        "point": Point(1.5, {"b", "a"}),
        "path": Path("a/b"),
        "struct": RunSource(pid=3),
        "ü": (True, None, 2**70),
    }
    assert read(value) == {
        "1": 0.5,
        "nan": ["NaN", "Infinity", "-Infinity", "NaN"],
        "array": [0, 1, 2],
        "when": "2026-01-02T00:00:00+00:00",
        "day": "2026-01-02",
        "point": {"x": 1.5, "tags": ["a", "b"]},
        "path": "a/b",
        "struct": read(dict.fromkeys(RunSource.__struct_fields__) | {"pid": 3}),
        "ü": [True, None, 2**70],
    }


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.lists(_json))
def test_json_stays_what_it_is(value: list) -> None:
    if any(isinstance(part, float) and math.isinf(part) for part in _leaves(value)):
        return
    assert read(value) == value


def _leaves(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [leaf for part in value for leaf in _leaves(part)]
    return [value]


def test_dictionaries_that_cannot_be_stored() -> None:
    loop: list = []
    loop += [loop, loop]
    for bad in (loop, 7, "text", {"a": "\ud800"}):
        with pytest.raises(InvalidInput):
            encode_dict(bad, "x.json")


def test_yaml_where_the_path_ends_so() -> None:
    media = encode_dict({"b": np.int64(1), "a": math.nan, "ü": [1]}, "conf/x.YAML")
    assert media.content == "b: 1\na: .nan\nü:\n- 1\n".encode()
    assert (media.kind, media.media_type) == ("text", "application/yaml")


def rows(data) -> list[dict]:
    media = encode_table(data)
    assert (media.kind, media.suffix) == ("table", ".parquet")
    assert isinstance(media.content, bytes)
    return pq.read_table(io.BytesIO(media.content)).to_pylist()


def test_tables_of_every_kind() -> None:
    import pandas as pd
    import polars as pl

    columns = {"a": [1, 2], "ü": ["x", None]}
    same = [{"a": 1, "ü": "x"}, {"a": 2, "ü": None}]
    assert rows(columns) == same
    assert rows(same) == same
    assert rows(pa.table(columns)) == same
    assert rows(pa.table(columns).to_batches()[0]) == same
    assert rows(pl.DataFrame(columns)) == same
    assert rows(pd.DataFrame({"a": [1, 2]})) == [{"a": 1}, {"a": 2}]
    named = pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="key"))
    assert rows(named) == [{"a": 1, "key": "x"}, {"a": 2, "key": "y"}]
    assert rows({"a": np.arange(2), "b": np.zeros((2, 2))})[1] == {"a": 1, "b": [0.0, 0.0]}


def test_rows_may_have_different_names() -> None:
    assert rows([{"a": 1}, {"b": 2.5}]) == [{"a": 1, "b": None}, {"a": None, "b": 2.5}]


@pytest.mark.parametrize(
    "bad",
    [
        {"a": [1, "x"]},
        {"a": [1], "b": [1, 2]},
        {"a": "text"},
        {"a": 1},
        [1, 2],
        [],
        {},
        object(),
        "missing.parquet",
        7,
    ],
)
def test_bad_tables(bad) -> None:
    with pytest.raises(InvalidInput):
        encode_table(bad)


def test_a_table_from_a_file_is_the_file(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("a\n1\n")
    assert encode_table(file).content == file
    assert table_of({"a": [1]}).num_rows == 1


def counted(values, **options) -> dict:
    media = encode_histogram(values, **options)
    assert (media.kind, media.suffix) == ("histogram", ".histogram.json")
    assert isinstance(media.content, bytes)
    return json.loads(media.content)


def test_histograms_count_nan_apart() -> None:
    found = counted(np.array([[0.0, 1.0, math.nan], [2.0, 2.0, -math.inf]]), bins=2)
    assert found == {
        "edges": [0.0, 1.0, 2.0],
        "counts": [1, 3],
        "count": 4,
        "nan": 1,
        "infinite": 1,
        "min": 0.0,
        "max": 2.0,
        "mean": 1.25,
    }
    assert counted([]) == {"edges": [], "counts": [], "count": 0, "nan": 0, "infinite": 0}
    assert counted([math.nan])["nan"] == 1
    assert sum(counted([5.0] * 9)["counts"]) == 9
    tight = [1.0, math.nextafter(1.0, 2)]
    assert sum(counted(tight)["counts"]) == 2
    assert counted(np.array([True, False]))["count"] == 2


def test_histograms_that_are_counted_already() -> None:
    counts, edges = np.histogram([1, 2, 2], bins=2)
    assert counted((counts, edges)) == {
        "edges": [1.0, 1.5, 2.0],
        "counts": [1, 2],
        "count": 3,
        "nan": 0,
        "infinite": 0,
    }
    assert counted(([0.5], [0, 1]))["counts"] == [0.5]


@pytest.mark.parametrize(
    ("values", "bins"),
    [
        (([1], [1, 1]), 64),
        (([1], [1, math.nan]), 64),
        (([-1], [0, 1]), 64),
        (([math.nan], [0, 1]), 64),
        (([[1]], [0, 1]), 64),
        ([1.0], 0),
        ([1.0], 10**9),
        ([1e308, -1e308], 64),
        (["x"], 64),
        (None, 64),
    ],
)
def test_bad_histograms(values, bins) -> None:
    with pytest.raises(InvalidInput):
        encode_histogram(values, bins=bins)
