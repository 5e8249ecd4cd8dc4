"""What tests by hypothesis draw from: patches, tallies and segments of small tables."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from mere.lake import Column, Table
from mere.lake.records import LogPart, Patch
from mere.lake.rows import Stamped
from mere.lake.segment import Segment, SegmentName

__all__ = ["CONTRIBUTIONS", "PLAIN", "SEGMENTS", "TALLIED", "stamped_patches"]

PLAIN = Table(
    "plain",
    (
        Column("id", "string"),
        Column("a", "string"),
        Column("b", "long"),
        Column("tags", "map<string,string>"),
    ),
    key=("id",),
)
TALLIED = Table(
    "tallied",
    (
        Column("id", "string"),
        Column("a", "string"),
        Column(
            "summary",
            "map<string,struct<step:long,timestamp:timestamptz,value:double,min:double,"
            "max:double,count:long>>",
            merge="tally",
        ),
        Column("latest", "map<string,double>", derive="summary.value"),
    ),
    key=("id",),
)

_TICK_MS = 1 << 16
_TEXT = st.text(max_size=4)
_VALUES = st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1.0, -2.5])

CONTRIBUTIONS = st.builds(
    lambda step, time, value, low, high, count: [step, time, value, low, high, count],
    st.integers(0, 3),
    st.integers(0, 2),
    _VALUES,
    _VALUES,
    _VALUES,
    st.integers(1, 3),
)
_NAMES = st.sampled_from(["x", "y"])
_MAPS = st.dictionaries(_NAMES, st.one_of(st.none(), _TEXT), max_size=2)
_PLAIN_PATCH = st.builds(
    Patch,
    st.just(("k",)),
    st.fixed_dictionaries({}, optional={"a": st.one_of(st.none(), _TEXT), "b": st.integers(-3, 3)}),
    st.one_of(st.just({}), st.fixed_dictionaries({"tags": _MAPS})),
)
_TALLY_PATCH = st.builds(
    Patch,
    st.just(("k",)),
    st.fixed_dictionaries({}, optional={"a": _TEXT}),
    st.just({}),
    st.fixed_dictionaries({"summary": st.dictionaries(_NAMES, CONTRIBUTIONS, max_size=2)}),
)
_TOMBSTONE = st.builds(lambda: Patch(("k",), is_tombstone=True))


@st.composite
def stamped_patches(draw: Any, table: Table, *, size: int = 8) -> list[Stamped]:
    """Patches to one row, each with a stamp of its own, in no order."""
    kind = _TALLY_PATCH if table is TALLIED else _PLAIN_PATCH
    patches = draw(st.lists(st.one_of(kind, kind, kind, _TOMBSTONE), max_size=size))
    ticks = draw(
        st.lists(
            st.integers(1, 40).map(lambda half_ms: half_ms * _TICK_MS // 2),
            min_size=len(patches),
            max_size=len(patches),
        )
    )
    stamps = [(tick, "w", number) for number, tick in enumerate(ticks)]
    changes = [Stamped(stamp, patch) for stamp, patch in zip(stamps, patches, strict=True)]
    shuffled: list[Stamped] = draw(st.permutations(changes))
    return shuffled


_NAME = st.builds(
    SegmentName,
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1).map("{:016x}".format),
    st.integers(1, 10**10 - 1),
)
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.binary(max_size=8),
)
_LOG_PARTS = st.integers(0, 3).flatmap(
    lambda rows: st.builds(
        LogPart,
        st.just(rows),
        st.dictionaries(_TEXT, st.lists(_SCALARS, min_size=rows, max_size=rows), max_size=3),
    )
)
SEGMENTS = st.builds(
    Segment,
    _NAME,
    st.booleans(),
    st.dictionaries(_TEXT, st.lists(_LOG_PARTS, max_size=2), max_size=2),
    st.dictionaries(_TEXT, st.lists(st.one_of(_PLAIN_PATCH, _TOMBSTONE), max_size=3), max_size=2),
)
