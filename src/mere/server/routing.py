"""From a method and a path to the operation that answers, and the values of the path's parameters.

Paths are matched segment by segment before they are decoded, so that a name may hold an encoded
slash. A fixed segment goes before ``{name}``, and that before ``{name:path}``, which takes the rest
as it is. A slash at the end means nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote

from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.server.operations import Operation

__all__ = ["Match", "Routes"]


class Match(NamedTuple):
    """An operation, and what its path's parameters are in one request."""

    operation: Operation
    parameters: dict[str, str]


class _Node:
    """What may follow some segments."""

    __slots__ = ("ends", "fixed", "one", "rest")

    def __init__(self) -> None:
        self.fixed: dict[str, _Node] = {}
        self.one: _Node | None = None
        self.rest: _Node | None = None
        self.ends: dict[str, tuple[Operation, tuple[str, ...]]] = {}
        """What a path that ends here means, by method, and the names of its parameters."""


class Routes:
    """The routes of some operations.

    Args:
        operations: What can be asked; no two may have the same method and path.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        self._fixed: dict[tuple[str, str], Match] = {}
        for operation in operations:
            for path in operation.paths:
                self._add(operation, path)

    def find(self, method: str, path: str) -> Match:
        """The operation at a path that is not decoded yet.

        Raises:
            NotFound: There is nothing at this path.
            InvalidInput: There is, with other methods.
        """
        known = self._fixed.get((method, path))
        if known is not None:
            return known
        segments = path.strip("/").split("/") if path.strip("/") else []
        if path.startswith("//"):
            segments.insert(0, "")
        decoded = [unquote(segment) for segment in segments]
        others: set[str] = set()
        found = _walk(self._root, decoded, 0, method, others)
        if found is not None:
            (operation, names), values = found
            return Match(operation, dict(zip(names, values, strict=True)))
        if others:
            raise InvalidInput(
                ErrorCode.METHOD_NOT_ALLOWED,
                f"this path knows {', '.join(sorted(others))}, not {method}",
                methods=", ".join(sorted(others)),
            )
        raise NotFound(ErrorCode.ROUTE_NOT_FOUND, "there is nothing at this path")

    def _add(self, operation: Operation, path: str) -> None:
        node = self._root
        names: list[str] = []
        for segment in path.strip("/").split("/") if path != "/" else ():
            if not segment.startswith("{"):
                node = node.fixed.setdefault(segment, _Node())
                continue
            name, _, kind = segment.strip("{}").partition(":")
            names.append(name)
            if kind == "path":
                node.rest = node.rest or _Node()
                node = node.rest
            else:
                node.one = node.one or _Node()
                node = node.one
        if operation.method in node.ends:
            taken = node.ends[operation.method][0].name
            raise ValueError(f"{operation.name} is at the path of {taken}: {path}")
        node.ends[operation.method] = (operation, tuple(names))
        if not names:
            self._fixed[operation.method, path] = Match(operation, {})


_End = tuple[tuple[Operation, tuple[str, ...]], tuple[str, ...]]


def _walk(node: _Node, segments: list[str], at: int, method: str, others: set[str]) -> _End | None:
    """Find the end of a path; the methods of ends that have others are noted."""
    if at == len(segments):
        others.update(node.ends)
        end = node.ends.get(method)
        return None if end is None else (end, ())
    segment = segments[at]
    following = node.fixed.get(segment)
    if following is not None:
        found = _walk(following, segments, at + 1, method, others)
        if found is not None:
            return found
    if node.one is not None and segment:
        found = _walk(node.one, segments, at + 1, method, others)
        if found is not None:
            return found[0], (segment, *found[1])
    if node.rest is not None:
        others.update(node.rest.ends)
        end = node.rest.ends.get(method)
        if end is not None:
            return end, ("/".join(segments[at:]),)
    return None
