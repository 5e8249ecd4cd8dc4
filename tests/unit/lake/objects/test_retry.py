"""Retry: when, how long, and the rule that a put meeting its own content has succeeded."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mere.errors import AlreadyExists, Conflict, ErrorCode, NotFound, Unavailable
from mere.lake.objects.memory import MemoryStore
from mere.lake.objects.retry import RetryingStore
from mere.testing.clock import ManualClock
from mere.testing.counting import CountingStore
from mere.testing.faults import FaultRates, FaultyStore


class Stack:
    """A store that fails as told, with counters on both sides of the faults."""

    def __init__(self, seed: int = 0, **options: float) -> None:
        self.clock = ManualClock(seed)
        self.memory = MemoryStore(self.clock)
        self.faulty = FaultyStore(self.memory, Random(seed), clock=self.clock)
        self.counting = CountingStore(self.faulty)
        self.store = RetryingStore(self.counting, self.clock, **options)


def test_without_faults_each_call_is_one_call() -> None:
    stack = Stack()
    stack.store.put("k", b"x")
    stack.store.get("k")
    stack.store.get_range("k", 0, 1)
    stack.store.head("k")
    stack.store.list("")
    stack.store.delete(["k"])
    assert set(stack.counting.counts.values()) == {1}
    assert stack.clock.monotonic() == 0


def test_a_lost_reply_is_found_out_by_reading_back() -> None:
    stack = Stack()

    class HealsOnGet(MemoryStore):
        def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
            super().put(key, data, overwrite=overwrite)
            raise Unavailable(ErrorCode.STORE_UNAVAILABLE, "the reply was lost")

    counting = CountingStore(HealsOnGet(stack.clock))
    RetryingStore(counting, stack.clock).put("k", b"x")
    assert [call.verb for call in counting.calls] == ["put", "put", "get"]


def test_a_taken_key_is_refused_after_one_look() -> None:
    stack = Stack()
    stack.store.put("k", b"first")
    stack.counting.reset()
    with pytest.raises(AlreadyExists):
        stack.store.put("k", b"other")
    assert stack.counting.counts == {"put": 1, "get": 1}


def test_refused_as_taken_yet_free_is_tried_again() -> None:
    class TwiceRefused(MemoryStore):
        refusals = 2

        def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
            if self.refusals:
                self.refusals -= 1
                raise AlreadyExists(ErrorCode.OBJECT_EXISTS, "409, as S3 says to both of two")
            return super().put(key, data, overwrite=overwrite)

    clock = ManualClock()
    inner = TwiceRefused(clock)
    RetryingStore(inner, clock).put("k", b"x")
    assert inner.get("k") == b"x"


def test_it_gives_up_at_the_deadline_and_says_so() -> None:
    stack = Stack(deadline_s=60.0)
    stack.faulty.rates = FaultRates(busy=1.0)
    with pytest.raises(Unavailable, match=r"gave up after \d+ attempts") as caught:
        stack.store.get("k")
    assert 30 < stack.clock.monotonic() <= 60
    assert caught.value.details["attempts"] == stack.counting.count("get")
    assert 12 <= stack.counting.count("get") <= 40


def test_time_lost_in_timeouts_counts() -> None:
    stack = Stack(deadline_s=60.0)
    stack.store.put("k", b"x")
    stack.faulty.rates = FaultRates(timeout=1.0)
    with pytest.raises(Unavailable):
        stack.store.get("k")
    assert stack.counting.count("get") in (2, 3)


def test_pauses_grow_and_are_scattered() -> None:
    pauses = []

    class Clock(ManualClock):
        def sleep(self, seconds: float) -> None:
            pauses.append(seconds)
            super().sleep(seconds)

    clock = Clock(3)
    faulty = FaultyStore(MemoryStore(clock), Random(0), FaultRates(busy=1.0))
    with pytest.raises(Unavailable):
        RetryingStore(faulty, clock, delay_first_s=0.1, delay_max_s=2.0).get("k")
    longest = [min(2.0, 0.1 * 2**number) for number in range(len(pauses))]
    assert all(limit / 2 <= pause <= limit for pause, limit in zip(pauses, longest, strict=True))
    assert len(set(pauses)) == len(pauses)


@pytest.mark.parametrize(
    "error",
    [
        Unavailable(ErrorCode.STORE_FULL, "full"),
        NotFound(ErrorCode.OBJECT_NOT_FOUND, "gone"),
        Conflict(ErrorCode.ROOT_MOVED, "moved"),
    ],
)
def test_what_waiting_cannot_mend_is_raised_at_once(error: Exception) -> None:
    class Fails(MemoryStore):
        def get(self, key: str) -> bytes:
            raise error

    clock = ManualClock()
    counting = CountingStore(Fails(clock))
    with pytest.raises(type(error)) as caught:
        RetryingStore(counting, clock).get("k")
    assert caught.value is error
    assert counting.count("get") == 1


@given(st.integers(0, 10**9), st.lists(st.tuples(st.integers(0, 5), st.binary(max_size=4))))
def test_through_any_faults_the_first_content_stays(
    seed: int, puts: list[tuple[int, bytes]]
) -> None:
    stack = Stack(seed, deadline_s=3600.0)
    stack.faulty.rates = FaultRates(
        fail_before=0.1, lost_reply=0.2, timeout=0.05, busy=0.1, own_conflict=0.2
    )
    model: dict[str, bytes] = {}
    for number, data in puts:
        key = str(number)
        if key in model and model[key] != data:
            with pytest.raises(AlreadyExists):
                stack.store.put(key, data)
        else:
            stack.store.put(key, data)
            model[key] = data
    assert {info.key: stack.memory.get(info.key) for info in stack.memory.list("")} == model
