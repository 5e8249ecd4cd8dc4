"""Points as JSON, and points thinned out."""

from __future__ import annotations

import json
import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mere.server.protocols.mlflow.metrics import points_json, thinned


def points(values: list[float], steps: list[int] | None = None) -> pa.Table:
    times = pa.array([1_000 * i for i in range(len(values))], pa.timestamp("us", "UTC"))
    return pa.table(
        {
            "step": pa.array(range(len(values)) if steps is None else steps, pa.int64()),
            "timestamp": times,
            "value": pa.array(values, pa.float64()),
        }
    )


def read(value: Any) -> float:
    return float(str(value).replace("Infinity", "inf"))


@given(st.lists(st.floats(), max_size=30), st.text())
def test_json_gives_back_every_value(values: list[float], key: str) -> None:
    try:
        key.encode()
    except UnicodeEncodeError:
        return
    rows = json.loads(b"[" + points_json(points(values), key, "run") + b"]")
    assert [row["key"] for row in rows] == [key] * len(values)
    assert [row["timestamp"] for row in rows] == list(range(len(values)))
    for row, value in zip(rows, values, strict=True):
        assert read(row["value"]) == value or math.isnan(value)


@pytest.mark.parametrize(
    ("count", "wanted", "steps"),
    [
        (3, 5, [0, 1, 2]),
        (10, 1, [9]),
        (10, 2, [0, 9]),
        (10, 4, [0, 3, 6, 9]),
        (11, 4, [0, 3, 6, 10]),
        (0, 4, []),
    ],
)
def test_thinned_points_keep_the_ends(count: int, wanted: int, steps: list[int]) -> None:
    found = thinned(points([float(i) for i in range(count)]), wanted)
    assert found["step"].to_pylist() == steps


def test_only_a_stretch_of_steps_is_thinned() -> None:
    found = thinned(points([float(i) for i in range(10)], list(range(9, -1, -1))), 3, 4, 7)
    assert found["step"].to_pylist() == [4, 6, 7]
