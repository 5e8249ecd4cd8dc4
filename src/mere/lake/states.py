"""The tables of one root: those with records at hand, bulk tables loaded when they are asked for.

Every view needs the record tables, since they say how far the journal is folded. Of bulk tables
there may be many, and most views need none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from mere.lake.tables import BULK_SUFFIX, TableState

__all__ = ["States"]


class States(Mapping[str, TableState]):
    """Tables by name.

    Args:
        locations: Where each table's metadata lies, as a root says.
        load: Loads one.
    """

    def __init__(self, locations: Mapping[str, str], load: Callable[[str], TableState]) -> None:
        self._load = load
        self._bulk = {n: key for n, key in locations.items() if key.endswith(BULK_SUFFIX)}
        self.records = {n: load(key) for n, key in locations.items() if n not in self._bulk}
        """The tables that hold records."""

    def __getitem__(self, name: str) -> TableState:
        if name in self.records:
            return self.records[name]
        return self._load(self._bulk[name])

    def __iter__(self) -> Iterator[str]:
        yield from self.records
        yield from self._bulk

    def __len__(self) -> int:
        return len(self.records) + len(self._bulk)

    def is_bulk(self, name: str) -> bool:
        """Whether a table is a bulk table; nothing is loaded for the answer."""
        return name in self._bulk
