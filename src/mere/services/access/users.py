"""Users: made by an admin, by a single sign-on, or first of all on the bucket itself.

A name is claimed, so that two admins on two replicas do not make one user twice. A deleted user's
row stays, as what they did refers to it; the name may be given out again, to a user of a higher
generation, to whom nothing of the one before belongs. One admin always remains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.actor import Role
from mere.entities.limits import check_name
from mere.entities.user import (
    NAME_CHARS_MAX,
    PASSWORD_BYTES_MAX,
    User,
    check_password,
    check_user_name,
)
from mere.errors import AlreadyExists, Conflict, ErrorCode, NotFound, PermissionDenied
from mere.services.access.book import LOOK_MS

if TYPE_CHECKING:
    from mere.services.access.book import AccessBook
    from mere.services.access.passwords import Passwords
    from mere.services.access.state import AccessState

__all__ = [
    "Users",
    "new_number",
]

_KIND = "user"


class Users:
    """The users of one warehouse.

    Args:
        book: What is known about access.
        passwords: Hashes them.
    """

    def __init__(self, book: AccessBook, passwords: Passwords) -> None:
        self._book = book
        self._passwords = passwords

    def create(
        self,
        name: str,
        password: str | None = None,
        *,
        role: Role = Role.VIEWER,
        display_name: str = "",
        by: str | None = None,
        issuer: str | None = None,
        subject: str | None = None,
    ) -> User:
        """Make a user.

        Args:
            name: What they sign in as.
            password: Their password; without one they can sign in by tokens or single sign-on.
            role: Their role on the warehouse.
            display_name: What people call them.
            by: Who makes them.
            issuer: The provider that signs them in.
            subject: Who they are to it.

        Raises:
            AlreadyExists: The name is taken.
            InvalidInput: Name or password may not be one.
        """
        name = check_user_name(name)
        if password is not None:
            check_password(password, name)
        if display_name:
            check_name(display_name, "display")
        before = self._book.newest().users.get(name)
        if before is not None and before.lifecycle == "active":
            raise _taken(name)
        generation = before.generation + 1 if before else 1
        wanted = User(
            name=name,
            user_id=new_number(self._book),
            display_name=display_name,
            role=Role.of(role),
            generation=generation,
            created_by=by,
            issuer=issuer,
            subject=subject,
        )
        claim = self._book.lake.claim(_KIND, f"{name} {generation}", _row(wanted))
        with self._book.lake.batch() as batch:
            batch.patch("users", [claim.record], at=claim.tick)
            if claim.won and password is not None:
                batch.patch("passwords", [self._password_row(wanted, password)])
        self._book.forget()
        if not claim.won:
            raise _taken(name)
        return self.get(name)

    def get(self, name: str) -> User:
        """Return a user.

        Raises:
            NotFound: There is none of that name.
        """
        return self._found(self._book.state(), name)

    def list(self) -> list[User]:
        """All users, by name; deleted ones left out."""
        users = self._book.state().users.values()
        return sorted((one for one in users if one.lifecycle == "active"), key=lambda one: one.name)

    def is_empty(self) -> bool:
        """Whether nobody was ever made, so that nobody can sign in."""
        return not self._book.newest().users

    def set_password(self, name: str, password: str) -> None:
        """Give a user another password.

        Raises:
            NotFound: There is none of that name.
            InvalidInput: The password may not be one.
        """
        user = self._found(self._book.newest(), name)
        check_password(password, user.name)
        self._book.lake.patch("passwords", [self._password_row(user, password)])
        self._book.forget()

    def update(
        self,
        name: str,
        *,
        role: Role | None = None,
        display_name: str | None = None,
        is_disabled: bool | None = None,
    ) -> User:
        """Change a user; what is None stays.

        Raises:
            NotFound: There is none of that name.
            Conflict: No admin would be left.
        """
        state = self._book.newest()
        user = self._found(state, name)
        if display_name:
            check_name(display_name, "display")
        given = {"role": role, "display_name": display_name, "is_disabled": is_disabled}
        changed = {field: value for field, value in given.items() if value is not None}
        if role not in (None, Role.ADMIN) or is_disabled:
            _keep_one_admin(state, user)
        if changed:
            self._book.lake.patch("users", [{"name": user.name, **changed}])
            self._book.forget()
        return self.get(user.name)

    def delete(self, name: str) -> None:
        """Remove a user with their password, tokens, groups and grants.

        Raises:
            NotFound: There is none of that name.
            Conflict: No admin would be left.
        """
        state = self._book.newest()
        user = self._found(state, name)
        _keep_one_admin(state, user)
        tokens = [one for one in state.tokens.values() if one.owner == user.name]
        now_us = self._book.clock.now_us()
        with self._book.lake.batch() as batch:
            batch.patch("users", [{"name": user.name, "lifecycle": "deleted"}])
            batch.patch("passwords", [{"name": user.name, "hash": None}])
            batch.patch(
                "tokens",
                [
                    {"token_id": one.token_id, "revoked_at": now_us}
                    for one in tokens
                    if one.revoked_at is None
                ],
            )
            batch.delete(
                "grants",
                [
                    ("user", user.name, grant.object_kind, grant.object_id)
                    for grant in state.grants_of("user", user.name)
                ],
            )
            batch.delete(
                "group_members",
                [(group_id, user.name) for group_id in sorted(state.members.get(user.name, ()))],
            )
        self._book.forget()

    def check_password(self, name: str, password: str, address: str) -> User:
        """Return the user who signs in with a name and a password; takes some time.

        Raises:
            Unauthenticated: Name or password is wrong, or there were too many attempts.
        """
        # Looked up anew: the user, or the password, may have been made elsewhere a moment ago.
        state = self._book.newest(age_ms_max=LOOK_MS)
        # What is longer can be neither; it must not cost memory or time.
        name, password = name[:NAME_CHARS_MAX].casefold(), password[: PASSWORD_BYTES_MAX + 1]
        user = state.user(name)
        hashed = None if user is None else state.password(user)
        self._passwords.check(name, hashed, password, address)
        assert user is not None
        return user

    def remembered(self, name: str, password: str) -> User | None:
        """The same without any input or output, where it was found right a moment ago."""
        state = self._book.state_quickly()
        user = None if state is None else state.user(name.casefold())
        if state is None or user is None:
            return None
        hashed = state.password(user)
        is_right = self._passwords.is_remembered(user.name, hashed, password)
        return user if is_right else None

    def from_provider(
        self, issuer: str, subject: str, name: str, display_name: str, role: Role | None
    ) -> User:
        """Return the user whom a single sign-on has told, made or changed now as it says.

        Args:
            issuer: The provider.
            subject: Who they are to it; never changes.
            name: What to call a new user.
            display_name: What people call them.
            role: Their role on the warehouse; None leaves it as it is, or viewer for a new one.

        Raises:
            PermissionDenied: They are disabled here, or the name belongs to somebody else.
        """
        state = self._book.newest()
        known = next(
            (
                one
                for one in state.users.values()
                if (one.issuer, one.subject) == (issuer, subject) and one.lifecycle == "active"
            ),
            None,
        )
        if known is None:
            return self._made_by(issuer, subject, name, display_name, role)
        if known.is_disabled:
            raise PermissionDenied(
                ErrorCode.ACCESS_DENIED, f"{known.name} is disabled here: ask an admin"
            )
        changed = role is not None and role is not known.role
        if changed or (display_name and display_name != known.display_name):
            try:
                return self.update(known.name, role=role, display_name=display_name or None)
            except Conflict:
                return known  # the only admin stays one, whatever the provider says
        return known

    def _made_by(
        self, issuer: str, subject: str, name: str, display_name: str, role: Role | None
    ) -> User:
        try:
            return self.create(
                name,
                role=role or Role.VIEWER,
                display_name=display_name,
                by=issuer,
                issuer=issuer,
                subject=subject,
            )
        except AlreadyExists as error:
            user = self.get(check_user_name(name))
            if (user.issuer, user.subject) == (issuer, subject):
                return user  # two sign-ins at once
            # Whoever may choose their name at the provider must not become somebody else here.
            raise PermissionDenied(
                ErrorCode.ACCESS_DENIED,
                f"the name {name!r} belongs to another user here: an admin has to delete or "
                "rename one",
                name=name,
            ) from error

    def _password_row(self, user: User, password: str) -> dict[str, Any]:
        return {
            "name": user.name,
            "hash": self._passwords.hash(password),
            "generation": user.generation,
            "changed_at": self._book.clock.now_us(),
        }

    @staticmethod
    def _found(state: AccessState, name: str) -> User:
        user = state.users.get(name.casefold())
        if user is None or user.lifecycle != "active":
            raise NotFound(
                ErrorCode.USER_NOT_FOUND,
                f"there is no user {name!r}: `mere users` lists those known",
                name=name,
            )
        return user


def new_number(book: AccessBook) -> int:
    """A number that is never used again; below 2^53, as clients hold numbers as floats."""
    return (book.clock.now_us() // 1000 << 12) + book.clock.random_bits(12)


def _keep_one_admin(state: AccessState, user: User) -> None:
    others = (one for one in state.users.values() if one.name != user.name)
    if user.is_admin and user.may_enter and not any(o.is_admin and o.may_enter for o in others):
        raise Conflict(
            ErrorCode.LAST_ADMIN,
            f"{user.name} is the only admin: make another one first",
            name=user.name,
        )


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(
        ErrorCode.NAME_TAKEN, f"user {name!r} exists already: choose another name", name=name
    )


def _row(user: User) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(user)
    return {name: value for name, value in row.items() if value is not None}
