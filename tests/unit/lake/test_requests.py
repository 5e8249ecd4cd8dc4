"""Budgets of requests, exactly: a store is billed and waited for by the request."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from mere.clock import SystemClock
from mere.lake import Lake
from mere.lake.fold import Folder
from mere.lake.objects.memory import MemoryStore
from mere.lake.objects.retry import RetryingStore
from mere.testing.counting import CountingStore
from tests.unit.lake.conftest import TABLES


@pytest.fixture
def counting(store: MemoryStore) -> CountingStore:
    return CountingStore(store)


@pytest.fixture
def connect(counting: CountingStore, clock, tmp_path):
    """Open the warehouse as one more process; `counting` counts the requests of all."""

    def connect_it(**options) -> Lake:
        return Lake.open(
            "memory://test",
            clock=options.pop("clock", clock),
            store=RetryingStore(counting, clock),
            cache=tmp_path / "cache",
            **options,
        )

    return connect_it


@pytest.fixture
def lake(connect, counting: CountingStore) -> Lake:
    """A lake that has settled: opened, and looked at once."""
    opened = connect(tables=TABLES)
    opened.refresh()
    counting.reset()
    return opened


def points(number: int, series: str = "a") -> dict[str, list[object]]:
    return {
        "series": [series] * number,
        "step": list(range(number)),
        "at": [0] * number,
        "value": [0.5] * number,
    }


def items(number: int) -> list[dict[str, object]]:
    return [{"id": f"{i:06}", "name": "x", "tags": {"k": "v"}} for i in range(number)]


# Writing


@pytest.mark.parametrize("number", [1, 1_000, 100_000])
def test_a_batch_of_points_is_one_put(lake, counting, number):
    lake.append("points", points(number))
    assert counting.counts == {"put": 1}


def test_a_batch_over_several_tables_is_one_put(lake, counting):
    with lake.batch() as batch:
        batch.append("points", points(1_000))
        batch.patch("items", items(100))
        batch.delete("pairs", [("a", 1)])
    assert counting.counts == {"put": 1}


def test_an_empty_batch_asks_nothing(lake, counting):
    with lake.batch():
        pass
    lake.append("points", [])
    assert counting.counts == {}


def test_buffered_records_are_one_put(lake, counting):
    writer = lake.writer(interval_ms=60_000)
    for step in range(1_000):
        writer.append("points", [{"series": "a", "step": step, "value": 0.5}])
    writer.flush()
    puts = counting.counts
    writer.close()
    assert puts == {"put": 1}


def test_a_claim_is_one_put_and_a_lost_one_three_requests(lake, counting):
    assert lake.claim("names", "x", {"id": "1"}).won
    assert counting.counts == {"put": 1}
    counting.reset()
    assert not lake.claim("names", "x", {"id": "2"}).won
    # Once to see whether the object in the way is our own, once to learn the winner.
    assert counting.counts == {"put": 1, "get": 2}


# Reading


def test_a_refresh_with_nothing_new_is_one_list(lake, counting):
    lake.append("points", points(10))
    lake.fold()
    lake.refresh()
    counting.reset()
    for _ in range(3):
        lake.refresh()
    assert counting.counts == {"list": 3}


def test_a_warm_query_is_one_list(lake, counting):
    lake.append("points", points(10))
    lake.fold()
    lake.append("points", points(10))
    query = "SELECT count(*) FROM points"
    lake.sql(query)
    counting.reset()
    assert lake.sql(query).column(0).to_pylist() == [20]
    assert counting.counts == {"list": 1}


def test_own_writes_are_read_without_fetching_them(lake, counting):
    lake.append("points", points(10))
    counting.reset()
    assert lake.scan("points").num_rows == 10
    assert counting.count("get") == 0


def test_anothers_segment_is_fetched_once(lake, connect, counting):
    other = connect(tables=TABLES)
    other.append("points", points(10))
    counting.reset()
    assert lake.scan("points").num_rows == 10
    assert lake.scan("points").num_rows == 10
    assert len(counting.keys("get", "journal/")) == 1


def test_a_row_at_hand_is_one_list(lake, counting):
    lake.patch("items", items(100))
    lake.fold()
    assert lake.get("items", "000042")["name"] == "x"
    counting.reset()
    assert lake.get("items", "000042")["name"] == "x"
    assert lake.get("items", "000043")["name"] == "x"
    assert counting.counts == {"list": 2}


def test_a_first_query_asks_for_each_thing_once(lake, connect, counting):
    lake.append("points", points(1_000))
    lake.patch("items", items(1_000))
    lake.fold()
    other = connect()
    counting.reset()
    assert other.sql("SELECT count(*) FROM items").column(0).to_pylist() == [1_000]
    gets = counting.keys("get")
    assert len(gets) == len(set(gets))
    # The root; two tables' metadata; one table's manifest list, manifest and file.
    assert kinds(gets) == {
        "catalog": 1,
        "metadata.json": 2,
        "avro": 2,
        "parquet": 1,
    }
    assert counting.count("list", "journal/") == 1
    assert counting.count("put") == 0


def test_a_history_reads_only_the_files_that_may_hold_it(lake, connect, counting):
    for series in "abcd":
        lake.append("points", points(100, series))
        lake.fold()
    other = connect()
    counting.reset()
    assert other.scan("points", {"series": "c"}).num_rows == 100
    assert kinds(counting.keys("get"))["parquet"] == 1


# Folding


def fold_requests(lake: Lake, counting: CountingStore, *, points_number: int, items_number: int):
    lake.append("points", points(points_number))
    lake.patch("items", items(items_number))
    counting.reset()
    lake.fold()
    return counting.counts


def test_a_folds_puts_depend_only_on_the_tables_touched(connect, counting):
    lake = connect(tables=TABLES)
    lake.refresh()
    few = fold_requests(lake, counting, points_number=10, items_number=10)
    puts = counting.keys("put")
    # For each table a file, a manifest, a manifest list, metadata and the hint; the keyed one's
    # stamps; one root for both, and its marker in the journal.
    assert kinds(puts) == {
        "parquet": 2,
        "avro": 4,
        "metadata.json": 2,
        "version-hint.text": 2,
        "stamps": 1,
        "catalog": 1,
        "journal": 1,
    }
    many = fold_requests(lake, counting, points_number=10_000, items_number=10_000)
    assert many["put"] == few["put"] == 13


def test_a_fold_of_many_segments_puts_no_more(lake, counting):
    for _ in range(50):
        lake.append("points", points(10))
    counting.reset()
    lake.fold()
    assert counting.count("put") == 7
    assert counting.count("get", "journal/") == 0


def test_a_fold_leaves_other_tables_alone(lake, counting):
    lake.patch("items", items(10))
    lake.fold()
    lake.append("points", points(10))
    counting.reset()
    lake.fold()
    assert [key for key in counting.keys("put") if "items" in key] == []


def test_a_fold_with_nothing_to_fold_puts_nothing(lake, counting):
    lake.append("points", points(10))
    lake.fold()
    counting.reset()
    lake.fold()
    assert counting.count("put") == 0


# Bytes


def test_a_segment_of_points_takes_few_bytes(lake, counting):
    lake.append("points", points(100_000))
    assert counting.transferred("put") < 3 * 100_000


def kinds(keys: list[str]) -> dict[str, int]:
    """How many keys of each kind: by the folder, or by what a table's file ends in."""
    found: dict[str, int] = {}
    for key in keys:
        kind = key.partition("/")[0]
        if kind == "tables":
            name = key.rpartition("/")[2]
            kind = name if name == "version-hint.text" else name.partition(".")[2]
        found[kind] = found.get(kind, 0) + 1
    return found


