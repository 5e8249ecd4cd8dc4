"""What the keeper does, when it does it, and that it does nothing more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.server.keeper import Keeper, next_pause
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock
from mere.testing.counting import CountingStore

IDLE = {"list": 1}
"""The requests of a look for which nothing is due."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> CountingStore:
    return CountingStore(MemoryStore(clock))


@pytest.fixture
def house(clock: ManualClock, store: CountingStore, tmp_path) -> Iterator[Warehouse]:
    lake = Lake.open("memory://", tables=TABLES, store=store, clock=clock, cache=tmp_path)
    made = Warehouse(lake, clock, "memory://")
    yield made
    made.close()


@pytest.fixture
def keeper(house: Warehouse) -> Keeper:
    return Keeper(house, house.clock)


def write(house: Warehouse, segments: int) -> None:
    for number in range(segments):
        house.lake.patch("sessions", [{"session_id": str(number), "expires_at": 2**52}])


def requests_of(keeper: Keeper, store: CountingStore) -> dict[str, int]:
    """The requests of one look."""
    store.reset()
    keeper.look()
    return dict(store.counts)


def test_a_long_tail_is_folded_at_once(house, keeper):
    write(house, 255)
    assert keeper.look() == 255
    assert house.tail_segments() == 255, "not worth a fold yet"
    write(house, 1)
    keeper.look()
    assert house.tail_segments() == 0


def test_a_short_tail_is_folded_once_a_minute(house, keeper, clock):
    for _ in range(2):
        write(house, 3)
        clock.advance(59)
        assert keeper.look() == 3
        assert house.tail_segments() == 3
        clock.advance(2)
        keeper.look()
        assert house.tail_segments() == 0


def test_where_nothing_is_due_a_look_is_one_listing_however_long_nothing_was_written(
    keeper, clock, store
):
    assert requests_of(keeper, store) == IDLE
    for seconds in (61, 301, 3_700):
        clock.advance(seconds)
        keeper.look()
        assert requests_of(keeper, store) == IDLE, "what was due is done"


def test_nothing_is_folded_where_nothing_was_written(keeper, clock, store):
    for _ in range(2):  # the first one looks for everything for the first time
        clock.advance(61)
        store.reset()
        keeper.look()
    assert store.keys("list", "catalog/") == [], "as a fold would ask"


def test_runs_whose_process_died_are_ended_within_a_minute(house, keeper, clock):
    house.lake.patch("runs", [{"run_id": "0" * 32, "status": "RUNNING", "heartbeat_at": 1}])

    def statuses() -> list[str]:
        return house.sql("select status from runs")["status"].to_pylist()

    clock.advance(59)
    keeper.look()
    assert statuses() == ["RUNNING"]
    clock.advance(2)
    keeper.look()
    assert statuses() == ["KILLED"]


def test_upkeep_is_done_each_five_minutes(house, keeper, clock, store):
    def stray(name: str) -> str:
        key = f"tables/metrics/data/{name}"
        store.put(key, b"nobody refers to it")
        clock.advance(house.lake.settings.orphan_ms / 1000 + 1)
        store.put(f"tables/metrics/data/after-{name}", b"")  # by which the store tells the time
        return key

    def is_there(key: str) -> bool:
        return key in {info.key for info in store.list("tables/metrics/data/")}

    first = stray("first")
    keeper.look()
    assert not is_there(first)
    second = stray("second")
    keeper = Keeper(house, clock)
    clock.advance(299)
    keeper.look()
    assert is_there(second)
    clock.advance(2)
    keeper.look()
    assert not is_there(second)


@pytest.mark.parametrize("fold_s", [0.5, 1.0, 30.0])
def test_looks_are_rare_where_nothing_is_written_and_never_more_often_than_was_asked(fold_s):
    pauses = [fold_s]
    for _ in range(20):
        pauses.append(next_pause(pauses[-1], 0, fold_s))
    assert pauses == sorted(pauses)
    assert pauses[-1] == max(fold_s, 5.0)
    assert next_pause(pauses[-1], 1, fold_s) == fold_s
