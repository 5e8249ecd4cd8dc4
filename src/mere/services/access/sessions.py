"""Sessions: the sign-ins of browsers, stored so that they can be ended from here.

The cookie holds 256 random bits, of which only the SHA-256 is stored. A session ends when it is
idle for long, when it is old however much it is used, when its user signs out, is disabled or
gets another password, and when it is renewed: its successor takes its place, and it lives on for
a minute, for the requests that are under way. A session ended elsewhere is over within
`KNOWN_S` seconds.
"""

from __future__ import annotations

import base64
import hashlib
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from mere.entities.user import User
    from mere.services.access.audit import AuditTrail
    from mere.services.access.book import AccessBook

__all__ = [
    "Session",
    "Sessions",
    "session_digest",
]

IDLE_S = 8 * 3600
LIFE_S = 7 * 24 * 3600
RENEW_S = 3600
"""After so long a browser is to ask for another cookie."""
KNOWN_S = 5.0
_GRACE_S = 60
_SEEN_S = 300
_VIEW_MS = 500
_AGAIN_MS = 50
_KNOWN_MAX = 20_000
_AGENT_CHARS_MAX = 200


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A browser's sign-in.

    Args:
        session_id: SHA-256 of the cookie, as 64 hexadecimal digits.
        name: The user.
        generation: Of the user.
        method: ``password`` or ``sso``.
        started_at: When the user signed in; renewing does not change it.
        seen_at: When it was last used, to some minutes.
        expires_at: When it ends, however much it is used.
        ended_at: When it was ended.
        address: Where the user signed in from.
        agent: With which browser.
        created_at: When this cookie was given out.
    """

    session_id: str
    name: str
    generation: int
    method: str
    started_at: datetime
    seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    address: str = ""
    agent: str = ""
    created_at: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Whether it is neither ended nor idle nor over."""
        if self.ended_at is not None and now >= self.ended_at:
            return False
        return now < self.expires_at and now < self.seen_at + timedelta(seconds=IDLE_S)


