from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from mere.entities.metric import Points
from mere.entities.run import Run, RunSource, RunStatus
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services.runs import processes
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def house(clock: ManualClock) -> Iterator[Warehouse]:
    lake = Lake.open("memory://", tables=TABLES, store=MemoryStore(clock), clock=clock)
    opened = Warehouse(lake, clock, "memory://")
    yield opened
    opened.close()


def now(clock: ManualClock) -> datetime:
    return EPOCH + timedelta(microseconds=clock.now_us())


def make(house: Warehouse, clock: ManualClock, digit: str = "a", **fields) -> Run:
    values = {"run_id": digit * 32, "experiment_id": "0", "started_at": now(clock), **fields}
    return house.runs.create(Run(**values))


def test_what_is_created_is_found(house: Warehouse, clock: ManualClock) -> None:
    source = RunSource(entrypoint="train.py", git_dirty=True, pid=None)
    made = make(house, clock, name="n", params={"lr": "1"}, tags={"t": "x"}, source=source)
    found = house.runs.get(made.run_id)
    assert (found.name, found.params, found.tags, found.source) == (
        "n",
        {"lr": "1"},
        {"t": "x"},
        source,
    )
    assert found.status is RunStatus.RUNNING
    assert found.created_at is not None


def test_params_never_change(house: Warehouse, clock: ManualClock) -> None:
    run = make(house, clock)
    house.runs.log_params(run.run_id, {"lr": 0.1})
    house.runs.log_params(run.run_id, {"lr": "0.1", "depth": 3})
    with pytest.raises(InvalidInput, match=r"'lr' is '0.1' and cannot become '0.2'") as caught:
        house.runs.log_params(run.run_id, {"lr": 0.2, "other": 1})
    assert caught.value.code is ErrorCode.PARAM_CHANGED
    assert house.runs.get(run.run_id).params == {"lr": "0.1", "depth": "3"}


def test_tags_change_and_go(house: Warehouse, clock: ManualClock) -> None:
    run = make(house, clock, tags={"a": "1", "b": "2"})
    house.runs.set_tags(run.run_id, {"a": None, "b": 3})
    assert house.runs.get(run.run_id).tags == {"b": "3"}


def test_a_run_ends(house: Warehouse, clock: ManualClock) -> None:
    run = make(house, clock)
    clock.advance(5)
    house.runs.finish(run.run_id, "failed")
    found = house.runs.get(run.run_id)
    assert found.status is RunStatus.FAILED
    assert found.ended_at == now(clock)
    with pytest.raises(InvalidInput, match="does not end a run"):
        house.runs.finish(run.run_id, "RUNNING")


def test_an_unknown_run_is_not_found(house: Warehouse) -> None:
    for act in (house.runs.get, house.runs.finish, house.runs.find):
        with pytest.raises(NotFound, match="mere runs"):
            act("b" * 32)


def test_found_by_the_beginning_of_the_id_or_by_name(house: Warehouse, clock: ManualClock) -> None:
    make(house, clock, run_id="ab" + "0" * 30, name="one")
    make(house, clock, run_id="ac" + "0" * 30, name="two")
    assert house.runs.find("AB").name == "one"
    assert house.runs.find("two").run_id.startswith("ac")
    with pytest.raises(InvalidInput, match="may mean 2 runs"):
        house.runs.find("a")


