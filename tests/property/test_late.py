"""What must hold long after stamps have been forgotten."""

from __future__ import annotations

from mere.lake import Lake, LakeSettings
from mere.lake.objects.memory import MemoryStore
from mere.testing.clock import ManualClock
from tests.property.strategies import TALLIED


def test_a_final_delete_is_remembered_for_ever():
    clock = ManualClock(3)
    settings = LakeSettings(parallel_requests=1)
    store = MemoryStore(clock, name="late")
    with Lake.open("", tables=[TALLIED], settings=settings, clock=clock, store=store) as lake:
        lake.patch("tallied", [{"id": "gone", "a": "1"}, {"id": "other", "a": "1"}])
        lake.fold()
        lake.delete("tallied", ["gone"])
        for _ in range(3):
            lake.fold()
            clock.advance(2 * settings.lost_writer_ms / 1000)
            lake.patch("tallied", [{"id": "other", "a": "2"}])
        lake.fold()
        lake.patch("tallied", [{"id": "gone", "a": "3"}])
        assert lake.get("tallied", "gone") is None
        lake.fold()
        assert lake.get("tallied", "gone") is None
        assert lake.get("tallied", "other") is not None
