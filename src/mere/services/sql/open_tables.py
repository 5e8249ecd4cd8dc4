"""The warehouse's tables as other engines load them: the metadata of one root, by name.

What is shown is what is folded: the journal's tail is no Iceberg table. Metadata names files,
and files are read with the engine's own access to the store, where no grants hold. So only who
may read everything is shown anything; tables of access are shown to admins alone, passwords and
sessions to nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from mere.entities.actor import Actor
from mere.errors import ErrorCode, NotFound
from mere.lake import Lake, Root
from mere.services.access.access import Access

if TYPE_CHECKING:
    from mere.lake.guests import Guests

__all__ = ["LoadedTable", "OpenTables"]


@dataclass(frozen=True)
class LoadedTable:
    """A table at one root.

    Args:
        location: The address of its metadata file.
        metadata: That file's content, Iceberg's JSON.
    """

    location: str
    metadata: bytes


class OpenTables:
    """Lists and loads tables; several threads may do so at once.

    Args:
        lake: The tables.
        access: Who may read them.
    """

    def __init__(self, lake: Lake, access: Access) -> None:
        self._lake = lake
        self._access = access

    @property
    def location(self) -> str:
        """The address with which the paths of all tables begin."""
        return self._lake.warehouse.location

    @cached_property
    def guests(self) -> Guests:
        """Tables that other writers own, in namespaces of their own."""
        from mere.lake.guests import Guests

        return Guests(self._lake.store, self.location, self._lake.clock)

    def is_at(self, address: str) -> bool:
        """Whether an address is that of this warehouse."""
        plain = address.rstrip("/")
        places = (self.location, self._lake.store.url)
        return plain in places or (plain.startswith("/") and f"file://{plain}" in places)

    def names(self, actor: Actor, as_of: datetime | str | int | None = None) -> list[str]:
        """The tables that somebody may load, in order.

        Raises:
            NotFound: There is no such state.
            Unauthenticated: They have not signed in.
        """
        return self._readable(actor, self._root(as_of))

    def load(
        self, actor: Actor, name: str, as_of: datetime | str | int | None = None
    ) -> LoadedTable:
        """One table's metadata.

        Raises:
            NotFound: There is no such table or state; or they may not read it.
            Unauthenticated: They have not signed in.
        """
        root = self._root(as_of)
        if name not in self._readable(actor, root):
            raise NotFound(
                ErrorCode.TABLE_NOT_FOUND,
                f"there is no table {name!r}: what is not folded yet is not there (`mere fold`)",
                table=name,
            )
        key = root.tables[name]
        return LoadedTable(f"{self.location}/{key}", self._lake.store.get(key))

    def fold(self) -> None:
        """Make part of the tables what is not yet; costs one listing where there is nothing."""
        if self._lake.view().tail:
            self._lake.fold()

    def _root(self, as_of: datetime | str | int | None) -> Root:
        if as_of is None:
            return self._lake.view().root
        return self._lake.view_as_of(as_of).root

    def _readable(self, actor: Actor, root: Root) -> list[str]:
        from mere.lake.tables import BULK_SUFFIX
        from mere.services.sql.rules import rules_for

        bulk = [name for name, key in root.tables.items() if key.endswith(BULK_SUFFIX)]
        records = root.tables.keys() - set(bulk)
        rules = rules_for(self._access, actor, records, bulk)
        return sorted(root.tables.keys() & (rules.tables or frozenset()) - rules.filters.keys())
