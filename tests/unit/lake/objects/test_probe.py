"""The probe: each way of breaking put-if-absent is found and named."""

from __future__ import annotations

import pytest

from mere.errors import AlreadyExists, ErrorCode, InvalidInput, Unavailable
from mere.lake.objects.memory import MemoryStore
from mere.lake.objects.probe import probe_put_if_absent
from mere.lake.objects.retry import RetryingStore
from mere.lake.objects.store import ObjectStore
from mere.testing.clock import ManualClock
from mere.testing.counting import CountingStore


class AlwaysOverwrites(MemoryStore):
    """As S3 services do that do not know If-None-Match."""

    def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
        return super().put(key, data, overwrite=True)


class RefusesSilently(MemoryStore):
    def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
        try:
            return super().put(key, data, overwrite=overwrite)
        except AlreadyExists:
            return True


class OverwritesAndRefuses(MemoryStore):
    def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
        try:
            return super().put(key, data, overwrite=overwrite)
        except AlreadyExists:
            super().put(key, b"something else", overwrite=True)
            raise


class Forgets(MemoryStore):
    def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
        return False


def stacks(inner: MemoryStore) -> list[ObjectStore]:
    return [inner, RetryingStore(inner, ManualClock())]


def test_a_good_store_passes_in_five_requests_and_keeps_nothing() -> None:
    clock = ManualClock()
    counting = CountingStore(MemoryStore(clock))
    probe_put_if_absent(RetryingStore(counting, clock), clock)
    assert counting.counts == {"put": 2, "get": 2, "delete": 1}
    assert counting.list("") == []


@pytest.mark.parametrize(
    ("kind", "broken"),
    [
        (AlwaysOverwrites, "replaced the object"),
        (RefusesSilently, "was not refused"),
        (OverwritesAndRefuses, "replaced the object"),
        (Forgets, "could not be read back"),
    ],
)
def test_a_broken_promise_is_named(kind: type[MemoryStore], broken: str) -> None:
    for store in stacks(kind()):
        with pytest.raises(InvalidInput, match=broken) as caught:
            probe_put_if_absent(store, ManualClock())
        assert caught.value.code is ErrorCode.UNSUPPORTED_STORE
        assert store.list("") == []


def test_two_probes_at_once_do_not_meet() -> None:
    store = MemoryStore()
    counting = CountingStore(store)
    for seed in range(3):
        probe_put_if_absent(counting, ManualClock(seed))
    assert len(set(counting.keys("put"))) == 3


def test_no_answer_is_no_verdict() -> None:
    class Away(MemoryStore):
        def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
            raise Unavailable(ErrorCode.STORE_UNAVAILABLE, "away")

    with pytest.raises(Unavailable):
        probe_put_if_absent(Away(), ManualClock())
