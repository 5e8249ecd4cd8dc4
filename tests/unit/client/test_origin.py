"""Where a run comes from, found out while it already logs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import mere
from mere.client import capture, outbox, spool
from mere.clock import SystemClock
from mere.errors import ErrorCode, Unavailable
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services import warehouse
from mere.services.tables import TABLES
from tests.unit.client.conftest import Script

PLACE = "memory://origin"


class Outage(MemoryStore):
    """A store that can be told to fail."""

    is_down = False

    def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
        if self.is_down:
            raise Unavailable(ErrorCode.STORE_UNAVAILABLE, "the store is down")
        return super().put(key, data, overwrite=overwrite)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Holds up every look at the code until it is set."""
    made = threading.Event()
    collect = capture._collect

    def slow(started: Any) -> Any:
        made.wait(30)
        return collect(started)

    monkeypatch.setattr(capture, "_collect", slow)
    monkeypatch.setattr(capture, "_parts", {})
    yield made
    made.set()
    for thread in threading.enumerate():  # else what they find out is the next test's
        if thread.name.startswith("mere looks"):
            thread.join(30)


@pytest.fixture
def store(url: str, monkeypatch: pytest.MonkeyPatch) -> Outage:
    made, clock = Outage(), SystemClock()
    lake = Lake.open(PLACE, tables=TABLES, store=made, clock=clock)
    warehouse._shared.open[PLACE] = warehouse.Warehouse(lake, clock, PLACE)
    monkeypatch.setenv("MERE_WAREHOUSE", PLACE)
    return made


def source(run: mere.Run) -> dict[str, Any]:
    (row,) = mere.sql("select source, command from runs").to_pylist()
    return {**row["source"], "command": row["command"]}


def test_what_is_logged_is_stored_before_the_code_is_known(url: str, gate: threading.Event) -> None:
    with mere.start_run(flush_interval_s=0.05) as run:
        run.log({"a": 1})
        began = time.monotonic()
        run.flush()
        assert time.monotonic() - began < 20  # and not as long as the look at the code takes
        assert not list(spool.spool_root().glob("*/*/0*"))
        known = source(run)
        assert (known["pid"] is not None, known["environment_digest"]) == (True, None)
        gate.set()
    known = source(run)
    assert known["pid"] is not None
    assert known["command"] is not None
    data = warehouse.open_warehouse().code.get(known["environment_digest"])
    assert data


def test_a_run_too_short_for_it_waits_for_it_at_its_end(url: str, gate: threading.Event) -> None:
    run = mere.start_run()
    threading.Timer(1.5, gate.set).start()
    run.finish()
    assert source(run)["environment_digest"] is not None


def test_an_end_waits_for_it_a_bounded_time(url: str, gate: threading.Event) -> None:
    run = mere.start_run(finish_timeout_s=2)
    run.log({"a": 1})
    began = time.monotonic()
    run.finish()
    assert time.monotonic() - began < 15
    (row,) = mere.sql("select status, metrics['a'] as a from runs").to_pylist()
    assert row == {"status": "FINISHED", "a": 1.0}


def test_it_goes_by_way_of_the_disk_as_all_else_does(store: Outage, gate: threading.Event) -> None:
    run = mere.start_run(flush_interval_s=0.05)
    run.flush()
    store.is_down = True
    run.log({"a": 1})
    with pytest.raises(mere.Unavailable):
        run.flush(timeout_s=0.5)
    gate.set()
    give_up = time.monotonic() + 30
    while not list(spool.spool_root().glob("*/*/0*.code")):
        assert time.monotonic() < give_up
        time.sleep(0.05)
    run.finish(timeout_s=0.5)
    store.is_down = False
    outbox.sync()
    known = source(run)
    assert warehouse.open_warehouse().code.get(known["environment_digest"])
    assert not list(spool.spool_root().glob("*/*/0*"))


def test_what_cannot_be_found_out_stops_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Any) -> Any:
        raise OSError("the folder is gone")

    monkeypatch.setattr(capture, "_collect", broken)
    monkeypatch.setattr(capture, "_parts", {})
    with mere.start_run() as run:
        run.log({"a": 1})
    known = source(run)
    assert (known["pid"] is not None, known["environment_digest"]) == (True, None)


def test_a_short_script_keeps_where_it_comes_from(script: Script) -> None:
    done = script("import mere\nmere.start_run().log({'a': 1})\n")
    assert (done.returncode, done.stderr) == (0, "")
    (row,) = mere.sql("select source, command from runs").to_pylist()
    assert row["source"]["environment_digest"] is not None
    assert row["command"] is not None
