"""From the journal and the catalog to views: what there is now, or was at a moment.

One process's views never go backwards: it keeps its newest root and looks for newer ones only.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime

from mere.clock import Clock, HybridClock
from mere.errors import CorruptData, ErrorCode, InvalidInput, NotFound, Unavailable
from mere.lake.catalog import EMPTY, Catalog, Root
from mere.lake.journal import Journal, Listing, gaps
from mere.lake.merge import Reading
from mere.lake.schema import Table
from mere.lake.settings import LakeSettings
from mere.lake.states import States
from mere.lake.tables import TableState
from mere.lake.view import View, last_folded

__all__ = ["Views"]

_ATTEMPTS = 50


class Views:
    """Makes views and keeps the newest.

    Args:
        reading: Access to the tables' files.
        catalog: The roots.
        journal: The tail.
        hybrid: Our clock, which follows what is read.
        clock: For ages and pauses.
        settings: How often to list again.
        declared: Tables that the process declares, by name.
    """

    def __init__(
        self,
        reading: Reading,
        catalog: Catalog,
        journal: Journal,
        hybrid: HybridClock,
        clock: Clock,
        settings: LakeSettings,
        declared: Mapping[str, Table],
    ) -> None:
        self._reading = reading
        self._catalog = catalog
        self._journal = journal
        self._hybrid = hybrid
        self._clock = clock
        self._settings = settings
        self._declared = declared
        self._lock = threading.Lock()
        self._view: View | None = None
        self._listed_at = 0.0
        self._shown_at = 0.0
        self._has_written = False
        self._prepared: dict[str, tuple[str, Table, TableState]] = {}

    @property
    def reading(self) -> Reading:
        """Access to the tables' files."""
        return self._reading

    def note_write(self) -> None:
        """Something was written here, which no view of before has."""
        self._has_written = True

    def current(self, *, age_ms_max: int = 0) -> View:
        """The newest state, or one this old, if nothing was written here since.

        Threads that come while another lists share the next listing: what began after they came
        shows them all there was then.
        """
        came_at = self._clock.monotonic()
        with self._lock:
            if self._view is not None and self._shown_at > came_at:
                return self._view
            age_ms = (self._clock.monotonic() - self._listed_at) * 1000
            if self._view is not None and not self._has_written and age_ms < age_ms_max:
                return self._view
            return self._refreshed(look_for_root=False)

    def newest(self) -> View:
        """The state on the newest root there is, even where the tail has not changed."""
        with self._lock:
            return self._refreshed(look_for_root=True)

    def as_of(self, as_of: datetime | str | int) -> View:
        """The state as of a moment, a tag or a root.

        Raises:
            NotFound: There is none.
            InvalidInput: A moment without a time zone.
        """
        if isinstance(as_of, datetime):
            if as_of.tzinfo is None:
                raise InvalidInput(
                    ErrorCode.INVALID_VALUE, f"time {as_of!r} has no time zone: give an aware one"
                )
            root = self._catalog.at(as_of)
        elif isinstance(as_of, str):
            root = self._catalog.tagged(as_of)
        else:
            root = self._catalog.read(as_of)
        return self._view_of(root, Listing())

    def _refreshed(self, *, look_for_root: bool) -> View:
        """A view of what is there now. Call with the lock held.

        The journal is listed before the root is looked up: a segment that is gone from the list
        is in the root then. Its markers of roots sort behind all segments, and one is there
        before any segment that its root holds goes; so where the list shows no root newer than
        the one at hand, none need be looked up.
        """
        missing: list[tuple[str, int]] = []
        for attempt in range(self._settings.relist_attempts + _ATTEMPTS):
            self._has_written = False
            self._listed_at = self._clock.monotonic()
            listing = self._journal.look()
            known = self._view
            root = known.root if known else EMPTY
            if known is None or look_for_root or listing.root > root.number:
                root = self._catalog.newest(root)
            if known and listing.names == known.listing.names and root is known.root:
                self._shown_at = self._listed_at
                return known
            try:
                view = self._view_of(root, listing)
            except NotFound:  # a segment was folded since the listing
                look_for_root = True
                continue
            missing = gaps(listing.names, view.folded)
            if not missing:
                self._view = view
                self._shown_at = self._listed_at
                return view
            look_for_root = True
            if attempt >= self._settings.relist_attempts:
                break
            self._clock.sleep(0.01 * 2**attempt)
        if not missing:
            raise Unavailable(
                ErrorCode.STORE_UNAVAILABLE,
                f"segments vanished while they were read, {_ATTEMPTS} times: read again",
            )
        raise CorruptData(
            ErrorCode.MISSING_SEGMENT,
            "segments of the journal are missing: "
            + ", ".join(f"number {number} of writer {writer}" for writer, number in missing[:5])
            + ": restore them from a backup, or give them up with `mere doctor --give-up-damaged`",
            missing=missing,
        )

    def _as_declared(self, table: Table, stored: TableState | None) -> TableState:
        """A table as it is declared, made once for each state that is stored of it.

        With dozens of tables that would be most of the work of a view otherwise.
        """
        location = "" if stored is None else stored.location
        kept = self._prepared.get(table.name)
        if kept is not None and kept[0] == location and kept[1] is table:
            return kept[2]
        iceberg = self._reading.iceberg
        made = iceberg.create(table) if stored is None else iceberg.evolve(stored, table)
        self._prepared[table.name] = (location, table, made)
        return made

    def _view_of(self, root: Root, listing: Listing) -> View:
        """The view of a root and of what is listed beyond it.

        Raises:
            NotFound: A segment has vanished since it was listed.
        """
        reading = self._reading
        found = States(root.tables, reading.iceberg.load)
        states = found.records
        for state in states.values():
            for ref in state.stamps:
                self._hybrid.observe(ref.newest_tick)
        for name, table in self._declared.items():
            if found.is_bulk(name):
                table.merged_with(found[name].table)  # refuses
            states[name] = self._as_declared(table, states.get(name))
        folded = last_folded(states.values())
        wanted = [name for name in listing.names if name.sequence > folded.get(name.writer, 0)]
        tail = self._journal.read(wanted) if wanted else []
        return View(reading, root, found, tail, listing)
