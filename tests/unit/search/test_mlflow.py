"""MLflow's filters and orders mean here what they mean there.

The expected answers were written down from MLflow 3.17's own `SearchUtils`, for the runs and
experiments below. Where the languages differ on purpose, docs/search.md says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from mere.errors import InvalidInput
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RUNS: list[dict[str, Any]] = [
    {
        "run_id": "a" * 32,
        "name": "alpha",
        "status": "FINISHED",
        "created_by": "ann",
        "started_at": 1_000_000,
        "ended_at": 2_000_000,
        "metrics": {"acc": 0.9, "val loss": 0.1},
        "params": {"model": "cnn", "lr": "0.01", "batch size": "32"},
        "tags": {"env": "prod", "mlflow.source.name": "train.py"},
        "datasets": [("mnist", "d1", "training")],
    },
    {
        "run_id": "b" * 32,
        "name": "Beta_1",
        "status": "FAILED",
        "created_by": "bob",
        "started_at": 2_000_000,
        "metrics": {"acc": math.nan},
        "params": {"model": "CNN", "lr": "1e-2"},
        "tags": {"env": "dev", "note": ""},
        "datasets": [("mnist", "d2", "training"), ("cifar", "d3", "evaluation")],
    },
    {
        "run_id": "c" * 32,
        "name": "50% off",
        "status": "RUNNING",
        "created_by": "ann",
        "started_at": 2_000_000,
        "metrics": {"acc": -1.0, "val loss": math.inf},
        "params": {"model": "it`s"},
        "tags": {},
        "datasets": [],
    },
    {
        "run_id": "d" * 32,
        "name": "gamma",
        "status": "FINISHED",
        "created_by": "eve",
        "started_at": 3_000_000,
        "ended_at": 4_000_000,
        "metrics": {},
        "params": {"model": "xgb", "depth": "7"},
        "tags": {"env": "Prod"},
        "datasets": [("imagenet", "d4", "training")],
    },
]

FILTERS = [
    ("metrics.acc > 0.5", "a"),
    ("metrics.acc >= -1", "ac"),
    ("metrics.acc < 1.", "ac"),
    ("metrics.acc <= .9", "ac"),
    ("metrics.acc = 0.9", "a"),
    ("metrics.acc != 0.9", "bc"),
    ("metric.acc > -2e0", "ac"),
    ("metrics.`val loss` > 5", "c"),
    ('metrics."val loss" < 5', "a"),
    ("metric.`val loss` != 1e-1", "c"),
    ("metrics.missing != 1", ""),
    ("metrics.missing = 1", ""),
    ("`metrics`.acc = -1", "c"),
    ("params.model = 'cnn'", "a"),
    ('parameters.model = "cnn"', "a"),
    ("param.model != 'cnn'", "bcd"),
    ("parameter.model LIKE 'c%'", "a"),
    ("params.model like '%n%'", "a"),
    ("params.model ILIKE 'cn_'", "ab"),
    ("params.model iLike '%N'", "ab"),
    ('params.model = "it`s"', "c"),
    ("params.lr = '0.01'", "a"),
    ("params.lr != '0.01'", "b"),
    ("params.`batch size` = '32'", "a"),
    ("params.'batch size' = '32'", "a"),
    ("params.depth IS NULL", "abc"),
    ("params.depth is not null", "d"),
    ("params.model LIKE '%`%'", "c"),
    ("params.model LIKE ''", ""),
    ("tags.env = 'prod'", "a"),
    ("tag.env != 'prod'", "bd"),
    ("tags.env LIKE 'pr__'", "a"),
    ("tags.env ilike 'PROD'", "ad"),
    ("tags.mlflow.source.name = 'train.py'", "a"),
    ("tags.`mlflow.source.name` LIKE '%.py'", "a"),
    ("tags.note = ''", "b"),
    ("tags.note IS NOT NULL", "b"),
    ("tags.note IS NULL", "acd"),
    ("`tags`.env IS NULL", "c"),
    ("attribute.status = 'FINISHED'", "ad"),
    ("attributes.status != 'FINISHED'", "bc"),
    ("attr.status LIKE 'F%'", "abd"),
    ("run.status ILIKE 'f%'", "abd"),
    ("status = 'RUNNING'", "c"),
    ("run_id = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'", "a"),
    ("run_id IN ('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'dddddddddddddddddddddddddddddddd')", "ad"),
    ('attribute.run_id NOT IN ("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb")', "acd"),
    ("run_id in ('cccccccccccccccccccccccccccccccc',)", "c"),
    ("user_id = 'ann'", "ac"),
    ("user_id != 'ann'", "bd"),
    ("user_id LIKE '%e%'", "d"),
    ("start_time > 1500", "bcd"),
    ("start_time >= 2000", "bcd"),
    ("attributes.start_time = 2000", "bc"),
    ("start_time != 2000", "ad"),
    ("start_time < 2000.5", "abc"),
    ("created <= 1000", "a"),
    ("attribute.Created > 2999", "d"),
    ("end_time > 0", "ad"),
    ("end_time != 2000", "d"),
    ("attribute.end_time <= 2000", "a"),
    ("run_name = 'alpha'", "a"),
    ("attributes.run_name != 'alpha'", "bcd"),
    ("run_name LIKE '%_1'", "b"),
    ("run_name like '50% off'", "c"),
    ("run_name ILIKE 'BETA%'", "b"),
    ("`run name` = 'gamma'", "d"),
    ("attribute.`Run Name` = 'gamma'", "d"),
    ("artifact_uri LIKE '%/a'", "a"),
    ("datasets.name = 'mnist'", "ab"),
    ("dataset.name != 'mnist'", "bd"),
    ("datasets.name LIKE 'm%'", "ab"),
    ("datasets.name ILIKE 'IMAGE%'", "d"),
    ("datasets.digest IN ('d1', 'd4')", "ad"),
    ("dataset.digest NOT IN ('d2')", "abd"),
    ("datasets.context = 'evaluation'", "b"),
    ("dataset.context != 'training'", "b"),
    ("datasets.context NOT IN ('training', 'evaluation')", ""),
    ("dataset.name = 'mnist' and dataset.context = 'evaluation'", "b"),
    ("metrics.acc > 0.5 and params.model = 'cnn'", "a"),
    ("params.model = 'cnn' AND tags.env = 'prod' And status = 'FINISHED' and start_time > 0", "a"),
    ("tags.env = 'prod' and tags.env = 'dev'", ""),
    ("params.model = 'a and b'", ""),
    ("metrics.acc>0.5 and metrics.acc<1", "a"),
    ("", "abcd"),
]
ORDERS = [
    ([], "dbca"),
    (["metrics.acc"], "cabd"),
    (["metrics.acc DESC"], "acbd"),
    (["metrics.`val loss` ASC"], "acdb"),
    (['metric."val loss" desc'], "cadb"),
    (["params.model"], "bacd"),
    (["params.lr DESC"], "badc"),
    (["parameter.model desc"], "dcab"),
    (["tags.env"], "dbac"),
    (["tag.env DESC"], "abdc"),
    (["start_time"], "abcd"),
    (["attribute.start_time ASC"], "abcd"),
    (["attributes.start_time DESC"], "dbca"),
    (["created"], "abcd"),
    (["Created DESC"], "dbca"),
    (["end_time"], "adbc"),
    (["end_time DESC"], "dabc"),
    (["status", "start_time ASC"], "badc"),
    (["status DESC", "metrics.acc DESC"], "cadb"),
    (["run_name"], "cbad"),
    (["run_name DESC"], "dabc"),
    (["run_id"], "abcd"),
    (["attr.run_id desc"], "dcba"),
    (["user_id", "run_id DESC"], "cabd"),
    (["`metrics`.acc asc"], "cabd"),
    (["artifact_uri desc"], "dcba"),
]
EXPERIMENT_FILTERS = [
    ("name = 'digits'", "1"),
    ("name != 'digits'", "23"),
    ("name LIKE 'dig%'", "1"),
    ("name ILIKE 'dig%'", "12"),
    ("attribute.name LIKE '%_x'", "3"),
    ("tags.team = 'vision'", "1"),
    ("tag.team != 'vision'", "3"),
    ("tags.team ILIKE 'TE%'", "3"),
    ("tags.`team name` = 'T'", "3"),
    ("tags.team IS NULL", "2"),
    ("tag.team is not null", "13"),
    ("experiment_id = '2'", "2"),
    ("experiment_id IN ('1', '3')", "13"),
    ("creation_time > 1500", "23"),
    ("creation_time = 1000", "1"),
    ("last_update_time > 0", "123"),
    ("name like '%i%' and tags.team = 'vision'", "1"),
]

REFUSED_BY_BOTH = [
    "METRICS.acc > 1",
    "metrics.acc > 'x'",
    "metrics.acc LIKE 'x'",
    "metrics.acc > 0x10",
    "metrics.acc > nan",
    "params.model = `cnn`",
    "status = RUNNING",
    "run_id in ()",
    "Status = 'RUNNING'",
    "dataset.size = 'x'",
    "params.model = 'cnn';",
    "params.model = 'cnn' -- why",
    "params.model = 'cnn''",
    "params.model =",
    "model.name = 'x'",
]


@pytest.fixture(scope="module")
def house() -> Iterator[Warehouse]:
    clock = ManualClock()
    lake = Lake.open("memory://", tables=TABLES, store=MemoryStore(clock), clock=clock)
    opened = Warehouse(lake, clock, "memory://")
    for run in RUNS:
        row = {k: v for k, v in run.items() if k not in ("metrics", "datasets")}
        row["experiment_id"], row["lifecycle"] = "0", "active"
        row["artifact_location"] = f"artifacts/{run['run_id'][0]}"
        row["metric_summary"] = {
            key: {
                "step": 0,
                "timestamp": EPOCH,
                "value": value,
                "min": value,
                "max": value,
                "count": 1,
            }
            for key, value in run["metrics"].items()
        }
        lake.patch("runs", [row])
        for name, digest, context in run["datasets"]:
            lake.patch("datasets", [{"dataset_id": digest * 16, "name": name, "digest": digest}])
            link = {
                "run_id": run["run_id"],
                "direction": "read",
                "asset": f"dataset:{digest * 16}",
                "context": context,
            }
            lake.patch("lineage", [link])
    for number, (name, tags) in enumerate(
        [
            ("digits", {"team": "vision"}),
            ("Digits-2", {}),
            ("words_x", {"team": "text", "team name": "T"}),
        ],
        start=1,
    ):
        row = {"experiment_id": str(number), "name": name, "tags": tags, "lifecycle": "active"}
        lake.patch("experiments", [row])
    yield opened
    opened.close()


def found(house: Warehouse, **query: Any) -> str:
    return "".join(run[0] for run in house.runs.search(**query)["run_id"].to_pylist())


@pytest.mark.parametrize(("text", "runs"), FILTERS)
def test_a_filter_finds_the_same_runs(house: Warehouse, text: str, runs: str) -> None:
    assert "".join(sorted(found(house, filter=text))) == runs


@pytest.mark.parametrize(("order", "runs"), ORDERS)
def test_an_order_gives_the_same_order(house: Warehouse, order: list[str], runs: str) -> None:
    assert found(house, order=order) == runs
    # On pages of one it is the same.
    pages, token = "", None
    while True:
        page = house.runs.search_page(order=order, max_results=1, page_token=token)
        pages += page.rows["run_id"][0].as_py()[0]
        token = page.next_page_token
        if token is None:
            break
    assert pages == runs


@pytest.mark.parametrize(("text", "ids"), EXPERIMENT_FILTERS)
def test_a_filter_finds_the_same_experiments(house: Warehouse, text: str, ids: str) -> None:
    known = house.experiments.search(filter=text)["experiment_id"].to_pylist()
    if "time" in text:
        # These are the warehouse's own times: only that the filter is understood can be shown.
        assert set(known) <= {"1", "2", "3"}
        return
    assert sorted(known) == list(ids)


@pytest.mark.parametrize("text", REFUSED_BY_BOTH)
def test_what_mlflow_refuses_is_refused(house: Warehouse, text: str) -> None:
    with pytest.raises(InvalidInput):
        found(house, filter=text)


def test_experiments_are_ordered_as_mlflow_orders_them(house: Warehouse) -> None:
    def ids(*order: str) -> str:
        return "".join(house.experiments.search(order=order)["experiment_id"].to_pylist())

    assert ids("name") == "213"
    assert ids("name DESC") == "312"
    assert ids("experiment_id ASC") == "123"
