"""Lineage: which run read and wrote what, and the graph that follows from it.

The table holds one row for each run, direction and asset; to record the same again changes its
context only. That a run made a model version follows from the version itself, so it is an edge
even where nobody recorded it.

A graph is found level by level, one query each. It ends at nodes that have been met before, so
cycles do no harm, and it says what it left out where it is too wide or too deep.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mere.entities.experiment import Lifecycle
from mere.entities.limits import check_key, check_tag
from mere.entities.lineage import (
    Direction,
    LineageEdge,
    LineageGraph,
    LineageNode,
    check_asset,
    split_node,
)
from mere.errors import ErrorCode, InvalidInput, NotFound

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
_EDGES = (
    "with recorded as ("
    "select case when direction = 'read' then asset else 'run:' || run_id end as source, "
    "case when direction = 'read' then 'run:' || run_id else asset end as target, context "
    "from lineage union all "
    "select 'run:' || run_id, 'model:' || name || '/' || version, null from model_versions "
    "where run_id is not null), "
    "edges as (select source, target, max(context) as context from recorded group by all) "
)
_Edge = tuple[str, str]


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
    ) -> LineageGraph:
        """What a node came from and what came of it.

        Args:
            node: A node, or any word that `resolve` takes.
            depth: How many steps to follow each way.
            direction: ``up`` to where data came from, ``down`` to where it went, or ``both``.
            width: How many neighbours of one node to follow; those with the newest ids are taken.
            nodes_max: How large the graph may become.

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
        walk = _Walk(self._lake, self.resolve(node), width, nodes_max)
        if direction != "down":
            walk.follow("target", "source", depth)
        if direction != "up":
            walk.follow("source", "target", depth)
        return LineageGraph(
            walk.root,
            self._described(walk.nodes),
            [LineageEdge(*ends, context) for ends, context in walk.edges.items()],
            walk.left_out,
        )

    def _described(self, nodes: Iterable[str]) -> list[LineageNode]:
        parts = [(node, *split_node(node)) for node in nodes]
        labels = {
            "run": self._labels_of_runs([name for _, kind, name in parts if kind == "run"]),
            "dataset": self._datasets.labels(
                [name for _, kind, name in parts if kind == "dataset"]
            ),
        }
        described = []
        for node, kind, name in parts:
            label, status = labels.get(kind, {}).get(name, (name, None))
            described.append(LineageNode(node, kind, label, status))
        return described

    def _labels_of_runs(self, ids: list[str]) -> dict[str, tuple[str, str | None]]:
        if not ids:
            return {}
        columns = ["run_id", "name", "status", "lifecycle"]
        rows = self._lake.scan("runs", where={"run_id": ids}, columns=columns).to_pylist()
        return {
            row["run_id"]: (
                row["name"] or row["run_id"],
                row["status"] if row["lifecycle"] != Lifecycle.DELETED else Lifecycle.DELETED,
            )
            for row in rows
        }

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
            _EDGES + "select 1 from edges where source = $node or target = $node limit 1",
            params={"node": node},
        )
        if not known.num_rows:
            raise NotFound(
                ErrorCode.NODE_NOT_FOUND,
                f"no lineage is known of {node!r}: write model:NAME/VERSION",
                node=node,
            )
        return node


class _Walk:
    """One search through the edges, both ways from a root."""

    def __init__(self, lake: Lake, root: str, width: int, nodes_max: int) -> None:
        self._lake = lake
        self._width = width
        self._nodes_max = nodes_max
        self.root = root
        self.nodes = {root: None}
        self.edges: dict[_Edge, str | None] = {}
        self.left_out: dict[str, int] = {}

    def follow(self, here: str, there: str, depth: int) -> None:
        """Go on from the root, from one end of the edges to the other."""
        met = {self.root}
        frontier = [self.root]
        for level in range(depth + 1):
            found: dict[str, None] = {}
            for row in self._step(here, there, frontier):
                if row["place"] is None:
                    self._leave_out(row["here"], row["left"])
                elif level == depth and row["there"] not in self.nodes:
                    self._leave_out(row["here"], 1)
                elif self._take(row, here):
                    found[row["there"]] = None
            frontier = [node for node in found if node not in met]
            met.update(frontier)
            if not frontier:
                return

    def _take(self, row: dict[str, Any], here: str) -> bool:
        if row["there"] not in self.nodes:
            if len(self.nodes) >= self._nodes_max:
                self._leave_out(row["here"], 1)
                return False
            self.nodes[row["there"]] = None
        ends = (row["here"], row["there"])
        self.edges[ends if here == "source" else ends[::-1]] = row["context"]
        return True

    def _leave_out(self, node: str, count: int) -> None:
        self.left_out[node] = self.left_out.get(node, 0) + count

    def _step(self, here: str, there: str, frontier: list[str]) -> list[dict[str, Any]]:
        """The neighbours of some nodes; a row without a place says how many more there are."""
        rows: list[dict[str, Any]] = self._lake.sql(
            _EDGES + f", near as (select {here} as here, {there} as there, context, "
            f"row_number() over (partition by {here} order by {there} desc) as place "
            f"from edges where {here} in (select unnest($frontier))) "
            "select here, there, context, place, 0 as left from near where place <= $width "
            "union all select here, null, null, null, count(*) from near where place > $width "
            "group by here order by here, place",
            params={"frontier": frontier, "width": self._width},
        ).to_pylist()
        return rows


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
