from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mere.entities.metric import Points
from mere.entities.run import Run
from mere.errors import ErrorCode, InvalidInput
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services.runs.search import PAGE_ROWS_MAX
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def house(clock: ManualClock) -> Iterator[Warehouse]:
    lake = Lake.open("memory://", tables=TABLES, store=MemoryStore(clock), clock=clock)
    opened = Warehouse(lake, clock, "memory://")
    homes = [opened.experiments.create(name).experiment_id for name in ("one", "two", "three")]
    for index in range(9):
        clock.advance(1)
        run = Run(
            run_id=f"{index:032x}",
            experiment_id=homes[index % 3],
            started_at=EPOCH + timedelta(microseconds=clock.now_us()),
            params={"n": str(index)},
        )
        opened.runs.create(run)
        points = Points()
        points.add("m", 0, clock.now_us(), float(index // 2))
        opened.metrics.log(run.run_id, points)
    yield opened
    opened.close()


def ids(table) -> list[int]:
    return [int(run, 16) for run in table["run_id"].to_pylist()]


def test_several_experiments_and_some_columns(house: Warehouse) -> None:
    assert ids(house.runs.search(experiment="one")) == [6, 3, 0]
    assert ids(house.runs.search(experiment=["one", "two"], limit=3)) == [7, 6, 4]
    assert ids(house.runs.search(experiment=[])) == []
    home = house.experiments.find("three").experiment_id
    assert ids(house.runs.search(experiment_ids=[home])) == [8, 5, 2]
    found = house.runs.search(columns=["run_id", "experiment", "run_id"], limit=1)
    assert found.column_names == ["run_id", "experiment"]
    for columns in (["run_id", "nonsense"], [], ["run_id; drop"]):
        with pytest.raises(InvalidInput) as caught:
            house.runs.search(columns=columns)
        assert caught.value.code is ErrorCode.UNKNOWN_COLUMN


def test_all_columns_are_there_however_rows_are_found(house: Warehouse) -> None:
    """Few rows by attributes are found in two steps, all others in one."""
    two_steps = house.runs.search(limit=4)
    one_step = house.runs.search(filter="params.n != 'x'", limit=4)
    assert two_steps.equals(one_step)
    assert house.runs.search(limit=0).num_rows == 0
    assert house.runs.search(limit=0).column_names == one_step.column_names
    assert house.runs.search(filter="status = 'FAILED'", limit=4).num_rows == 0


@pytest.mark.parametrize("is_folded", [False, True])
def test_pages_out_of_kept_columns_are_what_a_search_finds(
    house: Warehouse, clock: ManualClock, is_folded: bool
) -> None:
    """Also after what is kept was changed, gone, judged dead, or binned with its experiment."""
    if is_folded:
        house.lake.fold()
    queries: list[dict[str, Any]] = [
        {"filter": "metrics.m > 1 and params.n != '7'", "order": "metrics.m DESC"},
        {"filter": "params.n in ('1', '3', '8')"},
        {"filter": "tags.t = 'x' or params.late is null", "order": ["params.n ASC"]},
        {"filter": "status = 'KILLED'", "columns": ["params", "run_id"]},
        {"experiment": ["one", "three"], "order": "params.late DESC"},
        {"view": "all", "columns": ["lifecycle", "run_id", "experiment", "tags"]},
    ]

    def check() -> list[int]:
        for query in queries:
            page = house.runs.search_page(max_results=1000, **query)
            assert page.rows.equals(house.runs.search(**query)), query
            assert page.next_page_token is None
        return ids(house.runs.search_page(max_results=2, **queries[0]).rows)

    assert check() == [8, 6]
    house.runs.set_tags(f"{2:032x}", {"t": "x"})
    house.runs.log_params(f"{6:032x}", {"late": "1"})
    points = Points()
    points.add("m", 1, clock.now_us(), 9.0)
    house.metrics.log(f"{3:032x}", points)
    house.lake.patch("runs", [{"run_id": f"{5:032x}", "heartbeat_at": clock.now_us()}])
    house.runs.delete([f"{8:032x}"])
    assert check() == [3, 6]
    house.lake.fold()
    house.experiments.delete(house.experiments.find("one").experiment_id)
    clock.advance(7 * 24 * 3600)
    assert check() == [5, 4]


def test_a_token_is_bound_to_its_query(house: Warehouse) -> None:
    query: dict[str, Any] = {
        "filter": "metrics.m >= 0",
        "order": "metrics.m DESC",
        "experiment": ["one", "two"],
    }
    first = house.runs.search_page(max_results=2, **query)
    token = first.next_page_token
    assert token is not None
    assert ids(first.rows) == [7, 6]
    # The size of pages may change; nothing else may.
    assert ids(house.runs.search_page(max_results=3, page_token=token, **query).rows) == [4, 3, 1]
    changes: tuple[dict[str, Any], ...] = (
        {"filter": "metrics.m > 0"},
        {"order": "metrics.m ASC"},
        {"experiment": ["one"]},
        {"experiment_ids": ["0"]},
        {"view": "all"},
        {"status": "RUNNING"},
        {"where": "true"},
    )
    for change in changes:
        with pytest.raises(InvalidInput, match="page token"):
            house.runs.search_page(page_token=token, **{**query, **change})
    with pytest.raises(InvalidInput, match="page token"):
        house.experiments.search_page(page_token=token)
    for size in (0, -1, PAGE_ROWS_MAX + 1):
        with pytest.raises(InvalidInput, match="a page of"):
            house.runs.search_page(max_results=size)


def test_now_is_the_same_on_all_pages(house: Warehouse, clock: ManualClock) -> None:
    query: dict[str, Any] = {"filter": "started_at >= now() - 5s", "order": "start_time ASC"}
    page = house.runs.search_page(max_results=1, **query)
    found = ids(page.rows)
    while page.next_page_token:
        clock.advance(1)
        page = house.runs.search_page(max_results=1, page_token=page.next_page_token, **query)
        found += ids(page.rows)
    assert found == [3, 4, 5, 6, 7, 8]


def test_experiments_come_in_pages_too(house: Warehouse) -> None:
    page = house.experiments.search_page(max_results=2, order="name")
    assert page.rows["name"].to_pylist() == ["one", "three"]
    page = house.experiments.search_page(
        max_results=2, order="name", page_token=page.next_page_token
    )
    assert (page.rows["name"].to_pylist(), page.next_page_token) == (["two"], None)
    found = house.experiments.search(filter="runs >= 3", order="last_run_at DESC", limit=1)
    assert found["name"].to_pylist() == ["three"]


def test_a_regular_expression_is_tried_first(house: Warehouse) -> None:
    assert ids(house.runs.search(filter="params.n =~ '[0-2]'")) == [2, 1, 0]
    for pattern in ("(", "a{1000}{1000}{1000}", "\\1", "(?=x)"):
        with pytest.raises(InvalidInput, match="regular expression") as caught:
            house.runs.search(filter=f"params.n = 'x' or params.n =~ '{pattern}'")
        assert caught.value.message.endswith("^" * (len(pattern) + 2))


def test_many_comparisons_are_answered(house: Warehouse) -> None:
    text = " and ".join(f"metrics.m != {n + 100}" for n in range(200))
    assert house.runs.search(filter=text).num_rows == 9
    text = " or ".join(f"params.n = '{n + 8}'" for n in range(200))
    assert ids(house.runs.search(filter=text)) == [8]
    text = "not " * 50 + "params.n = '3'"
    assert ids(house.runs.search(filter=text)) == [3]
    many = ", ".join(f"'{n}'" for n in range(5, 5000))
    assert ids(house.runs.search(filter=f"params.n in ({many})")) == [8, 7, 6, 5]
