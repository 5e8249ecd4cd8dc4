"""The audit trail: who did what to what, from where, and how it ended.

Notes are gathered in memory and written every two seconds, so no request waits for them; what is
alike in that time (a thousand metrics of one run) becomes one row with a count. A process that is
killed loses the notes of its last seconds. When the store has taken none for so long that
`PENDING_MAX` wait, further ones are counted and dropped; `AuditTrail.dropped` says how many.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mere.entities.actor import Actor
from mere.errors import ErrorCode, InvalidInput, MereError, Unavailable

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake

__all__ = ["AuditTrail"]

INTERVAL_MS = 2_000
PENDING_MAX = 100_000
SEEN_MAX = 20_000
RESULTS_MAX = 10_000
_TEXT_CHARS_MAX = 500
_COLUMNS = ("actor", "actor_kind", "token_id", "operation", "target", "outcome", "address")
_Note = tuple[str, str, str | None, str, str, str, str]


@dataclass(slots=True)
class _Times:
    """When something was first noted, under which request, and how often."""

    at_us: int
    request_id: str
    count: int = 1


class AuditTrail:
    """The audit trail of one warehouse; safe for use by several threads.

    Args:
        lake: Where it is stored.
        clock: Says when things happened.
    """

    def __init__(self, lake: Lake, clock: Clock) -> None:
        self._clock = clock
        self._lake = lake
        self._lock = threading.Lock()
        self._writer = lake.writer(interval_ms=INTERVAL_MS)
        self._seen: dict[_Note, _Times] = {}
        self._thread: threading.Thread | None = None
        self._wakes = threading.Event()
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """How many notes this process could not keep."""
        return self._dropped

    def note(
        self,
        actor: Actor,
        operation: str,
        target: str,
        outcome: str,
        address: str,
        request_id: str = "",
    ) -> None:
        """Keep one note; returns at once and never raises."""
        now_us = self._clock.now_us()
        note = (
            actor.name,
            str(actor.kind),
            actor.token_id,
            operation,
            _storable(target),
            outcome,
            _storable(address),
        )
        with self._lock:
            times = self._seen.get(note)
            if times is not None:
                times.count += 1
            elif len(self._seen) < SEEN_MAX:
                self._seen[note] = _Times(now_us, _storable(request_id))
            else:
                self._dropped += 1
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="mere audit", daemon=True)
                self._thread.start()

    def hand_over(self) -> None:
        """Give what was gathered to the writer of the journal."""
        with self._lock:
            seen, self._seen = self._seen, {}
        rows = [
            dict(zip(_COLUMNS, note, strict=True))
            | {"happened_at": times.at_us, "count": times.count, "request_id": times.request_id}
            for note, times in seen.items()
        ]
        if not rows:
            return
        try:
            if self._writer.pending + len(rows) > PENDING_MAX:
                raise Unavailable(ErrorCode.LIMIT_EXCEEDED, "too many notes wait")
            self._writer.append("audit", rows)
        except MereError:
            with self._lock:
                self._dropped += sum(times.count for times in seen.values())

    def _run(self) -> None:
        """Hand over now and then, while there is something; another thread begins later."""
        while True:
            self._wakes.wait(INTERVAL_MS / 1000)
            self.hand_over()
            with self._lock:
                if not self._seen:
                    self._thread = None
                    return

    def touch(self, table: str, row: dict[str, Any]) -> None:
        """Note when something was last used, in the same way: soon, and not at any price."""
        try:
            if self._writer.pending < PENDING_MAX:
                self._writer.patch(table, [row])
        except MereError:
            return

    def flush(self, timeout_s: float | None = None) -> None:
        """Return when all notes so far are durable; raises as `BufferedWriter.flush` does."""
        self.hand_over()
        self._writer.flush(timeout_s)

    def search(
        self,
        *,
        actor: str | None = None,
        operation: str | None = None,
        outcome: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        """Return notes, newest first.

        Args:
            actor: Only what this user did.
            operation: Only this operation.
            outcome: Only what ended like this: ``ok``, ``refused`` for all that was not allowed,
                or an error's code.
            since: Only from then on.
            until: Only before then.
            limit: At most so many.
            offset: Leave out so many at first.

        Raises:
            InvalidInput: The limit or the offset is out of bounds.
        """
        if offset < 0:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE, f"offset is {offset}: use 0 or more", offset=offset
            )
        if not 1 <= limit <= RESULTS_MAX:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"limit is {limit}: use 1 to {RESULTS_MAX}",
                limit=limit,
            )
        where, values = _filter(actor, operation, outcome, since, until)
        window = f"order by happened_at desc limit {limit} offset {offset}"
        found = self._lake.sql(f"select * from audit where {where} {window}", values)
        rows: list[dict[str, Any]] = found.to_pylist()
        return rows

    def count(
        self,
        *,
        actor: str | None = None,
        operation: str | None = None,
        outcome: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        """Return how many notes `search` would find without its limit."""
        where, values = _filter(actor, operation, outcome, since, until)
        found = self._lake.sql(f"select count(*) n from audit where {where}", values)
        return int(found["n"][0].as_py())


def _filter(
    actor: str | None,
    operation: str | None,
    outcome: str | None,
    since: datetime | None,
    until: datetime | None,
) -> tuple[str, list[Any]]:
    """A condition on notes, and its values."""
    conditions: dict[str, Any] = {"actor = ?": actor, "operation = ?": operation}
    conditions |= {"happened_at >= ?": since, "happened_at < ?": until}
    if outcome == "refused":
        conditions["outcome in ('access_denied', 'sign_in_required', ?)"] = "too_many_attempts"
    else:
        conditions["outcome = ?"] = outcome
    meant = {text: value for text, value in conditions.items() if value is not None}
    return " and ".join(meant) or "true", list(meant.values())


def _storable(text: str) -> str:
    """A text from outside, in a form and length in which it can be stored."""
    return text[:_TEXT_CHARS_MAX].encode(errors="replace").decode()
