from __future__ import annotations

import math

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mere.entities.metric import Points, Tally, tallies_of
from mere.lake.rows import merge_tallies

_points = st.lists(
    st.tuples(
        st.integers(-3, 3),
        st.integers(0, 3),
        st.sampled_from([0.0, 1.0, -1.0, 2.5, math.inf, -math.inf, math.nan]),
    ),
    min_size=1,
    max_size=12,
)


def _equal(mine: dict[str, float], theirs: dict[str, float]) -> bool:
    return all(
        mine[name] == theirs[name] or (mine[name] != mine[name] and theirs[name] != theirs[name])
        for name in theirs
    )


@given(_points)
def test_a_tally_is_what_the_engine_makes_of_single_points(
    points: list[tuple[int, int, float]],
) -> None:
    gathered = Points()
    for step, timestamp, value in points:
        gathered.add("k", step, timestamp, value)
    merged = None
    for step, timestamp, value in points:
        merged = merge_tallies(merged, [step, timestamp, value, value, value, 1])
    assert merged is not None
    assert _equal(msgspec.structs.asdict(gathered.tallies["k"]), merged)
    together = tallies_of(["k"] * len(points), *zip(*points, strict=True))
    assert _equal(msgspec.structs.asdict(together["k"]), merged)


def test_tallies_are_of_each_key_by_itself() -> None:
    found = tallies_of("abab", [1, 2, 3, 4], [9, 8, 7, 6], [0.5, math.nan, -1.0, 2.0])
    assert list(found) == ["a", "b"]
    assert found["a"] == Tally(3, 7, -1.0, -1.0, 0.5, 2)
    assert found["b"] == Tally(4, 6, 2.0, 2.0, 2.0, 2)
    assert tallies_of([], [], [], []) == {}


def test_points_are_kept_by_column() -> None:
    points = Points()
    points.add("a", 1, 10, 0.5)
    points.add("b", 2, 11, 0.25)
    assert (points.keys, points.steps, points.timestamps, points.values) == (
        ["a", "b"],
        [1, 2],
        [10, 11],
        [0.5, 0.25],
    )
    assert len(points) == 2
