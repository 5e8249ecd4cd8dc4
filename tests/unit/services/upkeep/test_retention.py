from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mere.clock import Clock
from mere.entities.dataset import PURGED, Dataset
from mere.entities.metric import Points
from mere.entities.run import Run, RunSource
from mere.entities.span import Span
from mere.errors import CorruptData, InvalidInput, NotFound
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.lake.objects.retry import RetryingStore
from mere.lake.objects.store import ObjectInfo
from mere.services.tables import TABLES
from mere.services.traces.span_values import VALUE_CHARS_MAX
from mere.services.upkeep.retention_plan import DAY_US, BinnedDataset, BinnedRun, GcState, plan_gc
from mere.services.upkeep.retention_state import read_state
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_S = 86_400


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> MemoryStore:
    return MemoryStore(clock)


def opened(store: Any, clock: ManualClock) -> Warehouse:
    kept = RetryingStore(store, clock)  # a put of what is there already is fine, as in real life
    lake = Lake.open("memory://", tables=TABLES, store=kept, clock=clock)
    return Warehouse(lake, clock, "memory://")


@pytest.fixture
def house(store: MemoryStore, clock: ManualClock) -> Iterator[Warehouse]:
    made = opened(store, clock)
    yield made
    made.close()


def now(clock: Clock) -> datetime:
    return EPOCH + timedelta(microseconds=clock.now_us())


def make(house: Warehouse, digit: str, **fields: Any) -> str:
    """A run with points, console lines, two artifacts, code and an environment."""
    run_id = digit * 32
    code = house.code.put(f"code of {digit}".encode())
    environment = house.code.put(b"the environment that all share")
    source = RunSource(diff_digest=code, environment_digest=environment)
    values = {"experiment_id": "0", "started_at": now(house.clock), "source": source, **fields}
    house.runs.create(Run(run_id=run_id, **values))
    points = Points()
    for step in range(3):
        points.add("loss", step, house.clock.now_us(), 1.0 / (step + 1))
    house.metrics.log(run_id, points)
    line = {"process": 0, "line": 0, "stream": "stdout", "text": "hello"}
    house.lake.append("console", [{"run_id": run_id, **line}])
    house.artifacts.put_bytes(run_id, "model.bin", b"weights" * 10)
    house.artifacts.put_bytes(run_id, "plots/a.txt", b"plot")
    return run_id


def remains(house: Warehouse, run_id: str) -> dict[str, int]:
    """How much there is of a run, by table, and its objects."""
    found = {
        table: house.sql(f"select * from {table} where {column} = $id", {"id": run_id}).num_rows
        for table, column in (
            ("runs", "run_id"),
            ("metrics", "run_id"),
            ("console", "run_id"),
            ("artifacts", "owner"),
            ("lineage", "run_id"),
        )
    }
    found["objects"] = len(house.lake.blobs.list(f"artifacts/{run_id}/"))
    return {name: count for name, count in found.items() if count}


WHOLE = {"runs": 1, "metrics": 3, "console": 1, "artifacts": 2, "objects": 2}


def kinds(report: Any) -> list[str]:
    return [action.kind for action in report.actions]


# The bin


def test_deleted_runs_are_in_no_list_and_come_back(house: Warehouse, clock: ManualClock) -> None:
    a, b = make(house, "a"), make(house, "b")
    assert house.runs.delete([a]) == [a]
    assert house.runs.delete([a]) == []
    assert house.runs.search()["run_id"].to_pylist() == [b]
    (row,) = house.runs.search(view="deleted").to_pylist()
    assert (row["run_id"], row["lifecycle"], row["deleted_at"]) == (a, "deleted", now(clock))
    assert house.runs.search(view="all").num_rows == 2
    assert house.runs.search(view="all", filter="lifecycle = 'deleted'").num_rows == 1
    with pytest.raises(NotFound):
        house.runs.delete([b, "f" * 32])
    assert house.runs.get(b).lifecycle == "active"
    assert house.runs.restore([a, b]) == [a]
    assert house.runs.get(a).deleted_at is None
    assert house.runs.search().num_rows == 2
    with pytest.raises(InvalidInput, match="view"):
        house.runs.search(view="gone")


