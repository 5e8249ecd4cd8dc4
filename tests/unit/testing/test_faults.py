"""Faults: each does what its name says, and none does what a store must never do."""

from __future__ import annotations

from random import Random

import pytest

from mere.errors import AlreadyExists, Unavailable
from mere.lake.objects.memory import MemoryStore
from mere.testing.clock import ManualClock
from mere.testing.faults import FaultRates, FaultyStore


def faulty(rates: FaultRates, seed: int = 0) -> tuple[FaultyStore, MemoryStore, ManualClock]:
    clock = ManualClock()
    memory = MemoryStore(clock)
    return FaultyStore(memory, Random(seed), rates, clock=clock), memory, clock


@pytest.mark.parametrize("fault", ["fail_before", "busy"])
def test_a_request_that_never_arrived_did_nothing(fault: str) -> None:
    store, memory, _ = faulty(FaultRates(**{fault: 1.0}))
    with pytest.raises(Unavailable, match=fault):
        store.put("k", b"x")
    assert memory.list("") == []
    assert store.injected[fault] == 1


def test_a_lost_reply_did_it() -> None:
    store, memory, _ = faulty(FaultRates(lost_reply=1.0))
    with pytest.raises(Unavailable):
        store.put("k", b"x")
    assert memory.get("k") == b"x"


def test_a_timeout_did_it_or_not_and_took_its_time() -> None:
    outcomes = set()
    for seed in range(20):
        store, memory, clock = faulty(FaultRates(timeout=1.0), seed)
        with pytest.raises(Unavailable):
            store.put("k", b"x")
        assert clock.monotonic() == 30
        outcomes.add(len(memory.list("")))
    assert outcomes == {0, 1}


def test_an_own_conflict_refuses_what_it_did() -> None:
    store, memory, _ = faulty(FaultRates(own_conflict=1.0))
    with pytest.raises(AlreadyExists):
        store.put("k", b"x")
    assert memory.get("k") == b"x"
    store.put("hint", b"x", overwrite=True)


def test_a_failed_delete_removed_some_from_the_front() -> None:
    left = set()
    for seed in range(40):
        store, memory, _ = faulty(FaultRates(lost_reply=1.0), seed)
        for key in "abc":
            memory.put(key, b"x")
        with pytest.raises(Unavailable):
            store.delete(["a", "b", "c"])
        left.add("".join(info.key for info in memory.list("")))
    assert left == {"abc", "bc", "c", ""}


def test_a_torn_listing_shows_all_that_was_there_and_perhaps_what_came() -> None:
    seen = set()
    for seed in range(60):
        memory = MemoryStore()
        before = [f"{number:02d}" for number in range(10, 90, 2)]
        for key in before:
            memory.put(key, b"x")
        late = iter(["00", "41", "71", "99"])

        def others(memory: MemoryStore = memory, late: object = late) -> None:
            memory.put(next(late), b"x")  # type: ignore[call-overload]

        store = FaultyStore(memory, Random(seed), FaultRates(torn_list=1.0), between_pages=others)
        keys = [info.key for info in store.list("")]
        assert keys == sorted(set(keys))
        assert set(before) <= set(keys)
        seen.add(tuple(sorted(set(keys) - set(before))))
    # Later keys without earlier ones is what a listing at one moment could never show.
    assert ("41",) in seen or ("71",) in seen
    assert len(seen) > 3


def test_a_torn_listing_keeps_to_prefix_and_start() -> None:
    for seed in range(20):
        store, memory, _ = faulty(FaultRates(torn_list=1.0), seed)
        assert store.list("a/") == []
        for key in ("a/1", "a/2", "a/3", "b/1"):
            memory.put(key, b"x")
        assert [info.key for info in store.list("a/", start_after="a/1")] == ["a/2", "a/3"]


def test_one_seed_is_one_story() -> None:
    def story(seed: int) -> list[str]:
        store, _, _ = faulty(FaultRates(busy=0.3, lost_reply=0.3, own_conflict=0.3), seed)
        told = []
        for number in range(50):
            try:
                store.put(str(number), b"x")
                told.append("ok")
            except (Unavailable, AlreadyExists) as exc:
                told.append(exc.message)
        return told

    assert story(1) == story(1) != story(2)


def test_a_healed_store_fails_no_more() -> None:
    store, _, _ = faulty(FaultRates(busy=1.0))
    with pytest.raises(Unavailable):
        store.put("k", b"x")
    store.rates = FaultRates()
    store.put("k", b"x")
    assert store.get("k") == b"x"
