"""What runs read and made, as clients tell it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mere.errors import InvalidInput, NotFound
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services.runs.links import DatasetInput, ModelOutput
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock

RUN, DELETED = "0" * 31 + "1", "0" * 31 + "2"
TOLD = {"name": "d", "digest": "1", "source_type": "local", "source": "{}"}


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    clock = ManualClock()
    store = MemoryStore(clock)
    lake = Lake.open("memory://", tables=TABLES, store=store, clock=clock, cache=tmp_path)
    opened = Warehouse(lake, clock, "memory://")
    opened.experiments.get_or_create("Default")
    for run_id, lifecycle in ((RUN, "active"), (DELETED, "deleted")):
        lake.patch("runs", [{"run_id": run_id, "experiment_id": "0", "lifecycle": lifecycle}])
    return opened


def edges(warehouse: Warehouse) -> list[tuple[str, str, str | None, dict[str, str]]]:
    rows = warehouse.lineage.of(RUN).to_pylist(maps_as_pydicts="lossy")
    return sorted(
        (one["direction"], one["asset"], one["context"], one["tags"] or {}) for one in rows
    )


def test_a_description_is_one_version_whoever_gives_it(warehouse: Warehouse) -> None:
    links = warehouse.run_links
    links.log_inputs(RUN, [DatasetInput(TOLD, "training", {"split": "1"})])
    links.log_inputs(RUN, [DatasetInput(TOLD, "eval")])
    other = Warehouse(warehouse.lake, warehouse.clock, "memory://").run_links
    other.log_inputs(RUN, [DatasetInput(TOLD)])
    [version] = warehouse.sql("select * from datasets").to_pylist()
    assert (version["name"], version["version"], version["digest"]) == ("d", 1, "1")
    assert edges(warehouse) == [
        ("read", f"dataset:{version['dataset_id']}", "eval", {"split": "1"})
    ]


def test_another_source_is_another_version(warehouse: Warehouse) -> None:
    for more in ({}, {"source": "elsewhere"}, {"profile": "{}"}, {"digest": "2"}):
        warehouse.run_links.log_inputs(RUN, [DatasetInput({**TOLD, **more})])
    assert warehouse.sql("select max(version) as n from datasets")["n"].to_pylist() == [4]
    assert len(edges(warehouse)) == 4


def test_of_two_of_one_name_and_digest_the_first_counts(warehouse: Warehouse) -> None:
    twice = [DatasetInput(TOLD, "a"), DatasetInput({**TOLD, "source": "other"}, "b")]
    warehouse.run_links.log_inputs(RUN, twice)
    [(_, _, context, _)] = edges(warehouse)
    assert context == "a"


def test_a_context_that_is_too_long_for_its_column_is_kept_as_a_tag(warehouse: Warehouse) -> None:
    warehouse.run_links.log_inputs(RUN, [DatasetInput(TOLD, "x" * 300)])
    [(_, _, context, tags)] = edges(warehouse)
    assert (context, tags) == (None, {"mlflow.data.context": "x" * 300})


def test_models_are_read_and_made(warehouse: Warehouse) -> None:
    warehouse.run_links.log_inputs(RUN, models=["m-1"])
    warehouse.run_links.log_outputs(RUN, [ModelOutput("m-2", 7)])
    assert edges(warehouse) == [
        ("read", "logged_model:m-1", None, {}),
        ("write", "logged_model:m-2", None, {"step": "7"}),
    ]


def test_runs_that_take_nothing_take_no_links(warehouse: Warehouse) -> None:
    links = warehouse.run_links
    with pytest.raises(InvalidInput):
        links.log_inputs(DELETED, [DatasetInput(TOLD)])
    with pytest.raises(NotFound):
        links.log_outputs("0" * 32, [ModelOutput("m-1")])
    assert warehouse.sql("select count(*) as n from datasets")["n"].to_pylist() == [0]
