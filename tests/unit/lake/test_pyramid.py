"""Series from afar: buckets from pyramids, plain files and the tail are those of the raw points."""

from __future__ import annotations

import math
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mere.errors import InvalidInput
from mere.lake import Column, Lake, LakeSettings, Table
from mere.lake.fold import Folder
from mere.lake.objects.memory import MemoryStore
from mere.lake.objects.retry import RetryingStore
from mere.lake.pyramid import Points, bucket_points, pyramid_file
from mere.lake.pyramid_reading import Look, Mark, Window
from mere.lake.schema import Pyramid
from mere.testing.clock import ManualClock
from mere.testing.counting import CountingStore

COLUMNS = (
    Column("run", "string"),
    Column("key", "string"),
    Column("step", "long"),
    Column("at", "timestamptz"),
    Column("value", "double"),
)
TABLE = Table("points", COLUMNS, sort=("run", "key", "step"), pyramid=Pyramid("at", "value"))
PLAIN = Table("points", COLUMNS, sort=("run", "key", "step"))
_numbers = count()


class Warehouse:
    """A lake in memory that counts its requests, and the points that were put into it."""

    def __init__(self, cache, table: Table = TABLE, **options) -> None:
        self.clock = ManualClock(7)
        self.counting = CountingStore(MemoryStore(self.clock, name=f"test{next(_numbers)}"))
        self.cache = cache
        self.options = options
        self.points: list[tuple[str, str, int, int, float]] = []
        self.lake = self.open(table)

    def open(self, table: Table = TABLE) -> Lake:
        return Lake.open(
            "memory://test",
            tables=[table],
            clock=self.clock,
            store=RetryingStore(self.counting, self.clock),
            cache=self.cache / self.counting.url.rpartition("/")[2],
            settings=LakeSettings(**self.options),
        )

    def add(self, run: str, key: str, steps, values, at=None) -> None:
        steps = np.asarray(steps).tolist()
        at = [1_000 * step for step in steps] if at is None else np.asarray(at).tolist()
        values = np.asarray(values, float).tolist()
        names = [run] * len(steps), [key] * len(steps)
        self.points += zip(*names, steps, at, values, strict=True)
        columns = ("run", "key", "step", "at", "value")
        self.lake.append("points", dict(zip(columns, (*names, steps, at, values), strict=True)))


def expected(warehouse: Warehouse, window: Window, look: Look) -> dict[tuple[int, int], tuple]:
    """The same buckets from the raw points, one by one."""
    grouped: dict[tuple[int, int], list] = {}
    for run, key, step, at, value in warehouse.points:
        if (run, key) not in window.names:
            continue
        series = list(window.names).index((run, key))
        x = step if window.origins is None else at - window.origins[series]
        bucket = x >> look.bits
        if look.first <= bucket <= look.last:
            rank = (step, at, value) if window.origins is None else (at, step, value)
            grouped.setdefault((series, bucket), []).append((rank, value))
    return {pair: summed(points) for pair, points in grouped.items()}


def summed(points: list) -> tuple:
    values = np.array([value for _, value in points])
    finite = values[np.isfinite(values)]
    nan, above, below = np.isnan(values).sum(), (values == np.inf).sum(), (values == -np.inf).sum()
    if not len(finite):
        return (len(values), nan, above, below, None, None, None, 0.0)
    last = max(point for point in points if np.isfinite(point[1]))[1]
    return (len(values), nan, above, below, finite.min(), finite.max(), last, finite.sum())


def look_at(lake: Lake, window: Window) -> Look:
    _, (look,) = lake.look("points", [(window, None)])
    assert look is not None
    return look


def look_since(lake: Lake, window: Window, since: Mark) -> Look | None:
    _, (look,) = lake.look("points", [(window, since)])
    return look


def changed_since(lake: Lake, window: Window, since: Mark) -> Look:
    look = look_since(lake, window, since)
    assert look is not None
    return look


def pyramid_of(key: str) -> tuple[str, int]:
    found = pyramid_file(key)
    assert found is not None
    return found