def test_a_deleted_experiment_hides_its_runs(house: Warehouse, clock: ManualClock) -> None:
    one = house.experiments.create("digits").experiment_id
    a = make(house, "a", experiment_id=one)
    b = make(house, "b", experiment_id=one)
    c = make(house, "c")
    house.runs.delete([b])
    clock.advance(5)
    assert house.experiments.delete(one)
    assert not house.experiments.delete(one)
    assert house.runs.search()["run_id"].to_pylist() == [c]
    assert house.runs.search(view="deleted")["run_id"].to_pylist() == [a, b]
    assert house.experiments.list().num_rows == 0
    assert house.experiments.list(view="deleted")["name"].to_pylist() == ["digits"]
    assert house.experiments.restore(one)
    # The run that was deleted by itself stays in the bin.
    assert house.runs.search()["run_id"].to_pylist() == [a, c]
    with pytest.raises(NotFound):
        house.experiments.delete("77")


# The plan


def info(key: str, modified_us: int = 0) -> ObjectInfo:
    return ObjectInfo(key, 10, modified_us)


def test_the_plan_takes_what_is_old_and_leaves_what_is_pinned() -> None:
    day = DAY_US
    state = GcState(
        now_us=100 * day,
        store_us=100 * day,
        runs=[
            BinnedRun("old", 60 * day),
            BinnedRun("young", 80 * day),
            BinnedRun("tagged", 1 * day),
            BinnedRun("begun", 99 * day, is_purged=True),
        ],
        datasets=[
            BinnedDataset("free", "free@1", 60 * day),
            BinnedDataset("of-old", "x@1", 60 * day, readers=frozenset({"old"})),
            BinnedDataset("of-young", "x@2", 60 * day, readers=frozenset({"old", "young"})),
            BinnedDataset("new", "x@3", 99 * day),
        ],
        pinned={"run:tagged": "tag t shows it", "run:young": "irrelevant"},
        owners={"model": "begun"},
        referrers={
            "objects/a": frozenset({"run:old"}),
            "objects/b": frozenset({"run:old", "run:young"}),
            "objects/c": frozenset({"dataset:free"}),
            "objects/d": frozenset({"dataset:of-young"}),
            "artifacts/old/x": frozenset({"run:old"}),
            "artifacts/young/x": frozenset({"run:young"}),
        },
        objects=[
            *(info(f"objects/{letter}") for letter in "abcde"),
            info("objects/fresh", 99 * day),
            info("artifacts/old/x", 100 * day),
            info("artifacts/old/unnamed", 100 * day),
            info("artifacts/model/y", 100 * day),
            info("artifacts/young/x"),
            info("artifacts/young/unnamed"),
            info("artifacts/young/arriving", 99 * day),
        ],
    )
    plan = plan_gc(state, 30 * day)
    assert [run.run_id for run in plan.runs] == ["old", "begun"]
    assert [one.dataset_id for one in plan.datasets] == ["free", "of-old"]
    assert [one.key for one in plan.owned] == [
        "artifacts/old/x",
        "artifacts/old/unnamed",
        "artifacts/model/y",
    ]
    assert [one.key for one in plan.orphans] == [
        "objects/a",
        "objects/c",
        "objects/e",
        "artifacts/young/unnamed",
    ]
    assert plan.kept == {
        "run:tagged": "tag t shows it",
        "dataset:of-young": "x@2 was read by 1 runs that are there",
    }
    # Unreferred objects are left for a day, whatever is asked.
    assert "objects/fresh" not in [one.key for one in plan_gc(state, 0).orphans]
    assert plan_gc(GcState(5, 5), 0).runs == []


# The whole


