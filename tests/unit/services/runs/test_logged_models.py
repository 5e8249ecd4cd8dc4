"""Logged models: their life, what may be changed of them, and how they are found."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from mere.entities.logged_model import LoggedModelStatus
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services.runs.logged_models import (
    DatasetChoice,
    LoggedModels,
    ModelOrder,
    logged_model_id,
)
from mere.services.runs.logging import Point, by_column
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock

RUN = "0" * 31 + "1"
OTHER = "0" * 31 + "2"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def warehouse(clock: ManualClock, tmp_path: Path) -> Warehouse:
    store = MemoryStore(clock)
    lake = Lake.open("memory://", tables=TABLES, store=store, clock=clock, cache=tmp_path)
    opened = Warehouse(lake, clock, "memory://")
    for name in ("Default", "work"):
        opened.experiments.get_or_create(name)
    for run_id in (RUN, OTHER):
        lake.patch("runs", [{"run_id": run_id, "experiment_id": "0", "lifecycle": "active"}])
    return opened


@pytest.fixture
def models(warehouse: Warehouse) -> LoggedModels:
    return warehouse.logged_models


def measure(warehouse: Warehouse, run_id: str, *points: Point) -> None:
    run = warehouse.logging.gate.look(run_id)
    with warehouse.lake.batch() as writing:
        writing.records.extend(warehouse.logging.plan(run, by_column(points)))


def names(found: object) -> list[str]:
    return [one.name for one in found.models]  # type: ignore[attr-defined]


def test_one_is_made_filled_and_made_ready(warehouse: Warehouse, models: LoggedModels) -> None:
    made = models.create("0", name="net", run_id=RUN, params={"depth": 3}, tags={"a": "b"})
    assert logged_model_id(made.model_id)
    assert (made.status, made.digest) == ("PENDING", None)
    assert models.get(made.model_id) == made
    assert not models.is_ready(made.model_id)
    description = b"flavors:\n  sklearn:\n    pickled_model: model.pkl\n"
    warehouse.artifacts.put_bytes(made.model_id, "MLmodel", description)
    warehouse.artifacts.put_bytes(made.model_id, "model.pkl", b"bytes")
    ready = models.finalize(made.model_id, "ready")
    assert ready.is_ready
    assert (ready.files, ready.bytes) == (2, len(description) + 5)
    [row] = warehouse.sql(
        "select flavors['sklearn'] as flavor, params['depth'] as depth from logged_models"
    ).to_pylist()
    assert row == {"flavor": '{"pickled_model":"model.pkl"}', "depth": "3"}
    warehouse.artifacts.put_bytes(made.model_id, "model.pkl", b"other")
    models.describe(made.model_id)
    assert models.get(made.model_id).digest not in (None, ready.digest)


@pytest.mark.parametrize(
    "description",
    [
        b"flavors: " + b"[" * 400_000,  # the parser in C has no stack for this
        b"- " * 200_000,
        b"flavors: {x: {null: 1, 2020-01-01: 2, 1.5: 3}}",
        b"signature: {inputs: '" + b"[" * 100_000 + b"'}",
        b"a: &a [x, x]\nb: &b [*a, *a]\nflavors: {x: [*b, *b]}",
        b"flavors: {x: !!python/object/apply:os.getcwd []}",
        b"flavors: {x: 1" + b"0" * 5000 + b"}",
        b"\xff\xfe\x00",
    ],
)
def test_a_description_that_breaks_parsers_describes_nothing(
    warehouse: Warehouse, models: LoggedModels, description: bytes
) -> None:
    made = models.create("0", run_id=RUN)
    warehouse.artifacts.put_bytes(made.model_id, "MLmodel", description)
    assert models.finalize(made.model_id, "ready").is_ready


def test_a_name_is_made_up_where_none_is_given(models: LoggedModels) -> None:
    assert models.create("0").name.count("-") == 2


def test_nothing_is_made_where_nothing_may_begin(
    warehouse: Warehouse, models: LoggedModels
) -> None:
    with pytest.raises(NotFound):
        models.create("12345")
    work = warehouse.experiments.find("work").experiment_id
    warehouse.experiments.delete(work)
    with pytest.raises(InvalidInput) as caught:
        models.create(work)
    assert caught.value.code is ErrorCode.EXPERIMENT_DELETED


def test_params_are_added_and_never_change(models: LoggedModels) -> None:
    made = models.create("0", params={"lr": 0.1})
    models.log_params(made.model_id, {"lr": "0.1", "depth": 2})
    assert models.get(made.model_id).params == {"lr": "0.1", "depth": "2"}
    with pytest.raises(InvalidInput) as caught:
        models.log_params(made.model_id, {"new": 1, "lr": "0.2"})
    assert caught.value.code is ErrorCode.PARAM_CHANGED
    assert "new" not in models.get(made.model_id).params


def test_tags_come_and_go(models: LoggedModels) -> None:
    made = models.create("0", tags={"a": "1"})
    models.set_tags(made.model_id, {"a": "2", "ü/ö": "x"})
    models.delete_tag(made.model_id, "a")
    assert models.get(made.model_id).tags == {"ü/ö": "x"}
    with pytest.raises(NotFound) as caught:
        models.delete_tag(made.model_id, "a")
    assert caught.value.code is ErrorCode.TAG_NOT_FOUND


def test_a_deleted_one_is_not_shown_and_takes_nothing(models: LoggedModels) -> None:
    made = models.create("0")
    models.delete(made.model_id)
    assert models.get(made.model_id, with_deleted=True).lifecycle == "deleted"
    assert models.search(["0"]).models == []
    for act in (
        lambda: models.get(made.model_id),
        lambda: models.is_ready(made.model_id),
        lambda: models.delete(made.model_id),
        lambda: models.set_tags(made.model_id, {"a": "b"}),
        lambda: models.log_params(made.model_id, {"a": "b"}),
        lambda: models.finalize(made.model_id, LoggedModelStatus.READY),
    ):
        with pytest.raises(NotFound) as caught:
            act()
        assert caught.value.code is ErrorCode.LOGGED_MODEL_NOT_FOUND


def test_what_was_measured_of_one_is_told_with_it(
    warehouse: Warehouse, models: LoggedModels
) -> None:
    made = models.create("0", run_id=RUN)
    model_id = made.model_id
    measure(
        warehouse,
        RUN,
        Point("acc", 2, 20, 0.5, model_id, "train", "d1"),
        Point("acc", 1, 10, 0.4, model_id, "train", "d1"),
        Point("acc", 2, 20, 0.3, model_id, "test", "d2"),
        Point("loss", 0, 30, math.nan, model_id),
        Point("acc", 9, 90, 1.0),
    )
    measure(warehouse, OTHER, Point("acc", 0, 40, 0.9, model_id))
    found = models.get(model_id).measurements
    assert sorted((m.key, m.run_id, m.dataset_name or "", m.step, m.value) for m in found[:2]) == [
        ("acc", RUN, "test", 2, 0.3),
        ("acc", RUN, "train", 2, 0.5),
    ]
    assert [(m.key, m.run_id) for m in found[2:]] == [("loss", RUN), ("acc", OTHER)]
    assert math.isnan(found[2].value)
    [row] = warehouse.sql("select metrics['acc'] as acc from logged_models").to_pylist()
    assert row["acc"] == 0.9


def test_metrics_of_what_is_no_model_make_none(warehouse: Warehouse, models: LoggedModels) -> None:
    measure(warehouse, RUN, Point("acc", 0, 1, 1.0, "m-" + "0" * 32))
    with pytest.raises(NotFound):
        models.get("m-" + "0" * 32)
    assert models.search(["0"]).models == []
    assert models.missing(["m-" + "0" * 32, "x"]) == ["m-" + "0" * 32, "x"]


def test_points_without_a_row_of_their_own_are_read_as_those_of_an_import(
    warehouse: Warehouse, models: LoggedModels
) -> None:
    made = models.create("0", run_id=RUN)
    warehouse.lake.append(
        "metrics",
        {
            "run_id": [RUN, RUN],
            "key": ["acc", "acc"],
            "step": [1, 2],
            "timestamp": [1, 2],
            "value": [0.1, 0.2],
            "logged_model_id": [made.model_id, made.model_id],
        },
    )
    [one] = models.get(made.model_id).measurements
    assert (one.key, one.step, one.value, one.run_id) == ("acc", 2, 0.2, RUN)


def test_they_are_found_by_what_they_are(
    warehouse: Warehouse, models: LoggedModels, clock: ManualClock
) -> None:
    a = models.create("0", name="a", run_id=RUN, params={"lr": "0.1"}, model_type="tree")
    clock.advance(1)
    b = models.create("0", name="b", params={"lr": "0.2"}, tags={"my tag": "x"})
    clock.advance(1)
    work = warehouse.experiments.find("work").experiment_id
    models.create(work, name="c")
    models.finalize(b.model_id, "READY")
    measure(warehouse, RUN, Point("acc x`y", 0, 1, 0.5, a.model_id))
    for wanted, expected in {
        "": ["b", "a"],
        "params.lr = '0.1'": ["a"],
        "params.lr > 0.1": ["b"],
        "tags.`my tag` LIKE 'x%'": ["b"],
        "status = 'READY'": ["b"],
        "name IN ('a', 'b') AND model_type = 'tree'": ["a"],
        f"source_run_id = '{RUN}'": ["a"],
        "creation_timestamp > 0": ["b", "a"],
    }.items():
        assert names(models.search(["0"], filter=wanted)) == expected, wanted
    assert names(models.search(["0", work])) == ["c", "b", "a"]
    by_metric = [ModelOrder("metrics.acc x`y", is_descending=True)]
    assert names(models.search(["0"], order=by_metric)) == ["a", "b"]
    with pytest.raises(InvalidInput):
        models.search(["0"], filter="nothing = 1")


def test_only_what_was_measured_on_a_dataset_counts(
    warehouse: Warehouse, models: LoggedModels, clock: ManualClock
) -> None:
    made = []
    for name in "abc":
        made.append(models.create("0", name=name).model_id)
        clock.advance(1)
    a, b, _ = made
    measure(
        warehouse,
        RUN,
        Point("acc", 0, 1, 0.9, a, "train", "d1"),
        Point("acc", 0, 1, 0.1, a, "test", "d2"),
        Point("acc", 0, 1, 0.5, b, "train", "d1"),
        Point("acc", 0, 1, 0.6, b, "test", "d2"),
    )
    test = DatasetChoice("test")
    assert names(models.search(["0"], filter="metrics.acc > 0.3", datasets=[test])) == ["b"]
    assert names(models.search(["0"], datasets=[test])) == ["b", "a"]
    assert names(models.search(["0"], datasets=[DatasetChoice("test", "d1")])) == []
    for dataset, expected in ((test, ["b", "a", "c"]), (DatasetChoice("train"), ["a", "b", "c"])):
        order = [ModelOrder("metrics.acc", is_descending=True, dataset=dataset)]
        assert names(models.search(["0"], order=order)) == expected
    with pytest.raises(InvalidInput):
        models.search(["0"], order=[ModelOrder("name", dataset=test)])


def test_pages_follow_one_another(models: LoggedModels, clock: ManualClock) -> None:
    for number in range(5):
        models.create("0", name=f"n{number}")
        clock.advance(0.001)
    seen: list[str] = []
    token = None
    while True:
        page = models.search(["0"], max_results=2, page_token=token)
        seen += names(page)
        token = page.next_page_token
        if token is None:
            break
    assert seen == ["n4", "n3", "n2", "n1", "n0"]
    first = models.search(["0"], max_results=2)
    with pytest.raises(InvalidInput):
        models.search(["0"], filter="name = 'x'", page_token=first.next_page_token)


def test_the_row_survives_a_fold(warehouse: Warehouse, models: LoggedModels) -> None:
    made = models.create("0", run_id=RUN)
    measure(warehouse, RUN, Point("acc", 0, 1, 0.5, made.model_id, "train", "d1"))
    before = models.get(made.model_id)
    warehouse.lake.fold()
    assert models.get(made.model_id) == before
