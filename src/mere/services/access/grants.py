"""Grants and groups: roles on single experiments and models, for users and for groups of users."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mere.entities.actor import ANY, Role, Scope
from mere.entities.user import Grant, Group, check_group_name
from mere.errors import AlreadyExists, ErrorCode, InvalidInput, NotFound
from mere.services.access.users import new_number

if TYPE_CHECKING:
    from mere.services.access.book import AccessBook
    from mere.services.access.state import AccessState

__all__ = [
    "Grants",
    "grant_number",
]

_KINDS = ("experiment", "model", "warehouse")
_ID_CHARS_MAX = 500
_DESCRIPTION_CHARS_MAX = 2_000


class Grants:
    """The grants and groups of one warehouse.

    Args:
        book: What is known about access.
    """

    def __init__(self, book: AccessBook) -> None:
        self._book = book

    def give(
        self,
        principal_kind: str,
        principal: str,
        scope: Scope,
        role: Role,
        *,
        by: str | None = None,
    ) -> Grant:
        """Give a user or a group a role on an object, in place of the one they have on it.

        Args:
            principal_kind: ``user`` or ``group``.
            principal: The user's name, or the group's number.
            scope: An experiment, a model, or for groups the warehouse; ``*`` as id means all.
            role: The role; ``none`` keeps out.
            by: Who gives it.

        Raises:
            NotFound: There is no such user or group.
            InvalidInput: No grant can be on such an object.
        """
        principal = self._checked(self._book.newest(), principal_kind, principal)
        _check_scope(scope, principal_kind)
        grant = Grant(
            principal_kind=principal_kind,
            principal=principal,
            object_kind=scope.kind,
            object_id=scope.id,
            role=Role.of(role),
            granted_by=by,
        )
        self._book.lake.patch("grants", [_grant_row(grant, scope)])
        self._book.forget()
        return grant

    def take(self, principal_kind: str, principal: str, scope: Scope) -> bool:
        """Take a grant away; whether there was one.

        Raises:
            NotFound: There is no such user or group.
        """
        state = self._book.newest()
        principal = self._checked(state, principal_kind, principal)
        key = (principal_kind, principal, scope.kind, scope.id)
        if not any(_key(one) == key for one in state.grants_of(principal_kind, principal)):
            return False
        self._book.lake.delete("grants", [key])
        self._book.forget()
        return True

    def search(
        self,
        *,
        principal_kind: str | None = None,
        principal: str | None = None,
        scope: Scope | None = None,
    ) -> list[Grant]:
        """Grants, in order of principal and object; all, or of one principal, or on one object."""
        found = self._book.state().grants
        if principal_kind is not None:
            found = tuple(one for one in found if one.principal_kind == principal_kind)
        if principal is not None:
            found = tuple(one for one in found if one.principal == principal)
        if scope is not None:
            wanted = (scope.kind, scope.id)
            found = tuple(one for one in found if (one.object_kind, one.object_id) == wanted)
        return sorted(found, key=_key)

    def rename(self, old: Scope, new: Scope) -> int:
        """Take the grants on an object along to its new name; returns how many there were.

        What was granted on the new name before, to a model that is gone, is forgotten.
        """
        return self._replaced(old, new)

    def drop(self, scope: Scope) -> int:
        """Forget the grants on an object that is gone for good; returns how many there were.

        Its name may be given to another object, which must not inherit them.
        """
        return self._replaced(scope, None)

    def _replaced(self, old: Scope, new: Scope | None) -> int:
        state = self._book.newest()
        held = [one for one in state.grants if (one.object_kind, one.object_id) == _place(old)]
        doomed = [_key(one) for one in held]
        if new is not None and new != old:
            doomed += [
                _key(one) for one in state.grants if (one.object_kind, one.object_id) == _place(new)
            ]
        if not doomed or new == old:
            return len(held)
        moved = [] if new is None else [_grant_row(one, new) for one in held]
        with self._book.lake.batch() as batch:
            batch.delete("grants", doomed)
            batch.patch("grants", moved)
        self._book.forget()
        return len(held)

    # Groups

    def create_group(self, name: str, description: str = "", *, by: str | None = None) -> Group:
        """Make a group.

        Raises:
            AlreadyExists: There is one of that name.
            InvalidInput: The name may not be one.
        """
        name = check_group_name(name)
        _check_description(description)
        state = self._book.newest()
        self._require_free(state, name)
        group = Group(
            group_id=new_number(self._book), name=name, description=description, created_by=by
        )
        row = {"group_id": group.group_id, "name": name, "description": description}
        self._book.lake.patch("user_groups", [{**row, "created_by": by}])
        self._book.forget()
        return group

    def group(self, group: int | str) -> Group:
        """Return a group by number or name.

        Raises:
            NotFound: There is none.
        """
        return self._group(self._book.state(), group)

    def groups(self) -> list[Group]:
        """All groups, by name."""
        return sorted(self._book.state().groups.values(), key=lambda one: one.name)

    def update_group(
        self, group: int | str, *, name: str | None = None, description: str | None = None
    ) -> Group:
        """Change a group's name or description; raises as `group` and `create_group` do."""
        state = self._book.newest()
        found = self._group(state, group)
        row: dict[str, object] = {"group_id": found.group_id}
        if name is not None and name != found.name:
            row["name"] = check_group_name(name)
            self._require_free(state, row["name"])
        if description is not None:
            row["description"] = _check_description(description)
        if len(row) > 1:
            self._book.lake.patch("user_groups", [row])
            self._book.forget()
        return self.group(found.group_id)

    def delete_group(self, group: int | str) -> None:
        """Remove a group with its grants and members.

        Raises:
            NotFound: There is none.
        """
        state = self._book.newest()
        group_id = self._group(state, group).group_id
        members = [name for name, ids in state.members.items() if group_id in ids]
        with self._book.lake.batch() as batch:
            batch.delete("user_groups", [group_id])
            batch.delete("group_members", [(group_id, name) for name in sorted(members)])
            batch.delete("grants", [_key(one) for one in state.grants_of("group", str(group_id))])
        self._book.forget()

    def add_member(self, group: int | str, user: str, *, by: str | None = None) -> None:
        """Put a user into a group; raises NotFound if there is no such group or user."""
        state = self._book.newest()
        group_id = self._group(state, group).group_id
        name = self._checked(state, "user", user)
        row = {"group_id": group_id, "name": name, "added_by": by}
        self._book.lake.patch("group_members", [row])
        self._book.forget()

    def remove_member(self, group: int | str, user: str) -> bool:
        """Take a user out of a group; whether they were in it. Raises as `add_member` does."""
        state = self._book.newest()
        group_id = self._group(state, group).group_id
        name = self._checked(state, "user", user)
        if group_id not in state.members.get(name, ()):
            return False
        self._book.lake.delete("group_members", [(group_id, name)])
        self._book.forget()
        return True

    def members(self, group: int | str) -> list[str]:
        """The names of the users in a group; raises NotFound if there is none."""
        state = self._book.state()
        group_id = self._group(state, group).group_id
        return sorted(name for name, ids in state.members.items() if group_id in ids)

    def groups_of(self, user: str) -> list[Group]:
        """The groups that a user is in, by name; raises NotFound if there is no such user."""
        state = self._book.state()
        ids = state.members.get(self._checked(state, "user", user), frozenset())
        return sorted((state.groups[one] for one in ids), key=lambda one: one.name)

    @staticmethod
    def _group(state: AccessState, group: int | str) -> Group:
        for one in state.groups.values():
            if group in (one.group_id, one.name) or str(group) == str(one.group_id):
                return one
        raise NotFound(
            ErrorCode.GROUP_NOT_FOUND,
            f"there is no group {group!r}: `mere grants groups` lists those known",
            group=group,
        )

    def _checked(self, state: AccessState, kind: str, principal: str) -> str:
        """The principal in the form in which it is stored."""
        if kind == "group":
            return str(self._group(state, principal).group_id)
        if kind != "user":
            raise InvalidInput(
                ErrorCode.INVALID_VALUE, f"{kind!r} is granted nothing: name a user or a group"
            )
        user = state.users.get(principal.casefold())
        if user is None or user.lifecycle != "active":
            raise NotFound(
                ErrorCode.USER_NOT_FOUND,
                f"there is no user {principal!r}: `mere users` lists those known",
                name=principal,
            )
        return user.name

    @staticmethod
    def _require_free(state: AccessState, name: object) -> None:
        if any(one.name == name for one in state.groups.values()):
            raise AlreadyExists(
                ErrorCode.NAME_TAKEN, f"group {name!r} exists already: choose another name"
            )