def test_what_was_deleted_long_ago_goes_for_good(house: Warehouse, clock: ManualClock) -> None:
    a, b, c = make(house, "a"), make(house, "b"), make(house, "c")
    house.runs.delete([a])
    clock.advance(20 * DAY_S)
    house.runs.delete([b])
    clock.advance(15 * DAY_S)
    # Not all of it is folded: the segments that wait hold such rows, too.
    house.lake.fold()
    late = Points()
    late.add("late", 1, clock.now_us(), 1.0)
    house.metrics.log(a, late)

    dry = house.retention.collect(dry_run=True)
    assert kinds(dry) == ["remove-runs", "delete-artifacts", "delete-orphans"]
    assert remains(house, a) == {**WHOLE, "metrics": 4}

    report = house.retention.collect()
    assert (report.actions, report.bytes) == (dry.actions, dry.bytes)
    assert report.runs == 1
    assert report.rows == 1 + 4 + 1 + 2
    assert report.objects == 2 + 1  # its artifacts and its code
    assert report.bytes == 70 + 4 + len("code of a")
    assert remains(house, a) == {}
    assert remains(house, b) == remains(house, c) == WHOLE
    with pytest.raises(NotFound):
        house.runs.restore([a])
    source = house.runs.get(b).source
    assert source is not None
    assert source.environment_digest is not None
    assert house.code.get(source.environment_digest)
    assert house.retention.collect().actions == []
    with pytest.raises(InvalidInput):
        house.retention.collect(older_than_us=-1)


@pytest.mark.slow
def test_a_killed_collection_is_taken_up_again(clock: ManualClock) -> None:
    """Die before each write in turn: what is shown is whole, and in the end all is gone."""
    for writes in range(0, 100, 3):
        store = Dying(MemoryStore(clock))
        house = opened(store, clock)
        a, b = make(house, "a"), make(house, "b")
        house.runs.delete([a])
        clock.advance(40 * DAY_S)
        store.left = writes
        try:
            house.retention.collect()
        except Killed:
            is_done = False
        else:
            is_done = True
        store.left = None
        again = opened(store, clock)  # another process
        shown = again.runs.search(view="all")["run_id"].to_pylist()
        assert b in shown
        if a in shown:
            assert remains(again, a) == WHOLE
        again.retention.collect()
        assert remains(again, a) == {}
        assert remains(again, b) == WHOLE
        if is_done:
            assert writes > 5
            return
    pytest.fail("a collection takes more than 100 writes")


class Killed(BaseException):
    """The process is gone."""


class Dying:
    """A store whose process is killed before one of its writes."""

    def __init__(self, inner: MemoryStore) -> None:
        self.inner = inner
        self.left: int | None = None

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self.inner, name)
        if name not in ("put", "delete", "put_file"):
            return verb

        def write(*args: Any, **kwargs: Any) -> Any:
            if self.left is not None:
                self.left -= 1
                if self.left < 0:
                    raise Killed
            return verb(*args, **kwargs)

        return write


def test_a_run_that_was_restored_just_before_stays(house: Warehouse, clock: ManualClock) -> None:
    a = make(house, "a")
    house.runs.delete([a])
    clock.advance(40 * DAY_S)
    purge = house.retention._purge_runs

    def restored_first(plan: Any) -> list[str]:
        house.runs.restore([a])  # between the look and the first step
        return purge(plan)

    house.retention._purge_runs = restored_first  # type: ignore[method-assign]
    report = house.retention.collect()
    assert report.runs == 0
    assert remains(house, a) == WHOLE
    assert house.runs.search()["run_id"].to_pylist() == [a]
    assert house.artifacts.read(a, "model.bin") == b"weights" * 10


