"""Which points are missing: a multiset difference, compared with a plain one."""

from __future__ import annotations

import math
import struct
from collections import Counter

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from mere.interchange.foreign import Stretch
from mere.interchange.missing import Gathered, missing

NUMBERS = st.sampled_from([0.0, -0.0, 1.5, math.nan, math.inf, -math.inf])
POINTS = st.lists(st.tuples(st.integers(-2, 2), st.integers(0, 2), NUMBERS), max_size=30)


def bits(point):
    step, at, value = point
    return step, at, b"nan" if math.isnan(value) else struct.pack("<d", value)


def table(points) -> pa.Table:
    return pa.table(
        {
            "step": pa.array([one[0] for one in points], pa.int64()),
            "timestamp": pa.array([one[1] for one in points], pa.timestamp("us", tz="UTC")),
            "value": pa.array([one[2] for one in points], pa.float64()),
        }
    )


def gathered(points) -> Gathered:
    found = Gathered()
    found.add(
        Stretch("k", *map(list, zip(*points, strict=True))) if points else Stretch("k", [], [], [])
    )
    return found


@given(POINTS, POINTS)
def test_what_is_missing_is_the_difference_of_multisets(source, here) -> None:
    positions = missing(gathered(source), table(here))
    assert positions == sorted(set(positions))
    found = Counter(bits(source[at]) for at in positions)
    assert found == Counter(map(bits, source)) - Counter(map(bits, here))


@given(POINTS)
def test_nothing_of_what_is_here_is_missing(points) -> None:
    assert missing(gathered(points), table(points)) == []
