"""Two tables and a lake in memory, on a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mere.lake import Column, Lake, LakeSettings, Table
from mere.lake.objects.memory import MemoryStore
from mere.lake.objects.retry import RetryingStore
from mere.testing.clock import ManualClock

TALLY = (
    "map<string, struct<step: long, timestamp: timestamptz, value: double, min: double, "
    "max: double, count: long>>"
)
POINTS = Table(
    "points",
    (
        Column("series", "string"),
        Column("step", "long"),
        Column("at", "timestamptz"),
        Column("value", "double"),
    ),
    sort=("series", "step"),
)
ITEMS = Table(
    "items",
    (
        Column("id", "string"),
        Column("name", "string"),
        Column("size", "long"),
        Column("tags", "map<string, string>"),
    ),
    key=("id",),
)
TALLIED = Table(
    "tallied",
    (
        Column("id", "string"),
        Column("summary", TALLY, merge="tally"),
        Column("latest", "map<string, double>", derive="summary.value"),
    ),
    key=("id",),
)
PAIRS = Table(
    "pairs",
    (Column("owner", "string"), Column("number", "long"), Column("note", "string")),
    key=("owner", "number"),
)
TABLES = (POINTS, ITEMS, TALLIED, PAIRS)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(7)


@pytest.fixture
def store(clock: ManualClock) -> MemoryStore:
    return MemoryStore(clock, name="test")


@pytest.fixture
def open_lake(clock: ManualClock, store: MemoryStore, tmp_path) -> Callable[..., Lake]:
    """Open the same warehouse as another process would."""

    def open_it(tables=TABLES, **settings) -> Lake:
        return Lake.open(
            "memory://test",
            tables=tables,
            settings=LakeSettings(**settings),
            clock=clock,
            store=RetryingStore(store, clock),
            cache=tmp_path / "cache",
        )

    return open_it


@pytest.fixture
def lake(open_lake) -> Lake:
    return open_lake()
