"""Upkeep: plans as functions of a state, and what carrying them out leaves."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pyiceberg.manifest import DataFile

from mere.errors import NotFound
from mere.lake import LakeSettings
from mere.lake.catalog import Root
from mere.lake.iceberg import Iceberg
from mere.lake.objects.store import ObjectInfo
from mere.lake.tables import DataFileRef
from mere.lake.upkeep import UpkeepState, plan_upkeep
from tests.unit.lake.conftest import ITEMS, POINTS

HOUR_US = 3600 * 1_000_000
DAY_US = 24 * HOUR_US
NOW_US = 1_000 * DAY_US


def root(number: int) -> Root:
    return Root(number, number - 1 or None, datetime(2020, 1, 1, tzinfo=UTC), {})


def file(key: str, rows: int) -> DataFileRef:
    return DataFileRef(key, rows, rows * 10, (key,), (key,), DataFile())


@pytest.fixture
def tables(store, clock):
    iceberg = Iceberg(
        store, location="memory://test", clock=clock, manifests_max=4, snapshots_kept=4
    )
    return {table.name: iceberg.create(table) for table in (POINTS, ITEMS)}


def state(tables, **changes) -> UpkeepState:
    given = {
        "roots": [],
        "tagged": frozenset(),
        "files": {},
        "tables": tables,
        "objects": [],
        "referenced": frozenset(),
        "newest_us": NOW_US,
    }
    return UpkeepState(**{**given, **changes})


def test_files_of_one_tier_are_merged_and_large_ones_left_alone(tables):
    settings = LakeSettings(compact_files_min=3, compact_tier_factor=10, log_file_rows=1000)
    files = [file(f"s{n}", 5) for n in range(4)] + [file(f"m{n}", 50) for n in range(2)]
    files += [file(f"l{n}", 600) for n in range(5)]
    plan = plan_upkeep(state(tables, files={"points": files}), settings)
    assert [[f.key for f in group] for group in plan.compact["points"]] == [
        ["s0", "s1", "s2", "s3"]
    ]


def test_no_merged_file_is_larger_than_a_file_may_be(tables):
    settings = LakeSettings(compact_files_min=2, keyed_file_rows=100)
    files = [file(f"{n:02}", 30) for n in range(10)]
    (groups,) = plan_upkeep(state(tables, files={"items": files}), settings).compact.values()
    assert all(sum(f.rows for f in group) <= 100 for group in groups)
    assert sorted(f.key for group in groups for f in group) == [f"{n:02}" for n in range(9)]


def test_old_roots_are_thinned_and_the_last_of_each_interval_stays(tables):
    ages_h = [800, 500.9, 500.6, 500.1, 30, 20, 0.9, 0.5, 0]
    roots = [(root(n + 1), NOW_US - round(age * HOUR_US)) for n, age in enumerate(ages_h)]
    plan = plan_upkeep(state(tables, roots=roots), LakeSettings(roots_min=1))
    assert [r.number for r in plan.expire] == [1, 2, 3]
    tagged = state(tables, roots=roots, tagged=frozenset({1, 2}))
    assert [r.number for r in plan_upkeep(tagged, LakeSettings(roots_min=1)).expire] == [3]
    assert plan_upkeep(state(tables, roots=roots), LakeSettings(roots_min=9)).expire == []


def test_only_old_objects_that_nobody_refers_to_are_orphans(tables):
    objects = [
        ObjectInfo("tables/points/data/old", 1, NOW_US - 2 * DAY_US),
        ObjectInfo("tables/points/data/used", 1, NOW_US - 2 * DAY_US),
        ObjectInfo("tables/points/data/young", 1, NOW_US - DAY_US + 1),
        ObjectInfo("tables/points/metadata/version-hint.text", 1, 0),
        ObjectInfo("tables/dropped/metadata/version-hint.text", 1, 0),
    ]
    used = {"tables/points/data/used", "tables/points/metadata/version-hint.text"}
    plan = plan_upkeep(
        state(tables, objects=objects, referenced=frozenset(used)),
        LakeSettings(),
    )
    assert [info.key for info in plan.orphans] == [
        "tables/points/data/old",
        "tables/dropped/metadata/version-hint.text",
    ]


def test_a_fold_gives_up_long_before_its_files_or_its_root_s_number_can_go():
    settings = LakeSettings()
    assert settings.fold_ms_max * 2 <= settings.root_spacing[0][0]
    assert settings.root_spacing[0][1] == 0
    assert settings.fold_ms_max * 2 <= settings.orphan_ms
    ages = [age for age, _ in settings.root_spacing]
    assert ages == sorted(ages)


@pytest.fixture
def busy(open_lake, clock):
    lake = open_lake(
        compact_files_min=2,
        keyed_file_rows=10,
        orphan_ms=1000,
        late_ms=1000,
        root_spacing=((2000, 0),),
        roots_min=1,
        manifests_max=3,
        snapshots_kept=3,
    )
    for n in range(8):
        lake.append("points", {"series": [f"s{n % 3}"], "step": [n], "value": [n / 2]})
        lake.patch("items", [{"id": f"i{n}", "size": n}])
        lake.fold()
        clock.advance(1)
    return lake


def everything(lake) -> list:
    return [lake.sql(f"select * from {t} order by all").to_pylist() for t in ("points", "items")]


def test_upkeep_changes_no_answer_and_leaves_few_objects(busy, open_lake, store, clock):
    before = everything(busy)
    objects = len(store.list("tables/"))
    for _ in range(4):
        busy.upkeep()
        clock.advance(10)
        busy.append("points", [{"series": "s0"}])
        busy.fold()
        before[0] = everything(busy)[0]
    busy.upkeep()
    assert everything(busy) == everything(open_lake()) == before
    assert len(store.list("tables/")) < objects / 2
    assert busy.status().damaged == []


def test_metadata_lists_the_snapshots_of_the_last_hour_alone(open_lake, clock):
    """And all its times are those of the clock that the lake was given."""
    lake = open_lake()

    def times() -> list[int]:
        metadata = lake.newest_view().states["points"].metadata
        assert metadata.last_updated_ms == clock.now_us() // 1000
        return [snapshot.timestamp_ms for snapshot in metadata.snapshots]

    begun_ms = clock.now_us() // 1000
    for minutes in (0, 30, 45):
        clock.advance(60 * minutes)
        lake.append("points", [{"series": "a"}])
        lake.fold()
    assert [(ms - begun_ms) // 60_000 for ms in times()] == [0, 30, 75]
    (action,) = lake.upkeep().actions
    assert (action.kind, action.table) == ("expire-snapshots", "points")
    assert [(ms - begun_ms) // 60_000 for ms in times()] == [30, 75]
    assert lake.upkeep().actions == []
    assert lake.scan("points").num_rows == 3
    clock.advance(3600 * 10)
    lake.patch("items", [{"id": "x"}])  # by whose files the store tells the time
    lake.fold()
    lake.upkeep()
    assert len(lake.newest_view().states["points"].metadata.snapshots) == 1, "the current one stays"


def test_a_dry_run_says_the_same_and_does_nothing(busy, store):
    before = [(info.key, info.size) for info in store.list("")]
    said = busy.upkeep(dry_run=True)
    assert [(info.key, info.size) for info in store.list("")] == before
    assert said.dry_run
    assert {action.kind for action in said.actions} >= {"compact", "expire-roots"}
    assert busy.upkeep().actions == said.actions


def test_a_tag_pins_its_state(busy, open_lake, clock):
    busy.tag("kept")
    number = busy.roots()[0].number
    at_tag = busy.sql("select count(*) n from points", as_of="kept").to_pylist()
    for _ in range(4):
        busy.append("points", [{"series": "late"}])
        busy.fold()
        clock.advance(100)
        busy.upkeep()
    assert busy.sql("select count(*) n from points", as_of="kept").to_pylist() == at_tag
    with pytest.raises(NotFound):
        open_lake().scan("points", as_of=number)


def test_a_reader_survives_the_collection_of_its_files(busy, open_lake, clock):
    reader = open_lake()
    reader.view()
    for _ in range(4):
        clock.advance(100)
        busy.append("points", [{"series": "x"}])
        busy.fold()
        busy.upkeep()
    assert reader.scan("points").num_rows == 12


def test_compaction_that_lost_the_race_does_no_harm(busy, monkeypatch, open_lake):
    before = everything(busy)
    other = open_lake()
    publish = busy.catalog.publish
    raced: list[int] = []

    def race(*args):
        if not raced:
            raced.append(1)
            other.patch("items", [{"id": "raced"}])
            other.fold()
        return publish(*args)

    monkeypatch.setattr(busy.catalog, "publish", race)
    busy.upkeep()
    rows = everything(busy)
    assert rows[0] == before[0]
    assert [row for row in rows[1] if row["id"] != "raced"] == before[1]
    assert len(rows[1]) == len(before[1]) + 1
