"""What is of no use after a while, and goes without anybody asking for it.

Whoever keeps a warehouse in order (a server's keeper once a day, ``mere gc``) forgets it: the
sessions of browsers that are over, deliveries that ended long ago, old notes of the audit trail,
how to undo what was done days ago, and pinned data that no report names. All of it may be done by
several at once, and be cut short at any moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mere.services.sharing.pin_keeping import forget_pins

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.access.sessions import Sessions
    from mere.services.runs.changes import RunChanges

__all__ = ["AUDIT_KEPT_DAYS", "DELIVERIES_KEPT_DAYS", "Forgotten", "Housekeeping"]

AUDIT_KEPT_DAYS = 400
"""A year and what it takes to ask about it."""
DELIVERIES_KEPT_DAYS = 30
_DAY_US = 86_400_000_000
_ROWS_A_BATCH = 2_000
_OVER = (
    "select delivery_id from webhook_deliveries where status <> 'pending' "
    "and coalesce(answered_at, happened_at) < make_timestamptz($limit::bigint)"
)


class Forgotten(msgspec.Struct, frozen=True):
    """How much was forgotten, or would be.

    Args:
        sessions: Sign-ins of browsers.
        deliveries: Events that were sent, or given up.
        notes: Notes of the audit trail.
        changes: Objects that say how to undo a change.
        pins: Data that panels of reports pinned, and that no report names.
    """

    sessions: int = 0
    deliveries: int = 0
    notes: int = 0
    changes: int = 0
    pins: int = 0


class Housekeeping:
    """The housekeeping of one warehouse.

    Args:
        lake: Where all of it is stored.
        clock: Says what is old.
        sessions: The sign-ins of browsers.
        run_changes: How to undo changes.
    """

    def __init__(
        self, lake: Lake, clock: Clock, sessions: Sessions, run_changes: RunChanges
    ) -> None:
        self._lake = lake
        self._clock = clock
        self._sessions = sessions
        self._run_changes = run_changes

    def forget_old(self, *, dry_run: bool = False) -> Forgotten:
        """Forget what is of no use any more.

        Args:
            dry_run: Only count it.

        Raises:
            Unavailable: The store did not answer; doing it again goes on.
        """
        return Forgotten(
            sessions=self._sessions.forget_old(dry_run=dry_run),
            deliveries=self._forget_deliveries(dry_run=dry_run),
            notes=self._forget_notes(dry_run=dry_run),
            changes=self._run_changes.forget_old(dry_run=dry_run),
            pins=forget_pins(self._lake, self._clock, dry_run=dry_run),
        )

    def _forget_deliveries(self, *, dry_run: bool) -> int:
        """What is still to be sent stays, however old it is."""
        ids = self._ids(_OVER, DELIVERIES_KEPT_DAYS)
        if not dry_run:
            for at in range(0, len(ids), _ROWS_A_BATCH):
                self._lake.delete("webhook_deliveries", ids[at : at + _ROWS_A_BATCH])
        return len(ids)

    def _forget_notes(self, *, dry_run: bool) -> int:
        limit_us = self._limit_us(AUDIT_KEPT_DAYS)
        if not dry_run:
            return self._lake.erase_before("audit", limit_us)
        (count,) = self._ids(
            "select count(*) from audit where happened_at < make_timestamptz($limit::bigint)",
            AUDIT_KEPT_DAYS,
        )
        return int(count)

    def _ids(self, query: str, days: int) -> list[Any]:
        found = self._lake.sql(query, params={"limit": self._limit_us(days)})
        values: list[Any] = found.column(0).to_pylist()
        return values

    def _limit_us(self, days: int) -> int:
        return self._clock.now_us() - days * _DAY_US
