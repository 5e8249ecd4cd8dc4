"""Maps of lineage: a graph with the place of each node, and nodes found by their names."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import msgspec

from mere.entities.lineage import LineageGraph, LineageNode
from mere.errors import ErrorCode, InvalidInput
from mere.services.lineage.layout import Layouts
from mere.services.lineage.walk import EDGES, Readable

if TYPE_CHECKING:
    from mere.lake import Lake
    from mere.services.lineage.lineage import Lineage

__all__ = ["NODES_MAX", "LineageMap", "LineageMaps", "MapEdge", "MapGroup", "MapNode"]

NODES_MAX = 10_000
_WORDS_MAX = 10
_FOUND_MAX = 100
_NAMED = (
    EDGES + ", named as ("
    "select 'run' as kind, run_id as id, coalesce(name, run_id) as label, started_at as moment "
    "from runs where lifecycle = 'active' union all "
    "select 'dataset', dataset_id, name || '@' || version, created_at "
    "from datasets where lifecycle = 'active' union all "
    "select 'model', name || '/' || version, name || '/' || version, registered_at "
    "from model_versions where lifecycle = 'active' union all "
    "select 'deployment', deployment_id, application || ' in ' || environment, started_at "
    "from deployments), "
    "placed as (select kind, id, moment, row_number() over (partition by kind "
    "order by moment desc nulls last, id desc) as place from named where ({may}) and {matches}) "
    "select kind || ':' || id as node from placed where place <= $limit "
    "order by moment desc nulls last, node"
)
_HAS_EDGES = "kind || ':' || id in (select source from edges union all select target from edges)"


class MapNode(LineageNode, frozen=True, kw_only=True):
    """A node at its place.

    Args:
        column: How far it is to the right.
        row: How far it is down.
    """

    column: int
    row: float


class MapEdge(msgspec.Struct, frozen=True, gc=False):
    """An edge between two nodes, by their numbers.

    Args:
        source: Where the data came from.
        target: Where it went.
        context: What for.
        bends: Through which places it runs, as pairs of column and row.
    """

    source: int
    target: int
    context: str | None
    bends: list[tuple[int, float]] = []


class MapGroup(msgspec.Struct, frozen=True):
    """Neighbours of a node that are shown as one.

    Args:
        of: The node's number.
        way: ``up`` where they are before it, ``down`` where they are behind it.
        kind: Their kind.
        count: How many there are.
        column: How far it is to the right.
        row: How far it is down.
    """

    of: int
    way: str
    kind: str
    count: int
    column: int
    row: float


class LineageMap(msgspec.Struct, frozen=True):
    """What can be reached from a node, each node at its place.

    Args:
        root: The node asked for.
        nodes: The nodes, the root first.
        edges: The edges between them.
        groups: What is left out, beside the nodes it is left out at.
        columns: How wide it is.
        rows: How high it is.
    """

    root: str
    nodes: list[MapNode]
    edges: list[MapEdge]
    groups: list[MapGroup]
    columns: int
    rows: float


class LineageMaps:
    """The maps of one warehouse.

    Args:
        lake: Where names are found.
        lineage: Where graphs come from.
    """

    def __init__(self, lake: Lake, lineage: Lineage) -> None:
        self._lake = lake
        self._lineage = lineage
        self._layouts = Layouts()

    def of(
        self,
        node: str,
        *,
        depth: int,
        direction: str,
        width: int,
        opened: Collection[str] = (),
        readable: Readable | None = None,
    ) -> LineageMap:
        """The map around a node; see `Lineage.graph`."""
        graph = self._lineage.graph(
            node,
            depth=depth,
            direction=direction,
            width=width,
            nodes_max=NODES_MAX,
            opened=opened,
            readable=readable,
        )
        return self._placed(graph)

    def search(self, text: str, limit: int, readable: Readable | None = None) -> list[LineageNode]:
        """Nodes by their names, the newest first.

        Args:
            text: Words that the name holds, in any case, or the beginning of an id; where it is
                empty, the newest that have to do with others.
            limit: At most so many of each kind.
            readable: What may be found.

        Raises:
            InvalidInput: There are too many words, or too many are asked for.
        """
        words = text.lower().split()
        if len(words) > _WORDS_MAX or not 1 <= limit <= _FOUND_MAX:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"{len(words)} words and {limit} of each kind: give at most {_WORDS_MAX} words, "
                f"and ask for 1 to {_FOUND_MAX}",
            )
        may, params = (readable or Readable()).condition()
        matches = [f"(contains(lower(label), $w{n}) or id ^@ $w{n})" for n in range(len(words))]
        found = self._lake.sql(
            _NAMED.format(may=may, matches=" and ".join(matches) or _HAS_EDGES),
            params={
                "limit": limit,
                **params,
                **{f"w{number}": word for number, word in enumerate(words)},
            },
        )
        return self._lineage.described(found["node"].to_pylist())

    def _placed(self, graph: LineageGraph) -> LineageMap:
        numbers = {one.node: number for number, one in enumerate(graph.nodes)}
        edges = [(numbers[one.source], numbers[one.target]) for one in graph.edges]
        count = len(graph.nodes)
        beside = []
        for number, left in enumerate(graph.left, count):
            ends = (numbers[left.node], number)
            beside.append(ends if left.way == "down" else ends[::-1])
        layout = self._layouts.of(count + len(graph.left), [*edges, *beside])
        places = list(zip(layout.columns, layout.rows, strict=True))
        return LineageMap(
            graph.root,
            [
                MapNode(
                    one.node,
                    one.kind,
                    one.label,
                    one.status,
                    one.home,
                    column=place[0],
                    row=place[1],
                )
                for one, place in zip(graph.nodes, places[:count], strict=True)
            ],
            [
                MapEdge(*ends, edge.context, layout.bends.get(number, []))
                for number, (ends, edge) in enumerate(zip(edges, graph.edges, strict=True))
            ],
            [
                MapGroup(numbers[left.node], left.way, left.kind, left.count, *place)
                for left, place in zip(graph.left, places[count:], strict=True)
            ],
            layout.width,
            layout.height,
        )
