"""Series: panels of charts, what they hold, and what changed since."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from mere.entities.run import Run
from mere.errors import InvalidInput
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services.portal.series import Axis, Measure, Panel, Precision, Series, SeriesRequest
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock
from mere.testing.counting import CountingStore

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
START_US = int(STARTED.timestamp()) * 1_000_000


@pytest.fixture
def store() -> CountingStore:
    return CountingStore(MemoryStore(ManualClock()))


@pytest.fixture
def house(store: CountingStore, tmp_path) -> Iterator[Warehouse]:
    clock = ManualClock()
    lake = Lake.open("memory://", tables=TABLES, store=store, clock=clock, cache=tmp_path)
    opened = Warehouse(lake, clock, "memory://")
    yield opened
    opened.close()


@pytest.fixture
def series(house: Warehouse) -> Series:
    return Series(house.lake)


def log(house: Warehouse, run: str, values, key: str = "loss", start: int = 0) -> None:
    steps = range(start, start + len(values))
    house.lake.append(
        "metrics",
        [
            {
                "run_id": run,
                "key": key,
                "step": s,
                "timestamp": START_US + 1_000_000 * s,
                "value": v,
            }
            for s, v in zip(steps, values, strict=True)
        ],
    )


def ask(*panels: Panel, **options) -> SeriesRequest:
    return SeriesRequest(list(panels), **options)


LOSS = Panel(["a", "b"], ["loss"])


def test_few_points_are_shown_as_they_are(house, series):
    log(house, "a", [3.0, math.nan, 1.0])
    log(house, "b", [5.0])
    answer = series.read(ask(LOSS, measures=list(Measure)))
    (state,) = answer.panels
    assert (state.width, state.first, state.last, state.points) == (1, 0, 2, 4)
    assert state.is_reset
    assert state.is_exact
    rows = answer.rows.to_pylist()
    assert [(row["panel"], row["run_id"], row["key"]) for row in rows] == [
        (0, "a", "loss"),
        (0, "b", "loss"),
    ]
    assert rows[0]["at"] == [0, 1, 2]
    assert str(rows[0]["lo"]) == str([3.0, math.nan, 1.0])
    assert rows[0]["count"] == [1, 1, 1]
    assert rows[0]["nan"] == [0, 1, 0]
    assert rows[0]["inf"] == [], "all zero"
    assert rows[1]["mean"] == [5.0]
    assert str(rows[0]["mean"]) == str([3.0, math.nan, 1.0])


def test_every_bucket_shows_the_least_the_greatest_and_the_last(house, series):
    log(house, "a", [float(n % 7) for n in range(1_000)])
    answer = series.read(ask(Panel(["a"], ["loss"], buckets=10), measures=list(Measure)))
    (row,) = answer.rows.to_pylist()
    (state,) = answer.panels
    assert state.width == 128
    assert (row["lo"][0], row["hi"][0], row["last"][0]) == (0.0, 6.0, float(127 % 7))
    assert sum(row["count"]) == 1_000


def test_zoom_cuts_finer_buckets_of_a_range(house, series):
    log(house, "a", [float(n) for n in range(10_000)])
    house.lake.fold()
    answer = series.read(ask(Panel(["a"], ["loss"], lower=5_000, upper=5_099)))
    (state,) = answer.panels
    assert (state.width, state.first, state.last) == (1, 5_000, 5_099)
    assert answer.rows["last"].to_pylist() == [[float(n) for n in range(5_000, 5_100)]]


def test_wall_time_and_time_since_the_run_began(house, series):
    run = "a" * 32
    house.runs.create(Run(run_id=run, experiment_id="0", started_at=STARTED))
    log(house, run, [1.0, 2.0, 3.0])
    wall = series.read(ask(Panel([run], ["loss"], x=Axis.TIME))).panels[0]
    assert wall.first * wall.width <= START_US < (wall.first + 1) * wall.width
    relative = series.read(ask(Panel([run], ["loss"], x=Axis.RELATIVE)))
    (state,) = relative.panels
    assert (state.first, state.last * state.width // 1_000_000) == (0, 1)
    assert relative.rows["last"].to_pylist() == [[1.0, 2.0, 3.0]]
    assert series.read(ask(Panel([run], ["loss"], x=Axis.RELATIVE), since=relative.cursor)).is_empty


def test_nothing_new_is_nothing_and_costs_one_listing(house, series, store):
    log(house, "a", [1.0, 2.0])
    answer = series.read(ask(LOSS))
    store.reset()
    again = series.read(ask(LOSS, since=answer.cursor))
    assert again.is_empty
    assert again.rows is None
    assert store.counts == {"list": 1}
    house.lake.fold()
    assert series.read(ask(LOSS, since=answer.cursor)).is_empty
    assert series.read(ask(LOSS, since=again.cursor)).is_empty


def test_only_what_changed_is_told(house, series):
    log(house, "a", [1.0, 2.0])
    log(house, "b", [1.0, 2.0])
    acc = Panel(["a", "b"], ["acc"])
    answer = series.read(ask(LOSS, acc))
    log(house, "b", [9.0], start=2)
    change = series.read(ask(LOSS, acc, since=answer.cursor))
    (state,) = change.panels
    assert (state.panel, state.is_reset) == (0, False)
    (row,) = change.rows.to_pylist()
    assert (row["run_id"], row["at"], row["last"]) == ("b", [2], [9.0])


def test_a_panel_whose_grid_is_too_fine_by_now_is_told_anew(house, series):
    log(house, "a", [1.0] * 600)
    answer = series.read(ask(LOSS))
    log(house, "a", [1.0], start=600)
    change = series.read(ask(LOSS, since=answer.cursor))
    assert change.panels[0].is_reset
    assert change.panels[0].width == 2
    assert len(change.rows["at"][0]) == 301


def test_what_was_erased_is_not_shown_on_by_whoever_asks_with_a_cursor(house, series):
    log(house, "a", [1.0, 2.0])
    log(house, "b", [3.0])
    answer = series.read(ask(LOSS))
    house.lake.erase("metrics", ["a"])
    change = series.read(ask(LOSS, since=answer.cursor))
    (state,) = change.panels
    assert (state.is_reset, state.points) == (True, 1)
    assert [row["run_id"] for row in change.rows.to_pylist()] == ["b"]
    house.lake.erase("metrics", ["b"])
    (state,) = series.read(ask(LOSS, since=change.cursor)).panels
    assert (state.is_reset, state.points) == (True, 0)


def test_the_first_points_come_after_an_empty_answer(house, series):
    empty = series.read(ask(LOSS))
    assert empty.panels[0].points == 0
    log(house, "a", [1.0], start=7)
    change = series.read(ask(LOSS, since=empty.cursor))
    assert change.rows.to_pylist()[0]["last"] == [1.0]


def test_a_cursor_of_other_panels_gets_all_and_one_that_is_none_is_refused(house, series):
    log(house, "a", [1.0])
    cursor = series.read(ask(LOSS)).cursor
    assert not series.read(ask(Panel(["a"], ["loss"]), since=cursor)).is_empty
    for wrong in ("nonsense!", "AAAA", cursor[:-3]):
        with pytest.raises(InvalidInput, match="cursor"):
            series.read(ask(LOSS, since=wrong))


def test_single_precision_takes_half(house, series):
    log(house, "a", [0.1])
    row = series.read(ask(LOSS, precision=Precision.SINGLE)).rows.to_pylist()[0]
    assert row["last"] == [pytest.approx(0.1, rel=1e-7)]
    assert row["last"] != [0.1]


@pytest.mark.parametrize(
    "panels",
    [
        [],
        [LOSS] * 101,
        [Panel([str(n) for n in range(3_000)], [str(n) for n in range(7)])],
        [Panel(["a"], ["loss"], buckets=1)],
        [Panel(["a"], ["loss"], buckets=601)],
        [Panel(["a"], ["loss"], lower=5, upper=4)],
        [Panel(["a"], ["loss"], lower=2**63)],
    ],
)
def test_what_asks_for_too_much_is_refused(series, panels):
    with pytest.raises(InvalidInput):
        series.read(ask(*panels))


def test_no_runs_and_no_keys_are_an_empty_answer(series):
    answer = series.read(ask(Panel([], ["loss"]), Panel(["a"], [])))
    assert [state.points for state in answer.panels] == [0, 0]
    assert answer.rows.num_rows == 0
