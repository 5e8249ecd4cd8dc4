"""Which keys the runs have: metrics, params and tags, as a tree that is opened level by level.

There may be twelve thousand of them in one run, so nobody is sent all: a level of the tree at a
time, names parted at slashes, or those that hold a text. The catalogue of some experiments counts
the runs that have each key. It takes a look at every run, so it is made anew at most twice a
minute.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from mere.errors import ErrorCode, InvalidInput

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake

__all__ = ["FAMILIES", "KeyCatalogue", "KeyNode", "KeyPage"]

FAMILIES = ("metrics", "params", "tags")
PAGE_MAX = 1_000
_FRESH_S = 30.0
_CATALOGUES_KEPT = 64


class KeyNode(msgspec.Struct):
    """One entry of a level.

    Args:
        name: What it is called on its level.
        path: The key, or what all keys below it begin with.
        keys: How many keys there are below it; 0 for a key itself.
        runs: How many runs have the key; of a branch, any of them at most.
    """

    name: str
    path: str
    keys: int
    runs: int


class KeyPage(msgspec.Struct):
    """A stretch of a level.

    Args:
        nodes: The entries, in order.
        total: How many there are on the level.
        next_offset: Where the next page begins; None on the last one.
    """

    nodes: list[KeyNode]
    total: int
    next_offset: int | None


class KeyCatalogue:
    """The keys of the runs of one warehouse.

    Args:
        lake: Where they are stored.
        clock: Tells how old a catalogue is.
    """

    def __init__(self, lake: Lake, clock: Clock) -> None:
        self._lake = lake
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[tuple[str, tuple[str, ...] | None], tuple[float, dict[str, int]]] = {}

    def of_experiments(self, family: str, experiments: Sequence[str] | None) -> dict[str, int]:
        """How many active runs have each key.

        Args:
            family: ``metrics``, ``params`` or ``tags``.
            experiments: Of which experiments; None for all.
        """
        _check_family(family)
        which = (family, None if experiments is None else tuple(sorted(set(experiments))))
        now = self._clock.monotonic()
        with self._lock:
            found = self._known.get(which)
        if found is not None and now - found[0] < _FRESH_S:
            return found[1]
        only = "" if which[1] is None else " and experiment_id = any($experiments)"
        rows = self._lake.sql(
            f"select key, count(*) as runs from (select unnest(map_keys({family})) as key "
            f"from runs where lifecycle = 'active'{only}) group by key order by key",
            params=None if which[1] is None else {"experiments": list(which[1])},
        )
        keys = dict(zip(rows["key"].to_pylist(), rows["runs"].to_pylist(), strict=True))
        with self._lock:
            if len(self._known) >= _CATALOGUES_KEPT:
                self._known.clear()
            self._known[which] = (now, keys)
        return keys

    def of_run(self, family: str, run_id: str) -> dict[str, int]:
        """The keys of one run; each is had by one."""
        _check_family(family)
        rows = self._lake.scan("runs", {"run_id": run_id}, [family]).to_pylist(
            maps_as_pydicts="lossy"
        )
        return dict.fromkeys(sorted((rows[0][family] or {}) if rows else ()), 1)

    @staticmethod
    def page(
        keys: dict[str, int],
        *,
        below: str = "",
        search: str = "",
        offset: int = 0,
        limit: int = 200,
    ) -> KeyPage:
        """A level of the tree, or all keys that hold a text.

        Args:
            keys: The keys, with how many runs have each.
            below: Only what is below this branch: what its keys begin with, slash and all.
            search: Words; keys that hold all of them, in any case, as a list and not a tree.
            offset: Leave out so many.
            limit: At most so many.

        Raises:
            InvalidInput: The page is larger than one may be.
        """
        if not 1 <= limit <= PAGE_MAX or offset < 0:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"a page of {limit} keys behind {offset}: ask for 1 to {PAGE_MAX}",
                limit=PAGE_MAX,
            )
        under = {key: runs for key, runs in keys.items() if key.startswith(below)}
        if search.strip():
            words = search.lower().split()
            nodes = [
                KeyNode(key[len(below) :], key, 0, runs)
                for key, runs in under.items()
                if all(word in key.lower() for word in words)
            ]
        else:
            nodes = _level(under, below)
        nodes.sort(key=lambda node: (node.name, node.keys))
        end = offset + limit
        return KeyPage(nodes[offset:end], len(nodes), end if end < len(nodes) else None)


def _level(keys: dict[str, int], below: str) -> list[KeyNode]:
    branches: dict[str, KeyNode] = {}
    leaves = []
    for key, runs in keys.items():
        name, slash, rest = key[len(below) :].partition("/")
        if not slash or not rest:
            leaves.append(KeyNode(key[len(below) :], key, 0, runs))
            continue
        branch = branches.setdefault(name, KeyNode(name, f"{below}{name}/", 0, 0))
        branch.keys += 1
        branch.runs = max(branch.runs, runs)
    return [*branches.values(), *leaves]


def _check_family(family: str) -> None:
    if family not in FAMILIES:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"{family!r} is none of {', '.join(FAMILIES)}", family=family
        )
