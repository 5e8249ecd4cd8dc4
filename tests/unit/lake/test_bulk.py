"""Bulk tables: any schema in and out, races, crashes, and what upkeep leaves alone."""

from __future__ import annotations

import datetime as dt
import decimal
import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from mere.errors import (
    AlreadyExists,
    Conflict,
    CorruptData,
    ErrorCode,
    InvalidInput,
    NotFound,
    Unavailable,
)
from mere.lake import Column, Lake, LakeSettings, Table
from mere.lake.objects.memory import MemoryStore
from mere.lake.objects.retry import RetryingStore
from mere.testing.clock import ManualClock
from mere.testing.counting import CountingStore

DAY_S = 24 * 3600


def numbers(*values: int) -> pa.Table:
    return pa.table({"n": pa.array(values, pa.int64())})


def read(lake: Lake, name: str = "data", snapshot_id: int | None = None) -> list[dict]:
    return lake.read_table(name, snapshot_id).read_all().to_pylist()


def column(lake: Lake, name: str = "data", snapshot_id: int | None = None) -> list[int]:
    return [row["n"] for row in read(lake, name, snapshot_id)]


# Types

D = decimal.Decimal
KINDS = {
    "bool": (pa.array([True, None]), pa.bool_()),
    "int8": (pa.array([-1, None], pa.int8()), pa.int32()),
    "uint16": (pa.array([1, None], pa.uint16()), pa.int32()),
    "uint32": (pa.array([2**32 - 1, None], pa.uint32()), pa.int64()),
    "uint64": (pa.array([2**63 - 1, None], pa.uint64()), pa.int64()),
    "half": (pa.array([0.5, None], pa.float16()), pa.float32()),
    "double": (pa.array([float("inf"), None]), pa.float64()),
    "decimal": (pa.array([D("1.25"), None], pa.decimal128(38, 2)), pa.decimal128(38, 2)),
    "decimal32": (pa.array([D("1.2"), None], pa.decimal32(3, 1)), pa.decimal128(3, 1)),
    "decimal256": (pa.array([D("1.2"), None], pa.decimal256(30, 1)), pa.decimal128(30, 1)),
    "large_string": (pa.array(["ü", None], pa.large_string()), pa.string()),
    "string_view": (pa.array(["", None], pa.string_view()), pa.string()),
    "dictionary": (pa.array(["x", None]).dictionary_encode(), pa.string()),
    "large_binary": (pa.array([b"\x00", None], pa.large_binary()), pa.binary()),
    "fixed": (pa.array([b"ab", None], pa.binary(2)), pa.binary(2)),
    "uuid": (pa.array([b"0123456789abcdef", None], pa.uuid()), pa.binary(16)),
    "date32": (pa.array([dt.date(1, 1, 1), None]), pa.date32()),
    "date64": (pa.array([dt.date(2026, 1, 1), None], pa.date64()), pa.date32()),
    "time": (pa.array([dt.time(1, 2, 3), None], pa.time32("s")), pa.time64("us")),
    "naive": (pa.array([-1, None], pa.timestamp("ms")), pa.timestamp("us")),
    "nanos": (pa.array([5_000, None], pa.timestamp("ns")), pa.timestamp("us")),
    "zoned": (
        pa.array([1, None], pa.timestamp("us", "Asia/Tokyo")),
        pa.timestamp("us", "UTC"),
    ),
    "list": (pa.array([[1, None], None]), pa.list_(pa.int64())),
    "large_list": (
        pa.array([["a"], None], pa.large_list(pa.large_string())),
        pa.list_(pa.string()),
    ),
    "fixed_list": (pa.array([[1, 2], None], pa.list_(pa.int8(), 2)), pa.list_(pa.int32())),
    "struct": (
        pa.array([{"a": 1, "b": ["x"]}, None]),
        pa.struct([("a", pa.int64()), ("b", pa.list_(pa.string()))]),
    ),
    "map": (
        pa.array([[("k", [1.0])], None], pa.map_(pa.string(), pa.list_(pa.float64()))),
        pa.map_(pa.string(), pa.list_(pa.float64())),
    ),
    "map_by_int": (
        pa.array([[(1, {"z": True})], None], pa.map_(pa.int32(), pa.struct([("z", pa.bool_())]))),
        pa.map_(pa.int32(), pa.struct([("z", pa.bool_())])),
    ),
    "coded_list": (
        pa.array([["q"], None], pa.list_(pa.dictionary(pa.int8(), pa.string()))),
        pa.list_(pa.string()),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_comes_back_in_the_type_that_holds_it(lake, kind) -> None:
    array, stored = KINDS[kind]
    lake.write_table("data", pa.table({kind: array}))
    found = lake.read_table("data").read_all()
    assert found.schema == lake.table_schema("data")
    assert found.schema.field(kind).type == stored
    plain = array.storage if isinstance(array, pa.ExtensionArray) else array
    want = plain.to_pylist()
    assert found.column(kind).to_pylist() == want
    assert lake.sql(f"select count({kind}) n from data").to_pylist() == [{"n": 1}]
    lake.write_table("data", pa.table({kind: array}), mode="append")
    assert lake.read_table("data").read_all().num_rows == 4


def test_all_types_together_with_strange_names(lake) -> None:
    table = pa.table({f"{name} é.'\"`/{i}": a for i, (name, (a, _)) in enumerate(KINDS.items())})
    lake.write_table("data", table)
    found = lake.read_table("data").read_all()
    assert found.column_names == table.column_names
    assert found.num_rows == 2
    assert lake.sql("select * from data").column_names == table.column_names


@pytest.mark.parametrize(
    ("array", "advice"),
    [
        (pa.nulls(2), "cast it, for instance to string"),
        (pa.array([1], pa.duration("s")), "whole number of a unit"),
        (pa.array([(1, 2, 3)], pa.month_day_nano_interval()), "whole numbers"),
        (pa.array([D(1)], pa.decimal256(50, 0)), "up to 38 digits"),
        (pa.array([D(100)], pa.decimal128(3, -2)), "up to 38 digits"),
        (pa.array([{}], pa.struct([])), "without fields"),
        (pa.array([[None]]), "cast it, for instance"),
        (pa.array([2**63], pa.uint64()), "cannot be stored as int64"),
        (pa.array([1_001], pa.timestamp("ns")), "round the column"),
        (pa.array([1], pa.time64("ns")), "round the column"),
        (pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]), "no unions"),
    ],
)
def test_what_iceberg_cannot_hold_is_refused_with_advice(lake, array, advice) -> None:
    before = [info.key for info in lake.store.list("tables/")]
    with pytest.raises(InvalidInput, match=advice) as caught:
        lake.write_table("data", pa.table({"fine": pa.nulls(len(array), pa.int8()), "bad": array}))
    assert "'bad" in caught.value.message
    assert [info.key for info in lake.store.list("tables/")] == before