@pytest.mark.parametrize("params", [None, {"series": "a"}])
def test_a_query_fetches_the_tables_it_names_alone(lake, connect, counting, params):
    with lake.batch() as batch:
        batch.append("points", points(10))
        batch.patch("items", items(10))
    lake.fold()
    condition = "series = $series" if params else "series = 'a'"
    other = connect()
    other.refresh()
    counting.reset()
    found = other.sql(f"select count(*) as n from points where {condition}", params)
    assert found["n"].to_pylist() == [10]
    assert counting.keys("get", "tables/points/")
    assert not counting.keys("get", "tables/items/")


@pytest.mark.parametrize("is_news", [False, True], ids=["nothing-new", "something-new"])
def test_a_shared_listing_shows_all_that_was_there_when_a_thread_came(
    connect, monkeypatch, is_news
):
    """A listing may miss what was written after it began: who comes then needs another."""
    lake, other = connect(tables=TABLES, clock=SystemClock()), connect(tables=TABLES)
    lake.refresh()
    if is_news:  # the first listing makes a new view
        other.patch("items", [{"id": "before", "name": "x"}])
    has_listed, may_go_on = threading.Event(), threading.Event()
    listing = lake.journal.look

    def slow_once():
        found = listing()
        if not has_listed.is_set():
            has_listed.set()
            assert may_go_on.wait(10)
        return found

    monkeypatch.setattr(lake.journal, "look", slow_once)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(lake.view)
        assert has_listed.wait(10)
        other.patch("items", items(1))
        late = threads.submit(lambda: lake.view().table("items").get(("000000",)))
        time.sleep(0.1)  # until it waits for the first
        may_go_on.set()
        first.result()
        assert late.result() is not None


