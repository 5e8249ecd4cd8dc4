"""A store that is down: training goes on, and nothing is lost or stored twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import mere
from mere.client import outbox
from mere.client.room import Room
from mere.client.spool import spool_root
from mere.clock import SystemClock
from mere.errors import ErrorCode, Unavailable
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services import warehouse
from mere.services.tables import TABLES
from mere.testing.clock import ManualClock

URL = "memory://outage"


class Outage(MemoryStore):
    """A store that can be told to fail: before it acts (`down`) or after it (`lost`)."""

    mode = ""

    def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
        is_own = key in self._objects and self.get(key) == data
        if self.mode != "down" and not is_own:
            is_own = super().put(key, data, overwrite=overwrite)
        if self.mode in ("down", "lost"):
            raise Unavailable(ErrorCode.STORE_UNAVAILABLE, f"the store is {self.mode}")
        return is_own


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outage]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = Outage()
    clock = SystemClock()
    lake = Lake.open(URL, tables=TABLES, store=made, clock=clock)
    warehouse._shared.open[URL] = warehouse.Warehouse(lake, clock, URL)
    yield made
    made.mode = ""
    while (run := mere.active_run()) is not None:
        run.finish(timeout_s=0)
    warehouse.close_warehouses()
    outbox._outboxes.reset()


def start(**options) -> mere.Run:
    return mere.start_run(warehouse=URL, flush_interval_s=0.05, **options)


def values() -> list[float]:
    return sorted(mere.sql("select value from metrics", warehouse=URL)["value"].to_pylist())


@pytest.mark.parametrize("mode", ["down", "lost"])
def test_what_is_logged_meanwhile_is_stored_once(
    store: Outage, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    with start() as run:
        run.log({"a": 0})
        run.flush()
        store.mode = mode
        for value in range(1, 20):
            run.log({"a": value})
            if value % 5 == 0:
                with pytest.raises(mere.Unavailable):
                    run.flush()
        store.mode = ""
        run.flush()
        assert values() == [float(n) for n in range(20)]
        run.log({"a": 20})
    assert values() == [float(n) for n in range(21)]
    stored = mere.get_run(run.run_id, warehouse=URL)
    assert stored.metric_summary["a"].count == 21
    assert stored.status == "FINISHED"
    messages = [record.getMessage() for record in caplog.records]
    assert sum("does not take what is logged" in message for message in messages) == 1
    assert sum("answers again" in message for message in messages) == 1


@pytest.mark.parametrize("mode", ["down", "lost"])
def test_a_run_may_begin_while_the_store_is_down(store: Outage, mode: str) -> None:
    store.mode = mode
    run = start(experiment="digits", params={"lr": 1})
    run.log({"a": 1})
    with pytest.raises(mere.Unavailable):
        run.flush()
    store.mode = ""
    run.finish()
    stored = mere.get_run(run.run_id, warehouse=URL)
    assert (stored.params, stored.metrics, stored.status) == ({"lr": "1"}, {"a": 1.0}, "FINISHED")


def test_a_run_that_cannot_end_gives_up_in_time_and_says_so(
    store: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    run = start(finish_timeout_s=0.3)
    run.log({"a": 1})
    run.flush()
    store.mode = "down"
    run.log({"a": 2})
    began = time.monotonic()
    run.finish()
    assert time.monotonic() - began < 5
    assert "`mere sync`" in caplog.text


def test_an_outage_at_the_very_end_is_waited_out(store: Outage) -> None:
    run = start()
    run.log({"a": 1})
    run.flush()
    store.mode = "lost"
    run.log({"a": 2})

    class Heals(Outage):
        puts = 0

        def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
            Heals.puts += 1
            if Heals.puts > 2:
                self.mode = ""
            return super().put(key, data, overwrite=overwrite)

    store.__class__ = Heals
    run.finish()
    assert values() == [1.0, 2.0]
    assert mere.get_run(run.run_id, warehouse=URL).status == "FINISHED"


def test_memory_is_bounded_while_the_store_is_down(
    store: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    with start() as run:
        run.flush()
        store.mode = "down"
        run._buffer.points_max = 1000
        for value in range(3000):
            run.log({"a": value})
        with pytest.raises(mere.Unavailable):
            run.flush()
        assert len(run._buffer._calls) <= 1000
        store.mode = ""
    kept = values()
    assert kept == [float(n) for n in range(len(kept))]
    assert 1000 <= len(kept) <= 2000
    assert "no more are held" in caplog.text


def test_a_batch_of_a_thousand_points_is_one_put(store: Outage) -> None:
    puts: list[str] = []

    class Counting(Outage):
        def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
            puts.append(key)
            return super().put(key, data, overwrite=overwrite)

    store.__class__ = Counting
    run = mere.start_run(warehouse=URL, flush_interval_s=3600)
    run.flush()
    puts.clear()
    for value in range(1000):
        run.log({"a": value})
    run.flush()
    assert len(puts) == 1
    assert puts[0].startswith("journal/")


def test_what_fails_by_a_bug_is_not_doubled(
    store: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    class Buggy(Outage):
        def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
            was_there = super().put(key, data, overwrite=overwrite)
            if self.mode == "buggy":
                raise AttributeError("after the deed")
            return was_there

    with start() as run:
        run.flush()
        store.__class__ = Buggy
        store.mode = "buggy"
        run.log({"a": 1})
        with pytest.raises(mere.Internal, match="after the deed"):
            run.flush()
        store.mode = ""
        run.log({"a": 2})
    assert values() == [1.0, 2.0]
    assert "please report it" in caplog.text


@pytest.mark.parametrize("mode", ["down", "lost"])
def test_if_the_disk_takes_nothing_either_it_is_held_in_memory(
    store: Outage,
    mode: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with start() as run:
        run.flush()
        store.mode = mode
        for value in range(20):
            run.log({"a": value})
            if value % 5 == 0:
                with pytest.raises(mere.Unavailable):
                    run.flush()
        assert "kept in memory" in caplog.text
        store.mode = ""
        run.flush()
        assert values() == [float(n) for n in range(20)]
    assert mere.get_run(run.run_id, warehouse=URL).status == "FINISHED"


def test_what_the_disk_holds_again_is_sent_in_order(
    store: Outage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    run = start()
    run.flush()
    store.mode = "lost"
    run.log({"a": 1})
    with pytest.raises(mere.Unavailable):
        run.flush()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    run.log({"a": 2})
    with pytest.raises(mere.Unavailable):
        run.flush()
    assert list((tmp_path / "state").rglob("*.segment*"))
    store.mode = ""
    run.finish()
    assert values() == [1.0, 2.0]
    assert not list((tmp_path / "state").rglob("*.segment*"))


# The bound on what waits on disk


def test_at_its_bound_the_disk_takes_no_more_and_training_goes_on(
    store: Outage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MERE_SPOOL_GB", "0.00002")  # 20,000 bytes
    with start(console=False, system_metrics=False) as run:
        run.flush()
        run._buffer.points_max = 1000
        store.mode = "down"
        for value in range(30_000):
            run.log({"a": value / 7})
            if value % 500 == 0:
                with pytest.raises(mere.Unavailable):
                    run.flush()
        run.log_text("large.txt", "x" * 30_000)
        used = sum(path.stat().st_size for path in spool_root().rglob("*") if path.is_file())
        assert 20_000 <= used < 60_000  # a parcel may go beyond it
        messages = [record.getMessage() for record in caplog.records]
        assert sum("MERE_SPOOL_GB" in text and "mere sync" in text for text in messages) == 1
        dropped = run._buffer.dropped
        assert dropped > 0
        store.mode = ""
    kept = values()
    assert len(kept) == len(set(kept)) == 30_000 - dropped
    assert f"{dropped:d} values were dropped in all" in caplog.text
    assert mere.get_run(run.run_id, warehouse=URL).status == "FINISHED"
    assert mere.open_artifact(run, "large.txt").read() == b"x" * 30_000


def test_without_any_room_it_is_as_if_the_disk_were_full(
    store: Outage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MERE_SPOOL_GB", "0")
    store.mode = "lost"
    with start() as run:
        run.log({"a": 1})
        with pytest.raises(mere.Unavailable):
            run.flush(timeout_s=0.5)
        assert not list(spool_root().rglob("0*"))
        store.mode = ""
    assert values() == [1.0]
    assert "MERE_SPOOL_GB" in caplog.text


def test_a_bound_that_is_none_is_refused_before_a_run_starts(
    store: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in ("-1", "ten", "nan", "inf", "1e9"):
        monkeypatch.setenv("MERE_SPOOL_GB", wrong)
        with pytest.raises(mere.InvalidInput, match="MERE_SPOOL_GB"):
            start()
    monkeypatch.setenv("MERE_SPOOL_GB", " 0.5 ")
    start().finish()


def test_files_leave_the_last_tenth_to_records(tmp_path: Path) -> None:
    clock = ManualClock()
    room = Room(tmp_path / "spool", 1_000, clock)
    room.take(900, is_file=True)
    with pytest.raises(Unavailable, match="900 bytes wait in"):
        room.take(1, is_file=True)
    room.take(500)
    with pytest.raises(Unavailable):
        room.check()
    clock.advance(60)
    room.check()  # measured again: nothing is there
    (tmp_path / "spool" / "aside").mkdir(parents=True)
    (tmp_path / "spool" / "aside" / "x").write_bytes(b"x" * 1_000)
    room.measure_soon()
    with pytest.raises(Unavailable):
        room.check()