def check(warehouse: Warehouse, window: Window, look: Look) -> None:
    found = look.buckets
    wanted = expected(warehouse, window, look)
    pairs = list(zip(found.series.tolist(), found.bucket.tolist(), strict=True))
    assert pairs == sorted(wanted)
    for index, pair in enumerate(pairs):
        counts = [int(c[index]) for c in (found.count, found.nan, found.above, found.below)]
        measures = [float(c[index]) for c in (found.low, found.high, found.last)]
        *exact, total = wanted[pair]
        assert counts == exact[:4]
        assert [None if np.isnan(m) else m for m in measures] == exact[4:]
        assert found.total[index] == pytest.approx(total, rel=1e-9, abs=1e-9)


SERIES = st.tuples(
    st.sampled_from(["a", "b", "ü"]),
    st.sampled_from(["loss", "acc"]),
    st.sampled_from([0, -5_000, 10**12]),
    st.sampled_from([1, 1, 7, 1_000]),
    st.integers(1, 3_000),
    st.sampled_from(["plain", "shuffled", "doubled", "special"]),
)


def put(warehouse: Warehouse, rng: np.random.Generator, series: tuple) -> None:
    run, key, start, stride, number, kind = series
    steps = start + stride * np.arange(number)
    values = rng.normal(size=number)
    if kind == "doubled":
        steps = steps // 3 * 3
    if kind == "shuffled":
        rng.shuffle(steps)
    if kind == "special":
        values[rng.random(number) < 0.3] = np.nan
        values[rng.random(number) < 0.1] = np.inf
        values[rng.random(number) < 0.1] = -np.inf
    at = 10**15 + rng.integers(0, 10**9, number) + 1_000_000 * np.arange(number)
    warehouse.add(run, key, steps, values, at)


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32),
    batches=st.lists(st.tuples(SERIES, st.sampled_from(["", "", "fold", "compact"])), max_size=6),
    buckets=st.sampled_from([2, 10, 600]),
    part=st.tuples(st.floats(0, 1), st.floats(0, 1)) | st.none(),
    by_moment=st.booleans(),
)
def test_buckets_are_those_of_the_raw_points(
    tmp_path_factory, seed, batches, buckets, part, by_moment
):
    rng = np.random.default_rng(seed)
    warehouse = Warehouse(tmp_path_factory.mktemp("cache"), compact_files_min=2, log_group_rows=700)
    for series, then in batches:
        put(warehouse, rng, series)
        if then:
            warehouse.lake.fold()
        if then == "compact":
            warehouse.lake.upkeep()
    names = [("a", "loss"), ("ü", "acc"), ("b", "loss"), ("never", "loss")]
    origins = [10**15, 10**15 - 77, 10**15 + 10**6, 0] if by_moment else None
    window = Window(names, buckets, origins=origins)
    if part is not None and warehouse.points:
        x = [point[3] - 10**15 if by_moment else point[2] for point in warehouse.points]
        span = max(x) - min(x)
        ends = sorted(min(x) + int(span * share) for share in part)
        window = Window(names, buckets, ends[0], ends[1], origins)
    look = look_at(warehouse.lake, window)
    assert look.is_exact
    assert look.last - look.first < buckets
    check(warehouse, window, look)


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32),
    steps=st.lists(
        st.tuples(SERIES, st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=5
    ),
)
def test_what_changed_since_a_mark_makes_the_old_look_the_new_one(tmp_path_factory, seed, steps):
    rng = np.random.default_rng(seed)
    warehouse = Warehouse(tmp_path_factory.mktemp("cache"), compact_files_min=2)
    window = Window([("a", "loss"), ("b", "acc")], 50, 0, 4_000)
    look = look_at(warehouse.lake, window)
    assert look is not None
    shown = dict(rows_of(look))
    for series, folds_before, folds_after, compacts in steps:
        if folds_before:
            warehouse.lake.fold()
        put(warehouse, rng, series)
        if folds_after:
            warehouse.lake.fold()
        if compacts:
            warehouse.lake.upkeep()
        change = look_since(warehouse.lake, window, look.mark)
        if change is not None:
            assert change.bits == look.bits
            shown = {**shown, **dict(rows_of(change))} if change.is_partial else rows_of(change)
            look = change
    whole = look_at(warehouse.lake, window)
    assert whole is not None
    assert shown == rows_of(whole)


def rows_of(look: Look) -> dict[tuple[int, int], tuple]:
    found = look.buckets
    columns = (found.series, found.bucket, found.count, found.nan, found.low, found.high)
    return {
        (row[0], row[1]): tuple(map(str, row[2:]))
        for row in zip(*(column.tolist() for column in columns), strict=True)
    }