def test_bad_names_are_refused(lake) -> None:
    one = pa.array([1])
    for columns in ([], [("", one)], [("a", one), ("a", one)]):
        table = pa.Table.from_arrays([a for _, a in columns], [n for n, _ in columns])
        with pytest.raises(InvalidInput, match="cannot be stored"):
            lake.write_table("data", table)
    for name in ("", "../x", "a b", "x" * 300, "é"):
        with pytest.raises(InvalidInput):
            lake.write_table(name, numbers(1))
    with pytest.raises(InvalidInput, match="overwrite or append"):
        lake.write_table("data", numbers(1), mode="replace")
    with pytest.raises(InvalidInput, match="Iceberg's own"):
        lake.write_table("data", numbers(1), properties={"total-records": "5"})


def test_columns_that_differ_in_case_are_kept_and_refused_by_sql(lake) -> None:
    lake.write_table("data", pa.table({"a": [1], "A": [2]}))
    assert read(lake) == [{"a": 1, "A": 2}]
    with pytest.raises(InvalidInput, match="differ in case only"):
        lake.sql("select * from data")


# Writing and reading


def test_rows_keep_their_order_over_files_and_appends(lake, monkeypatch) -> None:
    monkeypatch.setattr("mere.lake.bulk_files._FILE_BYTES", 1)
    monkeypatch.setattr("mere.lake.bulk_files._GROUP_ROWS_MAX", 100)
    monkeypatch.setattr("mere.lake.bulk_files._SLICE_ROWS_MAX", 100)
    values = [(n * 7919) % 1000 for n in range(1000)]
    snapshot = lake.write_table("data", numbers(*values))
    assert (snapshot.files, snapshot.rows) == (10, 1000)
    for number in range(20):  # more than manifests_max, so that manifests are merged
        lake.write_table("data", numbers(number), mode="append")
    assert column(lake) == [*values, *range(20)]
    assert lake.sql("select n from data").column("n").to_pylist() == [*values, *range(20)]