def grant_number(grant: Grant) -> int:
    """A number that stands for a grant, for clients that want one; below 2^53."""
    text = "\0".join(_key(grant))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 11


def _key(grant: Grant) -> tuple[str, str, str, str]:
    return (grant.principal_kind, grant.principal, grant.object_kind, grant.object_id)


def _place(scope: Scope) -> tuple[str, str]:
    return scope.kind, scope.id


def _grant_row(grant: Grant, on: Scope) -> dict[str, str | None]:
    return {
        "principal_kind": grant.principal_kind,
        "principal": grant.principal,
        "object_kind": on.kind,
        "object_id": on.id,
        "role": str(grant.role),
        "granted_by": grant.granted_by,
    }


def _check_scope(scope: Scope, principal_kind: str) -> None:
    if scope.kind not in _KINDS:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"no role can be granted on {scope}: grant it on its experiment, or on a model",
        )
    if scope.kind == "warehouse":
        if principal_kind == "user":
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                "a user's role on the warehouse is their own: `mere users update NAME --role`",
            )
        return
    if not scope.id or len(scope.id) > _ID_CHARS_MAX:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"name the {scope.kind}, in up to {_ID_CHARS_MAX} characters, or {ANY} for all",
        )


def _check_description(text: str) -> str:
    if len(text) > _DESCRIPTION_CHARS_MAX:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"the description has {len(text)} characters and may have {_DESCRIPTION_CHARS_MAX}",
            limit=_DESCRIPTION_CHARS_MAX,
        )
    return text
