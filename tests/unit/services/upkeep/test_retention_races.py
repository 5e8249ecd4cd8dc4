"""What others do while a collection works: each meeting at each possible moment."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mere.clock import Clock
from mere.entities.run import Run, RunSource
from mere.errors import NotFound
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.lake.objects.retry import RetryingStore
from mere.services.tables import TABLES
from mere.services.upkeep.retention import LOOK_AGAIN_S
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock
from tests.meanwhile import ALL, Meanwhile

DAY_S = 86_400
DATA = b"code that several runs share"
AT_EACH = pytest.mark.parametrize(
    "verbs",
    [
        pytest.param(("put",), id="put"),
        pytest.param(ALL, id="request", marks=pytest.mark.long),
    ],
)


class Two:
    """Two processes on one warehouse: one collects, the other works."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(self.clock)
        self.collecting = Meanwhile(self.store)
        self.working = Meanwhile(self.store)
        self.collector = opened(self.collecting, self.clock)
        self.worker = opened(self.working, self.clock)

    def age(self, seconds: float = 2 * DAY_S) -> None:
        """Let time pass, which the store tells by its newest object."""
        self.clock.advance(seconds)
        self.store.put(f"objects/{self.clock.now_us():064x}", b"now")

    def close(self) -> None:
        self.collector.close()
        self.worker.close()


def opened(store: Any, clock: Clock) -> Warehouse:
    lake = Lake.open("memory://", tables=TABLES, store=RetryingStore(store, clock), clock=clock)
    return Warehouse(lake, clock, "memory://")


@pytest.fixture
def two() -> Iterator[Two]:
    made = Two()
    yield made
    made.close()


def make(house: Warehouse, digit: str, data: bytes = DATA, **fields: Any) -> str:
    run_id = digit * 32
    source = RunSource(diff_digest=house.code.put(data))
    values = {"experiment_id": "0", "source": source, **fields}
    house.runs.create(Run(run_id=run_id, **values))
    house.artifacts.put_bytes(run_id, "model.bin", b"weights of " + digit.encode())
    return run_id


def is_whole(house: Warehouse, run_id: str, data: bytes = DATA) -> bool:
    source = house.runs.get(run_id).source
    assert source is not None
    assert source.diff_digest is not None
    weights = b"weights of " + run_id[:1].encode()
    return (
        house.code.get(source.diff_digest) == data
        and house.artifacts.read(run_id, "model.bin") == weights
    )


def collect(house: Warehouse) -> Any:
    return house.retention.collect(older_than_us=0)


# Writers that meet their own content


def old_orphan(two: Two) -> str:
    digest = two.worker.code.put(DATA)
    two.age()
    two.collecting.clear()
    return digest


def test_what_nobody_meets_goes(two: Two) -> None:
    digest = old_orphan(two)
    assert collect(two.collector).objects == 1
    with pytest.raises(NotFound):
        two.worker.code.get(digest)


def requests_before_the_look() -> int:
    two = Two()
    old_orphan(two)
    collect(two.collector)
    two.close()
    verbs = [verb for verb, _ in two.collecting.seen]
    # Each object is looked at right before it goes, with nothing in between.
    assert verbs[verbs.index("head") + 1] == "delete"
    return verbs.index("head") + 1


def test_content_that_a_writer_meets_while_gc_works_stays() -> None:
    """The writer comes before each request of the collection; its row follows after the end."""
    count = requests_before_the_look()
    for number in [*range(0, count, 6), count - 1]:
        two = Two()
        digest = old_orphan(two)
        two.collecting.before(partial(two.worker.code.put, DATA), *ALL, number=number)
        assert collect(two.collector).objects == 0, number
        assert two.collecting.has_happened
        two.worker.runs.create(
            Run(run_id="a" * 32, experiment_id="0", source=RunSource(diff_digest=digest))
        )
        assert two.worker.code.get(digest) == DATA
        two.age()
        assert collect(two.collector).objects == 1  # what told the time; the row is known now
        assert two.worker.code.get(digest) == DATA
        two.close()


def test_content_that_goes_while_a_writer_meets_it_is_stored_again() -> None:
    """The whole collection comes before each request of the writer."""
    number = 0
    while True:
        two = Two()
        digest = old_orphan(two)
        two.working.before(partial(collect, two.collector), *ALL, number=number)
        two.worker.code.put(DATA)
        is_over = not two.working.has_happened
        assert two.store.get(f"objects/{digest}") == DATA, number
        two.close()
        if is_over:
            break
        number += 1
    assert number >= 5  # put, get, head, renew, head


def test_a_process_that_lives_for_days_asks_again(two: Two) -> None:
    digest = two.worker.code.put(DATA)
    run_id = make(two.worker, "a", b"other code")
    two.worker.artifacts.put_bytes(run_id, "model.bin", b"second weights")
    two.working.clear()
    two.worker.code.put(DATA)
    assert two.working.seen == []
    two.age()
    assert collect(two.collector).objects == 2  # the first weights have gone, too
    assert two.worker.code.put(DATA) == digest
    two.worker.artifacts.put_bytes(run_id, "model.bin", b"weights of a")
    assert two.worker.code.get(digest) == DATA
    assert is_whole(two.worker, run_id, b"other code")


