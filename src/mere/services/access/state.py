"""What is stored about access, read as a whole and kept: who there is and what they may do.

The tables are small (people and their grants), and every request needs them, so a process holds
all of it and looks again every few seconds. A state never changes; a change makes another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.actor import ANY, Action, Role, Scope
from mere.entities.token import Token
from mere.entities.user import Grant, Group, User

if TYPE_CHECKING:
    from mere.lake.view import View

__all__ = [
    "AccessState",
    "Rights",
    "read_state",
    "state_mark",
]

_READ = ("users", "passwords", "tokens", "user_groups", "group_members", "grants")
_Object = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Rights:
    """What one user may do, groups included, and within one token.

    Args:
        warehouse: The role on the warehouse.
        grants: The roles on single objects, by kind and id.
        token: The token that bounds it all, if one was shown.
    """

    warehouse: Role
    grants: Mapping[_Object, Role]
    token: Token | None = None

    def on(self, kind: str, object_id: str = "") -> Role:
        """The role on an object: the most specific grant wins; an admin is one everywhere."""
        if self.token is not None and not self.token.covers(kind, object_id):
            return Role.NONE
        if self.warehouse is Role.ADMIN or kind == "warehouse":
            role = self.warehouse
        else:
            role = self.grants.get((kind, object_id)) or self._on_any(kind)
        return self._capped(role)

    def range_of(self, kind: str) -> tuple[int, int]:
        """The least and the greatest rank that the user has on any object of a kind."""
        if self.token is not None and self.token.is_bound:
            listed = getattr(self.token, f"{kind}s", None) or ()
            ranks = [self.on(kind, object_id).rank for object_id in listed]
            return 0, max(ranks, default=0)
        if self.warehouse is Role.ADMIN:
            roles = [Role.ADMIN]
        else:
            granted = [role for (of, id_), role in self.grants.items() if of == kind and id_ != ANY]
            roles = [self._on_any(kind), *granted]
        ranks = [self._capped(role).rank for role in roles]
        return min(ranks), max(ranks)

    @property
    def lowest(self) -> int:
        """The least rank that the user has on anything."""
        kinds = [self.range_of(kind)[0] for kind in ("experiment", "model")]
        return min(self.on("warehouse").rank, *kinds)

    @property
    def highest(self) -> int:
        """The greatest rank that the user has on anything."""
        kinds = [self.range_of(kind)[1] for kind in ("experiment", "model")]
        return max(self.on("warehouse").rank, *kinds)

    def within(self, token: Token) -> Rights:
        """The same, within a token."""
        return Rights(self.warehouse, self.grants, token)

    def allows(self, action: Action, scope: Scope) -> bool:
        """Whether the user may, where the scope is an object that grants can be on."""
        if scope.kind == "everything":
            return self.lowest >= action
        return self.on(scope.kind, scope.id).allows(action)

    def _on_any(self, kind: str) -> Role:
        return self.grants.get((kind, ANY)) or self.warehouse

    def _capped(self, role: Role) -> Role:
        if self.token is None or role.rank <= self.token.role.rank:
            return role
        return self.token.role


@dataclass(frozen=True, slots=True)
class AccessState:
    """Who there is, and what was granted."""

    users: Mapping[str, User] = field(default_factory=dict)
    passwords: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    """The generation and the hash, by user."""
    tokens: Mapping[str, Token] = field(default_factory=dict)
    """By digest."""
    tokens_by_id: Mapping[str, Token] = field(default_factory=dict)
    groups: Mapping[int, Group] = field(default_factory=dict)
    members: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """The groups, by user."""
    grants: tuple[Grant, ...] = ()
    _by_principal: dict[tuple[str, str], list[Grant]] = field(default_factory=dict)
    _rights: dict[str, Rights] = field(default_factory=dict)

    def user(self, name: str) -> User | None:
        """The user of that name, if there is one who may sign in."""
        found = self.users.get(name)
        return found if found is not None and found.may_enter else None

    def password(self, user: User) -> str | None:
        """The hash of a user's password, if they have one."""
        generation, hashed = self.passwords.get(user.name, (0, ""))
        return hashed if hashed and generation == user.generation else None

    def rights(self, user: User) -> Rights:
        """What a user may do; computed once."""
        known = self._rights.get(user.name)
        if known is None:
            known = self._rights[user.name] = self._computed(user)
        return known

    def grants_of(self, kind: str, principal: str) -> list[Grant]:
        """What was granted to a user, or to a group, itself."""
        return self._by_principal.get((kind, principal), [])

    def _computed(self, user: User) -> Rights:
        of_groups: dict[_Object, list[Role]] = {}
        for group_id in self.members.get(user.name, ()):
            for grant in self.grants_of("group", str(group_id)):
                one = of_groups.setdefault((grant.object_kind, grant.object_id), [])
                one.append(grant.role)
        warehouse = max(
            [user.role, *of_groups.pop(("warehouse", ""), [])], key=lambda role: role.rank
        )
        grants = {key: _joined(roles) for key, roles in of_groups.items()}
        for grant in self.grants_of("user", user.name):
            grants[grant.object_kind, grant.object_id] = grant.role
        return Rights(warehouse, grants)


def _joined(roles: Iterable[Role]) -> Role:
    """What several groups give together: ``none`` was meant to keep out, so it wins."""
    found = list(roles)
    return Role.NONE if Role.NONE in found else max(found, key=lambda role: role.rank)


def state_mark(view: View) -> object:
    """A value that is the same for two views that tell the same about access."""
    roots = tuple(view.root.tables.get(name) for name in _READ)
    touched = tuple(
        segment.name for segment in view.tail if not set(_READ).isdisjoint(segment.patches)
    )
    return roots, touched


def read_state(view: View) -> AccessState:
    """Read all there is; takes some small files."""
    rows = {name: _rows(view, name) for name in _READ}
    tokens = [msgspec.convert(row, Token) for row in rows["tokens"]]
    members: dict[str, set[int]] = {}
    groups = {row["group_id"]: msgspec.convert(row, Group) for row in rows["user_groups"]}
    for row in rows["group_members"]:
        if row["group_id"] in groups:
            members.setdefault(row["name"], set()).add(row["group_id"])
    grants = tuple(msgspec.convert(row, Grant) for row in rows["grants"])
    by_principal: dict[tuple[str, str], list[Grant]] = {}
    for grant in grants:
        by_principal.setdefault((grant.principal_kind, grant.principal), []).append(grant)
    return AccessState(
        users={row["name"]: msgspec.convert(row, User) for row in rows["users"]},
        passwords={
            row["name"]: (row["generation"], row["hash"])
            for row in rows["passwords"]
            if row.get("hash")
        },
        tokens={token.digest: token for token in tokens},
        tokens_by_id={token.token_id: token for token in tokens},
        groups=groups,
        members={name: frozenset(ids) for name, ids in members.items()},
        grants=grants,
        _by_principal=by_principal,
    )


def _rows(view: View, table: str) -> list[dict[str, Any]]:
    found = view.table(table).scan().to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in found]
