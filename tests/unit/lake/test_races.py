"""What several processes do to each other at the worst moment, and with clocks that differ."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from mere.errors import ErrorCode, Unavailable
from mere.lake import Lake, LakeSettings
from mere.lake.objects.memory import MemoryStore
from mere.lake.objects.retry import RetryingStore
from mere.testing.clock import ManualClock
from tests.meanwhile import Meanwhile
from tests.unit.lake.conftest import TABLES, TALLIED

HOUR_US = 3600 * 1_000_000
LAKE = LakeSettings()


@pytest.fixture
def meanwhile(store: MemoryStore) -> Meanwhile:
    return Meanwhile(store)


@pytest.fixture
def connect(clock: ManualClock, tmp_path) -> Callable[..., Lake]:
    """Open the warehouse as one more process, with a clock and a store of its own."""

    def connect_it(store: Any, *, ahead_us: int = 0, **settings: Any) -> Lake:
        own = clock.skewed(ahead_us, seed=ahead_us) if ahead_us else clock
        return Lake.open(
            "memory://test",
            tables=TABLES,
            settings=LakeSettings(**settings),
            clock=own,
            store=RetryingStore(store, own),
            cache=tmp_path / "cache",
        )

    return connect_it


def series(lake: Lake) -> list[str]:
    return sorted(lake.scan("points", columns=["series"])["series"].to_pylist())


def add(lake: Lake, name: str) -> None:
    lake.append("points", [{"series": name}])


def fold_one(lake: Lake, name: str) -> None:
    add(lake, name)
    lake.fold()


# Slow processes


def compact(lake: Lake) -> None:
    lake.upkeep()


def erase(lake: Lake) -> None:
    lake.erase("points", ["doomed"])


@pytest.mark.parametrize("slow", [Lake.fold, compact, erase])
def test_whoever_slept_while_it_staged_files_does_not_publish_what_was_collected(
    open_lake, connect, clock, store, meanwhile, slow
):
    lake = connect(meanwhile, compact_files_min=2)
    # It expires nothing, so that it publishes no root, which would be a reason to start over, too.
    other = open_lake(root_spacing=((10 * LAKE.orphan_ms, 0),))
    for _ in range(2):
        lake.append("points", [{"series": "kept"}, {"series": "doomed"}])
        lake.fold()
    if slow is Lake.fold:
        add(lake, "late")
    before = set(store.list("tables/points/data/"))

    def sleep() -> None:
        clock.advance(2 * LAKE.orphan_ms / 1000)
        store.put("tables/points/data/somebody-else", b"")  # by which the store tells the time
        other.upkeep()
        assert {info for info in store.list("tables/points/data/") if info.size} == before
        assert other.roots()[-1].number == 2

    # The data file lies there, and is nobody's yet.
    meanwhile.before(sleep, "put", prefix="tables/points/metadata/")
    slow(lake)
    assert meanwhile.has_happened
    assert "kept" in series(open_lake())


def test_a_state_that_expires_before_it_is_read_is_not_taken_for_none(
    connect, store, clock, meanwhile
):
    other = connect(store, root_spacing=((1000, 0),), roots_min=1, fold_ms_max=10)
    names = [f"{n}" for n in range(4)]
    fold_one(other, names[0])

    def go_on() -> None:
        for name in names[1:]:
            clock.advance(10)
            fold_one(other, name)
        other.upkeep()
        assert other.roots()[0].number == 4

    meanwhile.before(go_on, "get", prefix="catalog/")
    lake = connect(meanwhile)
    assert series(lake) == names
    assert meanwhile.has_happened


def test_a_hint_that_comes_late_does_not_point_back(open_lake, connect, store, meanwhile):
    lake, other = connect(meanwhile), open_lake()
    add(lake, "first")
    hint = "tables/points/metadata/version-hint.text"
    meanwhile.before(partial(fold_one, other, "second"), "put", prefix=hint)
    lake.fold()
    assert meanwhile.has_happened
    newest = lake.roots()[-1].tables["points"]
    assert store.get(hint).decode() in newest


# Streams that folds have forgotten


def test_what_waited_until_its_stream_was_forgotten_leaves_no_gap(
    connect, open_lake, clock, meanwhile
):
    """Under its old name it would be a second segment, and where is the first?"""
    lake, other = connect(meanwhile), open_lake()
    fold_one(lake, "a")

    def fail() -> None:
        meanwhile.before(fail, "put", prefix="journal/")  # and the next one, too
        raise Unavailable(ErrorCode.STORE_FULL, "full")

    meanwhile.before(fail, "put", prefix="journal/")
    with pytest.raises(Unavailable):
        add(lake, "b")
    meanwhile.clear()
    clock.advance(LAKE.lost_writer_ms / 1000 + 1)
    fold_one(other, "c")
    add(lake, "d")
    assert series(open_lake()) == ["a", "b", "c", "d"]


# Clocks that differ


def test_who_lost_a_claim_writes_behind_it_even_with_a_slow_clock(connect, store):
    winner, loser = connect(store, ahead_us=HOUR_US), connect(store)
    claim = winner.claim("item", "x", {"name": "claimed"})
    assert loser.claim("item", "x", {"name": "lost"}).tick == claim.tick
    loser.patch("items", [{"id": "x", "name": "changed"}])
    winner.patch("items", [{"id": "x", **claim.record}], at=claim.tick)
    row = winner.get("items", "x")
    assert row is not None
    assert row["name"] == "changed"


def test_states_are_in_order_of_time_even_where_clocks_are_not(connect, store, clock):
    """Else the state of a moment would be looked for among times that go back and forth."""
    ahead, behind = connect(store, ahead_us=HOUR_US), connect(store, compact_files_min=2)
    for name in "ab":
        fold_one(ahead, name)
    behind.upkeep()
    fold_one(behind, "c")
    times = [root.at for root in ahead.roots()]
    assert len(times) == 4
    assert times == sorted(set(times))


@pytest.mark.parametrize("folds", [False, True])
def test_order_against_a_writer_whose_clock_is_ahead_does_not_depend_on_folds(
    connect, store, clock, folds
):
    ahead, lake, folder = connect(store, ahead_us=12 * HOUR_US), connect(store), connect(store)
    ahead.patch("items", [{"id": "x", "name": "by the clock that is ahead"}])
    for _ in range(3):
        if folds:
            folder.patch("items", [{"id": "other", "size": 1}])
            folder.fold()
        clock.advance(2 * LAKE.late_ms / 1000)
    lake.patch("items", [{"id": "x", "name": "later, by a clock that is right"}])
    if folds:
        folder.fold()
    row = connect(store).get("items", "x")
    assert row is not None
    assert row["name"] == "by the clock that is ahead"


def test_what_is_deleted_for_good_is_noted_again_by_the_week_not_by_the_hour(lake, clock):
    """Noting it again writes every such key there ever was once more."""

    def noted(after_ms: int) -> set[str]:
        clock.advance(after_ms / 1000)
        lake.patch("tallied", [{"id": "other"}])
        lake.fold()
        stamps = lake.newest_view().table("tallied").state.stamps
        return {ref.key for ref in stamps if ref.has_tombstones}

    assert TALLIED.has_final_deletes
    lake.delete("tallied", ["gone"])
    first = noted(0)
    assert len(first) == 1
    assert noted(2 * LAKE.late_ms) == first
    assert noted(LAKE.lost_writer_ms + 1) != first