def test_folds_and_writes_of_others_meanwhile_are_no_matter(
    house: Warehouse, store: MemoryStore, clock: ManualClock
) -> None:
    a, b = make(house, "a"), make(house, "b")
    house.runs.delete([a])
    clock.advance(40 * DAY_S)
    other = opened(store, clock)
    publish = house.lake.publish
    tries: list[int] = []

    def raced(*args: Any) -> Any:
        if not tries:
            points = Points()
            points.add("loss", 9, clock.now_us(), 9.0)
            other.metrics.log(b, points)
            other.lake.fold()
        tries.append(1)
        return publish(*args)

    house.lake.publish = raced  # type: ignore[method-assign,assignment]
    house.retention.collect()
    assert len(tries) > 2  # the first was lost to the other's fold
    assert remains(house, a) == remains(other, a) == {}
    assert remains(other, b) == {**WHOLE, "metrics": 4}
    other.close()


def test_an_experiment_s_runs_go_unless_somebody_uses_it(
    house: Warehouse, clock: ManualClock
) -> None:
    one = house.experiments.create("digits").experiment_id
    a = make(house, "a", experiment_id=one)
    house.experiments.delete(one)
    clock.advance(20 * DAY_S)
    b = make(house, "b", experiment_id=one)  # by someone who does not know
    clock.advance(20 * DAY_S)
    assert house.retention.collect().runs == 1
    assert remains(house, a) == {}
    assert remains(house, b) == WHOLE
    house.experiments.restore(one)
    assert house.runs.search(experiment="digits")["run_id"].to_pylist() == [b]


def test_what_tags_show_and_models_were_made_by_stays(house: Warehouse, clock: ManualClock) -> None:
    a, b, c = make(house, "a"), make(house, "b"), make(house, "c")
    house.lake.tag("paper")
    d = make(house, "d")
    house.lake.patch(
        "model_versions", [{"name": "m", "version": 1, "run_id": d, "lifecycle": "active"}]
    )
    house.artifacts.put_bytes(b, "model.bin", b"other weights")  # the tag shows what it was
    house.runs.delete([a, c, d])
    clock.advance(40 * DAY_S)
    report = house.retention.collect()
    assert [action.reason for action in report.actions] == [
        "tag paper shows it",
        "tag paper shows it",
        "model m/1 was made by it",
    ]
    assert remains(house, a) == remains(house, d) == WHOLE
    assert len(house.lake.blobs.list(f"artifacts/{b}/")) == 3


# Datasets


def files(house: Warehouse, folder: Path, **texts: str) -> Dataset:
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text)
    return house.datasets.files.write("images", folder)


def content(house: Warehouse) -> set[bytes]:
    return {house.lake.blobs.get(info.key) for info in house.lake.blobs.list("objects/")}


def test_versions_go_with_what_they_alone_hold(
    house: Warehouse, clock: ManualClock, tmp_path: Path
) -> None:
    first = files(house, tmp_path / "d", one="1", two="2")
    second = files(house, tmp_path / "d", two="2", three="3")
    table = house.datasets.tables.write("table", pa.table({"x": [1, 2, 3]}))
    house.datasets.delete("images", first.version)
    house.datasets.delete("table")
    clock.advance(40 * DAY_S)
    report = house.retention.collect()
    assert kinds(report) == ["remove-dataset", "remove-dataset", "delete-orphans"]
    assert house.datasets.get(first.dataset_id).lifecycle == PURGED
    assert house.datasets.get(table.dataset_id).lifecycle == PURGED
    left = content(house)
    assert {b"2", b"3"} <= left
    assert b"1" not in left
    house.datasets.files.download(second, tmp_path / "copy")
    assert (tmp_path / "copy" / "three").read_text() == "3"
    assert house.retention.collect().actions == []


def test_what_a_run_has_read_stays_as_long_as_the_run(
    house: Warehouse, clock: ManualClock, tmp_path: Path
) -> None:
    data = files(house, tmp_path / "d", one="1")
    a = make(house, "a")
    house.lineage.record(a, "read", f"dataset:{data.dataset_id}", context="training")
    house.datasets.delete("images")
    clock.advance(40 * DAY_S)
    assert kinds(house.retention.collect()) == ["keep"]
    house.runs.delete([a])
    assert kinds(house.retention.collect()) == ["keep"]  # the run may come back
    clock.advance(40 * DAY_S)
    report = house.retention.collect()
    assert "remove-dataset" in kinds(report)
    assert remains(house, a) == {}
    assert not content(house)


