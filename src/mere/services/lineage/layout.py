"""Where the nodes of a graph stand: in columns, the way the data went, with few crossings.

The column of a node is the length of the longest path that leads to it; a node that nothing leads
to stands just before what it leads to. In each column the nodes are ordered by the mean of their
neighbours' places (the barycentre), in some sweeps to and fro, and then moved as near to these
means as the distance between neighbours lets them. An edge that passes columns has a bend in each
of them, so that it does not run through nodes.

All of it takes time in proportion to nodes and edges, and the same graph looks the same each time.
Edges that would close a cycle do not count, so they point backwards.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import msgspec

__all__ = ["Layout", "Layouts", "lay_out"]

_ORDERINGS = 4
_STRAIGHTENINGS = 4
_BENDS_MAX = 4_000
_KEPT_MAX = 64

_Pairs = Sequence[tuple[int, int]]
_Near = list[list[int]]


class Layout(msgspec.Struct, frozen=True):
    """The places of nodes.

    Args:
        columns: For each node, how far it is to the right.
        rows: For each node, how far it is down; neighbours in a column are 1 apart or more.
        bends: Through which points an edge runs, by its number: pairs of column and row.
        width: How many columns there are.
        height: How many rows it takes.
    """

    columns: list[int]
    rows: list[float]
    bends: dict[int, list[tuple[int, float]]]
    width: int
    height: float


class Layouts:
    """Layouts that were made already, by what their graphs are; for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, Layout] = OrderedDict()

    def of(self, count: int, edges: _Pairs) -> Layout:
        """The layout of a graph; see `lay_out`."""
        key = hashlib.sha256(msgspec.msgpack.encode((count, edges))).digest()
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
                return known
        made = lay_out(count, edges)
        with self._lock:
            self._known[key] = made
            while len(self._known) > _KEPT_MAX:
                self._known.popitem(last=False)
        return made


def lay_out(count: int, edges: _Pairs) -> Layout:
    """Give each node its place.

    Args:
        count: How many nodes there are: they are called 0, 1, 2 …
        edges: Pairs of nodes, from where to where.
    """
    if count == 0:
        return Layout([], [], {}, 0, 0.0)
    forward = _without_cycles(count, edges)
    columns = _columns(count, [edges[number] for number in forward])
    graph = _Graph(columns, edges, forward)
    graph.order()
    graph.straighten()
    least = min(graph.rows)
    rows = [round(row - least, 2) for row in graph.rows]
    return Layout(
        columns,
        rows[:count],
        {
            number: [(graph.columns[one], rows[one]) for one in bends]
            for number, bends in graph.bends.items()
        },
        max(columns) + 1,
        max(rows) + 1,
    )


def _without_cycles(count: int, edges: _Pairs) -> list[int]:
    """The numbers of the edges that close no cycle, found in depth, without recursion."""
    leaving: _Near = [[] for _ in range(count)]
    for number, (source, _) in enumerate(edges):
        leaving[source].append(number)
    entered = {target for _, target in edges}
    is_met, is_on_path = bytearray(count), bytearray(count)
    kept: list[int] = []
    for root in sorted(range(count), key=lambda node: node in entered):
        if is_met[root]:
            continue
        is_met[root] = is_on_path[root] = 1
        path = [(root, iter(leaving[root]))]
        while path:
            node, rest = path[-1]
            number = next(rest, -1)
            if number < 0:
                is_on_path[node] = 0
                path.pop()
                continue
            target = edges[number][1]
            if is_on_path[target]:
                continue
            kept.append(number)
            if not is_met[target]:
                is_met[target] = is_on_path[target] = 1
                path.append((target, iter(leaving[target])))
    return sorted(kept)


def _columns(count: int, pairs: _Pairs) -> list[int]:
    """The column of each node: behind all that lead to it, and as near as it can be to these."""
    after: _Near = [[] for _ in range(count)]
    waits = [0] * count
    for source, target in pairs:
        after[source].append(target)
        waits[target] += 1
    columns = [0] * count
    beginnings = [node for node in range(count) if waits[node] == 0]
    ready = list(beginnings)
    for node in ready:  # grows while it is walked
        for target in after[node]:
            columns[target] = max(columns[target], columns[node] + 1)
            waits[target] -= 1
            if waits[target] == 0:
                ready.append(target)
    for node in beginnings:
        if after[node]:
            columns[node] = min(columns[target] for target in after[node]) - 1
    return columns