@pytest.fixture
def warehouse(tmp_path) -> Warehouse:
    return Warehouse(tmp_path)


WINDOW = Window([("a", "loss")], 600)


def test_nothing_new_is_none_however_often_it_is_folded(warehouse):
    warehouse.add("a", "loss", range(2_000), np.zeros(2_000))
    look = look_at(warehouse.lake, WINDOW)
    warehouse.lake.fold()
    assert look_since(warehouse.lake, WINDOW, look.mark) is None
    warehouse.add("b", "loss", range(10), np.zeros(10))
    assert look_since(warehouse.lake, WINDOW, look.mark) is None, "another series"


def test_one_new_point_is_one_bucket(warehouse):
    warehouse.add("a", "loss", range(2_000), np.zeros(2_000))
    warehouse.lake.fold()
    look = look_at(warehouse.lake, WINDOW)
    warehouse.add("a", "loss", [1_000], [9.0])
    change = changed_since(warehouse.lake, WINDOW, look.mark)
    assert change.is_partial
    assert change.buckets.bucket.tolist() == [1_000 >> change.bits]
    assert change.buckets.high.tolist() == [9.0]


def test_another_process_goes_on_from_a_mark_after_folds(warehouse):
    warehouse.add("a", "loss", range(2_000), np.zeros(2_000))
    look = look_at(warehouse.lake, WINDOW)
    warehouse.add("a", "loss", [7], [9.0])
    warehouse.lake.fold()
    change = changed_since(warehouse.open(), WINDOW, look.mark)
    assert change.is_partial
    assert 9.0 in change.buckets.high


def test_a_mark_of_a_state_that_expired_gets_all(warehouse):
    warehouse.add("a", "loss", range(2_000), np.zeros(2_000))
    look = look_at(warehouse.lake, WINDOW)
    old = look.mark._replace(root=99)
    assert not changed_since(warehouse.lake, WINDOW, old).is_partial


def test_a_long_series_is_read_from_its_pyramid_alone(warehouse):
    for run in "abcd":
        warehouse.add(run, "loss", range(50_000), np.sin(np.arange(50_000)))
    warehouse.lake.fold()
    lake = warehouse.open()
    lake.refresh()
    warehouse.counting.reset()
    window = Window([(run, "loss") for run in "abcd"], 600)
    look = look_at(lake, window)
    assert look.points == 200_000
    assert warehouse.counting.count("get", "tables/points/data/") == 0
    assert warehouse.counting.count("get", "tables/points/pyramid/") == 1
    read = warehouse.counting.transferred("get", "tables/points/pyramid/")
    (data,) = warehouse.lake.view().table("points").files
    assert read < data.size / 8
    warehouse.counting.reset()
    look_at(lake, window)
    assert warehouse.counting.counts == {"list": 1}, "and once it was read, from the cache"
    check(warehouse, window, look)


def test_a_fold_puts_one_object_more_for_each_file_of_long_series(warehouse):
    warehouse.add("a", "loss", range(500), np.zeros(500))
    warehouse.lake.refresh()
    warehouse.counting.reset()
    warehouse.lake.fold()
    short = warehouse.counting.count("put")
    warehouse.add("a", "loss", range(5_000), np.zeros(5_000))
    warehouse.lake.refresh()
    warehouse.counting.reset()
    warehouse.lake.fold()
    assert warehouse.counting.count("put") == short + 1


def test_warehouses_from_before_pyramids_answer_and_get_theirs_by_compaction(tmp_path):
    warehouse = Warehouse(tmp_path, PLAIN, compact_files_min=2)
    for part in range(2):
        steps = range(part * 5_000, (part + 1) * 5_000)
        warehouse.add("a", "loss", steps, np.cos(np.arange(5_000)))
        warehouse.lake.fold()
    with pytest.raises(InvalidInput, match="no series"):
        look_at(warehouse.lake, WINDOW)
    warehouse.lake = warehouse.open(TABLE)
    look = look_at(warehouse.lake, WINDOW)
    check(warehouse, WINDOW, look)
    warehouse.add("b", "loss", range(10), np.zeros(10))
    warehouse.lake.fold()
    warehouse.lake.upkeep()
    files = warehouse.lake.view().table("points").files
    assert any(pyramid_file(file.key) for file in files)
    check(warehouse, WINDOW, look_at(warehouse.lake, WINDOW))


