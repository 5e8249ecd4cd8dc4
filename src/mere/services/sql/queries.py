"""SQL of those who use a server: in a sandbox, over what they may read and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mere.clock import Clock
from mere.entities.actor import Actor
from mere.errors import CorruptData, ErrorCode, InvalidInput
from mere.lake import Lake
from mere.services.access.access import Access

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.lake.sandbox import Sandbox, SandboxLimits, SandboxRules, Stop
    from mere.lake.view import View

__all__ = ["Queries", "state_named"]


class Queries:
    """Runs queries for people; several threads may do so at once.

    Args:
        lake: The tables.
        clock: For how long queries wait.
        access: Who may read what.
        limits: What a query may take; by default, as `SandboxLimits` says.
    """

    def __init__(
        self, lake: Lake, clock: Clock, access: Access, limits: SandboxLimits | None = None
    ) -> None:
        self._lake = lake
        self._clock = clock
        self._access = access
        self._limits = limits
        self._lock = threading.Lock()
        self._sandbox: Sandbox | None = None

    def run(
        self,
        actor: Actor,
        query: str,
        params: Sequence[Any] | Mapping[str, Any] | None = None,
        as_of: datetime | str | int | None = None,
        *,
        is_for_others: bool = False,
        limit: int | None = None,
        stop: Stop | None = None,
    ) -> pa.Table:
        """Run one SELECT over what somebody may read; see `mere.lake.sandbox`.

        Args:
            actor: Who asks.
            query: SQL as DuckDB speaks it.
            params: Values for ``?`` or ``$name``.
            as_of: The time, tag or root number whose state to read; by default, now.
            is_for_others: Whether the result is shown to others, so that it must not hold what
                admins alone may read.
            limit: Cut the result behind so many rows instead of refusing it; see
                `mere.lake.sandbox.Sandbox.query`.
            stop: Ends it.

        Raises:
            InvalidInput: The query is wrong, says what it may not, takes or answers too much, or
                was ended.
            NotFound: There is no such tag or root.
            Unauthenticated: They have not signed in.
            Unavailable: Too many queries wait.
        """

        def run_on(view: View) -> pa.Table:
            rules = self._rules(view, actor, is_for_others=is_for_others)
            who = f"{actor.kind}:{actor.name}"
            return self._sandboxed().query(
                view, query, params, rules=rules, who=who, limit=limit, stop=stop
            )

        if as_of is not None:
            return run_on(self._lake.view_as_of(as_of))
        view = self._lake.view()
        try:
            return run_on(view)
        except CorruptData:  # a fold or upkeep was quicker
            newer = self._lake.newest_view()
            if newer.root.number == view.root.number:
                raise
            return run_on(newer)

    def close(self) -> None:
        """End the processes that wait for queries."""
        with self._lock:
            if self._sandbox is not None:
                self._sandbox.close()
            self._sandbox = None

    def _rules(self, view: View, actor: Actor, *, is_for_others: bool) -> SandboxRules:
        from mere.services.sql.rules import CLOSED_TABLES, rules_for

        bulk = [name for name in view.states if view.states.is_bulk(name)]
        records = [
            name for name in view.states.records if not (is_for_others and name in CLOSED_TABLES)
        ]
        return rules_for(self._access, actor, records, bulk)

    def _sandboxed(self) -> Sandbox:
        from mere.lake.sandbox import Sandbox

        with self._lock:
            if self._sandbox is None:
                self._sandbox = Sandbox(self._clock, self._limits)
            return self._sandbox


def state_named(text: str) -> datetime | str | int:
    """The state that a text names: digits a root, what reads as a time a moment, else a tag.

    Raises:
        InvalidInput: A time without its zone.
    """
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.tzinfo is None:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"time {text!r} has no zone: end it with Z or +00:00",
            as_of=text,
        )
    return moment
