"""Maps of lineage: groups, deployments, what may be read, and where to begin."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mere.entities.dataset import Dataset, DatasetKind
from mere.entities.run import Run
from mere.errors import InvalidInput, NotFound
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services.lineage.maps import LineageMap
from mere.services.lineage.walk import Readable
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock


def run_id(number: int) -> str:
    return f"{number:032x}"


def make(warehouse: Warehouse, name: str) -> str:
    draft = Dataset(dataset_id="", name=name, version=0, kind=DatasetKind.REFERENCE)
    return "dataset:" + warehouse.datasets.publish(draft).dataset_id


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Warehouse]:
    """raw@1 and raw@2 -> 20 runs -> model m/1 of the last -> shop in production."""
    clock = ManualClock()
    with Lake.open("memory://", tables=TABLES, store=MemoryStore(clock), clock=clock) as lake:
        made = Warehouse(lake, clock, "memory://")
        raw = [make(made, "raw"), make(made, "raw")]
        for number in range(1, 21):
            home = "1" if number % 2 else "2"
            made.runs.create(Run(run_id=run_id(number), experiment_id=home, name=f"train-{number}"))
            made.lineage.record(run_id(number), "read", raw[number % 2])
        made.models.create("m")
        made.artifacts.put_bytes(run_id(20), "model/w", b"w")
        made.models.versions.create("m", f"runs:/{run_id(20)}/model", run_id=run_id(20))
        made.deployments.deploy("m", 1, environment="production", application="shop")
        yield made


def maps(warehouse: Warehouse, node: str, **how: object) -> LineageMap:
    usual = {"depth": 4, "direction": "both", "width": 50}
    return warehouse.lineage_maps.of(node, **{**usual, **how})  # type: ignore[arg-type]


def labels(found: LineageMap) -> set[str]:
    return {one.label for one in found.nodes}


def test_from_data_to_deployment(warehouse: Warehouse) -> None:
    found = maps(warehouse, "model:m/1")
    assert [one.label for one in sorted(found.nodes, key=lambda one: one.column)] == [
        "raw@1",
        "train-20",
        "m/1",
        "shop in production",
    ]
    assert [one.column for one in found.nodes if one.kind == "deployment"] == [3]
    assert {one.home for one in found.nodes if one.kind == "run"} == {"2"}
    deployed = next(one for one in found.nodes if one.kind == "deployment")
    assert deployed.status == "live"
    assert labels(maps(warehouse, deployed.node)) == labels(found)


def test_all_versions_of_a_dataset(warehouse: Warehouse) -> None:
    found = maps(warehouse, "datasets:raw")
    assert found.nodes[0].label == "raw@2"
    assert len(found.nodes) == 24
    with pytest.raises(NotFound):
        maps(warehouse, "datasets:none")


def test_siblings_are_a_group_until_it_is_opened(warehouse: Warehouse) -> None:
    found = maps(warehouse, "dataset:raw@2", width=3)
    (group,) = found.groups
    assert (group.of, group.way, group.kind, group.count) == (0, "down", "run", 7)
    assert group.column == 1
    rows = {one.row for one in found.nodes if one.column == 1}
    assert len({*rows, group.row}) == 4
    whole = maps(warehouse, "dataset:raw@2", width=3, opened=[found.root])
    assert (len(whole.nodes), whole.groups) == (11, [])


def test_what_is_too_far_is_a_group_that_can_be_opened(warehouse: Warehouse) -> None:
    found = maps(warehouse, "model:m/1", depth=1)
    assert [(one.way, one.kind, one.count) for one in found.groups] == [("up", "dataset", 1)]
    at = found.nodes[found.groups[0].of].node
    assert "raw@1" in labels(maps(warehouse, "model:m/1", depth=1, opened=[at]))


def test_what_may_not_be_read_is_not_there_nor_counted(warehouse: Warehouse) -> None:
    some = Readable(experiments=frozenset({"1"}), models=frozenset(), datasets=True)
    found = maps(warehouse, "datasets:raw", readable=some, width=3)
    assert {one.home for one in found.nodes if one.kind == "run"} == {"1"}
    assert sum(one.count for one in found.groups) == 7
    assert {one.kind for one in found.nodes} == {"dataset", "run"}
    none = Readable(experiments=frozenset(), models=None, datasets=False)
    assert labels(maps(warehouse, "model:m/1", readable=none)) == {"m/1", "shop in production"}
    named = warehouse.lineage_maps.search("", 50, some)
    assert {one.home for one in named if one.kind == "run"} == {"1"}
    assert {one.kind for one in named} == {"dataset", "run"}


def test_names_are_found(warehouse: Warehouse) -> None:
    search = warehouse.lineage_maps.search
    assert [one.label for one in search("TRAIN 17", 5)] == ["train-17"]
    assert [one.label for one in search("raw", 5)] == ["raw@2", "raw@1"]
    assert {one.label for one in search("shop", 5)} == {"shop in production"}
    assert [one.label for one in search(run_id(3), 5)] == ["train-3"]
    assert search("'; drop table runs; --", 5) == []
    assert len([one for one in search("", 3) if one.kind == "run"]) == 3
    for wrong in (("w " * 11, 5), ("", 0), ("", 101)):
        with pytest.raises(InvalidInput):
            search(*wrong)
