"""Tokens: made for programs, shown once, bounded in role, objects and time, taken back at will."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from mere.clock import run_id
from mere.entities.actor import Role
from mere.entities.limits import check_name
from mere.entities.token import Token, is_token, token_digest, token_text
from mere.errors import ErrorCode, InvalidInput, NotFound, Unauthenticated
from mere.services.access.book import LOOK_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mere.entities.user import User
    from mere.services.access.audit import AuditTrail
    from mere.services.access.book import AccessBook
    from mere.services.access.state import AccessState

__all__ = ["Tokens"]

TOKENS_MAX = 200
"""How many valid tokens one user may have."""
OBJECTS_MAX = 1_000
LIFE_S_MAX = 10 * 366 * 24 * 3600
_USED_S = 900
_SHOWN_CHARS = 9


class Tokens:
    """The tokens of one warehouse.

    Args:
        book: What is known about access.
        trail: Notes when they were used.
    """

    def __init__(self, book: AccessBook, trail: AuditTrail) -> None:
        self._book = book
        self._trail = trail
        self._used: dict[str, datetime] = {}

    def create(
        self,
        owner: str,
        name: str,
        *,
        role: Role = Role.ADMIN,
        experiments: Sequence[str] | None = None,
        models: Sequence[str] | None = None,
        life_s: float | None = None,
    ) -> tuple[Token, str]:
        """Make a token.

        Args:
            owner: The user it acts as.
            name: What it is for.
            role: It may do no more than this, whatever its owner may.
            experiments: The only experiments it may touch.
            models: The only models it may touch.
            life_s: After how many seconds it ends; None for never.

        Returns:
            The token as it is stored, and the secret, which nobody can be told again.

        Raises:
            NotFound: There is no such user.
            InvalidInput: The name may not be one, or a limit is broken.
        """
        state = self._book.newest()
        user = state.users.get(owner.casefold())
        if user is None or user.lifecycle != "active":
            raise NotFound(ErrorCode.USER_NOT_FOUND, f"there is no user {owner!r}", name=owner)
        self._check(state, user, experiments, models, life_s)
        text = token_text(self._book.clock.random_bits(256))
        now = self._book.now()
        token = Token(
            token_id=run_id(self._book.clock),
            owner=user.name,
            owner_generation=user.generation,
            name=check_name(name, "token"),
            digest=token_digest(text),
            shown=text[:_SHOWN_CHARS],
            role=Role.of(role),
            experiments=None if experiments is None else tuple(experiments),
            models=None if models is None else tuple(models),
            expires_at=None if life_s is None else now + timedelta(seconds=life_s),
        )
        self._book.lake.patch("tokens", [_row(token)])
        self._book.forget()
        return token, text

    def list(self, owner: str | None = None) -> list[Token]:
        """All tokens that are valid, or only those of one user; the newest first."""
        state, now = self._book.state(), self._book.now()
        found = [one for one in state.tokens.values() if owner is None or one.owner == owner]
        return sorted(
            (one for one in found if self._user_of(state, one, now) is not None),
            key=lambda one: one.token_id,
            reverse=True,
        )

    def get(self, token_id: str) -> Token:
        """Return a token by its id, or by the beginning of it.

        Raises:
            NotFound: There is none, or there are several.
        """
        known = self._book.state().tokens_by_id
        ids = [one for one in known if token_id and one.startswith(token_id)]
        if len(ids) != 1:
            raise NotFound(
                ErrorCode.TOKEN_NOT_FOUND,
                f"{'no token has' if not ids else 'several tokens have'} an id that begins with "
                f"{token_id!r}: `mere tokens` lists those known",
                token_id=token_id,
            )
        return known[ids[0]]

    def revoke(self, token_id: str) -> Token:
        """Take a token back for good; raises as `get` does."""
        token = self.get(token_id)
        if token.revoked_at is None:
            row = {"token_id": token.token_id, "revoked_at": self._book.clock.now_us()}
            self._book.lake.patch("tokens", [row])
            self._book.forget()
        return token

    def sign_in(self, text: str) -> tuple[User, Token]:
        """Return whose token this is, and the token; may take a listing.

        Raises:
            Unauthenticated: It is no token, or not valid.
        """
        found = self._found(self._book.state(), text)
        if found is None and is_token(text):
            # Perhaps it was made elsewhere, a moment ago. Guessing must not cost a listing each.
            found = self._found(self._book.newest(age_ms_max=LOOK_MS), text)
        if found is None:
            raise Unauthenticated(
                ErrorCode.SIGN_IN_REQUIRED,
                "the token is unknown, expired or revoked: make another with `mere tokens create`",
            )
        return found

    def sign_in_quickly(self, text: str) -> tuple[User, Token] | None:
        """The same without any input or output; None where that does not tell."""
        state = self._book.state_quickly()
        return None if state is None else self._found(state, text)

    def _found(self, state: AccessState, text: str) -> tuple[User, Token] | None:
        token = state.tokens.get(token_digest(text)) if is_token(text) else None
        now = self._book.now()
        user = None if token is None else self._user_of(state, token, now)
        if token is None or user is None:
            return None
        self._note_use(token, now)
        return user, token

    @staticmethod
    def _user_of(state: AccessState, token: Token, now: datetime) -> User | None:
        user = state.user(token.owner)
        return user if user is not None and token.is_valid(now, user.generation) else None

    def _note_use(self, token: Token, now: datetime) -> None:
        last = self._used.get(token.token_id) or token.used_at
        if last is None or (now - last).total_seconds() >= _USED_S:
            self._used[token.token_id] = now
            row = {"token_id": token.token_id, "used_at": now.astimezone(UTC)}
            self._trail.touch("tokens", row)

    def _check(
        self,
        state: AccessState,
        user: User,
        experiments: Sequence[str] | None,
        models: Sequence[str] | None,
        life_s: float | None,
    ) -> None:
        if life_s is not None and not 0 < life_s <= LIFE_S_MAX:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"a token's life of {life_s} s is none: use up to {LIFE_S_MAX} s, or none at all",
                value=life_s,
            )
        objects = len(experiments or ()) + len(models or ())
        if objects > OBJECTS_MAX:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"a token of {objects} objects is too large: use up to {OBJECTS_MAX}, or grants",
                limit=OBJECTS_MAX,
            )
        now = self._book.now()
        valid = [
            one
            for one in state.tokens.values()
            if one.owner == user.name and one.is_valid(now, user.generation)
        ]
        if len(valid) >= TOKENS_MAX:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"{user.name} has {len(valid)} tokens already: revoke some first",
                limit=TOKENS_MAX,
            )


def _row(token: Token) -> dict[str, Any]:
    row = msgspec.structs.asdict(token)
    lists = {name: list(row[name]) for name in ("experiments", "models") if row[name] is not None}
    return {name: value for name, value in (row | lists).items() if value is not None}
