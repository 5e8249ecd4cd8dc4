"""Tables that are kept in another catalog, too: data first, the root last, whatever crashes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyiceberg.table.metadata import TableMetadata, TableMetadataUtil

from mere.config import CatalogSettings
from mere.errors import Conflict, InvalidInput, NotFound, Unavailable
from mere.lake import Lake
from mere.lake.elsewhere import ELSEWHERE, Elsewhere, Place, open_elsewhere
from mere.lake.guests import Change, Guests
from mere.lake.objects.memory import MemoryStore
from mere.lake.objects.retry import RetryingStore
from mere.testing.clock import ManualClock
from tests.unit.lake.conftest import ITEMS, POINTS

NS = ("mere",)


class Crash(BaseException):
    """The process ends."""


class OtherCatalog(Guests):
    """A catalog that commits table by table, whose tables may lie anywhere in the store."""

    def _check_place(self, location: str) -> None:
        return


class Tables:
    """One process's hold of the other catalog; something can happen before each change."""

    def __init__(self, store: MemoryStore, clock: ManualClock) -> None:
        self.guests = OtherCatalog(store, store.url, clock)
        self.before: Callable[[str], None] = lambda _: None
        if not self.guests.namespaces():
            self.guests.create_namespace(NS, {})

    def load(self, name: str) -> TableMetadata | None:
        try:
            return TableMetadataUtil.parse_raw(self.guests.load(NS, name).metadata.decode())
        except NotFound:
            return None

    def register(self, name: str, location: str) -> None:
        self.before(f"register {name}")
        self.guests.register(NS, name, location)

    def commit(self, name: str, requirements: Any, updates: Any) -> None:
        self.before(f"commit {name}")
        parts = [
            [json.loads(one.model_dump_json()) for one in some] for some in (requirements, updates)
        ]
        self.guests.commit([Change(NS, name, *parts)])

    def drop(self, name: str) -> None:
        self.before(f"drop {name}")
        if name in self.guests.tables(NS):
            self.guests.drop(NS, name)


class World:
    """One store, and processes over it that come and go."""

    def __init__(self, folder: Any) -> None:
        self.clock = ManualClock(5)
        self.store = MemoryStore(self.clock, name="elsewhere")
        self.folder = folder

    def process(self) -> tuple[Lake, Tables]:
        lake = Lake.open(
            "memory://elsewhere",
            tables=(POINTS, ITEMS),
            clock=self.clock,
            store=RetryingStore(self.store, self.clock),
            cache=self.folder,
        )
        tables = Tables(self.store, self.clock)
        lake.catalog._elsewhere = Elsewhere(tables, self.store)
        return lake, tables

    def check_settled(self, lake: Lake, tables: Tables) -> None:
        """The other catalog shows what the newest root has."""
        root = lake.view().root
        assert set(tables.guests.tables(NS)) == set(root.tables)
        for name, key in root.tables.items():
            ours = lake.reading.iceberg.load(key).metadata
            theirs = tables.load(name)
            assert theirs is not None
            assert theirs.current_snapshot_id == ours.current_snapshot_id
            assert theirs.schema() == ours.schema()
            assert theirs.properties == ours.properties
            assert theirs.table_uuid == ours.table_uuid


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path)


def write(lake: Lake, number: int) -> None:
    with lake.batch() as batch:
        batch.append("points", {"series": ["a"], "step": [number], "value": [0.5]})
        batch.patch("items", [{"id": f"i{number % 3}", "size": number}])


def state(lake: Lake) -> tuple[list[int], dict[str, int]]:
    points = lake.sql("select step from points order by step").column(0).to_pylist()
    items = lake.sql("select id, size from items order by id").to_pylist()
    return points, {row["id"]: row["size"] for row in items}


def test_each_fold_is_committed_there_before_its_root(world):
    lake, tables = world.process()
    order: list[str] = []
    tables.before = lambda what: order.append(f"{what} at {len(lake.catalog.numbers())}")
    for number in range(3):
        write(lake, number)
        lake.fold()
        world.check_settled(lake, tables)
    assert order == [
        "register items at 0",
        "register points at 0",
        "commit items at 1",
        "commit points at 1",
        "commit items at 2",
        "commit points at 2",
    ]


def test_columns_and_bulk_tables_follow(world):
    import pyarrow as pa

    lake, tables = world.process()
    lake.write_table("data", pa.table({"a": [1, 2]}))
    lake.write_table("data", pa.table({"a": ["x"], "b": [1.5]}))
    snapshot = lake.table_snapshots("data")[0].snapshot_id
    lake.keep_snapshot("data", snapshot, "first")
    world.check_settled(lake, tables)
    found = tables.load("data")
    assert found is not None
    assert found.refs["first"].snapshot_id == snapshot