class _Graph:
    """Nodes in columns, with bends where an edge passes one, while they are put in order."""

    def __init__(self, columns: Sequence[int], edges: _Pairs, forward: Sequence[int]) -> None:
        self.columns = list(columns)
        self.bends: dict[int, list[int]] = {}
        pairs: list[tuple[int, int]] = []
        left = _BENDS_MAX
        for number in forward:
            source, target = edges[number]
            passed = range(columns[source] + 1, columns[target])
            if not passed or len(passed) > left:
                pairs.append((source, target))
                continue
            left -= len(passed)
            first = len(self.columns)
            self.columns.extend(passed)
            through = list(range(first, first + len(passed)))
            self.bends[number] = through
            pairs.extend(pairwise([source, *through, target]))
        self.before: _Near = [[] for _ in self.columns]
        self.after: _Near = [[] for _ in self.columns]
        for source, target in pairs:
            self.before[target].append(source)
            self.after[source].append(target)
        self.layers: _Near = [[] for _ in range(max(self.columns) + 1)]
        for node in self._as_met():
            self.layers[self.columns[node]].append(node)
        self.rows = [0.0] * len(self.columns)
        for layer in self.layers:
            for place, node in enumerate(layer):
                self.rows[node] = float(place)

    def order(self) -> None:
        """Bring neighbours near to each other."""
        for near, layers in self._sweeps(_ORDERINGS):
            for layer in layers:
                wanted = self._wanted(layer, near)
                if all(one <= other for one, other in pairwise(wanted)):
                    continue
                places = sorted(range(len(layer)), key=wanted.__getitem__)
                layer[:] = [layer[place] for place in places]
                for place, node in enumerate(layer):
                    self.rows[node] = float(place)

    def straighten(self) -> None:
        """Move nodes to the mean of their neighbours, as far as those beside them let them."""
        for near, layers in self._sweeps(_STRAIGHTENINGS):
            for layer in layers:
                for node, row in zip(layer, _apart(self._wanted(layer, near)), strict=True):
                    self.rows[node] = row

    def _sweeps(self, count: int) -> Iterator[tuple[_Near, Iterable[list[int]]]]:
        """To and fro: by which neighbours, and through which columns."""
        for number in range(count):
            if number % 2:
                yield self.after, reversed(self.layers)
            else:
                yield self.before, self.layers

    def _wanted(self, layer: Sequence[int], near: _Near) -> list[float]:
        """Where the nodes of a column would stand best, each by itself."""
        rows = self.rows
        found = []
        for node in layer:
            others = near[node]
            if len(others) == 1:  # as most have, by far
                found.append(rows[others[0]])
            elif others:
                found.append(sum([rows[one] for one in others]) / len(others))
            else:
                found.append(rows[node])
        return found

    def _as_met(self) -> list[int]:
        """All nodes, those that hang together one after the other."""
        is_met = bytearray(len(self.columns))
        met: list[int] = []
        for root in range(len(self.columns)):
            if is_met[root]:
                continue
            is_met[root] = 1
            at = len(met)
            met.append(root)
            while at < len(met):
                for one in (*self.before[met[at]], *self.after[met[at]]):
                    if not is_met[one]:
                        is_met[one] = 1
                        met.append(one)
                at += 1
        return met


def _apart(wanted: Sequence[float]) -> list[float]:
    """The rows nearest to those wanted that keep the order and are 1 apart or more.

    Each node less its place must not fall along the column: what would is put together with the
    one before, at the mean of both, until nothing does (pool adjacent violators).
    """
    pools: list[tuple[float, int]] = []  # the sum of what is wanted, and of how many
    for place, row in enumerate(wanted):
        total, many = row - place, 1
        while pools and pools[-1][0] * many >= total * pools[-1][1]:
            before, beside = pools.pop()
            total, many = total + before, many + beside
        pools.append((total, many))
    means = [total / many for total, many in pools for _ in range(many)]
    return [mean + place for place, mean in enumerate(means)]
