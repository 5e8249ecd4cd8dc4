"""What is kept in memory of the tables' metadata: so much and no more, and what it saves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mere.lake import Lake, LakeSettings, iceberg
from mere.lake.objects.retry import RetryingStore
from mere.lake.remembered import Remembered
from mere.testing.counting import CountingStore
from tests.unit.lake.conftest import TABLES

STATES = 40


def test_what_was_not_asked_for_lately_goes_first():
    kept = Remembered[str](3)
    for key in "abc":
        kept.put(key, key.upper())
    assert kept.get("a") == "A"
    kept.put("d", "D")
    assert [kept.get(key) for key in "abcd"] == ["A", None, "C", "D"]
    assert (len(kept), kept.weight) == (3, 3)


def test_what_is_heavy_makes_others_go_and_is_kept_itself():
    kept = Remembered[str](10)
    for key, weight in (("a", 4), ("b", 4), ("c", 5)):
        kept.put(key, key, weight)
    assert (kept.get("a"), kept.get("b"), kept.weight) == (None, "b", 9)
    kept.put("huge", "huge", 99)
    assert (kept.get("huge"), len(kept), kept.weight) == ("huge", 1, 99)
    kept.put("huge", "small", 1)
    assert (kept.get("huge"), kept.weight) == ("small", 1)


@pytest.fixture
def counting(store) -> CountingStore:
    return CountingStore(store)


@pytest.fixture
def connect(counting, clock, tmp_path) -> Callable[[], Lake]:
    def connect_it() -> Lake:
        return Lake.open(
            "memory://test",
            tables=TABLES,
            settings=LakeSettings(compact_files_min=10**9),
            clock=clock,
            store=RetryingStore(counting, clock),
            cache=tmp_path / "cache",
        )

    return connect_it


@pytest.fixture
def small(monkeypatch) -> None:
    """Room for a few states only, as where each is heavy."""
    monkeypatch.setattr(iceberg, "_STATES_BYTES_MAX", 3 * (96 << 10))


@pytest.fixture
def old(connect, clock) -> Lake:
    """A warehouse with many states, all of them young enough to be kept."""
    lake = connect()
    for number in range(STATES):
        lake.append("points", [{"series": "a", "step": number}])
        lake.patch("items", [{"id": "x", "size": number}])
        lake.fold()
        clock.advance(1)
    return lake


def metadata_read(counting: CountingStore) -> list[str]:
    return [key for key in counting.keys("get", "tables/") if "/data/" not in key]


@pytest.mark.usefixtures("small")
def test_states_are_bounded_by_what_they_weigh(old):
    states = old.reading.iceberg._states
    assert states.weight <= 3 * (96 << 10)
    assert 1 <= len(states) < 5


@pytest.mark.usefixtures("small")
def test_the_tables_of_the_newest_view_are_never_loaded_twice(old, connect, counting):
    """However little room there is: the view holds them."""
    reader, writer = connect(), connect()
    reader.tag("first")
    assert reader.sql("select * from points", as_of=2).num_rows == 2
    reader.refresh()
    counting.reset()
    for number in range(3):
        writer.append("points", [{"series": "b", "step": number}])
        reader.sql("select * from points, items")
    assert [key for key in metadata_read(counting) if key.endswith(".json")] == []


def test_time_travel_between_two_states_reads_their_metadata_once(old, connect, counting):
    reader = connect()

    def travel() -> None:
        for root in (3, STATES // 2):
            assert reader.sql("select * from points", as_of=root).num_rows == root
            assert reader.get("items", "x", as_of=root) is not None

    travel()
    counting.reset()
    for _ in range(3):
        travel()
    assert metadata_read(counting) == []


@pytest.mark.usefixtures("small")
def test_upkeep_reads_the_metadata_of_old_states_once(old, connect, counting):
    """It asks what all of them refer to, each time: more than there is room for."""
    keeper = connect()
    keeper.upkeep()
    counting.reset()
    keeper.upkeep()
    assert metadata_read(counting) == []
    old.append("points", [{"series": "a"}])
    old.fold()
    counting.reset()
    keeper.upkeep()
    kinds = [key.rpartition(".")[2] for key in metadata_read(counting)]
    # Of the one table that changed: its new state, and the one that is old by now.
    assert sorted(kinds) == ["avro", "avro", "json", "json"]


def test_all_there_is_is_what_the_states_refer_to_however_often_it_is_asked(old, store):
    known = old.reading.iceberg
    hints = {f"tables/{name}/metadata/version-hint.text" for name in ("items", "points")}
    stored = {info.key for info in store.list("tables/")} - hints
    locations = {location for root in old.roots() for location in root.tables.values()}
    for _ in range(2):
        assert set().union(*map(known.references_at, locations)) == stored