def test_what_cannot_be_known_is_not_deleted(
    house: Warehouse, clock: ManualClock, tmp_path: Path
) -> None:
    data = files(house, tmp_path / "d", one="1")
    assert data.manifest is not None
    house.lake.blobs.delete([data.manifest])
    clock.advance(40 * DAY_S)
    with pytest.raises(CorruptData, match="images"):
        house.retention.collect()
    assert b"1" in content(house)


def test_a_report_is_plain(house: Warehouse) -> None:
    import msgspec

    make(house, "a")
    assert json.loads(msgspec.json.encode(house.retention.collect())) == {
        "actions": [],
        "dry_run": False,
        "runs": 0,
        "rows": 0,
        "objects": 0,
        "bytes": 0,
    }


# Traces


def trace_of(house: Warehouse, number: int, experiment_id: str) -> str:
    """A trace with a span, a value that is an object, and feedback."""
    name = f"tr-{number:032x}"
    one = Span(
        trace_id=name,
        span_id=f"{number:016x}",
        name="answer",
        start_ns=1,
        end_ns=2,
        attributes={"text": f"{number}" * (VALUE_CHARS_MAX + 1)},
    )
    house.traces.receive([one], experiment_id)
    feedback = {"trace_id": name, "assessment_id": f"a-{number}", "name": "good", "value": "1"}
    house.lake.patch("assessments", [feedback])
    return name


def traces_left(house: Warehouse) -> dict[str, set[str]]:
    found = {
        table: set(house.lake.scan(table)["trace_id"].to_pylist())
        for table in ("traces", "spans", "assessments")
    }
    return {
        **found,
        "objects": {info.key.split("/")[1] for info in house.lake.blobs.list("traces/")},
    }


def test_traces_go_when_they_or_their_experiments_were_deleted_for_long(
    house: Warehouse, clock: ManualClock
) -> None:
    used, binned, back = (house.experiments.get_or_create(n).experiment_id for n in "abc")
    kept, deleted = trace_of(house, 1, used), trace_of(house, 2, used)
    lost, saved = trace_of(house, 3, binned), trace_of(house, 4, back)
    late = trace_of(house, 5, used)
    house.traces.delete(used, trace_ids=[deleted])
    for experiment_id in (binned, back):
        house.experiments.delete(experiment_id)
    clock.advance(20 * DAY_S)
    house.traces.delete(used, trace_ids=[late])
    assert house.retention.collect().actions == []
    clock.advance(11 * DAY_S)
    house.experiments.restore(back)
    planned = house.retention.collect(dry_run=True)
    assert [(one.kind, one.rows) for one in planned.actions] == [("remove-traces", 2)]
    assert traces_left(house)["objects"] == {kept, deleted, lost, saved, late}
    assert house.retention.collect().actions == planned.actions
    assert set(map(frozenset, traces_left(house).values())) == {frozenset({kept, saved, late})}
    assert house.traces.get(saved).trace_id == saved
    assert house.retention.collect().actions == []


def test_traces_of_an_experiment_that_comes_back_meanwhile_stay(
    house: Warehouse, clock: ManualClock
) -> None:
    experiment_id = house.experiments.get_or_create("a").experiment_id
    name = trace_of(house, 1, experiment_id)
    house.experiments.delete(experiment_id)
    clock.advance(31 * DAY_S)
    plan = plan_gc(read_state(house.lake, house.datasets, clock), 30 * DAY_US)
    assert [trace.trace_id for trace in plan.traces] == [name]
    house.experiments.restore(experiment_id)
    assert house.retention._purge_traces(plan.traces) == []
    assert house.traces.get(name).trace_id == name
    assert traces_left(house)["objects"] == {name}
