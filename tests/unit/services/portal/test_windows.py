"""Windows of the runs grid: the rows, groups and counts are those of a search over all runs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mere.errors import InvalidInput, NotFound
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services.portal.key_catalogue import KeyCatalogue
from mere.services.portal.windows import WindowRequest
from mere.services.runs.changes import ARCHIVED, ChangeKind
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock

COUNT = 40


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def house(clock, tmp_path) -> Iterator[Warehouse]:
    yield from opened_house(clock, tmp_path)


def opened_house(clock: ManualClock, tmp_path: Path) -> Iterator[Warehouse]:
    store = MemoryStore(clock)
    lake = Lake.open("memory://", tables=TABLES, store=store, clock=clock, cache=tmp_path)
    opened = Warehouse(lake, clock, "memory://")
    lake.patch(
        "experiments",
        [{"experiment_id": str(n), "name": f"exp{n}", "lifecycle": "active"} for n in (1, 2)],
    )
    yield opened
    opened.close()


def run_id(number: int) -> str:
    return f"{number:032x}"


def row(number: int, **changes) -> dict[str, object]:
    value = [math.nan, math.inf, -1.0, float(number)][number % 4]
    tally = {"step": 1, "timestamp": 0, "value": value, "min": -5.0, "max": value, "count": 3}
    return {
        "run_id": run_id(number),
        "experiment_id": str(1 + number % 2),
        "name": f"run-{number}",
        "status": "FINISHED" if number % 5 else "FAILED",
        "lifecycle": "active",
        "started_at": None if number == 7 else 1_000_000 * number,
        "params": {"lr": str(number % 3), "model": "cnn" if number % 2 else "it's"},
        "metric_summary": {} if number % 7 == 0 else {"val/acc": tally},
        **changes,
    }


@pytest.fixture(params=["tail", "folded", "mixed"])
def filled(request, house) -> Warehouse:
    """The same runs, wherever they are."""
    rows = [row(number) for number in range(COUNT)]
    if request.param == "mixed":
        stale = [row(number, name="stale", params={}) for number in range(0, COUNT, 2)]
        house.lake.patch("runs", stale)
        house.lake.fold()
        house.windows.read(WindowRequest())
    house.lake.patch("runs", rows)
    if request.param == "folded":
        house.lake.fold()
    return house


COLUMNS = ["name", "experiment", "status", "params.lr", "metrics.`val/acc`", "max(metrics.val/acc)"]
ORDERS = [
    [],
    ["name"],
    ["metrics.val/acc desc"],
    ["metrics.val/acc asc"],
    ["params.model desc", "metrics.val/acc desc", "name"],
    ["started_at asc"],
    ["experiment", "run_id desc"],
    ["duration desc"],
]
FILTERS = [
    "",
    "metrics.val/acc > 3",
    "params.lr = 1 and not status = 'FAILED'",
    "params.model = 'it''s' or name like '%1%'",
    "experiment = 'exp1'",
    "metrics.val/acc is null",
]


@pytest.mark.parametrize("order", ORDERS)
def test_rows_come_in_the_order_of_a_search(filled, order):
    wanted = filled.runs.search(order=order)["run_id"].to_pylist()
    found = filled.windows.read(WindowRequest(order=order, columns=COLUMNS))
    assert found.rows["run_id"].to_pylist() == wanted
    assert found.rows.column_names == ["run_id", *COLUMNS]
    page = filled.windows.read(WindowRequest(order=order, offset=11, limit=5))
    assert page.rows["run_id"].to_pylist() == wanted[11:16]
    assert page.total == COUNT


@pytest.mark.parametrize("filter_", FILTERS)
def test_the_filter_is_that_of_a_search(filled, filter_):
    wanted = filled.runs.search(filter=filter_, experiment_ids=["1"])
    found = filled.windows.read(WindowRequest(filter=filter_, experiments=["1"], limit=3))
    assert found.total == wanted.num_rows
    assert found.rows["run_id"].to_pylist() == wanted["run_id"].to_pylist()[:3]
    ids = filled.windows.ids(WindowRequest(filter=filter_, experiments=["1"], limit=3))
    assert sorted(ids) == sorted(wanted["run_id"].to_pylist())


def test_columns_hold_what_the_runs_hold(filled):
    columns = [*COLUMNS, "mean(metrics.val/acc)", "started_at", "count(metrics.val/acc)"]
    found = filled.windows.read(WindowRequest(filter="name = 'run-3'", columns=columns))
    (only,) = found.rows.to_pylist()
    assert only["name"] == "run-3"
    assert only["experiment"] == "exp2"
    assert (only["params.lr"], only["metrics.`val/acc`"], only["max(metrics.val/acc)"]) == (
        "0",
        3.0,
        3.0,
    )
    assert only["count(metrics.val/acc)"] == 3
    assert only["mean(metrics.val/acc)"] is None, "no point was logged, only the summary"


def test_the_mean_is_that_of_the_points(house):
    house.lake.patch("runs", [row(1)])
    points = [1.0, 2.0, math.nan, 6.0]
    house.lake.append(
        "metrics",
        [
            {"run_id": run_id(1), "key": "a b", "step": n, "timestamp": 0, "value": value}
            for n, value in enumerate(points)
        ],
    )
    found = house.windows.read(WindowRequest(columns=["mean(metrics.`a b`)"]))
    assert found.rows["mean(metrics.`a b`)"].to_pylist() == [3.0]


def test_groups_are_opened_level_by_level(filled):
    levels: dict[str, Any] = {
        "group": ["params.model", "params.lr"],
        "columns": ["name", "metrics.val/acc"],
    }
    top = filled.windows.read(WindowRequest(**levels))
    assert top.is_grouped
    assert top.rows["value"].to_pylist() == ["cnn", "it's"]
    assert top.rows["runs"].to_pylist() == [20, 20]
    assert top.rows["min(metrics.val/acc)"].to_pylist()[1] == -1.0
    second = filled.windows.read(WindowRequest(**levels, path=["it's"]))
    assert second.rows["value"].to_pylist() == ["0", "1", "2"]
    assert second.total == 3
    leaves = filled.windows.read(WindowRequest(**levels, path=["it's", "2"]))
    assert not leaves.is_grouped
    assert leaves.total == second.rows["runs"].to_pylist()[2]
    biggest = filled.windows.read(WindowRequest(group=["status"], order=["runs"]))
    assert biggest.rows["value"].to_pylist() == ["FINISHED", "FAILED"]


def test_runs_without_a_value_are_a_group_of_their_own(filled):
    found = filled.windows.read(WindowRequest(group=["params.none"]))
    assert found.rows.to_pylist() == [{"value": None, "runs": COUNT}]
    within = filled.windows.read(WindowRequest(group=["params.none"], path=[None]))
    assert within.total == COUNT


def test_deleted_runs_and_runs_of_deleted_experiments(filled):
    filled.runs.delete([run_id(0)])
    assert filled.windows.read(WindowRequest()).total == COUNT - 1
    deleted = filled.windows.read(WindowRequest(view="deleted", columns=["lifecycle"]))
    assert deleted.rows["run_id"].to_pylist() == [run_id(0)]
    filled.experiments.delete("1")
    assert filled.windows.read(WindowRequest()).total == COUNT // 2
    assert filled.windows.read(WindowRequest(view="all")).total == COUNT


def test_only_what_may_be_read_is_shown(filled):
    assert filled.windows.read(WindowRequest(), readable=["2"]).total == COUNT // 2
    assert filled.windows.read(WindowRequest(experiments=["1"]), readable=["2"]).total == 0
    assert filled.windows.read(WindowRequest(), readable=[]).total == 0


def test_what_changes_shows_at_once_and_changes_the_tag(filled):
    window = WindowRequest(filter="params.lr = 1", columns=["name"])
    first = filled.windows.read(window)
    assert filled.windows.read(window).tag == first.tag
    for fold in (False, True):
        filled.lake.patch("runs", [{"run_id": run_id(1), "name": f"new {fold}"}])
        if fold:
            filled.lake.fold()
        again = filled.windows.read(window)
        assert again.tag != first.tag
        assert f"new {fold}" in again.rows["name"].to_pylist()


def test_the_tag_is_of_the_rows_and_not_of_where_they_lie(filled):
    """Rows from the tail and from files differ in chunks, and in what lies under their nulls."""
    columns = ["name", "params.lr", "params.none", "metrics.acc", "started_at", "mean(metrics.acc)"]
    windows = [WindowRequest(columns=columns, limit=n) for n in (COUNT, 8, 1)]
    before = [filled.windows.read(window).tag for window in windows]
    assert len(set(before)) == len(windows)
    for _ in range(5):
        filled.lake.fold()
        filled.lake.patch("runs", [{"run_id": run_id(2), "notes": "not shown"}])
        assert [filled.windows.read(window).tag for window in windows] == before


def test_keys_with_quotes_and_other_characters(house):
    hostile = ["it's", 'a"b', "a]b", "ключ", "a;drop table runs", "nul\0l", "$s0", "{}"]
    house.lake.patch("runs", [row(1, params={key: key for key in hostile})])
    for key in hostile:
        column = f"params.`{key}`"
        found = house.windows.read(WindowRequest(columns=[column], order=[column]))
        assert found.rows[column].to_pylist() == [key]


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 10_001},
        {"limit": -1},
        {"offset": -1},
        {"columns": ["nothing"]},
        {"columns": ["name", "name"]},
        {"columns": ["run_id"]},
        {"columns": ["name, status"]},
        {"columns": ["datasets.name"]},
        {"columns": ["mean(params.lr)"]},
        {"columns": [f"params.{n}" for n in range(101)]},
        {"filter": "("},
        {"filter": "name =~ '('"},
        {"order": ["mean(metrics.acc)"]},
        {"group": ["status"] * 11},
        {"path": ["x"]},
        {"view": "x"},
    ],
)
def test_what_is_wrong_is_refused(house, wrong):
    house.lake.patch("runs", [row(1)])
    with pytest.raises(InvalidInput):
        house.windows.read(WindowRequest(**wrong))


def test_an_empty_warehouse_has_empty_windows(house):
    assert house.windows.read(WindowRequest(columns=COLUMNS)).rows.num_rows == 0
    assert house.windows.read(WindowRequest(group=["status"])).total == 0


# Changes


def tags(house: Warehouse, number: int) -> dict[str, str]:
    return house.runs.get(run_id(number)).tags


def test_tags_are_set_and_set_back(house):
    house.lake.patch("runs", [row(n, tags={"a": "1"} if n else {}) for n in range(3)])
    ids = [run_id(n) for n in range(3)]
    change = house.run_changes.change(ChangeKind.TAG, ids, {"a": "2", "b": None})
    assert change.changed == 3
    house.runs.set_tags(ids[1], {"a": "theirs"})
    assert sorted(house.run_changes.runs_of(change.undo)) == ids
    undone = house.run_changes.undo(change.undo)
    assert undone.changed == 2
    assert [tags(house, n) for n in range(3)] == [{}, {"a": "theirs"}, {"a": "1"}]
    house.run_changes.undo(undone.undo)
    assert tags(house, 2) == {"a": "2"}


def test_runs_are_put_aside_and_into_the_bin_and_come_back(house):
    house.lake.patch("runs", [row(1), row(2)])
    aside = house.run_changes.change(ChangeKind.ARCHIVE, [run_id(1)])
    assert tags(house, 1) == {ARCHIVED: "true"}
    shown = house.windows.read(WindowRequest(filter=f"tags.{ARCHIVED} is null"))
    assert shown.rows["run_id"].to_pylist() == [run_id(2)]
    house.run_changes.undo(aside.undo)
    gone = house.run_changes.change(ChangeKind.DELETE, [run_id(1), run_id(2)])
    assert house.windows.read(WindowRequest()).total == 0
    assert house.run_changes.undo(gone.undo).changed == 2
    assert house.windows.read(WindowRequest()).total == 2
    assert house.run_changes.change(ChangeKind.RESTORE, [run_id(1)]).undo is None


def test_a_change_that_cannot_be_made_changes_nothing(house, clock):
    house.lake.patch("runs", [row(1)])
    with pytest.raises(NotFound):
        house.run_changes.change(ChangeKind.TAG, [run_id(1), run_id(9)], {"a": "1"})
    assert tags(house, 1) == {}
    for token in ("", "../mere.json", "0" * 32):
        with pytest.raises(NotFound):
            house.run_changes.undo(token)
    old = house.run_changes.change(ChangeKind.TAG, [run_id(1)], {"a": "1"})
    clock.advance(2 * 86_400)
    house.run_changes.change(ChangeKind.TAG, [run_id(1)], {"a": "2"})
    with pytest.raises(NotFound, match="for a day"):
        house.run_changes.undo(old.undo)


# Keys


KEYS = {"loss": 3, "val/acc": 2, "val/f1": 1, "val/top/5": 1, "/odd": 1, "end/": 1}


def test_keys_are_a_tree_parted_at_slashes():
    top = KeyCatalogue.page(KEYS)
    assert [(node.name, node.path, node.keys, node.runs) for node in top.nodes] == [
        ("", "/", 1, 1),
        ("end/", "end/", 0, 1),
        ("loss", "loss", 0, 3),
        ("val", "val/", 3, 2),
    ]
    below = KeyCatalogue.page(KEYS, below="val/")
    assert [node.name for node in below.nodes] == ["acc", "f1", "top"]


def test_keys_are_searched_and_paged():
    many = {f"layer/{n:05}/grad": 1 for n in range(12_000)}
    page = KeyCatalogue.page(many, search="GRAD 0119", limit=5, offset=5)
    assert [node.path for node in page.nodes] == [f"layer/0119{n}/grad" for n in range(4, 9)]
    assert (page.total, page.next_offset) == (12, 10)
    with pytest.raises(InvalidInput):
        KeyCatalogue.page(many, limit=1_001)


def test_the_catalogue_counts_the_runs_of_an_experiment(filled):
    assert filled.key_catalogue.of_experiments("params", ["1"]) == {"lr": 20, "model": 20}
    assert filled.key_catalogue.of_experiments("metrics", None) == {"val/acc": COUNT - 6}
    assert filled.key_catalogue.of_run("params", run_id(1)) == {"lr": 1, "model": 1}
    assert filled.key_catalogue.of_run("params", run_id(99)) == {}


# Suggestions


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> Iterator[Warehouse]:
    """A warehouse that no test changes."""
    for house in opened_house(ManualClock(), tmp_path_factory.mktemp("cache")):
        house.lake.patch("runs", [row(number) for number in range(COUNT)])
        house.lake.fold()
        yield house


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["run_id", "name", "status"]),
        ("sta", ["status", "started_at"]),
        ("par", ["parent", "params."]),
        ("params.", ["params.lr", "params.model"]),
        ("params.mo", ["params.model"]),
        ("metrics.acc", ["metrics.val/acc"]),
        ("params.model ", ["=", "!=", "<"]),
        ("params.model = ", ["'cnn'", "'it''s'"]),
        ("params.model = 'c", ["'cnn'"]),
        ("status = 'fai", ["'FAILED'"]),
        ("params.model in ('cnn', ", ["'cnn'", "'it''s'"]),
        ("experiment = '", ["'exp1'", "'exp2'"]),
        ("status = 'FAILED' ", ["AND", "OR"]),
        ("status = 'FAILED' an", ["AND"]),
        ("status = 'FAILED' and n", ["name", "notes"]),
        ("not (sta", ["status", "started_at"]),
        ("name is ", ["NULL", "NOT NULL", "NAN"]),
        ("started_at > ", ["now() - 1h"]),
        ("metrics.val/acc > ", []),
        ("datasets.name = ", []),
        ("nonsense ", ["="]),
    ],
)
def test_what_may_stand_at_the_cursor(known, text, expected):
    page = known.suggestions.read(text)
    assert [item.text for item in page.items][: len(expected)] == expected
    if not expected:
        assert page.items == []
    whole = text[: page.start] + (expected[0] if expected else "") + text[page.end :]
    assert whole.startswith(text[: page.start])


def test_suggestions_count_runs_and_mark_what_is_wrong(known):
    page = known.suggestions.read("params.lr = 'x' and metricz.a > 1", at=7, experiments=["1"])
    assert (page.start, page.end) == (0, 7)
    assert [(item.text, item.runs) for item in page.items] == [
        ("params.lr", 20),
        ("params.model", 20),
    ]
    assert page.problem is not None
    assert "params.lr = 'x' and metricz.a > 1"[page.problem.start : page.problem.end] == "metricz.a"
    assert "did you mean" in page.problem.message
    assert known.suggestions.read("name = 'x'").problem is None
