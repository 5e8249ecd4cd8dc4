"""Lineage as the portal draws it: what something came from, what came of it, and where to begin."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from mere.entities.actor import Action, Scope
from mere.entities.lineage import LineageNode, split_node
from mere.errors import ErrorCode, NotFound
from mere.server.operations import Call, Permission
from mere.server.protocols.native.wire import operation
from mere.services.lineage.maps import NODES_MAX, LineageMap
from mere.services.lineage.walk import Readable

__all__ = ["OPERATIONS"]

_PATH = "/api/v1/lineage"
_SOMETHING = Permission(Action.READ, scope=lambda _: Scope.anything())
_RUN_ID = re.compile("[0-9a-f]{32}")
_DEPTH_MAX = 100


class MapQuery(msgspec.Struct):
    """Which part of the lineage.

    Args:
        node: Around which node: ``run:<id>``, ``dataset:<id>``, ``datasets:<name>`` for all its
            versions, ``model:<name>/<version>``, ``logged_model:<id>`` or ``deployment:<id>``.
        depth: How many steps each way.
        direction: ``up``, ``down`` or ``both``.
        width: How many neighbours of a node to show; the others become a group.
        open: Nodes whose neighbours are all to be shown.
    """

    node: str
    depth: int = 4
    direction: Literal["up", "down", "both"] = "both"
    width: int = 12
    open: list[str] = []


class NodeSearch(msgspec.Struct):
    """Which nodes.

    Args:
        text: Words of their names, or the beginning of an id; without any, the newest.
        limit: At most so many of each kind.
    """

    text: str = ""
    limit: int = 20


class Nodes(msgspec.Struct):
    """Some nodes, the newest first."""

    nodes: list[LineageNode]


@operation("GET", f"{_PATH}/map", permission=_SOMETHING, request=MapQuery, answer=LineageMap)
def read_map(call: Call) -> LineageMap:
    """What a node came from and what came of it, each node at its place."""
    data: MapQuery = call.data
    access = call.warehouse.access
    access.authorize(call.actor, Action.READ, _scope(call, data.node))
    return call.warehouse.lineage_maps.of(
        data.node,
        depth=min(data.depth, _DEPTH_MAX),
        direction=data.direction,
        width=min(data.width, NODES_MAX),
        opened=data.open,
        readable=Readable.by(access, call.actor),
    )


@operation("GET", f"{_PATH}/search", permission=_SOMETHING, request=NodeSearch, answer=Nodes)
def search_nodes(call: Call) -> Nodes:
    """Find runs, versions of datasets and models, and deployments by their names."""
    data: NodeSearch = call.data
    readable = Readable.by(call.warehouse.access, call.actor)
    return Nodes(call.warehouse.lineage_maps.search(data.text, data.limit, readable))


def _scope(call: Call, node: str) -> Scope:
    """On what one must be allowed to read to look at a node.

    Raises:
        NotFound: There is no such node.
    """
    kind, name = split_node(node)
    if kind == "run" and _RUN_ID.fullmatch(name):
        return Scope.run(name)
    if kind in ("dataset", "datasets") and name:
        return Scope.warehouse()
    if kind == "model" and "/" in name:
        return Scope.model(name.rpartition("/")[0])
    if kind == "logged_model" and name:
        return Scope.logged_model(name)
    if kind == "deployment" and name:
        return Scope.model(call.warehouse.deployments.model_of(name))
    raise NotFound(
        ErrorCode.NODE_NOT_FOUND,
        f"there is no node {node[:100]!r}: write run:ID, dataset:ID, datasets:NAME, "
        "model:NAME/VERSION, logged_model:ID or deployment:ID",
        node=node[:100],
    )


OPERATIONS = (read_map, search_nodes)
