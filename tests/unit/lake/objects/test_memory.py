"""Memory: shared by name, dated by its clock, refused in a forked child."""

from __future__ import annotations

import os
import signal

import pytest

from mere.errors import ErrorCode, InvalidInput
from mere.lake.objects.memory import MemoryStore
from mere.testing.clock import ManualClock


def test_one_name_is_one_store() -> None:
    MemoryStore.named("one").put("k", b"x")
    assert MemoryStore.named("one").get("k") == b"x"
    assert MemoryStore.named("other").list("") == []
    assert MemoryStore.named("one").url == "memory://one"


def test_objects_are_dated_by_the_clock() -> None:
    clock = ManualClock(start_us=5_000_000)
    store = MemoryStore(clock)
    store.put("a", b"x")
    clock.advance(2)
    store.put("b", b"x")
    assert [info.modified_us for info in store.list("")] == [5_000_000, 7_000_000]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_is_refused() -> None:
    store = MemoryStore()
    store.put("k", b"x")
    pid = os.fork()
    if pid == 0:  # pragma: no cover - another process
        signal.alarm(20)
        refused = 0
        for call in (
            lambda: store.get("k"),
            lambda: store.put("k2", b"x"),
            lambda: store.list(""),
            lambda: store.delete(["k"]),
        ):
            try:
                call()
            except InvalidInput as exc:
                refused += exc.code is ErrorCode.FORKED
        os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 4