class Sessions:
    """The sessions of one warehouse.

    Args:
        book: What is known about access.
        trail: Notes when they were used.
    """

    def __init__(self, book: AccessBook, trail: AuditTrail) -> None:
        self._book = book
        self._trail = trail
        self._known: OrderedDict[str, tuple[float, Session | None]] = OrderedDict()

    def begin(
        self, user: User, method: str, *, address: str = "", agent: str = ""
    ) -> tuple[Session, str]:
        """Begin a session of somebody who has just signed in; returns it and the cookie."""
        now = self._book.now()
        self._trail.touch("users", {"name": user.name, "signed_in_at": now})
        return self._written(
            Session(
                session_id="",
                name=user.name,
                generation=user.generation,
                method=method,
                started_at=now,
                seen_at=now,
                expires_at=now + timedelta(seconds=LIFE_S),
                address=address,
                agent=agent[:_AGENT_CHARS_MAX],
            )
        )

    def renew(self, session: Session) -> tuple[Session, str]:
        """Put another session in the place of one; that ends in a minute, not longer than it."""
        now = self._book.now()
        self._end([session], now + timedelta(seconds=_GRACE_S))
        return self._written(msgspec.structs.replace(session, seen_at=now, ended_at=None))

    def find(self, cookie: str) -> tuple[User, Session] | None:
        """Return whose session a cookie is of, and the session, if it is valid; may look."""
        session_id = session_digest(cookie)
        known = self._remembered(session_id)
        session = self._read(session_id) if known is None else known[1]
        return self._valid(session)

    def find_quickly(self, cookie: str) -> tuple[bool, tuple[User, Session] | None]:
        """Whether that is known without any input or output, and the answer of `find`."""
        known = self._remembered(session_digest(cookie))
        if known is None or self._book.state_quickly() is None:
            return False, None
        return True, self._valid(known[1])

    def end(self, session_id: str) -> None:
        """End a session at once: its user signs out."""
        session = self._read(session_id)
        if session is not None and session.ended_at is None:
            self._end([session], self._book.now())

    def end_all(self, name: str, *, but: str | None = None) -> int:
        """End all sessions of a user, perhaps but one; returns how many."""
        rows = self._book.lake.scan("sessions", where={"name": name}).to_pylist()
        now = self._book.now()
        found = [one for one in map(_entity, rows) if one.is_valid(now) and one.session_id != but]
        self._end(found, now)
        return len(found)

    def of_user(self, name: str) -> list[Session]:
        """The valid sessions of a user, the newest first."""
        rows = self._book.lake.scan("sessions", where={"name": name}).to_pylist()
        now = self._book.now()
        found = [one for one in map(_entity, rows) if one.is_valid(now)]
        return sorted(found, key=lambda one: one.started_at, reverse=True)

    def forget_old(self, *, dry_run: bool = False) -> int:
        """Remove the rows of sessions that are over for a day, or only count them."""
        limit = self._book.now() - timedelta(days=1)
        query = (
            "select session_id from sessions where expires_at < $limit or ended_at < $limit "
            "or seen_at < $idle"
        )
        params = {"limit": limit, "idle": limit - timedelta(seconds=IDLE_S)}
        ids = self._book.lake.sql(query, params)["session_id"].to_pylist()
        if ids and not dry_run:
            self._book.lake.delete("sessions", ids)
        return len(ids)

    def _written(self, session: Session) -> tuple[Session, str]:
        bits = self._book.clock.random_bits(256).to_bytes(32)
        cookie = base64.urlsafe_b64encode(bits).decode().rstrip("=")
        session = msgspec.structs.replace(session, session_id=session_digest(cookie))
        row = msgspec.structs.asdict(session)
        self._book.lake.patch(
            "sessions", [{k: v for k, v in row.items() if v is not None and k != "created_at"}]
        )
        self._remember(session.session_id, session)
        return session, cookie

    def _end(self, sessions: list[Session], at: datetime) -> None:
        if not sessions:
            return
        rows = [{"session_id": one.session_id, "ended_at": at} for one in sessions]
        self._book.lake.patch("sessions", rows)
        for one in sessions:
            self._known.pop(one.session_id, None)

    def _valid(self, session: Session | None) -> tuple[User, Session] | None:
        now = self._book.now()
        if session is None or not session.is_valid(now):
            return None
        state = self._book.state_quickly() or self._book.state()
        user = state.user(session.name)
        if user is None or user.generation != session.generation:
            return None
        if (now - session.seen_at).total_seconds() >= _SEEN_S:
            session = msgspec.structs.replace(session, seen_at=now)
            self._remember(session.session_id, session)
            row = {"session_id": session.session_id, "seen_at": now}
            self._trail.touch("sessions", row)
        return user, session

    def _remembered(self, session_id: str) -> tuple[float, Session | None] | None:
        known = self._known.get(session_id)
        if known is None or self._book.clock.monotonic() - known[0] >= KNOWN_S:
            return None
        return known

    def _read(self, session_id: str) -> Session | None:
        """Read a session; one listing for all that ask at the same time."""
        from mere.lake.rows_out import public_row

        # Not there: perhaps it was begun on another replica a moment ago.
        for age_ms_max in (_VIEW_MS, _AGAIN_MS):
            table = self._book.lake.view(age_ms_max=age_ms_max).table("sessions")
            row = table.get((session_id,))
            if row is not None:
                session = _entity(public_row(table.table, row))
                self._remember(session_id, session)
                return session
        self._remember(session_id, None)
        return None

    def _remember(self, session_id: str, session: Session | None) -> None:
        self._known.pop(session_id, None)
        self._known[session_id] = (self._book.clock.monotonic(), session)
        while len(self._known) > _KNOWN_MAX:
            self._known.popitem(last=False)


def session_digest(cookie: str) -> str:
    """Return what is stored of a session's cookie."""
    return hashlib.sha256(cookie.encode(errors="replace")).hexdigest()


def _entity(row: dict[str, Any]) -> Session:
    return msgspec.convert({k: v for k, v in row.items() if v is not None}, Session)