@pytest.mark.parametrize("at", range(1, 5))
def test_a_crash_between_two_tables_loses_and_doubles_nothing(world, at):
    lake, tables = world.process()
    write(lake, 0)
    lake.fold()
    write(lake, 1)
    count = 0

    def crash(_: str) -> None:
        nonlocal count
        count += 1
        if count == at:
            raise Crash

    tables.before = crash
    for number in (2, 3):
        try:
            lake.fold()
        except Crash:
            break
        write(lake, number)
    expected = state(world.process()[0])
    other, others = world.process()
    write(other, 9)
    assert state(other)[0] == [*expected[0], 9]
    other.fold()
    assert state(other)[0] == [*expected[0], 9]
    world.check_settled(other, others)


def test_whoever_loses_the_race_for_the_root_starts_over(world):
    one, ones = world.process()
    other, others = world.process()
    write(one, 0)
    one.fold()
    write(one, 1)
    is_done = False

    def overtake(what: str) -> None:
        nonlocal is_done
        if what == "commit points" and not is_done:
            is_done = True
            write(other, 2)
            other.fold()

    ones.before = overtake
    one.fold()
    assert state(one) == state(other) == ([0, 1, 2], {"i0": 0, "i1": 1, "i2": 2})
    write(one, 3)
    one.fold()
    world.check_settled(one, ones)
    world.check_settled(other, others)


def test_upkeep_settles_before_it_collects(world):
    lake, tables = world.process()
    write(lake, 0)
    lake.fold()
    write(lake, 1)

    def crash(what: str) -> None:
        if what == "commit points":
            raise Crash

    tables.before = crash
    with pytest.raises(Crash):
        lake.fold()
    other, others = world.process()
    ahead = others.load("items")
    assert ahead is not None
    world.clock.advance(3 * 24 * 3600)
    other.upkeep()
    world.check_settled(other, others)
    for name in ("items", "points"):
        found = others.load(name)
        assert found is not None
        snapshot = found.current_snapshot()
        assert snapshot is not None
        assert world.store.get(snapshot.manifest_list.removeprefix("memory://elsewhere/"))


def test_a_catalog_that_fails_stops_folds_and_nothing_else(world):
    lake, tables = world.process()
    write(lake, 0)
    lake.fold()
    write(lake, 1)

    def fail(_: str) -> None:
        raise Unavailable("store_unavailable", "it is away")  # type: ignore[arg-type]

    tables.before = fail
    with pytest.raises(Unavailable):
        lake.fold()
    write(lake, 2)
    assert state(lake)[0] == [0, 1, 2]
    tables.before = lambda _: None
    lake.fold()
    world.check_settled(lake, tables)


def test_the_place_is_recorded_once_for_all(world):
    store = world.store
    assert open_elsewhere(store, CatalogSettings(), is_recorded=False) is None
    place = Place("rest", "http://127.0.0.1:1", "", "mere")
    told = CatalogSettings(uri=place.uri)
    with pytest.raises(Unavailable):
        open_elsewhere(store, told, is_recorded=False)
    assert json.loads(store.get(ELSEWHERE))["uri"] == place.uri
    with pytest.raises(InvalidInput, match="are kept in"):
        open_elsewhere(store, CatalogSettings(uri="http://other"), is_recorded=True)
    with pytest.raises(InvalidInput, match="are kept in"):
        open_elsewhere(store, CatalogSettings(uri="http://other"), is_recorded=False)
    # A process that was told nothing learns of it by the listing that it takes anyway.
    lake = Lake.open("memory://elsewhere", tables=(POINTS,), clock=world.clock, store=store)
    lake.append("points", {"series": ["a"], "step": [1], "value": [0.5]})
    with pytest.raises(Unavailable):
        lake.fold()
    assert lake.status().foreign == []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("fold"), st.integers(0, 1), st.integers(0, 6)),
        st.tuples(st.just("upkeep"), st.integers(0, 1), st.integers(0, 6)),
    ),
    max_size=14,
)


@settings(max_examples=40)
@given(STEPS)
def test_any_interleaving_with_crashes_is_as_one_clean_fold(tmp_path_factory, steps):
    """Processes write, fold and die before any change of the other catalog."""
    world = World(tmp_path_factory.mktemp("cache"))
    processes = [world.process(), world.process()]
    written: list[int] = []
    items: dict[str, int] = {}
    for number, (step, who, dies_at) in enumerate(steps):
        lake, tables = processes[who]
        left = dies_at or 99

        def die(_: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Crash

        tables.before = die
        try:
            if step == "write":
                write(lake, number)
                written.append(number)
                items[f"i{number % 3}"] = number
            elif step == "fold":
                lake.fold()
            else:
                lake.upkeep()
        except Crash:
            processes[who] = world.process()
        except Conflict:
            pass
        world.clock.advance(60)
        for lake, _ in processes:
            assert state(lake) == (written, items)
    lake, tables = world.process()
    lake.fold()
    lake.catalog.settle(lake.view().root)
    assert state(lake) == (written, items)
    world.check_settled(lake, tables)
    if written:
        found = tables.load("points")
        assert found is not None
        snapshot = found.current_snapshot()
        assert snapshot is not None
        assert snapshot.summary is not None
        assert snapshot.summary["total-records"] == str(len(written))
