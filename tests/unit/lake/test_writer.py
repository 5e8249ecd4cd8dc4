"""Group commit, and what a writer does when the store fails it."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time

import pytest

from mere.errors import CorruptData, ErrorCode, Unavailable
from mere.lake import Lake
from mere.lake.segment import SegmentName, parse_name
from tests.unit.lake.conftest import TABLES


class Gate:
    """A put that waits until it is let through, and may fail before or after it has acted."""

    def __init__(self, store, monkeypatch):
        self.open = threading.Event()
        self.entered = threading.Semaphore(0)
        self.fail_before = self.fail_after = False
        put = store.put

        def gated(key, data, *, overwrite=False):
            if not key.startswith("journal/"):
                return put(key, data, overwrite=overwrite)
            self.entered.release()
            assert self.open.wait(10)
            if self.fail_before:
                raise Unavailable(ErrorCode.STORE_FULL, "before")
            put(key, data, overwrite=overwrite)
            if self.fail_after:
                raise Unavailable(ErrorCode.STORE_FULL, "after")
            return None

        monkeypatch.setattr(store, "put", gated)


@pytest.fixture
def gate(lake, store, monkeypatch):
    return Gate(store, monkeypatch)


def names(store) -> list[SegmentName]:
    return [name for info in store.list("journal/") if (name := parse_name(info.key))]


def series(lake) -> list[str]:
    return sorted(lake.scan("points", columns=["series"]).to_pydict()["series"])


def test_threads_that_come_while_a_segment_is_on_its_way_share_the_next(lake, store, gate):
    threads = [
        threading.Thread(target=lake.append, args=("points", [{"series": f"{n:02}"}]))
        for n in range(20)
    ]
    threads[0].start()
    assert gate.entered.acquire(timeout=10)
    for thread in threads[1:]:
        thread.start()
    time.sleep(0.2)
    gate.open.set()
    for thread in threads:
        thread.join(10)
    assert series(lake) == [f"{n:02}" for n in range(20)]
    sequences = [name.sequence for name in names(store)]
    assert sequences[0] == 1
    assert len(sequences) <= 3
    assert sequences == list(range(1, len(sequences) + 1))


@pytest.mark.parametrize("after", [False, True])
def test_a_failed_put_is_kept_and_sent_once_before_the_next(lake, gate, after):
    gate.open.set()
    gate.fail_before, gate.fail_after = not after, after
    with pytest.raises(Unavailable) as caught:
        lake.append("points", [{"series": "a"}])
    assert caught.value.details["kept"] is True
    with pytest.raises(Unavailable) as caught:
        lake.append("points", [{"series": "b"}])
    # Where the first one turns out to be there, the second is tried, and kept in its turn.
    assert caught.value.details.get("kept", False) is after
    gate.fail_before = gate.fail_after = False
    lake.append("points", [{"series": "c"}])
    lake.settle()
    assert series(lake) == (["a", "b", "c"] if after else ["a", "c"])


def test_what_was_folded_and_deleted_meanwhile_is_not_put_again(lake, open_lake, gate, clock):
    gate.open.set()
    gate.fail_after = True
    with pytest.raises(Unavailable):
        lake.append("points", [{"series": "a"}])
    gate.fail_after = False
    other = open_lake(ended_writer_ms=0, lost_writer_ms=0)
    other.append("points", [{"series": "b"}])
    assert other.fold().segments == 2
    clock.advance(2 * 3600)
    lake.append("points", [{"series": "c"}])
    assert series(lake) == series(other) == ["a", "b", "c"]


def test_an_ended_stream_is_followed_by_another(lake, open_lake, store):
    with lake.batch(ends_stream=True) as batch:
        batch.append("points", [{"series": "a"}])
    lake.append("points", [{"series": "b"}])
    first, second = names(store)
    assert (first.sequence, second.sequence) == (1, 1)
    assert first.writer != second.writer
    lake.fold()
    assert series(open_lake()) == ["a", "b"]


def test_folds_forget_a_stream_once_its_segments_are_gone(open_lake, clock):
    lake = open_lake(ended_writer_ms=1000, lost_writer_ms=1000)
    for n in range(3):
        with lake.batch(ends_stream=True) as batch:
            batch.append("points", [{"series": str(n)}])
        lake.fold()
        clock.advance(10)
    state = lake.view().states["points"]
    # The newest folded segment stays listed, so its writer stays known, and one more is young.
    assert len(state.folded) <= 2
    assert state.folded.keys() == state.forget_at.keys()


def test_a_foreign_object_in_the_way_is_left_there_and_the_records_stored(
    lake, open_lake, store, monkeypatch
):
    put = store.put

    def squat(key, data, *, overwrite=False):
        if key.startswith("journal/"):
            monkeypatch.setattr(store, "put", put)
            put(key, b"something else")
        put(key, data, overwrite=overwrite)

    monkeypatch.setattr(store, "put", squat)
    lake.append("points", [{"series": "a"}])
    with pytest.raises(CorruptData, match="does not begin like a segment") as caught:
        series(open_lake())
    store.delete([caught.value.details["key"]])
    assert series(open_lake()) == ["a"]


def child(lake: Lake, folder: str) -> None:
    """Write in a forked child, through the parent's lake."""
    lake.append("points", [{"series": "child"}])
    assert "child" in series(lake)
    lake.fold()
    os._exit(0)


def test_a_forked_child_writes_a_stream_of_its_own(tmp_path):
    lake = Lake.open(str(tmp_path), tables=TABLES)
    writer = lake.writer(interval_ms=60_000)
    lake.append("points", [{"series": "parent"}])
    lake.sql("select count(*) from points")
    writer.append("points", [{"series": "buffered"}])
    with lake._writer._changed:  # as if another thread were in the middle of a commit
        process = multiprocessing.get_context("fork").Process(
            target=child, args=(lake, str(tmp_path)), daemon=True
        )
        process.start()
    process.join(60)
    if process.exitcode is None:
        process.kill()
    assert process.exitcode == 0
    writer.close(timeout_s=10)
    assert series(lake) == ["buffered", "child", "parent"]
