"""Clocks: ticks only grow and follow others; ids sort by time."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mere.clock import Clock, HybridClock, SystemClock, run_id
from mere.testing.clock import ManualClock

DAY_MS = 24 * 3600 * 1000


@given(st.lists(st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 2**64 - 1)), max_size=50))
def test_ticks_grow_whatever_the_wall_clock_does(steps: list[tuple[int, int]]) -> None:
    clock = ManualClock()
    hybrid = HybridClock(clock)
    last = hybrid.tick()
    for skew_us, seen in steps:
        clock.skew_us = skew_us
        hybrid.observe(seen)
        tick = hybrid.tick()
        assert tick > last
        limit_ms = clock.now_us() // 1000 + DAY_MS
        if HybridClock.to_ms(seen) < limit_ms:
            assert tick > seen
        last = tick


def test_a_tick_of_a_broken_clock_is_not_followed() -> None:
    clock = ManualClock()
    hybrid = HybridClock(clock)
    now_ms = clock.now_us() // 1000
    hybrid.observe(HybridClock.from_ms(now_ms + DAY_MS + 1))
    assert HybridClock.to_ms(hybrid.tick()) == now_ms
    hybrid.observe(HybridClock.from_ms(now_ms + DAY_MS))
    assert HybridClock.to_ms(hybrid.tick()) == now_ms + DAY_MS


def test_threads_get_different_ticks() -> None:
    hybrid = HybridClock(ManualClock())
    with ThreadPoolExecutor(4) as pool:
        ticks = list(pool.map(lambda _: hybrid.tick(), range(400)))
    assert len(set(ticks)) == 400


@pytest.mark.parametrize("clock", [SystemClock(), ManualClock(5)])
def test_run_ids_are_version_7_and_sort_by_time(clock: Clock) -> None:
    ids = []
    for _ in range(5):
        ids.append(run_id(clock))
        clock.sleep(0.002)
    assert ids == sorted(ids)
    assert len(set(ids)) == 5
    for text in ids:
        parsed = uuid.UUID(text)
        assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
        assert abs((parsed.int >> 80) - clock.now_us() // 1000) < 60_000


def test_a_manual_clock_replays_from_its_seed() -> None:
    first, second, other = ManualClock(1), ManualClock(1), ManualClock(2)
    draws = [[clock.random_bits(64) for _ in range(10)] for clock in (first, second, other)]
    assert draws[0] == draws[1] != draws[2]


def test_time_passes_when_somebody_sleeps_and_for_all_who_share_it() -> None:
    clock = ManualClock(start_us=1_000)
    late = clock.skewed(-500)
    clock.sleep(1.5)
    assert clock.now_us() == 1_501_000
    assert late.now_us() == 1_500_500
    assert clock.monotonic() == late.monotonic() == 1.5
    late.advance(0.5)
    assert clock.monotonic() == 2.0
    with pytest.raises(ValueError, match="forward"):
        clock.advance(-1)