def test_a_pyramid_that_is_gone_or_damaged_is_not_missed(warehouse, tmp_path):
    warehouse.add("a", "loss", range(5_000), np.cos(np.arange(5_000)))
    warehouse.lake.fold()
    (file,) = warehouse.lake.view().table("points").files
    key, size = pyramid_of(file.key)
    warehouse.counting.inner.delete([key])
    check(warehouse, WINDOW, look_at(warehouse.open(), WINDOW))
    warehouse.counting.inner.put(key, b"x" * size)
    check(warehouse, WINDOW, look_at(warehouse.open(), WINDOW))


def test_upkeep_keeps_the_pyramids_of_files_and_collects_all_others(tmp_path):
    warehouse = Warehouse(tmp_path, compact_files_min=2, roots_min=1, root_spacing=((1, 0),))
    stray = f"tables/points/pyramid/{'0' * 24}-p5.parquet"
    warehouse.counting.inner.put(stray, b"stray")
    for part in range(5):
        warehouse.add("a", "loss", range(part * 5_000, part * 5_000 + 5_000), np.zeros(5_000))
        warehouse.lake.fold()
        warehouse.lake.upkeep()
        warehouse.clock.advance(3 * 86_400)
    data = [info.key for info in warehouse.counting.list("tables/points/data/")]
    kept = {pyramid_of(key)[0] for key in data}
    assert {info.key for info in warehouse.counting.list("tables/points/pyramid/")} == kept
    assert stray not in kept
    check(warehouse, WINDOW, look_at(warehouse.lake, WINDOW))


def test_upkeep_keeps_the_pyramids_of_files_that_only_older_states_have(warehouse):
    def pyramids() -> set[str]:
        return {info.key for info in warehouse.counting.list("tables/points/pyramid/")}

    warehouse.add("a", "loss", range(5_000), np.zeros(5_000))
    warehouse.lake.tag("kept")
    old = pyramids()
    warehouse.lake.erase("points", ["a"])
    warehouse.clock.advance(3 * 86_400)
    for _ in range(2):
        warehouse.add("b", "loss", range(5_000), np.zeros(5_000))
        warehouse.lake.fold()
        warehouse.lake.upkeep()
    assert len(old) == 1
    assert old < pyramids()


def test_what_was_erased_is_not_in_the_pyramid(warehouse):
    for run in "ab":
        warehouse.add(run, "loss", range(5_000), np.zeros(5_000))
    warehouse.lake.fold()
    warehouse.lake.erase("points", ["a"])
    assert len(look_at(warehouse.lake, WINDOW).buckets) == 0
    assert look_at(warehouse.lake, Window([("b", "loss")], 600)).points == 5_000


def test_a_mark_from_before_an_erasure_gets_all_that_is_left(warehouse):
    """Nothing was added, and yet what was shown is not there any more."""
    for run in "ab":
        warehouse.add(run, "loss", range(10), np.zeros(10))
    both = Window([("a", "loss"), ("b", "loss")], 600)
    on_tail = look_at(warehouse.lake, both).mark
    warehouse.lake.fold()
    on_files = look_at(warehouse.lake, both).mark
    warehouse.lake.erase("points", ["a"])
    warehouse.add("c", "loss", [0], [1.0])
    warehouse.lake.fold()
    for mark in (on_tail, on_files):
        change = changed_since(warehouse.open(), both, mark)
        assert not change.is_partial
        assert (set(change.buckets.series.tolist()), change.points) == ({1}, 10)
    warehouse.add("c", "loss", [1], [1.0])
    warehouse.lake.fold()
    assert look_since(warehouse.lake, both, change.mark) is None, "that is told once"


def test_extreme_positions_and_no_series_at_all(warehouse):
    warehouse.add("a", "loss", [-(2**63), 0, 2**63 - 1], [1.0, 2.0, 3.0], [0, 0, 0])
    for _ in range(2):
        look = look_at(warehouse.lake, Window([("a", "loss")], 2))
        check(warehouse, Window([("a", "loss")], 2), look)
        warehouse.lake.fold()
    empty = look_at(warehouse.lake, Window([], 600))
    assert len(empty.buckets) == 0


def test_a_table_with_a_pyramid_needs_series():
    cases: tuple[dict[str, Any], ...] = (
        {"sort": ("step",)},
        {"sort": ("run", "key")},
        {"key": ("run",)},
        {"sort": ("run", "step"), "pyramid": Pyramid("at", "key")},
    )
    for wrong in cases:
        with pytest.raises(InvalidInput):
            Table("t", COLUMNS, **{"pyramid": Pyramid("at", "value"), **wrong})


