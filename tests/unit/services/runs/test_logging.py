"""Writes to runs that exist: checked whole, and judged by what is known of the run."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from mere.entities.run import Run
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.lake.records import Batch
from mere.services.runs.gate import FRESH_MS
from mere.services.runs.histories import in_order
from mere.services.runs.logging import Point, by_column
from mere.services.runs.recent_points import RecentPoints
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock
from mere.testing.counting import CountingStore

RUN = "0" * 31 + "1"
AT = 1_700_000_000_000_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> CountingStore:
    return CountingStore(MemoryStore(clock))


def open_house(store: CountingStore, clock: ManualClock) -> Warehouse:
    lake = Lake.open("memory://", tables=TABLES, store=store, clock=clock)
    return Warehouse(lake, clock, "memory://")


@pytest.fixture
def house(store: CountingStore, clock: ManualClock) -> Iterator[Warehouse]:
    """One replica, with one run."""
    opened = open_house(store, clock)
    opened.experiments.get_or_create("Default")
    opened.runs.create(Run(run_id=RUN, experiment_id="0"))
    yield opened
    opened.close()


@pytest.fixture
def other(house: Warehouse, store: CountingStore, clock: ManualClock) -> Iterator[Warehouse]:
    """Another replica on the same bucket."""
    del house
    opened = open_house(store, clock)
    yield opened
    opened.close()


def write(house: Warehouse, batch: Batch) -> None:
    with house.lake.batch() as writing:
        writing.records.extend(batch)


def refused(call: Any, *args: Any) -> ErrorCode:
    with pytest.raises((InvalidInput, NotFound)) as caught:
        call(*args)
    return caught.value.code


def test_the_quick_batch_of_a_point_is_the_checked_one(house: Warehouse) -> None:
    run = house.logging.gate.look(RUN)
    for value in (0.5, -math.inf, 0.0):
        quick = house.logging.plan_point(run, "acc", 3, AT, value)
        checked = house.logging.plan(run, by_column([Point("acc", 3, AT, value)]))
        assert (quick.logs, quick.patches, quick.records) == (
            checked.logs,
            checked.patches,
            checked.records,
        )
        assert set(quick.points) == set(checked.points)


def test_a_point_that_comes_twice_is_there_once(house: Warehouse) -> None:
    run = house.logging.gate.look(RUN)
    points = [Point("acc", 1, AT, 0.5), Point("acc", 1, AT, math.nan), Point("acc", 2, AT, 0.5)]
    batch = house.logging.plan(run, by_column([*points, *points]))
    assert batch.logs["metrics"][0].rows == 3
    # A client that got no answer sends the same again, perhaps to another server.
    write(house, batch)
    write(house, house.logging.plan(run, by_column(points)))
    found = house.metrics.histories.of([RUN], "acc")[RUN]
    assert found.num_rows == 3
    assert house.metrics.history(RUN, "acc").num_rows == 3
    summary = house.runs.get(RUN).metric_summary["acc"]
    assert (summary.step, summary.value, summary.min, summary.max) == (2, 0.5, 0.5, 0.5)


def test_what_is_stored_is_not_planned_again_here_or_at_another_replica(
    house: Warehouse, other: Warehouse, clock: ManualClock
) -> None:
    points = by_column(
        [Point("acc", 1, AT, 0.5), Point("acc", 2, AT, math.nan), Point("acc", 3, AT, 1, "m")]
    )
    for replica in (house, other):
        replica.logging.gate.look(RUN)
    run = house.logging.gate.look(RUN)
    batch = house.logging.plan(run, points)
    # It may fail to be stored: until it has not, the same is planned again.
    assert house.logging.plan(run, points).records == batch.records
    write(house, batch)
    house.logging.remember(batch)
    assert house.logging.plan(run, points).records == 0
    assert house.logging.plan_point(run, "acc", 1, AT, 0.5).records == 0
    assert house.logging.plan_point(run, "acc", 1, AT, 0.25).records == 2
    clock.advance(FRESH_MS + 1)
    assert other.logging.plan(other.logging.gate.look(RUN), points).records == 0
    house.lake.fold()
    clock.advance(FRESH_MS + 1)
    assert other.logging.plan(other.logging.gate.look(RUN), points).records == 0
    assert house.runs.get(RUN).metric_summary["acc"].count == 3


def test_of_a_batch_only_what_is_stored_already_is_left_out(house: Warehouse) -> None:
    run = house.logging.gate.look(RUN)
    points = [Point("acc", step, AT, step / 2) for step in range(6)]
    stored = house.logging.plan(run, by_column(points[1:4:2]))
    write(house, stored)
    house.logging.remember(stored)
    again = house.logging.plan(run, by_column([*points, points[0]]))
    assert again.logs["metrics"][0].columns["step"] == [0, 2, 4, 5]
    assert (again.logs["metrics"][0].rows, len(again.points)) == (4, 4)
    write(house, again)
    summary = house.runs.get(RUN).metric_summary["acc"]
    assert (summary.count, summary.step, summary.min, summary.max) == (6, 5, 0.0, 2.5)


def test_points_are_told_apart_by_all_they_have(house: Warehouse) -> None:
    """Next to each other in one number, and with zeros and NaN in every form."""
    chance = random.Random(7)
    points = {
        (key, step, AT + late, value)
        for key in ("acc", "loss")
        for step in (-2, -1, 0, 1, 2**62, -(2**63), chance.getrandbits(60))
        for late in (0, 1, 2, 1000)
        for value in (0.0, -1.0, -2.0, 1.0, 2.0, 0.1, math.inf, -math.inf, 5e-324)
    }
    columns = dict(by_column([Point(*point) for point in points]))
    columns["run_id"] = [RUN] * len(points)
    recent = RecentPoints()
    identity, identities = recent.identity, recent.identities
    found = identities(columns)
    assert len(set(found)) == len(points)
    assert found == [identity(RUN, *point) for point in points]
    about: dict[str, list[Any]] = {"logged_model_id": [None], "dataset_name": [None]}
    one: dict[str, list[Any]] = {"run_id": [RUN], "key": ["acc"], "step": [1], "timestamp": [AT]}
    nans = [math.nan, -math.nan, math.inf - math.inf]
    assert len({*(identities({**one, **about, "value": [n]})[0] for n in nans)}) == 1
    assert identity(RUN, "acc", 1, AT, math.nan) == identities({**one, "value": [-math.nan]})[0]
    zeros = {identity(RUN, "acc", 1, AT, zero) for zero in (0.0, -0.0)}
    assert zeros == {*identities({**one, "value": [0.0]}), *identities({**one, "value": [-0.0]})}
    assert len(zeros) == 1
    assert identities({**one, **about, "value": [1.0]}) == identities({**one, "value": [1.0]})
    for name in ("logged_model_id", "dataset_name", "dataset_digest"):
        assert identities({**one, "value": [1.0], name: ["m"]}) != identities(
            {**one, "value": [1.0]}
        )


def test_points_that_somebody_wrote_by_hand_and_not_whole_harm_nobody(
    house: Warehouse, other: Warehouse, clock: ManualClock
) -> None:
    house.logging.gate.look(RUN)
    other.lake.append("metrics", [{"run_id": RUN, "key": "acc", "step": 1}])
    other.lake.append("metrics", [{"run_id": RUN, "key": "acc", "step": None, "value": 1.0}])
    whole = {"run_id": RUN, "key": "acc", "step": 1, "timestamp": AT, "value": 1.0}
    other.lake.append("metrics", [whole])
    clock.advance(FRESH_MS + 1)
    run = house.logging.gate.look(RUN)
    assert house.logging.plan_point(run, "acc", 1, AT, 1.0).records == 0


def test_the_points_remembered_are_bounded(house: Warehouse) -> None:
    recent = house.logging.gate.recent = RecentPoints(points_max=10)
    run = house.logging.gate.look(RUN)
    for step in range(100):
        house.logging.remember(house.logging.plan_point(run, "acc", step, AT, 0.5))
    known = [step for step in range(100) if recent.identity(RUN, "acc", step, AT, 0.5) in recent]
    assert known == list(range(known[0], 100))
    assert 5 <= len(known) <= 10


def test_no_point_is_taken_for_another_whose_series_was_forgotten() -> None:
    recent = RecentPoints(points_max=6)
    for number in range(50):
        point = recent.identity(RUN, f"metric {number}", 0, AT, 0.5)
        assert point not in recent
        recent.add([point])
    assert recent.identity(RUN, "metric 49", 0, AT, 0.5) in recent


def test_points_of_equal_times_are_sorted_and_of_rising_times_left_alone() -> None:
    import pyarrow as pa

    times = pa.array([3, 1, 1, 1], pa.timestamp("us", "UTC"))
    columns = {"step": [1, 2, 2, 1], "timestamp": times, "value": [1.0, math.nan, math.nan, 5.0]}
    steps = in_order(pa.table(columns))["step"].to_pylist()
    assert steps == [1, 2, 1]
    rising = pa.table({"step": [2, 1], "timestamp": times.take([1, 0]), "value": [1.0, 1.0]})
    assert in_order(rising)["step"].to_pylist() == [2, 1]


def test_a_history_that_grew_is_read_again(house: Warehouse) -> None:
    run = house.logging.gate.look(RUN)
    for step in range(3):
        write(house, house.logging.plan_point(run, "acc", step, AT + step, 0.5))
        assert house.metrics.histories.of([RUN, "f" * 32], "acc")[RUN].num_rows == step + 1
    assert house.metrics.histories.of([RUN], "unknown") == {}


def test_a_batch_is_refused_whole(house: Warehouse) -> None:
    run = house.logging.gate.look(RUN)
    point = by_column([Point("acc", 1, AT, 0.5)])
    assert refused(house.logging.plan, run, point, {"k" * 251: "v"}) == ErrorCode.LIMIT_EXCEEDED
    unnamed = by_column([Point("", 1, AT, 0.5)])
    assert refused(house.logging.plan, run, unnamed) == ErrorCode.INVALID_VALUE
    house.logging.log_params(RUN, {"lr": "1"})
    assert (
        refused(house.logging.log_params, RUN, {"new": "1", "lr": "2"}, point)
        == ErrorCode.PARAM_CHANGED
    )
    stored = house.runs.get(RUN)
    assert (stored.params, stored.metrics) == ({"lr": "1"}, {})


def test_params_are_checked_against_what_another_replica_wrote(
    house: Warehouse, other: Warehouse
) -> None:
    house.logging.gate.look(RUN)
    other.logging.log_params(RUN, {"lr": "1"})
    assert refused(house.logging.log_params, RUN, {"lr": "2"}) == ErrorCode.PARAM_CHANGED
    house.logging.log_params(RUN, {"lr": "1", "depth": 3})
    other.lake.fold()
    assert refused(other.logging.log_params, RUN, {"depth": "4"}) == ErrorCode.PARAM_CHANGED


def test_of_two_values_at_once_one_wins(house: Warehouse) -> None:
    failed = []
    barrier = threading.Barrier(8)

    def log(value: int) -> None:
        barrier.wait()
        try:
            house.logging.log_params(RUN, {"seed": value})
        except InvalidInput:
            failed.append(str(value))

    threads = [threading.Thread(target=log, args=(value,)) for value in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failed) == 7
    assert house.runs.get(RUN).params["seed"] not in failed


def test_a_param_that_another_replica_wrote_just_before_keeps_its_value(
    house: Warehouse, other: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = house.logging.gate.look

    def look_too_early(*args: Any, **kwargs: Any) -> Any:
        found = look(*args, **kwargs)
        monkeypatch.undo()
        other.logging.log_params(RUN, {"lr": "theirs", "same": "1", "other": "1"})
        return found

    monkeypatch.setattr(house.logging.gate, "look", look_too_early)
    mine = {"lr": "mine", "same": "1", "new": "1"}
    assert refused(house.logging.log_params, RUN, mine) == ErrorCode.PARAM_CHANGED
    expected = {"lr": "theirs", "same": "1", "other": "1", "new": "1"}
    for replica in (house, other):
        assert replica.runs.get(RUN).params == expected
        assert refused(replica.logging.log_params, RUN, {"lr": "mine"}) == ErrorCode.PARAM_CHANGED
    house.logging.log_params(RUN, {"lr": "theirs"})


def test_a_param_that_another_replica_writes_just_after_has_the_later_value(
    house: Warehouse, other: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if both had looked before either wrote, and the other had not looked again yet."""
    catch_up = house.logging.gate.catch_up

    def catch_up_late() -> None:
        monkeypatch.undo()
        other.lake.patch("runs", [{"run_id": RUN, "params": {"lr": "theirs"}}])
        catch_up()

    monkeypatch.setattr(house.logging.gate, "catch_up", catch_up_late)
    assert refused(house.logging.log_params, RUN, {"lr": "mine"}) == ErrorCode.PARAM_CHANGED
    assert house.runs.get(RUN).params == {"lr": "theirs"}


