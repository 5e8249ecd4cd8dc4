"""One search through the edges between nodes, level by level, one query each.

It ends at nodes that have been met before, so cycles do no harm, and it counts what it leaves out
where it is too wide or too deep. What somebody may not read is neither in it nor counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.actor import Action, Actor, Scope

if TYPE_CHECKING:
    from mere.lake import Lake
    from mere.services.access.access import Access

__all__ = ["EDGES", "Readable", "Walk"]

EDGES = (
    "with edges as ("
    "select case when direction = 'read' then asset else 'run:' || run_id end as source, "
    "case when direction = 'read' then 'run:' || run_id else asset end as target, context "
    "from lineage union all "
    "select 'run:' || run_id, 'model:' || name || '/' || version, null from model_versions "
    "where run_id is not null union all "
    "select 'logged_model:' || model_id, 'model:' || name || '/' || version, null "
    "from model_versions where model_id is not null union all "
    "select 'model:' || model_name || '/' || model_version, 'deployment:' || deployment_id, "
    "environment from deployments where model_name is not null) "
)
"""All edges; the same one may be in it twice."""

_NEAR = (
    "near as (select {here} as here, {there} as there, max(context) as context from edges "
    "where {here} in (select unnest($frontier::varchar[])) group by all), "
    "known as (select here, there, context, split_part(there, ':', 1) as kind, "
    "substr(there, position(':' in there) + 1) as id from near), "
    "placed as (select here, there, context, kind, row_number() over "
    "(partition by here order by there desc) as place from known where {may}) "
)
# One look-up in the names of all that may be read, as DuckDB 2.0 fails on several joined by `or`.
_MAY = (
    "kind || ':' || id in (select 'run:' || run_id from runs where {of_experiment} union all "
    "select 'logged_model:' || model_id from logged_models where {of_experiment} union all "
    "select 'model:' || name || '/' || version from model_versions where {of_name} union all "
    "select 'deployment:' || deployment_id from deployments where {of_model} union all "
    "select 'dataset:' || dataset_id from datasets where $datasets)"
)
_Edge = tuple[str, str]
_Neighbour = tuple[str, str, str | None, str, int]
"""A node, its neighbour, the edge's context, the neighbour's kind; and how many are left out."""


class Readable(msgspec.Struct, frozen=True):
    """What somebody may read.

    Args:
        experiments: The ids of the experiments; None for all.
        models: The names of the registered models; None for all.
        datasets: Whether they may read datasets.
    """

    experiments: frozenset[str] | None = None
    models: frozenset[str] | None = None
    datasets: bool = True

    @classmethod
    def by(cls, access: Access, actor: Actor) -> Readable:
        """What somebody may read; raises as `Access.readable_experiments` does."""
        return cls(
            access.readable_experiments(actor),
            access.readable_models(actor),
            access.role_on(actor, Scope.warehouse()).allows(Action.READ),
        )

    def condition(self) -> tuple[str, dict[str, Any]]:
        """The condition on ``kind`` and ``id`` of a node, and its parameters."""
        if self.experiments is None and self.models is None and self.datasets:
            return "true", {}
        params: dict[str, Any] = {"datasets": self.datasets}
        if self.experiments is not None:
            params["experiments"] = sorted(self.experiments)
        if self.models is not None:
            params["models"] = sorted(self.models)
        text = _MAY.format(
            of_experiment=_among("experiment_id", "experiments", self.experiments),
            of_name=_among("name", "models", self.models),
            of_model=_among("model_name", "models", self.models),
        )
        return text, params


def _among(column: str, name: str, ids: frozenset[str] | None) -> str:
    return "true" if ids is None else f"{column} in (select unnest(${name}::varchar[]))"


class Walk:
    """One search, both ways from some roots.

    Args:
        lake: Where the edges are.
        roots: Where it begins.
        width: How many neighbours of one node to follow.
        nodes_max: How many nodes to find.
        opened: Nodes whose neighbours are followed all, however many and however far they are.
        readable: What may be found.
    """

    def __init__(
        self,
        lake: Lake,
        roots: Sequence[str],
        *,
        width: int,
        nodes_max: int,
        opened: Collection[str] = (),
        readable: Readable | None = None,
    ) -> None:
        self._lake = lake
        self._width = width
        self._nodes_max = nodes_max
        self._opened = frozenset(opened)
        self._may, self._params = (readable or Readable()).condition()
        self._roots = list(roots[:nodes_max])
        self.nodes = dict.fromkeys(self._roots)
        self.edges: dict[_Edge, str | None] = {}
        self.left: dict[tuple[str, str, str], int] = {}
        """How many neighbours are not in it: by node, way (``up`` or ``down``) and their kind."""

    @property
    def left_out(self) -> dict[str, int]:
        """How many neighbours are not in it, by node."""
        counts: dict[str, int] = {}
        for (node, _, _), count in self.left.items():
            counts[node] = counts.get(node, 0) + count
        return counts

    def follow(self, way: str, depth: int) -> None:
        """Go on from the roots, up or down, so many steps and on from those that are opened."""
        here, there = ("target", "source") if way == "up" else ("source", "target")
        met = set(self._roots)
        frontier = self._roots
        level = 0
        while frontier:
            found: dict[str, None] = {}
            for node, other, context, kind, many in self._step(here, there, frontier):
                is_end = level >= depth and node not in self._opened
                if many:
                    self._leave_out(node, way, kind, many)
                elif other not in self.nodes and (is_end or len(self.nodes) >= self._nodes_max):
                    self._leave_out(node, way, kind, 1)
                else:
                    self.nodes[other] = None
                    ends = (node, other) if way == "down" else (other, node)
                    self.edges[ends] = context
                    if not is_end:
                        found[other] = None
            frontier = [node for node in found if node not in met]
            met.update(frontier)
            level += 1

    def _leave_out(self, node: str, way: str, kind: str, count: int) -> None:
        key = node, way, kind
        self.left[key] = self.left.get(key, 0) + count

    def _step(self, here: str, there: str, frontier: Iterable[str]) -> Iterator[_Neighbour]:
        """The neighbours of some nodes; a row without a neighbour says how many more there are."""
        is_shown = "(place <= $width or here in (select unnest($opened::varchar[])))"
        rows = self._lake.sql(
            EDGES
            + ", "
            + _NEAR.format(here=here, there=there, may=self._may)
            + f"select here, there, context, kind, 0 as many, place from placed where {is_shown} "
            f"union all select here, null, null, kind, count(*), null from placed "
            f"where not {is_shown} group by here, kind order by here, place, kind",
            params={
                "frontier": list(frontier),
                "opened": sorted(self._opened),
                "width": self._width,
                **self._params,
            },
        )
        return zip(*(column.to_pylist() for column in rows.columns[:5]), strict=True)