def test_a_table_that_grows_while_its_tail_is_long_is_looked_at_still(warehouse):
    """An older server goes on when a newer one folds, and so adds a column to the table."""
    warehouse.add("a", "loss", range(5), np.zeros(5))
    grown = Table(
        "points",
        (*COLUMNS, Column("extra", "string")),
        sort=TABLE.sort,
        pyramid=TABLE.pyramid,
    )
    newer = warehouse.open(grown)
    stale = newer.newest_view()
    warehouse.add("a", "loss", range(5, 10), np.ones(5))
    look = look_at(warehouse.lake, WINDOW)
    root = Folder(newer.catalog, warehouse.clock, newer.settings).fold(stale, [grown])
    newer.journal.mark(root.number)
    warehouse.add("a", "loss", range(10, 15), np.ones(5))
    check(warehouse, WINDOW, look_at(warehouse.lake, WINDOW))
    assert changed_since(warehouse.lake, WINDOW, look.mark).buckets.bucket.tolist() == [
        *range(10, 15)
    ]


def test_a_mark_from_before_a_writer_was_forgotten_misses_nothing_of_it(tmp_path):
    """A chart on a machine that slept: meanwhile a run came, ended, and folds forgot its writer."""
    warehouse = Warehouse(tmp_path)
    warehouse.add("a", "loss", range(100), np.zeros(100))
    warehouse.lake.fold()
    look = look_at(warehouse.lake, WINDOW)
    with warehouse.open() as another:
        rows = {"run": "a", "key": "loss", "step": 50, "at": 50_000, "value": 9.0}
        with another.batch(ends_stream=True) as batch:
            batch.append("points", [rows])
    warehouse.lake.fold()
    warehouse.clock.advance(LakeSettings().ended_writer_ms / 1000 + 1)
    warehouse.add("b", "loss", [0], [1.0])
    warehouse.lake.fold()
    change = changed_since(warehouse.lake, WINDOW, look.mark)
    assert 9.0 in change.buckets.high


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=20)
    | st.lists(st.integers(1, 3), min_size=1, max_size=20),
    is_finite=st.booleans(),
    is_rising=st.booleans(),
    by_moment=st.booleans(),
)
def test_short_and_long_stretches_are_added_up_alike(
    seed, lengths, is_finite, is_rising, by_moment
):
    rng = np.random.default_rng(seed)
    number = sum(lengths)
    positions, moments = np.arange(number), np.arange(number) * 10
    if not is_rising:
        positions, moments = rng.integers(0, 4, number), rng.integers(0, 4, number)
    values = rng.normal(size=number)
    if not is_finite:
        odd = rng.random(number) < 0.3
        values[odd] = rng.choice([np.nan, np.inf, -np.inf], int(odd.sum()))
    points = Points(np.zeros(number, int), positions, moments, values)
    made = bucket_points(points, np.repeat(np.arange(len(lengths)), lengths), by_moment=by_moment)
    ends = np.cumsum(lengths)
    for place, (begin, end) in enumerate(zip(ends - lengths, ends, strict=True)):
        stretch = [
            (int(p), int(m), float(v))
            for p, m, v in zip(
                positions[begin:end], moments[begin:end], values[begin:end], strict=True
            )
        ]
        finite = [point for point in stretch if math.isfinite(point[2])]
        assert made.count[place] == len(stretch)
        assert made.nan[place] == sum(math.isnan(v) for _, _, v in stretch)
        assert made.above[place] == sum(v == math.inf for _, _, v in stretch)
        assert made.below[place] == sum(v == -math.inf for _, _, v in stretch)
        assert made.until[place] == max(m for _, m, _ in stretch)
        assert made.total[place] == pytest.approx(math.fsum(v for _, _, v in finite))
        if not finite:
            assert np.isnan([made.low[place], made.high[place], made.last[place]]).all()
            continue
        assert made.low[place] == min(v for _, _, v in finite)
        assert made.high[place] == max(v for _, _, v in finite)
        later = (1, 0, 2) if by_moment else (0, 1, 2)
        last = max(finite, key=lambda point: tuple(point[n] for n in later))
        assert (made.position[place], made.moment[place], made.last[place]) == last