def test_no_value_of_a_param_that_was_acknowledged_changes(
    house: Warehouse, other: Warehouse
) -> None:
    names, told = [f"p{i}" for i in range(60)], []
    barrier = threading.Barrier(2)

    def log(replica: Warehouse, value: str) -> None:
        for name in names:
            barrier.wait()
            try:
                replica.logging.log_params(RUN, {name: value})
            except InvalidInput:
                continue
            told.append((name, value))

    threads = [
        threading.Thread(target=log, args=(replica, value))
        for replica, value in ((house, "mine"), (other, "theirs"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = other.runs.get(RUN).params
    assert stored.keys() == set(names)
    assert [(name, value) for name, value in told if stored[name] != value] == []


def test_a_run_deleted_elsewhere_is_refused_within_half_a_second(
    house: Warehouse, other: Warehouse, clock: ManualClock
) -> None:
    gate = house.logging.gate
    gate.look(RUN)
    assert gate.peek(RUN) is not None
    other.runs.delete([RUN])
    clock.sleep(FRESH_MS / 1000 + 0.001)
    assert gate.peek(RUN) is None
    assert refused(gate.look, RUN) == ErrorCode.RUN_DELETED
    other.runs.restore([RUN])
    # What was refused is looked up anew.
    assert gate.look(RUN).run_id == RUN


def test_a_run_of_a_deleted_experiment_is_refused(
    house: Warehouse, other: Warehouse, clock: ManualClock
) -> None:
    gate = house.logging.gate
    gate.look(RUN)
    other.experiments.delete("0")
    clock.sleep(1)
    assert refused(gate.look, RUN) == ErrorCode.RUN_DELETED
    assert refused(gate.look_experiment, "0") == ErrorCode.EXPERIMENT_DELETED
    other.experiments.restore("0")
    clock.sleep(1)
    assert gate.look(RUN).experiment_id == "0"
    assert gate.look_experiment("0").is_active


def test_what_is_not_there_is_not_found(house: Warehouse) -> None:
    assert refused(house.logging.gate.look, "f" * 32) == ErrorCode.RUN_NOT_FOUND
    assert refused(house.logging.gate.look_experiment, "9") == ErrorCode.EXPERIMENT_NOT_FOUND
    assert refused(house.logging.remove_tag, RUN, "none") == ErrorCode.TAG_NOT_FOUND


def test_own_writes_do_not_make_the_gate_forget(
    house: Warehouse, store: CountingStore, clock: ManualClock
) -> None:
    gate = house.logging.gate
    known = gate.look(RUN)
    house.logging.log_params(RUN, {"a": 1})
    write(house, house.logging.plan(known, by_column([Point("acc", 1, AT, 0.5)]), {"t": "v"}))
    clock.sleep(1)
    before = store.counts.copy()
    assert gate.look(RUN) is known
    assert store.counts["list"] - before["list"] == 1
    assert store.counts["get"] == before["get"]


def test_a_fold_elsewhere_makes_the_gate_read_again(
    house: Warehouse, other: Warehouse, clock: ManualClock
) -> None:
    gate = house.logging.gate
    gate.look(RUN)
    other.runs.delete([RUN])
    other.lake.fold()
    clock.sleep(1)
    assert refused(gate.look, RUN) == ErrorCode.RUN_DELETED


def test_a_tag_is_changed_by_its_value_one_at_a_time(house: Warehouse) -> None:
    def more(known: str | None) -> str:
        return f"{known or ''}x"

    threads = [
        threading.Thread(target=house.logging.change_tag, args=(RUN, "list", more))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert house.runs.get(RUN).tags == {"list": "xxxxx"}
    house.logging.remove_tag(RUN, "list")
    assert house.runs.get(RUN).tags == {}
