from __future__ import annotations

from collections.abc import Iterator

import pytest

from mere.entities.dataset import Dataset, DatasetKind
from mere.entities.run import Run
from mere.errors import InvalidInput, NotFound
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    clock = ManualClock()
    store = MemoryStore(clock)
    with Lake.open("memory://", tables=TABLES, store=store, clock=clock) as lake:
        yield Warehouse(lake, clock, "memory://")


def run_id(number: int) -> str:
    return f"{number:032x}"


def start(warehouse: Warehouse, number: int, name: str | None = None) -> str:
    run = Run(run_id=run_id(number), experiment_id="0", name=name or f"run-{number}")
    return warehouse.runs.create(run).run_id


def make(warehouse: Warehouse, name: str) -> str:
    draft = Dataset(dataset_id="", name=name, version=0, kind=DatasetKind.REFERENCE)
    return "dataset:" + warehouse.datasets.publish(draft).dataset_id


@pytest.fixture
def chain(warehouse: Warehouse) -> dict[str, str]:
    """raw -> prepare -> clean -> train -> model, and clean -> evaluate."""
    nodes = {name: make(warehouse, name) for name in ("raw", "clean")}
    for number, name in enumerate(("prepare", "train", "evaluate"), 1):
        nodes[name] = "run:" + start(warehouse, number, name)
    record = warehouse.lineage.record
    record(run_id(1), "read", nodes["raw"], context="source")
    record(run_id(1), "write", nodes["clean"])
    record(run_id(2), "read", nodes["clean"], context="training", tags={"fold": 1})
    record(run_id(3), "read", nodes["clean"], context="testing")
    record(run_id(2), "write", "model:digits/1")
    return nodes


def edges(graph) -> set[tuple[str, str]]:
    labels = {node.node: node.label for node in graph.nodes}
    return {(labels[edge.source], labels[edge.target]) for edge in graph.edges}


def test_both_ways_from_any_node(warehouse: Warehouse, chain: dict[str, str]) -> None:
    up = {("raw@1", "prepare"), ("prepare", "clean@1")}
    down = {("clean@1", "train"), ("clean@1", "evaluate"), ("train", "digits/1")}
    graph = warehouse.lineage.graph
    assert edges(graph("clean@1")) == up | down
    assert edges(graph("clean@1", direction="up")) == up
    assert edges(graph("clean@1", direction="down")) == down
    assert edges(graph("model:digits/1")) == up | {("clean@1", "train"), ("train", "digits/1")}
    assert edges(graph("raw")) == up | down
    assert edges(graph("evaluate", depth=1)) == {("clean@1", "evaluate")}
    whole = graph("raw")
    assert whole.root == whole.nodes[0].node == chain["raw"]
    assert whole.left_out == {}
    assert whole.node(chain["train"]).status == "RUNNING"
    contexts = {edge.target: edge.context for edge in whole.edges}
    assert contexts[chain["evaluate"]] == "testing"


def test_what_a_run_read_and_wrote(warehouse: Warehouse, chain: dict[str, str]) -> None:
    found = warehouse.lineage.of(run_id(2)).to_pylist(maps_as_pydicts="lossy")
    assert [(row["direction"], row["asset"]) for row in found] == [
        ("read", chain["clean"]),
        ("write", "model:digits/1"),
    ]
    assert found[0]["tags"] == {"fold": "1"}
    users = warehouse.lineage.users(chain["clean"]).to_pylist()
    assert {(row["run_id"], row["direction"]) for row in users} == {
        (run_id(1), "write"),
        (run_id(2), "read"),
        (run_id(3), "read"),
    }


def test_cycles_end(warehouse: Warehouse) -> None:
    loop = make(warehouse, "loop")
    start(warehouse, 1, "self")
    warehouse.lineage.record(run_id(1), "read", loop)
    warehouse.lineage.record(run_id(1), "write", loop)
    warehouse.lineage.record(run_id(1), "read", f"run:{run_id(1)}")
    found = warehouse.lineage.graph("loop")
    assert edges(found) == {("loop@1", "self"), ("self", "loop@1"), ("self", "self")}
    assert found.left_out == {}


def test_wide_and_deep_graphs_say_what_was_cut(warehouse: Warehouse) -> None:
    node = make(warehouse, "wide")
    for number in range(1, 31):
        start(warehouse, number)
        warehouse.lineage.record(run_id(number), "read", node)
        warehouse.lineage.record(run_id(number), "write", f"model:m/{number}")
    graph = warehouse.lineage.graph
    wide = graph("wide", width=10)
    assert len(wide.nodes) == 21
    assert wide.left_out == {node: 20}
    assert {name.label for name in wide.nodes if name.kind == "run"} == {
        f"run-{n}" for n in range(21, 31)
    }
    flat = graph("wide", depth=1)
    assert len(flat.nodes) == 31
    assert sum(flat.left_out.values()) == 30
    assert len(graph("wide", nodes_max=5).nodes) == 5
    assert graph("wide", nodes_max=5).left_out[node] == 26
    assert graph("wide", depth=0).left_out == {node: 30}


def test_a_model_version_s_run_is_an_edge_of_its_own(warehouse: Warehouse) -> None:
    start(warehouse, 1, "train")
    row = {"name": "a b/c", "version": 2, "run_id": run_id(1)}
    warehouse.lake.patch("model_versions", [row])
    assert edges(warehouse.lineage.graph("train")) == {("train", "a b/c/2")}
    warehouse.lineage.record(run_id(1), "write", "model:a b/c/2", context="best")
    found = warehouse.lineage.graph("model:a b/c/2")
    assert [edge.context for edge in found.edges] == ["best"]


def test_words_that_name_nodes(warehouse: Warehouse, chain: dict[str, str]) -> None:
    resolve = warehouse.lineage.resolve
    raw = chain["raw"].removeprefix("dataset:")
    for word in ("raw", "raw@1", raw, f"dataset:{raw}", "dataset:raw"):
        assert resolve(word) == chain["raw"], word
    for word in ("train", run_id(2), f"run:{run_id(2)}", "run:train"):
        assert resolve(word) == chain["train"], word
    for word in ("nothing", "raw@2", "model:none/1", "run:nothing", "dataset:nothing", "x:y"):
        with pytest.raises(NotFound):
            resolve(word)
    make(warehouse, "train")
    with pytest.raises(InvalidInput, match="run:train"):
        resolve("train")
    assert resolve("dataset:train") != resolve("run:train")


@pytest.mark.parametrize(
    ("direction", "asset", "context"),
    [
        ("sideways", "dataset:x", None),
        ("read", "dataset:", None),
        ("read", "table:x", None),
        ("read", 7, None),
        ("read", "dataset:" + "x" * 1_000, None),
        ("read", "dataset:x", "c" * 300),
    ],
)
def test_bad_input_is_refused(warehouse: Warehouse, direction, asset, context) -> None:
    with pytest.raises(InvalidInput):
        warehouse.lineage.record(run_id(1), direction, asset, context=context)


def test_bad_limits_are_refused(warehouse: Warehouse, chain: dict[str, str]) -> None:
    for wrong in ({"direction": "in"}, {"depth": -1}, {"width": 0}, {"nodes_max": 0}):
        with pytest.raises(InvalidInput):
            warehouse.lineage.graph("raw", **wrong)


def test_a_node_that_is_gone_keeps_its_id(warehouse: Warehouse) -> None:
    start(warehouse, 1, "train")
    warehouse.lineage.record(run_id(1), "read", "dataset:" + "f" * 32)
    found = warehouse.lineage.graph("train")
    assert found.node("dataset:" + "f" * 32).label == "f" * 32
