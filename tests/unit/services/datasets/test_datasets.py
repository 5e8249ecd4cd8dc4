"""Versions of datasets, and those of them that are tables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from mere.clock import SystemClock
from mere.entities.dataset import PURGED, Dataset, parse_dataset
from mere.entities.run import Run
from mere.errors import Conflict, ErrorCode, InvalidInput, MereError, NotFound, Unavailable
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.lake.objects.retry import RetryingStore
from mere.services.datasets.datasets import Datasets
from mere.services.runs.runs import Runs
from mere.services.tables import TABLES
from mere.testing.clock import ManualClock
from mere.testing.s3server import S3Server

_lakes: list[Lake] = []


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    yield MemoryStore(ManualClock())
    while _lakes:
        _lakes.pop().close()


def opened(store: MemoryStore, seed: int = 0) -> Datasets:
    clock = ManualClock(seed)
    lake = Lake.open("memory://", tables=TABLES, store=RetryingStore(store, clock), clock=clock)
    _lakes.append(lake)
    return Datasets(lake, clock)


@pytest.fixture
def datasets(store: MemoryStore) -> Datasets:
    return opened(store)


def rows(datasets: Datasets, dataset: Dataset) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = datasets.read(dataset).read_all().to_pylist()
    return found


# Versions


def test_versions_count_in_each_name(datasets: Datasets) -> None:
    for n in range(3):
        assert datasets.tables.write("a", {"n": [n]}).version == n + 1
    assert datasets.tables.write("b", {"n": [0]}).version == 1
    for n in range(3):
        assert rows(datasets, datasets.find("a", n + 1)) == [{"n": n}]
    assert rows(datasets, datasets.find("a")) == [{"n": 2}]
    with pytest.raises(NotFound, match="it has 1, 2, 3"):
        datasets.find("a", 7)
    with pytest.raises(NotFound, match="mere datasets"):
        datasets.find("c")
    with pytest.raises(InvalidInput, match="name"):
        datasets.tables.write(" ", {"n": [0]})


def test_what_is_recorded(datasets: Datasets) -> None:
    written = datasets.tables.write(
        "iris ü/é",
        {"w": [1.0, 2.0, None], "s": ["x", "y", "x"]},
        tags={"k": "v"},
        created_by="ann",
        run_id="1" * 32,
        source="s3://x/y",
    )
    found = datasets.get(written.dataset_id)
    assert msgspec.structs.replace(found, created_at=None) == written
    assert (found.rows, found.tags, found.created_by) == (3, {"k": "v"}, "ann")
    assert (found.table_name, found.source) == ("dataset_iris_u_e", "s3://x/y")
    assert [(column.name, column.type) for column in found.columns] == [
        ("w", "double"),
        ("s", "string"),
    ]
    profile = msgspec.json.decode(found.profile or "")
    assert profile["columns"][0]["nulls"] == 1
    assert found.bytes is not None
    assert found.bytes > 0
    assert datasets.resolve("iris ü/é@1") == datasets.resolve(written.dataset_id) == found
    snapshots = datasets._lake.table_snapshots("dataset_iris_u_e")
    assert snapshots[0].tags == ("version-1",)
    assert datasets.list().to_pylist()[0]["versions"] == 1


def test_the_same_rows_make_no_new_version(datasets: Datasets) -> None:
    data = {"n": [1, 2], "s": ["a", None]}
    first = datasets.tables.write("a", data)
    again = datasets.tables.write("a", pa.table(data), tags={"seen": "again"})
    assert again.dataset_id == first.dataset_id
    assert datasets.find("a").tags == {"seen": "again"}
    for other in ({"n": [2, 1], "s": [None, "a"]}, {"n": [1, 2]}, {"n": [1, 2], "s": ["a", ""]}):
        datasets.tables.write("a", other)
    assert datasets.tables.write("a", data).version == 5
    assert datasets.tables.write("a", pa.table(data).to_reader()).version == 6


def test_appending(datasets: Datasets) -> None:
    assert datasets.tables.write("a", {"n": [1], "s": ["x"]}, mode="append").version == 1
    second = datasets.tables.write("a", [{"n": 2}], mode="append")
    assert rows(datasets, second) == [{"n": 1, "s": "x"}, {"n": 2, "s": None}]
    assert rows(datasets, datasets.find("a", 1)) == [{"n": 1, "s": "x"}]
    assert second.rows == 2
    profile = msgspec.json.decode(second.profile or "")
    assert (profile["rows"], profile["columns"][0]["max"]) == (2, 2)
    nothing = datasets.tables.write("a", {"n": pa.array([], pa.int64())}, mode="append")
    assert nothing.dataset_id == second.dataset_id
    for wrong, says in (({"z": [1]}, "'z'"), ({"n": ["x"]}, "'n'")):
        with pytest.raises(InvalidInput, match=says):
            datasets.tables.write("a", wrong, mode="append")
    with pytest.raises(InvalidInput, match="upsert"):
        datasets.tables.write("a", {"n": [1]}, mode="upsert")
    assert datasets.find("a").version == 2


def test_a_schema_may_change_with_each_version(datasets: Datasets) -> None:
    data = [{"a": [1], "b": ["x"]}, {"b": [7.5]}, {"a": [{"x": 1}], "c": [True]}]
    for columns in data:
        datasets.tables.write("t", columns)
    for version, columns in enumerate(data, 1):
        assert datasets.read(datasets.find("t", version)).read_all().to_pydict() == columns
    found = datasets._lake.sql("select * from dataset_t")
    assert found.to_pydict() == data[-1]


def test_columns_can_be_chosen(datasets: Datasets) -> None:
    written = datasets.tables.write("t", {"a": [1], "b": [2], "c": [3]})
    assert datasets.read(written, ["c", "a"]).read_all().to_pydict() == {"c": [3], "a": [1]}
    with pytest.raises(InvalidInput, match="'z'"):
        datasets.read(written, ["z"])


def test_a_crash_between_claim_and_row_is_healed(store: MemoryStore, datasets: Datasets) -> None:
    datasets.tables.write("a", {"n": [1]})
    lost = {"dataset_id": "7" * 32, "name": "a", "version": 2, "kind": "table", "rows": 5}
    datasets._lake.claim("dataset_version", "a/2", lost)
    with pytest.raises(NotFound):
        datasets.find("a", 2)
    assert opened(store, 1).tables.write("a", {"n": [3]}).version == 3
    assert datasets.find("a", 2).dataset_id == "7" * 32
    assert datasets.find("a", 2).rows == 5


def test_an_append_leaves_out_what_nobody_published(datasets: Datasets) -> None:
    datasets.tables.write("a", {"n": [1]})
    # As a process does that is killed before it publishes.
    datasets._lake.write_table("dataset_a", pa.table({"n": [99]}), mode="append")
    assert rows(datasets, datasets.tables.write("a", {"n": [2]}, mode="append")) == [
        {"n": 1},
        {"n": 2},
    ]


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    """Four warehouses open on one folder, as four processes have."""
    lakes = [Lake.open(str(tmp_path), tables=TABLES) for _ in range(4)]
    services = [Datasets(lake, SystemClock()) for lake in lakes]
    services[0].tables.write("a", {"n": [0]})

    def append(service: Datasets) -> list[int]:
        return [service.tables.write("a", {"n": [1]}, mode="append").version for _ in range(3)]

    with ThreadPoolExecutor(4) as pool:
        versions = sorted(version for found in pool.map(append, services) for version in found)
    assert versions == list(range(2, 14))
    assert {services[0].find("a", version).rows for version in versions} == set(range(2, 14))
    assert len(rows(services[0], services[0].find("a"))) == 13
    for lake in lakes:
        lake.close()


def test_a_stream_is_not_appended_to_what_it_has_not_seen(
    store: MemoryStore, datasets: Datasets
) -> None:
    datasets.tables.write("a", {"n": [1]})
    other = opened(store, 1)

    def overtaken():
        other.tables.write("a", {"n": [2]}, mode="append")
        yield pa.RecordBatch.from_pydict({"n": [3]})

    schema = pa.schema([("n", pa.int64())])
    with pytest.raises(Conflict):
        datasets.tables.write(
            "a", pa.RecordBatchReader.from_batches(schema, overtaken()), mode="append"
        )
    assert rows(datasets, datasets.find("a")) == [{"n": 1}, {"n": 2}]
    assert datasets.find("a").version == 2


def test_names_that_look_alike_have_tables_of_their_own(datasets: Datasets) -> None:
    names = ["a b", "a_b", "A-B", "äöü", "日本", "x" * 500, "dataset"]
    tables = [datasets.tables.write(name, {"n": [1]}).table_name for name in names]
    assert len(set(tables)) == len(names)
    assert tables[:5] == ["dataset_a_b", "dataset_a_b_2", "dataset_a_b_3", "dataset_aou", "dataset"]
    for name, table in zip(names, tables, strict=True):
        assert datasets.tables.write(name, {"n": [2]}).table_name == table


def test_a_name_keeps_its_kind(datasets: Datasets, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    datasets.tables.write("a", {"n": [1]})
    files = datasets.files.write("f", tmp_path / "f")
    with pytest.raises(InvalidInput, match="another name"):
        datasets.files.write("a", tmp_path / "f")
    with pytest.raises(InvalidInput, match="another name"):
        datasets.tables.write("f", {"n": [1]})
    with pytest.raises(InvalidInput, match="download"):
        datasets.read(files)
    with pytest.raises(InvalidInput, match="no files"):
        datasets.files.list(datasets.find("a"))
    with pytest.raises(InvalidInput, match="cannot be compared"):
        datasets.diff(files, datasets.find("a"))


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("a@3", ("a", 3)),
        ("a", ("a", None)),
        ("me@work", ("me@work", None)),
        ("me@work@2", ("me@work", 2)),
        ("@3", ("@3", None)),
        ("a@²", ("a@²", None)),
    ],
)
def test_words_for_versions(word: str, expected: tuple[str, int | None]) -> None:
    assert parse_dataset(word) == expected


def test_words_that_are_names_and_versions(datasets: Datasets) -> None:
    with pytest.raises(InvalidInput, match="count from 1"):
        datasets.resolve("a@0")
    odd = datasets.tables.write("a@7", {"n": [1]})
    assert datasets.resolve("a@7").dataset_id == odd.dataset_id
    assert datasets.resolve("a@7@1").dataset_id == odd.dataset_id


# The bin


def test_the_bin(datasets: Datasets) -> None:
    for n in range(3):
        datasets.tables.write("a", {"n": [n]})
    (gone,) = datasets.delete("a", 3)
    assert gone.deleted_at is not None
    assert datasets.find("a").version == 2
    with pytest.raises(NotFound, match="bin"):
        datasets.find("a", 3)
    with pytest.raises(NotFound):
        datasets.delete("a", 3)
    assert len(datasets.delete("a")) == 2
    assert datasets.list().num_rows == 0
    with pytest.raises(NotFound, match="bin"):
        datasets.find("a")
    assert datasets.get(gone.dataset_id).lifecycle == "deleted"
    assert [one.version for one in datasets.restore("a")] == [1, 2, 3]
    assert rows(datasets, datasets.find("a", 3)) == [{"n": 2}]
    datasets.delete("a", 3)
    assert datasets.tables.write("a", {"n": [9]}).version == 4


def test_purging_gives_up_a_snapshot(store: MemoryStore, datasets: Datasets) -> None:
    written = [datasets.tables.write("a", {"n": [n]}) for n in range(3)]
    datasets.delete("a", 3)
    datasets.purge(written[2].dataset_id)
    datasets.purge(written[2].dataset_id)
    assert [one.snapshot_id for one in datasets._lake.table_snapshots("dataset_a")] == [
        one.snapshot_id for one in written[:2]
    ]
    assert datasets._lake.sql("select n from dataset_a").to_pydict() == {"n": [1]}
    gone = datasets.get(written[2].dataset_id)
    assert (gone.lifecycle, gone.label, gone.snapshot_id) == (PURGED, "a@3", None)
    with pytest.raises(NotFound, match="for good"):
        datasets.find("a", 3)
    with pytest.raises(NotFound):
        datasets.restore("a", 3)
    # Numbers are not given again, and healing brings nothing back.
    assert opened(store, 1).tables.write("a", {"n": [7]}).version == 4
    assert datasets.get(written[2].dataset_id).lifecycle == PURGED
    for one in (written[0], written[1], datasets.find("a", 4)):
        datasets.purge(one.dataset_id)
    assert "dataset_a" not in datasets._lake.tables
    with pytest.raises(NotFound, match="no dataset"):
        datasets.find("a")
    again = datasets.tables.write("a", {"n": [8]})
    assert (again.version, again.table_name) == (5, "dataset_a")


def test_what_a_run_has_read_is_not_purged(datasets: Datasets) -> None:
    written = datasets.tables.write("a", {"n": [1]})
    run_id = "0" * 31 + "1"
    Runs(datasets._lake, SystemClock()).create(Run(run_id=run_id, experiment_id="0"))
    edge = {"run_id": run_id, "direction": "read", "asset": f"dataset:{written.dataset_id}"}
    datasets._lake.patch("lineage", [edge])
    datasets.delete("a")
    with pytest.raises(InvalidInput, match=run_id):
        datasets.purge(written.dataset_id)
    datasets._lake.delete("runs", [run_id])
    assert datasets.purge(written.dataset_id).version == 1


# Differences


def test_the_difference_of_tables(datasets: Datasets) -> None:
    first = datasets.tables.write("a", {"n": [1, 1, 2, 3], "s": list("xxyz")})
    second = datasets.tables.write("a", {"n": [3, 1, 4, 4], "s": list("zxww")})
    found = datasets.diff(first, second)
    assert found.rows is not None
    assert not found.is_same
    assert (found.rows.added, found.rows.removed) == (2, 2)
    assert found.rows.added_sample == [{"row": {"n": 4, "s": "w"}, "count": 2}]
    assert [one["row"]["n"] for one in found.rows.removed_sample] == [1, 2]
    shuffled = datasets.tables.write("a", {"n": [4, 4, 3, 1], "s": list("wwzx")})
    assert datasets.diff(second, shuffled).is_same
    assert datasets.diff(first, first).is_same
    other = datasets.tables.write("b", {"n": [1.0], "s": ["x"], "new": [True]})
    found = datasets.diff(first, other)
    assert [column.name for column in found.columns_added] == ["new"]
    assert [(c.name, c.before.type, c.after.type) for c in found.columns_changed] == [
        ("n", "int64", "double")
    ]
    assert found.rows is not None
    assert found.rows.columns == ["s"]
    assert (found.rows.added, found.rows.removed) == (0, 3)
    back = datasets.diff(other, first)
    assert [column.name for column in back.columns_removed] == ["new"]


# Stores, sizes, failures


def test_in_a_bucket(s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    with Lake.open(s3_server.new_prefix("datasets"), tables=TABLES, cache=tmp_path) as lake:
        datasets = Datasets(lake, SystemClock())
        datasets.tables.write("a", {"n": [1, 2]})
        second = datasets.tables.write("a", {"n": [3]}, mode="append")
        assert rows(datasets, second) == [{"n": 1}, {"n": 2}, {"n": 3}]
        found = datasets.diff(datasets.find("a", 1), second)
        assert found.rows is not None
        assert (found.rows.added, found.rows.removed) == (1, 0)


def test_time_survives(datasets: Datasets) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    written = datasets.tables.write("a", {"t": [moment], "day": [moment.date()]})
    assert rows(datasets, written) == [{"t": moment, "day": moment.date()}]


def test_a_stream_that_breaks_makes_no_version(datasets: Datasets) -> None:
    def broken():
        yield pa.RecordBatch.from_pydict({"n": [1]})
        raise Unavailable(ErrorCode.STORE_UNAVAILABLE, "the source went away")

    reader = pa.RecordBatchReader.from_batches(pa.schema([("n", pa.int64())]), broken())
    with pytest.raises(MereError, match="went away"):
        datasets.tables.write("a", reader)
    with pytest.raises(NotFound):
        datasets.find("a")
    assert datasets.tables.write("a", {"n": [1]}).version == 1


def test_an_empty_table(datasets: Datasets) -> None:
    written = datasets.tables.write("a", {"n": pa.array([], pa.int64())})
    assert written.rows == 0
    assert rows(datasets, written) == []
    assert datasets.diff(written, datasets.tables.write("a", {"n": [1]})).rows is not None


def test_thousands_of_columns(datasets: Datasets) -> None:
    written = datasets.tables.write("wide", {f"c{n}": [n] for n in range(2_000)})
    assert len(datasets.find("wide").columns) == 2_000
    assert datasets.read(written).read_all().num_columns == 2_000


def test_a_table_is_downloaded_as_parquet(datasets: Datasets, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    written = datasets.tables.write("My Data", {"n": [1, 2]})
    path = datasets.download(written, tmp_path / "out")
    assert path.name == "my_data.parquet"
    assert pq.read_table(path).to_pydict() == {"n": [1, 2]}
    assert os.listdir(tmp_path / "out") == ["my_data.parquet"]