def test_search_filters_orders_and_limits(house: Warehouse, clock: ManualClock) -> None:
    house.experiments.create("digits")
    home = house.experiments.find("digits").experiment_id
    for digit, loss in (("a", 0.3), ("b", 0.1), ("c", 0.2)):
        run = make(house, clock, digit, experiment_id=home, params={"d": digit})
        points = Points()
        points.add("loss", 1, clock.now_us(), loss)
        house.metrics.log(run.run_id, points)
        clock.advance(1)
    make(house, clock, "d")
    house.runs.finish("a" * 32)

    def ids(**filters) -> str:
        found = house.runs.search(**filters)["run_id"].to_pylist()
        return "".join(run_id[0] for run_id in found)

    assert ids() == "dcba"
    assert ids(experiment="digits", order="metrics['loss']") == "bca"
    assert ids(where="metrics['loss'] < 0.25") == "cb"
    assert ids(where="params['d'] = 'a' or params['d'] = 'b' -- either", limit=1) == "b"
    assert ids(status="finished") == "a"
    assert ids(experiment="none") == ""
    with pytest.raises(InvalidInput, match="limit"):
        house.runs.search(limit=-1)
    with pytest.raises(InvalidInput):
        house.runs.search(where="nonsense (")


def test_a_silent_run_counts_as_killed(house: Warehouse, clock: ManualClock) -> None:
    run = make(house, clock, heartbeat_at=now(clock))
    last = now(clock)
    clock.advance(299)
    assert house.runs.get(run.run_id).status is RunStatus.RUNNING
    clock.advance(2)
    assert house.runs.get(run.run_id).status is RunStatus.KILLED
    assert house.runs.get(run.run_id).ended_at == last
    (row,) = house.runs.search(status="KILLED").to_pylist()
    assert (row["status"], row["ended_at"]) == ("KILLED", last)
    assert house.runs.search(status="RUNNING").num_rows == 0
    # Until somebody writes it down, it is only what we make of it.
    assert house.sql("select status from runs")["status"].to_pylist() == ["RUNNING"]
    assert house.runs.reap() == [run.run_id]
    assert house.sql("select status, ended_at from runs").to_pylist() == [
        {"status": "KILLED", "ended_at": last}
    ]
    assert house.runs.reap() == []


def test_a_run_that_sends_no_heartbeat_is_believed(house: Warehouse, clock: ManualClock) -> None:
    run = make(house, clock)
    clock.advance(10**6)
    assert house.runs.get(run.run_id).status is RunStatus.RUNNING


def test_a_run_whose_process_is_gone_is_dead(house: Warehouse, clock: ManualClock) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    began_us = processes.process_started_us(child.pid)
    assert began_us is not None
    source = RunSource(
        pid=child.pid,
        machine=processes.this_machine(),
        process_started_at=EPOCH + timedelta(microseconds=began_us),
    )
    run = make(house, clock, source=source, heartbeat_at=now(clock))
    assert house.runs.get(run.run_id).status is RunStatus.RUNNING
    child.communicate(b"\n")
    assert house.runs.get(run.run_id).status is RunStatus.KILLED


def test_a_process_number_used_again_is_another_process(
    house: Warehouse, clock: ManualClock
) -> None:
    source = RunSource(pid=os.getpid(), machine=processes.this_machine(), process_started_at=EPOCH)
    run = make(house, clock, source=source, heartbeat_at=now(clock))
    assert house.runs.get(run.run_id).status is RunStatus.KILLED


def test_processes_of_other_machines_are_unknown(house: Warehouse, clock: ManualClock) -> None:
    source = RunSource(pid=2**22 + 1, machine="elsewhere")
    run = make(house, clock, source=source, heartbeat_at=now(clock))
    assert house.runs.get(run.run_id).status is RunStatus.RUNNING


def test_the_history_of_a_metric_is_in_order(house: Warehouse, clock: ManualClock) -> None:
    run = make(house, clock)
    for step, value in ((2, float("nan")), (1, float("inf")), (1, 0.5)):
        points = Points()
        clock.advance(1)
        points.add("a b/ü", step, clock.now_us(), value)
        house.metrics.log(run.run_id, points)
    values = house.metrics.history(run.run_id, "a b/ü")["value"].to_pylist()
    assert values[:2] == [float("inf"), 0.5]
    assert values[2] != values[2]
    summary = house.runs.get(run.run_id).metric_summary["a b/ü"]
    assert (summary.step, summary.min, summary.max, summary.count) == (2, 0.5, float("inf"), 3)