def test_threads_that_read_at_once_share_a_listing(connect, counting: CountingStore, monkeypatch):
    lake = connect(tables=TABLES, clock=SystemClock())
    lake.refresh()
    counting.reset()
    came, may_list = threading.Barrier(17), threading.Event()
    listing = lake.journal.look
    monkeypatch.setattr(lake.journal, "look", lambda: (may_list.wait(10), listing())[1])

    def read():
        came.wait()
        return lake.view()

    with ThreadPoolExecutor(16) as threads:
        readers = [threads.submit(read) for _ in range(16)]
        came.wait()
        time.sleep(0.1)  # until all of them ask
        may_list.set()
        assert len({id(reader.result()) for reader in readers}) == 1
    assert counting.count("list") == 2  # whoever came first asked alone, all others together


# Folds that were killed


def fold_and_die(lake: Lake) -> int:
    """Publish the root of a fold, and live neither to say so nor to delete what it holds."""
    folder = Folder(lake.catalog, lake.clock, lake.settings)
    return folder.fold(lake.newest_view(), lake.declared.values()).number


def test_whoever_finishes_anothers_fold_tells_readers_before_it_deletes(connect):
    killed, finisher, reader = (connect(tables=TABLES) for _ in range(3))
    killed.patch("items", items(1))
    reader.refresh()
    fold_and_die(killed)
    assert finisher.fold().deleted == 1
    assert reader.get("items", "000000") is not None


def test_a_fold_goes_on_from_a_root_whose_maker_did_not_live_to_say_so(connect):
    killed, lake = connect(tables=TABLES), connect(tables=TABLES)
    killed.patch("items", items(1))
    lake.refresh()
    root = fold_and_die(killed)
    lake.patch("items", items(2))
    assert lake.fold().root == root + 1
    assert lake.scan("items").num_rows == 2


def a_point(number: int) -> list[dict[str, object]]:
    return [{"series": "a", "step": number, "at": number, "value": 1.0}]


def test_a_stream_is_remembered_while_its_segments_are_listed(connect, clock):
    """However long ago it ended: forgotten, its records would count as the tail's once more."""
    lake, other = connect(tables=TABLES), connect(tables=TABLES)
    with lake.batch(ends_stream=True) as batch:
        batch.append("points", a_point(1))
    fold_and_die(lake)
    clock.advance(lake.settings.ended_writer_ms / 1000 + 1)
    other.append("points", a_point(2))
    fold_and_die(other)
    fresh = connect(tables=TABLES)
    assert sorted(fresh.scan("points")["step"].to_pylist()) == [1, 2]


def test_a_stream_that_nobody_ended_is_remembered_for_days(connect, clock):
    ended, lost, other = (connect(tables=TABLES) for _ in range(3))
    lost.append("points", a_point(1))
    with ended.batch(ends_stream=True) as batch:
        batch.append("points", a_point(2))
    (one, two) = (segment.name.writer for segment in other.view().tail)
    other.fold()
    streams = {one, two} - {ended._writer._writer}

    def remembered_after(ms: int) -> int:
        clock.advance(ms / 1000 + 1)
        other.append("points", a_point(3))
        other.fold()
        return len(streams & other.newest_view().folded.keys())

    settings = other.settings
    assert remembered_after(0) == 2
    assert remembered_after(settings.ended_writer_ms) == 1
    assert remembered_after(settings.lost_writer_ms) == 0
