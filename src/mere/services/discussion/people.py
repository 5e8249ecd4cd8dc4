"""Whom one may address about something: users who may read it, and groups with such users.

Nobody is told of what they may not read. A name that stands for nobody who may is plain text, so
that a mention does not tell who there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from mere.entities.actor import Actor, ActorKind
from mere.entities.comment import names_in
from mere.errors import ErrorCode, InvalidInput

if TYPE_CHECKING:
    from mere.entities.user import Group, User
    from mere.services.access.access import Access
    from mere.services.discussion.subjects import Place, Subjects

__all__ = ["Addressed", "People", "Person"]

_REVIEWERS_MAX = 50


class Person(msgspec.Struct, frozen=True):
    """Somebody, or a group, as the portal names them.

    Args:
        name: What they are addressed by.
        display_name: What people call them.
        kind: ``user`` or ``group``.
        is_gone: Whether the account is removed, or may not sign in.
    """

    name: str
    display_name: str = ""
    kind: str = "user"
    is_gone: bool = False


class Addressed(msgspec.Struct, frozen=True):
    """Whom a text addresses.

    Args:
        mentions: The names in it that stand for somebody.
        users: The users whom they stand for.
    """

    mentions: list[str]
    users: list[str]


class People:
    """The people of one warehouse.

    Args:
        access: Knows them.
        subjects: Know what they may read.
    """

    def __init__(self, access: Access, subjects: Subjects) -> None:
        self._access = access
        self._subjects = subjects

    def search(self, place: Place, text: str, limit: int) -> list[Person]:
        """Those who may be addressed about something and whose names hold a text.

        Names that begin with it come first.
        """
        word = text.casefold().strip()
        found = [
            Person(one.name, one.display_name)
            for one in self._readers(place)
            if word in one.name or word in one.display_name.casefold()
        ]
        found += [
            Person(group.name, group.description, "group")
            for group in self._access.grants.groups()
            if word in group.name.casefold() and self._members(group, place)
        ]
        found.sort(key=lambda one: (not one.name.casefold().startswith(word), one.name.casefold()))
        return found[:limit]

    def addressed(self, place: Place, text: str) -> Addressed:
        """Whom a text about something addresses."""
        mentions: list[str] = []
        users: dict[str, None] = {}
        for names in names_in(text):
            for name in names:
                found = self._meant(place, name)
                if found:
                    mentions.append(name)
                    users.update(dict.fromkeys(found))
                    break
        return Addressed(mentions, sorted(users))

    def asked(self, place: Place, names: Iterable[str]) -> list[str]:
        """The users whom somebody asks by name, of users or groups.

        Raises:
            InvalidInput: A name stands for nobody who may read it, or there are too many.
        """
        users: dict[str, None] = {}
        for name in names:
            found = self._meant(place, name.strip().removeprefix("@"))
            if not found:
                raise InvalidInput(
                    ErrorCode.INVALID_VALUE,
                    f"{name!r} is nobody who may read {place.label!r}: name others, or have an "
                    "admin grant them a role on it",
                    name=name,
                )
            users.update(dict.fromkeys(found))
        if len(users) > _REVIEWERS_MAX:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"{len(users)} people are asked: name {_REVIEWERS_MAX} at most",
                limit=_REVIEWERS_MAX,
            )
        return sorted(users)

    def generation(self, actor: Actor) -> int | None:
        """How often the name of an account was given out; None where sign-in is off."""
        if actor.kind is ActorKind.LOCAL:
            return None
        return self._access.users.get(actor.name).generation

    def named(self, names: Iterable[str]) -> dict[str, Person]:
        """What is known of some accounts, the gone ones included."""
        known = {user.name: user for user in self._access.users.list()}
        found = {}
        for name in names:
            user = known.get(name)
            is_gone = name != Actor.local().name and (user is None or not user.may_enter)
            found[name] = Person(name, user.display_name if user else "", is_gone=is_gone)
        return found

    def _meant(self, place: Place, name: str) -> list[str]:
        """The users whom a name stands for, of those who may read something."""
        word = name.casefold()
        for user in self._access.users.list():
            if user.name == word:
                return [word] if self._may_read(user, place) else []
        for group in self._access.grants.groups():
            if group.name.casefold() == word:
                return self._members(group, place)
        return []

    def _members(self, group: Group, place: Place) -> list[str]:
        names = set(self._access.grants.members(group.group_id))
        return [user.name for user in self._readers(place) if user.name in names]

    def _readers(self, place: Place) -> list[User]:
        return [user for user in self._access.users.list() if self._may_read(user, place)]

    def _may_read(self, user: User, place: Place) -> bool:
        actor = Actor(name=user.name, kind=ActorKind.USER)
        return user.may_enter and self._subjects.is_readable(actor, place)