def test_a_collection_that_takes_long_looks_again(two: Two) -> None:
    """A row that names an old object, however it came to that, is seen after ten minutes."""
    digests = [two.worker.code.put(b"%d" % number) for number in range(200)]
    two.age()
    last = max(digests)

    def refer() -> None:
        two.clock.advance(LOOK_AGAIN_S + 1)
        source = RunSource(diff_digest=last)
        two.worker.runs.create(Run(run_id="a" * 32, experiment_id="0", source=source))

    two.collecting.clear()
    two.collecting.before(refer, "delete", prefix="objects/")
    report = collect(two.collector)
    assert two.collecting.has_happened
    assert report.objects == 199
    assert two.collecting.seen.count(("list", "objects/")) == 3
    assert two.worker.code.get(last)


# Files of datasets


def test_files_of_a_version_that_is_removed_while_the_next_is_written(tmp_path: Path) -> None:
    """Unchanged files are taken for stored, as the version before names them."""
    number = 0
    while True:
        two = Two()
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "same").write_text("same")
        (folder / "more").write_text("first")
        two.worker.datasets.files.write("images", folder)
        two.age()
        (folder / "more").write_text("second")

        def remove(two: Two = two) -> None:
            two.collector.datasets.delete("images", 1)
            collect(two.collector)

        two.working.before(remove, *ALL, number=number)
        written = two.worker.datasets.files.write("images", folder)
        is_over = not two.working.has_happened
        two.worker.datasets.files.download(written, folder / "copy")
        assert (folder / "copy" / "same").read_text() == "same"
        assert (folder / "copy" / "more").read_text() == "second"
        two.close()
        if is_over:
            break
        number += 1
    assert number > 5


def test_files_whose_writing_takes_days_are_asked_for_at_the_end(two: Two, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")

    def take_long() -> None:
        two.age()
        collect(two.collector)

    two.working.before(take_long, "put_file", number=1)
    written = two.worker.datasets.files.write("images", tmp_path)
    assert two.working.has_happened
    two.worker.datasets.files.download(written, tmp_path / "copy")
    assert (tmp_path / "copy" / "a").read_text() == "a"


# Runs that are restored


@AT_EACH
def test_a_run_restored_while_gc_works_is_whole_or_is_told_to_be_gone(
    verbs: tuple[str, ...],
) -> None:
    told = set()
    number = 0
    while True:
        two = Two()
        run_id = make(two.worker, "a")
        two.worker.runs.delete([run_id])
        two.age()
        restored: list[str] = []

        def restore(two: Two = two, run_id: str = run_id, restored: list[str] = restored) -> None:
            try:
                restored.extend(two.worker.runs.restore([run_id]))
            except NotFound:
                restored.append("gone")

        two.collecting.before(restore, *verbs, number=number)
        collect(two.collector)
        if not two.collecting.has_happened:
            two.close()
            break
        check_outcome(two, run_id, restored)
        told.update(restored)
        two.close()
        number += 1
    assert told == {"a" * 32, "gone"}


def test_a_run_collected_while_it_is_restored_is_whole_or_is_told_to_be_gone() -> None:
    told = set()
    number = 0
    while True:
        two = Two()
        run_id = make(two.worker, "a")
        two.worker.runs.delete([run_id])
        two.age()
        two.working.before(partial(collect, two.collector), *ALL, number=number)
        try:
            restored = two.worker.runs.restore([run_id])
        except NotFound:
            restored = ["gone"]
        if not two.working.has_happened:
            two.close()
            break
        check_outcome(two, run_id, restored)
        told.update(restored)
        two.close()
        number += 1
    assert told == {"a" * 32, "gone"}


def check_outcome(two: Two, run_id: str, restored: list[str]) -> None:
    if restored == [run_id]:
        collect(two.collector)
        assert is_whole(two.collector, run_id)
        assert two.worker.runs.search()["run_id"].to_pylist() == [run_id]
    else:
        assert restored == ["gone"]
        collect(two.collector)
        assert two.worker.sql("select * from runs").num_rows == 0
        assert two.store.list(f"artifacts/{run_id}/") == []


def test_a_run_may_be_deleted_and_restored_again_and_again(two: Two) -> None:
    run_id = make(two.worker, "a")
    for _ in range(3):
        assert two.worker.runs.delete([run_id]) == [run_id]
        assert two.worker.runs.restore([run_id]) == [run_id]
        two.clock.advance(1)
    two.worker.runs.delete([run_id])
    two.age()
    assert collect(two.collector).runs == 1
    assert len(two.store.list("bin/")) == 1  # the words about earlier deletions are forgotten
    two.age()
    collect(two.collector)
    assert two.store.list("bin/") == []


@AT_EACH
def test_an_experiment_restored_while_gc_works_brings_back_whole_runs(
    verbs: tuple[str, ...],
) -> None:
    seen = set()
    number = 0
    while True:
        two = Two()
        one = two.worker.experiments.create("digits").experiment_id
        run_id = make(two.worker, "a", experiment_id=one)
        two.worker.experiments.delete(one)
        two.age()
        two.collecting.before(partial(two.worker.experiments.restore, one), *verbs, number=number)
        collect(two.collector)
        if not two.collecting.has_happened:
            two.close()
            break
        found = two.worker.runs.search()["run_id"].to_pylist()
        seen.add(len(found))
        if found:
            assert is_whole(two.worker, run_id)
            collect(two.collector)
            assert is_whole(two.worker, run_id)
        else:
            assert two.worker.sql("select * from runs").num_rows == 0
        two.close()
        number += 1
    assert seen == {0, 1}
