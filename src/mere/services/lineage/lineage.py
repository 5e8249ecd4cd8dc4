"""Lineage: which run read and wrote what, and the graph that follows from it.

The table holds one row for each run, direction and asset; to record the same again changes its
context only. That a run made a model version follows from the version itself, and where it was
deployed from its deployments, so these are edges even where nobody recorded them.

A graph is found by a walk from node to node (`mere.services.lineage.walk`); it says what it left
out where it is too wide or too deep.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mere.entities.experiment import Lifecycle
from mere.entities.limits import check_key, check_tag
from mere.entities.lineage import (
    Direction,
    LineageEdge,
    LineageGraph,
    LineageLeft,
    LineageNode,
    check_asset,
    split_node,
)
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.services.lineage.walk import EDGES, Readable, Walk

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.datasets.datasets import Datasets
    from mere.services.runs.runs import Runs

__all__ = ["Lineage", "lineage_row"]

_DEPTH = 20
_WIDTH = 50
_NODES_MAX = 1_000
_WAYS = ("both", "up", "down")
_BY_ID = {"logged_model": "logged_models", "deployment": "deployments"}
_Known = tuple[str, str | None, str | None]  # what it is called, how it is, its experiment


class Lineage:
    """The lineage of one warehouse.

    Args:
        lake: Where it is stored.
        clock: Says when something was recorded.
        runs: To find runs by name.
        datasets: To find datasets by name.
    """

    def __init__(self, lake: Lake, clock: Clock, runs: Runs, datasets: Datasets) -> None:
        self._lake = lake
        self._clock = clock
        self._runs = runs
        self._datasets = datasets

    def record(
        self,
        run_id: str,
        direction: Direction | str,
        asset: str,
        *,
        context: str | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        """Record that a run read or wrote something.

        Args:
            run_id: The run.
            direction: ``read`` or ``write``.
            asset: ``dataset:<dataset id>``, ``model:<name>/<version>`` or ``run:<run id>``.
            context: What for, such as ``training``.
            tags: What else is worth remembering.

        Raises:
            InvalidInput: The direction, the asset, the context or a tag cannot be one.
        """
        now = self._clock.now_us()
        row = lineage_row(direction, asset, context=context, tags=tags, logged_at=now)
        self._lake.patch("lineage", [{"run_id": run_id, **row}])

    def of(self, run_id: str) -> pa.Table:
        """What one run read and wrote: direction, asset, context, tags, logged_at."""
        columns = ["direction", "asset", "context", "tags", "logged_at"]
        return self._lake.scan("lineage", where={"run_id": run_id}, columns=columns)

    def users(self, asset: str) -> pa.Table:
        """The runs that read or wrote an asset: run_id, direction, context, logged_at."""
        columns = ["run_id", "direction", "context", "logged_at"]
        return self._lake.scan("lineage", where={"asset": asset}, columns=columns)

    def resolve(self, word: str) -> str:
        """The node that people mean by a word.

        Args:
            word: A node's full name, the id of a run or dataset version, the beginning of a run's
                id, a run's name, ``name@version`` of a dataset, or a dataset's name for its newest
                version.

        Raises:
            NotFound: Nothing is meant.
            InvalidInput: Several things are.
        """
        kind, colon, name = word.partition(":")
        if colon and kind == "model":
            return self._model(name)
        if colon and kind == "run":
            return "run:" + self._runs.find(name).run_id
        if colon and kind == "dataset":
            return "dataset:" + self._datasets.resolve(name).dataset_id
        if colon and kind in _BY_ID and self._lake.get(_BY_ID[kind], name) is not None:
            return word
        found = [node for node in (self._run(word), self._dataset(word)) if node]
        if not found:
            raise NotFound(
                ErrorCode.NODE_NOT_FOUND,
                f"{word!r} is neither a run nor a dataset: `mere runs` and `mere datasets` list "
                "those known; write model:NAME/VERSION for a model",
                node=word,
            )
        if len(found) > 1:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"{word!r} is both a run and a dataset: write run:{word} or dataset:{word}",
                node=word,
            )
        return found[0]

    def graph(
        self,
        node: str,
        *,
        depth: int = _DEPTH,
        direction: str = "both",
        width: int = _WIDTH,
        nodes_max: int = _NODES_MAX,
        opened: Collection[str] = (),
        readable: Readable | None = None,
    ) -> LineageGraph:
        """What a node came from and what came of it.

        Args:
            node: A node, or any word that `resolve` takes; ``datasets:<name>`` for all versions of
                a dataset at once.
            depth: How many steps to follow each way.
            direction: ``up`` to where data came from, ``down`` to where it went, or ``both``.
            width: How many neighbours of one node to follow; those with the newest ids are taken.
            nodes_max: How large the graph may become.
            opened: Nodes whose neighbours are followed all, however many and far away they are.
            readable: What may be in it; by default, everything.

        Raises:
            NotFound: There is no such node.
            InvalidInput: The word is ambiguous, or a limit cannot be one.
        """
        if direction not in _WAYS:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"direction {direction!r} is unknown: use {', '.join(_WAYS)}",
                value=direction,
            )
        if depth < 0 or width < 1 or nodes_max < 1:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"depth {depth}, width {width}, nodes_max {nodes_max}: give depth 0 or more and "
                "the others 1 or more",
            )
        roots = self._roots(node)
        walk = Walk(
            self._lake,
            roots,
            width=width,
            nodes_max=nodes_max,
            opened=opened,
            readable=readable,
        )
        for way in _WAYS[1:]:
            if direction in (way, "both"):
                walk.follow(way, depth)
        return LineageGraph(
            roots[0],
            self.described(walk.nodes),
            [LineageEdge(*ends, context) for ends, context in walk.edges.items()],
            walk.left_out,
            [LineageLeft(*key, count) for key, count in walk.left.items()],
        )

    def described(self, nodes: Iterable[str]) -> list[LineageNode]:
        """Nodes with what people call them and how they are."""
        parts = [(node, *split_node(node)) for node in nodes]
        ids: dict[str, list[str]] = {}
        for _, kind, name in parts:
            ids.setdefault(kind, []).append(name)
        known: dict[str, dict[str, _Known]] = {
            "run": self._runs_known(ids.get("run", [])),
            "dataset": {
                one: (*named, None)
                for one, named in self._datasets.labels(ids.get("dataset", [])).items()
            },
            "logged_model": self._logged_models_known(ids.get("logged_model", [])),
            "deployment": self._deployments_known(ids.get("deployment", [])),
        }
        return [
            LineageNode(node, kind, *known.get(kind, {}).get(name, (name, None, None)))
            for node, kind, name in parts
        ]

    def _runs_known(self, ids: list[str]) -> dict[str, _Known]:
        if not ids:
            return {}
        columns = ["run_id", "name", "status", "lifecycle", "experiment_id"]
        found = self._lake.scan("runs", where={"run_id": ids}, columns=columns)
        rows = zip(*(column.to_pylist() for column in found.columns), strict=True)
        return {
            run_id: (
                name or run_id,
                status if lifecycle != Lifecycle.DELETED else Lifecycle.DELETED,
                experiment_id,
            )
            for run_id, name, status, lifecycle, experiment_id in rows
        }

    def _logged_models_known(self, ids: list[str]) -> dict[str, _Known]:
        if not ids:
            return {}
        columns = ["model_id", "name", "status", "experiment_id"]
        rows = self._lake.scan("logged_models", where={"model_id": ids}, columns=columns)
        return {
            row["model_id"]: (row["name"] or row["model_id"], row["status"], row["experiment_id"])
            for row in rows.to_pylist()
        }

    def _deployments_known(self, ids: list[str]) -> dict[str, _Known]:
        if not ids:
            return {}
        columns = ["deployment_id", "application", "environment", "status"]
        rows = self._lake.scan("deployments", where={"deployment_id": ids}, columns=columns)
        return {
            row["deployment_id"]: (
                f"{row['application']} in {row['environment']}",
                row["status"],
                None,
            )
            for row in rows.to_pylist()
        }

    def _roots(self, node: str) -> list[str]:
        kind, _, name = node.partition(":")
        if kind != "datasets":
            return [self.resolve(node)]
        versions = self._datasets.of(name)["dataset_id"].to_pylist()
        if not versions:
            versions = [self._datasets.find(name).dataset_id]  # tells why there is none
        return [f"dataset:{one}" for one in versions]

    def _run(self, word: str) -> str | None:
        try:
            return "run:" + self._runs.find(word).run_id
        except NotFound:
            return None

    def _dataset(self, word: str) -> str | None:
        try:
            return "dataset:" + self._datasets.resolve(word).dataset_id
        except NotFound:
            return None

    def _model(self, name: str) -> str:
        node = "model:" + name
        known = self._lake.sql(
            EDGES + "select 1 from edges where source = $node or target = $node union all "
            "select 1 from model_versions where name || '/' || version = $name limit 1",
            params={"node": node, "name": name},
        )
        if not known.num_rows:
            raise NotFound(
                ErrorCode.NODE_NOT_FOUND,
                f"no lineage is known of {node!r}: write model:NAME/VERSION",
                node=node,
            )
        return node


def lineage_row(
    direction: Direction | str,
    asset: str,
    *,
    context: str | None,
    tags: Mapping[str, Any] | None,
    logged_at: datetime | int,
) -> dict[str, Any]:
    """A row of lineage, checked, without the run's id.

    Raises:
        InvalidInput: A part of it cannot be one.
    """
    row: dict[str, Any] = {
        "direction": str(Direction.of(direction)),
        "asset": check_asset(asset),
        "logged_at": logged_at,
    }
    if context is not None:
        row["context"] = check_key(context, "lineage context")
    if tags:
        row["tags"] = dict(check_tag(key, value) for key, value in tags.items())
    return row
