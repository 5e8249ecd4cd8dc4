"""Lineage: runs, datasets and models as nodes, what was read and written as edges.

A node is named by its kind and id: ``run:<run id>``, ``dataset:<dataset id>``,
``model:<name>/<version>``, ``logged_model:<model id>`` or ``deployment:<deployment id>``. Edges
point the way the data went.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from mere.errors import ErrorCode, InvalidInput

__all__ = [
    "Direction",
    "LineageEdge",
    "LineageGraph",
    "LineageLeft",
    "LineageNode",
    "check_asset",
    "split_node",
]

_KINDS = ("run", "dataset", "model", "logged_model")
_CHARS_MAX = 600


class Direction(StrEnum):
    """What a run did with an asset."""

    READ = "read"
    WRITE = "write"

    @classmethod
    def of(cls, value: object) -> Direction:
        """Return the direction of that name.

        Raises:
            InvalidInput: There is no such direction.
        """
        try:
            return cls(str(value).lower())
        except ValueError as error:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"direction {value!r} is unknown: use {' or '.join(cls)}",
                value=str(value),
            ) from error


class LineageNode(msgspec.Struct, frozen=True, gc=False):
    """A run, a version of a dataset or a model, a logged model, or a deployment.

    Args:
        node: Its kind and id, such as ``dataset:<dataset id>``.
        kind: ``run``, ``dataset``, ``model``, ``logged_model`` or ``deployment``.
        label: As people name it.
        status: Of a run, a logged model or a deployment; of others, their lifecycle where they are
            not in use.
        home: Of a run or a logged model: its experiment.
    """

    node: str
    kind: str
    label: str
    status: str | None = None
    home: str | None = None


class LineageEdge(msgspec.Struct, frozen=True, gc=False):
    """What went from one node to another.

    Args:
        source: Where the data came from.
        target: Where it went.
        context: What for.
    """

    source: str
    target: str
    context: str | None = None


class LineageLeft(msgspec.Struct, frozen=True):
    """Neighbours of a node that are not in a graph.

    Args:
        node: Of which node.
        way: ``up`` where they are before it, ``down`` where they are behind it.
        kind: Their kind.
        count: How many there are.
    """

    node: str
    way: str
    kind: str
    count: int


class LineageGraph(msgspec.Struct, frozen=True):
    """What can be reached from one node.

    Args:
        root: The node asked for.
        nodes: All nodes, the root first, then by distance.
        edges: The edges between them.
        left_out: How many neighbours of a node are not shown, by node: the graph was too wide or
            too deep.
        left: The same, by way and kind.
    """

    root: str
    nodes: list[LineageNode]
    edges: list[LineageEdge]
    left_out: dict[str, int] = {}
    left: list[LineageLeft] = []

    def node(self, name: str) -> LineageNode:
        """The node of that name.

        Raises:
            KeyError: It is not in the graph.
        """
        for one in self.nodes:
            if one.node == name:
                return one
        raise KeyError(name)


def check_asset(asset: object) -> str:
    """Return the name of a node if it may be one.

    Raises:
        InvalidInput: It is none.
    """
    text = asset if isinstance(asset, str) else ""
    kind, _, name = text.partition(":")
    if kind not in _KINDS or not name or len(text) > _CHARS_MAX:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"asset {asset!r} is none: write dataset:<dataset id>, model:<name>/<version> or "
            "run:<run id>",
            value=str(asset),
        )
    return text


def split_node(node: str) -> tuple[str, str]:
    """The kind and the id of a node."""
    kind, _, name = node.partition(":")
    return kind, name