def test_a_stream_passes_in_bounded_memory(tmp_path, monkeypatch) -> None:
    lake = Lake.open(str(tmp_path / "lake"))
    monkeypatch.setattr("mere.lake.bulk_files._GROUP_BYTES", 4 << 20)
    monkeypatch.setattr("mere.lake.bulk_files._FILE_BYTES", 16 << 20)
    rows, count = 1 << 17, 80
    schema = pa.schema([("n", pa.int64()), ("x", pa.int64())])
    peak = 0

    def batches():
        nonlocal peak
        for number in range(count):
            values = pa.array(range(number * rows, number * rows + 8)).take(
                pa.array([n % 8 for n in range(8)])
            )
            whole = pa.concat_arrays([values] * (rows // 8))
            peak = max(peak, pa.total_allocated_bytes())
            yield pa.record_batch([whole, whole], schema)

    before = pa.total_allocated_bytes()
    lake.write_table("data", pa.RecordBatchReader.from_batches(schema, batches()))
    assert peak - before < 40 << 20 < count * rows * 16
    total = peak_reading = 0
    for batch in lake.read_table("data"):
        total += batch.num_rows
        peak_reading = max(peak_reading, pa.total_allocated_bytes())
    assert total == count * rows
    assert peak_reading - before < 40 << 20


def test_a_write_is_a_bounded_number_of_requests(clock, store, tmp_path) -> None:
    counting = CountingStore(store)
    retrying = RetryingStore(counting, clock)
    lake = Lake.open("memory://test", clock=clock, store=retrying, cache=tmp_path / "c")
    lake.write_table("data", numbers(1))
    counting.reset()
    lake.write_table("data", numbers(2), mode="append")
    # One file; manifest, manifest list, metadata; root, marker and hint. Roots are looked for
    # before, behind the staging, and when the hint is there.
    # What was there: its manifest list and manifest; and the metadata just written.
    assert counting.counts == {"put_file": 1, "put": 6, "list": 3, "get": 3}
    counting.reset()
    assert column(lake) == [1, 2]
    assert counting.counts == {"list": 1, "get": 4}  # manifest list, manifest, two files


def test_columns_are_returned_as_asked_for(lake) -> None:
    lake.write_table("data", pa.table({"a": [1], "b": [{"c": 2}], "d": ["x"]}))
    found = lake.read_table("data", columns=["d", "b"]).read_all()
    assert found.to_pylist() == [{"d": "x", "b": {"c": 2}}]
    with pytest.raises(InvalidInput, match="no column 'z'"):
        lake.read_table("data", columns=["a", "z"])
    with pytest.raises(InvalidInput, match="name one"):
        lake.read_table("data", columns=[])


def test_a_table_without_rows_is_a_table(lake) -> None:
    snapshot = lake.write_table("data", numbers())
    assert (snapshot.rows, snapshot.files) == (0, 0)
    assert read(lake) == []
    assert lake.sql("select n from data").schema.field("n").type == pa.int64()
    lake.write_table("data", numbers(1), mode="append")
    lake.write_table("data", numbers(), mode="append")
    assert column(lake) == [1]
    lake.write_table("data", numbers())
    assert column(lake) == []


def test_missing_tables_and_snapshots_are_not_found(lake) -> None:
    for call in (
        lambda: lake.read_table("data"),
        lambda: lake.table_schema("data"),
        lambda: lake.table_snapshots("data"),
        lambda: lake.keep_snapshot("data", 1, "tag"),
    ):
        with pytest.raises(NotFound, match="no table data"):
            call()
    lake.write_table("data", numbers(1))
    with pytest.raises(NotFound, match="no snapshot 5"):
        lake.read_table("data", 5)
    with pytest.raises(NotFound, match="no snapshot 5"):
        lake.keep_snapshot("data", 5, "tag")


def test_an_error_of_the_rows_source_leaves_the_table_as_it_was(lake) -> None:
    lake.write_table("data", numbers(1))

    def batches():
        yield numbers(2).to_batches()[0]
        raise RuntimeError("the source failed")

    reader = pa.RecordBatchReader.from_batches(numbers().schema, batches())
    with pytest.raises(RuntimeError, match="the source failed"):
        lake.write_table("data", reader)
    assert column(lake) == [1]


# Schemas


def test_overwrites_may_change_everything_and_old_snapshots_stay(lake) -> None:
    tables = [
        pa.table({"a": [1], "b": ["x"]}),
        pa.table({"a": ["text now"]}),
        pa.table({"b": ["y"], "a": [2]}),
        pa.table({"a": [{"deep": [1]}], "c": [True]}),
        pa.table({"a": [{"deep": ["s"]}], "c": [False]}),
        pa.table({"a": [3], "b": ["z"]}),
    ]
    written = [lake.write_table("data", table) for table in tables]
    for table, snapshot in zip(tables, written, strict=True):
        assert read(lake, "data", snapshot.snapshot_id) == table.to_pylist()
        assert lake.table_schema("data", snapshot.snapshot_id).names == table.column_names
        found = lake.sql("select * from data", as_of=snapshot.root)
        assert found.to_pylist() == table.to_pylist()
    metadata = lake.view().states["data"].metadata
    first, third, last = metadata.schemas[0], metadata.schemas[2], metadata.schema()
    assert last.schema_id == first.schema_id
    assert {f.name: f.field_id for f in third.fields} == {f.name: f.field_id for f in first.fields}
    ids = [f.field_id for schema in metadata.schemas[:2] for f in schema.fields if f.name == "a"]
    assert len(set(ids)) == 2


def test_appends_fit_or_name_the_column_that_does_not(lake) -> None:
    lake.write_table(
        "data",
        pa.table({"a": [1], "x": [1.0], "d": pa.array([D(1)], pa.decimal128(9, 2)), "s": ["s"]}),
    )
    narrow = pa.table(
        {
            "s": pa.array(["t"], pa.large_string()),
            "a": pa.array([2], pa.int8()),
            "x": pa.array([2.0], pa.float16()),
            "d": pa.array([D(2)], pa.decimal128(5, 2)),
        }
    )
    lake.write_table("data", narrow, mode="append")
    assert [row["a"] for row in read(lake)] == [1, 2]
    assert [row["d"] for row in read(lake)] == [D(1), D(2)]
    good = {name: narrow.column(name) for name in narrow.column_names}
    for change, name in (
        ({"a": pa.array(["text"])}, "a"),
        ({"a": pa.array([1.5])}, "a"),
        ({"d": pa.array([D(1)], pa.decimal128(10, 2))}, "d"),
        ({"extra": pa.array([1])}, "extra"),
        ({"s": None}, "s"),
    ):
        columns = {k: v for k, v in {**good, **change}.items() if v is not None}
        with pytest.raises(InvalidInput, match=f"column '{name}'.*overwrite the table"):
            lake.write_table("data", pa.table(columns), mode="append")
    assert len(lake.table_snapshots("data")) == 2


# Snapshots


def test_snapshots_are_listed_and_described(lake) -> None:
    first = lake.write_table("data", numbers(1, 2), properties={"source": "ü"})
    second = lake.write_table("data", numbers(3), mode="append")
    lake.keep_snapshot("data", first.snapshot_id, "v1")
    one, two = lake.table_snapshots("data")
    assert (one.snapshot_id, one.rows, one.files) == (first.snapshot_id, 2, 1)
    assert (two.snapshot_id, two.rows, two.files) == (second.snapshot_id, 3, 2)
    assert (one.tags, two.tags) == (("v1",), ())
    assert (one.operation, two.operation) == ("append", "append")
    assert dict(one.properties) == {"source": "ü"}
    assert one.at.tzinfo is not None
    assert second.bytes > first.bytes > 0


def test_tags_hold_snapshots_and_are_given_once(lake) -> None:
    first = lake.write_table("data", numbers(1)).snapshot_id
    second = lake.write_table("data", numbers(2)).snapshot_id
    lake.keep_snapshot("data", first, "v1")
    root = lake.roots()[-1].number
    lake.keep_snapshot("data", first, "v1")
    assert lake.roots()[-1].number == root
    with pytest.raises(AlreadyExists, match="v1"):
        lake.keep_snapshot("data", second, "v1")
    with pytest.raises(InvalidInput, match="held by tag 'v1'"):
        lake.drop_snapshots("data", [first, second])
    lake.release_snapshot("data", "v1")
    lake.release_snapshot("data", "v1")
    lake.release_snapshot("missing", "v1")
    lake.drop_snapshots("data", [first, 12345])
    lake.drop_snapshots("missing", [first])
    assert [one.snapshot_id for one in lake.table_snapshots("data")] == [second]
    with pytest.raises(InvalidInput, match="drop the table"):
        lake.drop_snapshots("data", [second])
    for tag in ("", "main", "x" * 201, "a\nb"):
        with pytest.raises(InvalidInput):
            lake.keep_snapshot("data", second, tag)


def test_where_the_newest_snapshot_goes_the_one_before_takes_its_place(lake) -> None:
    first = lake.write_table("data", pa.table({"a": ["x"]})).snapshot_id
    second = lake.write_table("data", numbers(2)).snapshot_id
    lake.drop_snapshots("data", [second])
    assert read(lake) == [{"a": "x"}]
    assert lake.sql("from data").to_pylist() == [{"a": "x"}]
    third = lake.write_table("data", pa.table({"a": ["y"]}), mode="append").snapshot_id
    assert [one.snapshot_id for one in lake.table_snapshots("data")] == [first, third]
    assert [row["a"] for row in read(lake)] == ["x", "y"]


def test_a_dropped_table_is_gone_but_for_older_roots(lake) -> None:
    before = lake.write_table("data", numbers(1)).root
    lake.drop_table("data")
    lake.drop_table("data")
    with pytest.raises(NotFound):
        lake.read_table("data")
    with pytest.raises(InvalidInput):
        lake.sql("from data")
    assert lake.sql("from data", as_of=before).to_pylist() == [{"n": 1}]
    lake.write_table("data", pa.table({"n": ["another"]}))
    assert read(lake) == [{"n": "another"}]


def test_onto_refuses_what_was_made_for_another_snapshot(lake) -> None:
    first = lake.write_table("data", numbers(1)).snapshot_id
    second = lake.write_table("data", numbers(2), mode="append", onto=first).snapshot_id
    with pytest.raises(Conflict, match="read it again"):
        lake.write_table("data", numbers(3), mode="append", onto=first)
    assert column(lake) == [1, 2]
    assert lake.table_snapshots("data")[-1].snapshot_id == second


# Beside tables of records


def test_records_and_rows_in_bulk_do_not_mix(lake, open_lake) -> None:
    with pytest.raises(InvalidInput, match="declared to hold records"):
        lake.write_table("points", numbers(1))
    lake.append("points", {"series": ["a"], "step": [1]})
    lake.fold()
    stranger = open_lake(tables=())
    for call in (
        lambda: stranger.write_table("points", numbers(1)),
        lambda: stranger.read_table("points"),
        lambda: stranger.drop_table("points"),
    ):
        with pytest.raises(InvalidInput, match="holds records"):
            call()
    lake.write_table("data", numbers(1))
    for call in (
        lambda: lake.append("data", [{"n": 1}]),
        lambda: lake.patch("data", [{"n": 1}]),
        lambda: lake.delete("data", ["x"]),
    ):
        with pytest.raises(InvalidInput, match="write_table"):
            call()
    wrong = open_lake(tables=(Table("data", (Column("n", "long"),)),))
    with pytest.raises(InvalidInput, match="bulk table"):
        wrong.sql("from data")


def test_folds_tags_and_views_carry_bulk_tables_along(lake, open_lake) -> None:
    lake.write_table("data", numbers(1))
    lake.append("points", {"series": ["a"], "step": [1]})
    other = open_lake(tables=())
    open_lake().fold()
    lake.tag("then")
    lake.write_table("data", numbers(2))
    lake.append("points", {"series": ["b"], "step": [2]})
    query = "select (select max(n) from data) n, count(*) points from points"
    assert lake.sql(query).to_pylist() == [{"n": 2, "points": 2}]
    assert other.sql(query).to_pylist() == [{"n": 2, "points": 2}]
    assert lake.sql(query, as_of="then").to_pylist() == [{"n": 1, "points": 1}]
    assert other.tables == sorted({"data", "points"})
    assert lake.scan("data").to_pylist() == [{"n": 2}]
    assert lake.scan("data", where={"n": 1}).to_pylist() == []
    tables = {table.name: table for table in other.status().tables}
    assert (tables["data"].rows, tables["data"].files) == (1, 1)


def test_a_view_loads_no_bulk_table_that_is_not_asked_for(clock, store, tmp_path, lake) -> None:
    for number in range(5):
        lake.write_table(f"data_{number}", numbers(number))
    lake.append("points", {"series": ["a"], "step": [1]})
    lake.fold()
    counting = CountingStore(store)
    fresh = Lake.open(
        "memory://test",
        clock=clock,
        store=RetryingStore(counting, clock),
        cache=tmp_path / "other",
    )
    counting.reset()
    fresh.sql("select count(*) from points")
    assert counting.keys("get", "tables/data_") == []
    assert fresh.sql("show tables").num_rows >= 6
    assert not [key for key in counting.keys("get", "tables/data_") if key.endswith(".parquet")]
    assert fresh.sql("select n from data_3").to_pylist() == [{"n": 3}]


def test_status_finds_damage_without_reading_files(lake, store) -> None:
    first = lake.write_table("data", numbers(1)).snapshot_id
    lake.write_table("data", numbers(2))
    assert lake.status().damaged == []
    key = next(k for k in (i.key for i in store.list("tables/data/data/")))
    (old,) = lake.reading.iceberg.files_of(
        lake.view().states["data"], lake.view().states["data"].metadata.snapshot_by_id(first)
    )
    store.delete([old.key])
    (message,) = lake.status().damaged
    assert old.key in message
    with pytest.raises(CorruptData, match="is gone"):
        read(lake, "data", first)
    assert key


def test_a_damaged_file_is_named(lake, store) -> None:
    lake.write_table("data", numbers(1))
    (info,) = store.list("tables/data/data/")
    for bad in (b"x" * info.size, b"short"):
        store.put(info.key, bad, overwrite=True)
        with pytest.raises(CorruptData, match=info.key):
            read(lake)


# Upkeep

TIGHT = {
    "root_spacing": ((0, 0),),
    "roots_min": 1,
    "orphan_ms": 0,
    "fold_ms_max": DAY_S * 1000,
    "compact_files_min": 2,
    "snapshots_kept": 1,
    "manifests_max": 2,
}


def test_upkeep_leaves_all_snapshots_and_takes_what_is_dropped(open_lake, clock, store) -> None:
    lake = open_lake(**TIGHT)
    written = [lake.write_table("data", numbers(n)).snapshot_id for n in range(5)]
    written += [
        lake.write_table("data", numbers(n), mode="append").snapshot_id for n in range(5, 12)
    ]
    lake.write_table("gone", numbers(1))
    want = {one: column(lake, "data", one) for one in written}
    lake.drop_table("gone")

    def keep_up() -> None:
        for _ in range(4):
            clock.advance(DAY_S)
            lake.append("points", {"series": ["a"], "step": [1]})
            lake.fold()
            lake.upkeep()

    keep_up()
    assert len(lake.roots()) <= 2
    fresh = open_lake(**TIGHT)
    assert {one: column(fresh, "data", one) for one in written} == want
    assert store.list("tables/gone/") == []
    lake.drop_snapshots("data", written[:-1])
    keep_up()
    assert len(store.list("tables/data/data/")) == 8  # the last overwrite, and seven appends
    assert column(open_lake(**TIGHT)) == want[written[-1]]
    keys = {info.key for info in store.list("tables/data/")}
    state = lake.view().states["data"]
    hint = "tables/data/metadata/version-hint.text"
    assert keys == lake.reading.iceberg.references(state, history=True) | {hint}


# Races and crashes


def test_a_fold_in_between_changes_nothing(lake, open_lake, monkeypatch) -> None:
    """A root published meanwhile makes the write publish again what it had staged."""
    other = open_lake()
    publish = lake.publish
    races: list[int] = []

    def publish_late(*args, **options):
        if len(races) < 3:
            races.append(1)
            other.append("points", {"series": ["a"], "step": [1]})
            other.fold()
        return publish(*args, **options)

    monkeypatch.setattr(lake, "publish", publish_late)
    lake.write_table("data", numbers(1))
    assert len(races) == 3
    assert column(other) == [1]
    assert len(other.table_snapshots("data")) == 1
    assert len(lake.store.list("tables/data/data/")) == 1
    assert other.sql("select count(*) n from points").to_pylist() == [{"n": 3}]


@pytest.mark.parametrize("mode", ["append", "overwrite"])
@pytest.mark.parametrize("is_new", [True, False])
def test_a_write_in_between_is_written_on_top_of(open_lake, monkeypatch, mode, is_new) -> None:
    lake, other = open_lake(), open_lake()
    if not is_new:
        lake.write_table("data", numbers(0))
    publish = lake.publish
    races: list[int] = []

    def publish_late(*args, **options):
        if not races:
            races.append(other.write_table("data", numbers(1), mode="append").snapshot_id)
        return publish(*args, **options)

    monkeypatch.setattr(lake, "publish", publish_late)
    lake.write_table("data", numbers(2), mode=mode)
    base = [] if is_new else [0]
    assert column(other) == ([*base, 1, 2] if mode == "append" else [2])
    assert column(other, "data", races[0]) == [*base, 1]
    assert len(other.store.list("tables/data/data/")) == (2 if is_new else 3)


def test_files_are_written_again_where_their_field_ids_mean_other_columns(
    open_lake, monkeypatch
) -> None:
    lake, other = open_lake(), open_lake()
    lake.write_table("data", numbers(0))
    publish = lake.publish
    races: list[int] = []

    def publish_late(*args, **options):
        if not races:
            races.append(other.write_table("data", pa.table({"theirs": ["t"]})).snapshot_id)
        return publish(*args, **options)

    monkeypatch.setattr(lake, "publish", publish_late)
    mine = pa.table({"mine": [1.5], "also": [[1]]})
    lake.write_table("data", mine)
    assert read(other) == mine.to_pylist()
    assert read(other, "data", races[0]) == [{"theirs": "t"}]
    metadata = other.view().states["data"].metadata
    by_id: dict[int, set[str]] = {}
    for schema in metadata.schemas:
        for field in schema.fields:
            by_id.setdefault(field.field_id, set()).add(f"{field.name}: {field.field_type}")
    assert all(len(meanings) == 1 for meanings in by_id.values())


def test_an_append_that_no_longer_fits_is_refused(open_lake, monkeypatch) -> None:
    lake, other = open_lake(), open_lake()
    lake.write_table("data", numbers(0))
    publish = lake.publish
    races: list[int] = []

    def publish_late(*args, **options):
        if not races:
            races.append(other.write_table("data", pa.table({"n": ["text"]})).snapshot_id)
        return publish(*args, **options)

    monkeypatch.setattr(lake, "publish", publish_late)
    with pytest.raises(InvalidInput, match="column 'n'"):
        lake.write_table("data", numbers(1), mode="append")
    assert read(other) == [{"n": "text"}]


def test_threads_append_fold_and_keep_up_at_once(open_lake) -> None:
    lake = open_lake(manifests_max=3)

    def work(number: int) -> None:
        own = open_lake(manifests_max=3)
        for step in range(6):
            own.write_table("data", numbers(number * 100 + step), mode="append")
            if number % 2:
                own.append("points", {"series": ["a"], "step": [step]})
                own.fold()
            if number == 0:
                own.upkeep()

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(work, number) for number in range(4)]:
            future.result()
    found = column(lake)
    assert sorted(found) == sorted(n * 100 + step for n in range(4) for step in range(6))
    for number in range(4):  # each writer's own in its order
        own = [value for value in found if value // 100 == number]
        assert own == sorted(own)
    assert lake.sql("select count(*) n from points").to_pylist() == [{"n": 12}]
    assert len(lake.table_snapshots("data")) == 24


def _append(folder: str, number: int) -> None:
    lake = Lake.open(folder)
    for step in range(5):
        lake.write_table("data", numbers(number * 100 + step), mode="append")


@pytest.mark.slow
def test_processes_append_at_once(tmp_path: Path) -> None:
    folder = str(tmp_path / "lake")
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_append, args=(folder, n)) for n in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    found = column(Lake.open(folder))
    assert sorted(found) == sorted(n * 100 + step for n in range(3) for step in range(5))


class _Killed(BaseException):
    """The process ends here."""


class _Dying(MemoryStore):
    """Lives for a number of changes; the next one happens or not, and is the last."""

    changes = 10**9
    happens = False

    def _live(self) -> bool:
        self.changes -= 1
        if self.changes >= 0:
            return True
        if not self.happens or self.changes < -1:
            raise _Killed
        return False

    def put(self, key, data, *, overwrite=False):
        lives = self._live()
        super().put(key, data, overwrite=overwrite)
        if not lives:
            raise _Killed


@pytest.mark.parametrize("happens", [False, True])
@pytest.mark.parametrize("what", ["overwrite", "append", "keep", "drop"])
def test_a_crash_between_any_two_steps_leaves_the_old_or_the_new_state(
    tmp_path, happens, what
) -> None:
    def act(lake: Lake, snapshot_id: int) -> None:
        if what == "keep":
            lake.keep_snapshot("data", snapshot_id, "tag")
        elif what == "drop":
            lake.drop_table("data")
        else:
            lake.write_table("data", numbers(2), mode=what)

    ends = set()
    for number in range(12):
        clock = ManualClock(number)
        store = _Dying(clock, name="dying")
        settings = LakeSettings(orphan_ms=3600_000, root_spacing=((0, 0),), roots_min=1)

        def opened(clock=clock, store=store, settings=settings) -> Lake:
            return Lake.open(
                "memory://dying",
                clock=clock,
                store=RetryingStore(store, clock),
                settings=settings,
                cache=tmp_path / "cache",
            )

        lake = opened()
        first = lake.write_table("data", numbers(1)).snapshot_id
        store.changes, store.happens = number, happens
        survived = True
        try:
            act(lake, first)
        except _Killed:
            survived = False
        store.changes = 10**9
        fresh = opened()
        try:
            state = (tuple(column(fresh)), fresh.table_snapshots("data")[0].tags)
        except NotFound:
            state = ((), ())
        ends.add(state)
        old = ((1,), ())
        new = {
            "overwrite": ((2,), ()),
            "append": ((1, 2), ()),
            "keep": ((1,), ("tag",)),
            "drop": ((), ()),
        }[what]
        assert state in (old, new)
        assert not survived or state == new
        assert fresh.status().damaged == []
        clock.advance(2 * 3600)
        store.put("tables/clock", b"")  # the store's time is that of its newest object
        for _ in range(2):
            fresh.upkeep()
        if state != ((), ()):
            assert column(opened()) == list(state[0])
            needed = fresh.reading.iceberg.references(fresh.view().states["data"], history=True)
            there = {info.key for info in store.list("tables/data/")}
            assert there - {"tables/data/metadata/version-hint.text"} == needed
        if survived:
            break
    else:
        pytest.fail("it never came to an end")
    assert new in ends
    assert old in ends or (what == "drop" and happens)  # a drop is the root alone


def test_a_store_that_is_away_is_said_and_the_write_can_be_repeated(lake, store) -> None:
    lake.write_table("data", numbers(1))
    inner = store.put_file

    def away(*args, **options):
        raise Unavailable(ErrorCode.STORE_UNAVAILABLE, "injected")

    store.put_file = away
    with pytest.raises(Unavailable):
        lake.write_table("data", numbers(2), mode="append")
    store.put_file = inner
    lake.write_table("data", numbers(2), mode="append")
    assert column(lake) == [1, 2]


def test_a_write_of_half_a_day_is_refused(open_lake, clock) -> None:
    lake = open_lake(orphan_ms=3600_000, fold_ms_max=1000)

    def slow():
        yield numbers(1).to_batches()[0]
        clock.advance(2000)

    reader = pa.RecordBatchReader.from_batches(numbers().schema, slow())
    with pytest.raises(Conflict, match="in smaller parts"):
        lake.write_table("data", reader)
    with pytest.raises(NotFound):
        lake.read_table("data")


def test_a_forked_child_reads_and_writes(tmp_path: Path) -> None:
    lake = Lake.open(str(tmp_path / "lake"))
    lake.write_table("data", numbers(1))

    def child() -> None:
        lake.write_table("data", numbers(2), mode="append")

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert column(lake) == [1, 2]
    assert threading.active_count() >= 1
