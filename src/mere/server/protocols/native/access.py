"""Users, tokens, grants, groups and the audit trail, as the portal and scripts manage them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from mere.entities.actor import Action, ActorKind, Role, Scope
from mere.entities.token import Token
from mere.entities.user import Grant, Group, User
from mere.errors import ErrorCode, InvalidInput
from mere.server.operations import SIGNED_IN, Call, Permission
from mere.server.protocols.native.wire import ADMIN, operation
from mere.server.signin.passwords import change_password, require_person

__all__ = [
    "OPERATIONS",
    "AuditQuery",
    "GrantChange",
    "GrantQuery",
    "GroupChange",
    "NewPassword",
    "NewToken",
    "NewUser",
    "TokenQuery",
    "UserChange",
    "add_member",
    "audit",
    "create_group",
    "create_token",
    "create_user",
    "delete_group",
    "delete_user",
    "get_user",
    "give_grant",
    "list_grants",
    "list_groups",
    "list_tokens",
    "list_users",
    "remove_member",
    "revoke_token",
    "set_password",
    "take_grant",
    "update_group",
    "update_user",
]


class NewUser(msgspec.Struct):
    """A user to make; without a password they can sign in by tokens or single sign-on only."""

    name: str
    password: str | None = None
    role: str = "viewer"
    display_name: str = ""


class UserChange(msgspec.Struct):
    """What to change of a user; what is left out stays."""

    role: str | None = None
    display_name: str | None = None
    is_disabled: bool | None = None


class NewPassword(msgspec.Struct):
    """A password to set; users who are no admins show the one before."""

    password: str
    current_password: str | None = None


class NewToken(msgspec.Struct):
    """A token to make."""

    name: str
    owner: str | None = None
    role: str = "admin"
    experiments: list[str] | None = None
    models: list[str] | None = None
    life_s: float | None = None


class GrantQuery(msgspec.Struct):
    """Grants of whom, or on what."""

    principal_kind: str | None = None
    principal: str | None = None
    object_kind: str | None = None
    object_id: str = ""


class GrantChange(msgspec.Struct):
    """A grant to give or to take: a role for a user or group on an object; ``*`` means all."""

    principal: str
    object_kind: str
    object_id: str = ""
    principal_kind: str = "user"
    role: str = "viewer"


class GroupChange(msgspec.Struct):
    """A group's name and what it is for."""

    name: str | None = None
    description: str | None = None


class AuditQuery(msgspec.Struct):
    """Which notes of the audit trail."""

    actor: str | None = None
    operation: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100
    offset: int = 0


class TokenQuery(msgspec.Struct):
    """Whose tokens; by default one's own."""

    owner: str | None = None


def _granted_scope(call: Call) -> Scope:
    """What the grant in question is on: who administers that may give and take it."""
    return _scope(call.data.object_kind or "warehouse", call.data.object_id)


_ADMIN_OF_OBJECT = Permission(Action.ADMIN, _granted_scope)


@operation("GET", "/api/v1/users", permission=SIGNED_IN)
def list_users(call: Call) -> dict[str, Any]:
    """All users; admins see their roles, others only whom they could share with."""
    access = call.warehouse.access.refreshed()
    users = access.users.list()
    if access.role_on(call.actor, Scope.warehouse()) is Role.ADMIN:
        return {"users": [_public_user(one) for one in users]}
    return {"users": [{"name": one.name, "display_name": one.display_name} for one in users]}


@operation("POST", "/api/v1/users", permission=ADMIN, request=NewUser, status=201)
def create_user(call: Call) -> dict[str, Any]:
    """Make a user."""
    new: NewUser = call.data
    user = call.warehouse.access.refreshed().users.create(
        new.name,
        new.password,
        role=Role.of(new.role),
        display_name=new.display_name,
        by=call.actor.name,
    )
    return _public_user(user)


@operation("GET", "/api/v1/users/{name}", permission=ADMIN)
def get_user(call: Call) -> dict[str, Any]:
    """One user."""
    return _public_user(call.warehouse.access.refreshed().users.get(call.path["name"]))


@operation("PATCH", "/api/v1/users/{name}", permission=ADMIN, request=UserChange)
def update_user(call: Call) -> dict[str, Any]:
    """Change a user's role or display name, or keep them out."""
    change: UserChange = call.data
    access = call.warehouse.access.refreshed()
    user = access.users.update(
        call.path["name"],
        role=None if change.role is None else Role.of(change.role),
        display_name=change.display_name,
        is_disabled=change.is_disabled,
    )
    if change.is_disabled:
        access.sessions.end_all(user.name)
    return _public_user(user)


@operation("DELETE", "/api/v1/users/{name}", permission=ADMIN)
def delete_user(call: Call) -> dict[str, Any]:
    """Remove a user with their tokens and grants."""
    access = call.warehouse.access.refreshed()
    access.users.delete(call.path["name"])
    access.sessions.end_all(call.path["name"].casefold())
    return {}


@operation(
    "POST", "/api/v1/users/{name}/password", permission=SIGNED_IN, request=NewPassword, status=200
)
def set_password(call: Call) -> dict[str, Any]:
    """Set a user's password, one's own or as an admin; all other sessions of theirs end."""
    new: NewPassword = call.data
    change_password(call, call.path["name"], new.password, new.current_password)
    return {}


@operation("GET", "/api/v1/tokens", permission=SIGNED_IN, request=TokenQuery)
def list_tokens(call: Call) -> dict[str, Any]:
    """One's own valid tokens, or as an admin anybody's; secrets are not among what is told."""
    owner = _owner(call, call.data.owner, reading=True)
    return {
        "tokens": [
            _public_token(one) for one in call.warehouse.access.refreshed().tokens.list(owner)
        ]
    }


@operation("POST", "/api/v1/tokens", permission=SIGNED_IN, request=NewToken, status=201)
def create_token(call: Call) -> dict[str, Any]:
    """Make a token; its secret is in the answer and cannot be told again."""
    require_person(call.actor, "make tokens")
    new: NewToken = call.data
    owner = _owner(call, new.owner)
    if owner is None:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, "sign-in is off, so say whose token it is: name its owner"
        )
    token, secret = call.warehouse.access.refreshed().tokens.create(
        owner,
        new.name,
        role=Role.of(new.role),
        experiments=new.experiments,
        models=new.models,
        life_s=new.life_s,
    )
    return {**_public_token(token), "secret": secret}


@operation("DELETE", "/api/v1/tokens/{token_id}", permission=SIGNED_IN)
def revoke_token(call: Call) -> dict[str, Any]:
    """Take a token back, one's own or as an admin."""
    tokens = call.warehouse.access.refreshed().tokens
    token = tokens.get(call.path["token_id"])
    _owner(call, token.owner, reading=True)
    tokens.revoke(token.token_id)
    return {}


@operation("GET", "/api/v1/grants", permission=_ADMIN_OF_OBJECT, request=GrantQuery)
def list_grants(call: Call) -> dict[str, Any]:
    """Grants on an object, for who administers it; all of them, for admins."""
    query: GrantQuery = call.data
    scope = None if query.object_kind is None else _granted_scope(call)
    found = call.warehouse.access.refreshed().grants.search(
        principal_kind=query.principal_kind, principal=query.principal, scope=scope
    )
    return {"grants": [_public_grant(one) for one in found]}


@operation("PUT", "/api/v1/grants", permission=_ADMIN_OF_OBJECT, request=GrantChange)
def give_grant(call: Call) -> dict[str, Any]:
    """Give a user or a group a role on an experiment or a model that one administers."""
    change: GrantChange = call.data
    grant = call.warehouse.access.refreshed().grants.give(
        change.principal_kind,
        change.principal,
        _granted_scope(call),
        Role.of(change.role),
        by=call.actor.name,
    )
    return _public_grant(grant)


@operation("DELETE", "/api/v1/grants", permission=_ADMIN_OF_OBJECT, request=GrantChange)
def take_grant(call: Call) -> dict[str, Any]:
    """Take a grant away, on an experiment or a model that one administers."""
    change: GrantChange = call.data
    was = call.warehouse.access.refreshed().grants.take(
        change.principal_kind, change.principal, _granted_scope(call)
    )
    return {"taken": was}


@operation("GET", "/api/v1/groups", permission=SIGNED_IN)
def list_groups(call: Call) -> dict[str, Any]:
    """All groups with their members."""
    grants = call.warehouse.access.refreshed().grants
    return {"groups": [_public_group(call, one) for one in grants.groups()]}


@operation("POST", "/api/v1/groups", permission=ADMIN, request=GroupChange, status=201)
def create_group(call: Call) -> dict[str, Any]:
    """Make a group."""
    change: GroupChange = call.data
    group = call.warehouse.access.refreshed().grants.create_group(
        change.name or "", change.description or "", by=call.actor.name
    )
    return _public_group(call, group)


@operation("PATCH", "/api/v1/groups/{group}", permission=ADMIN, request=GroupChange)
def update_group(call: Call) -> dict[str, Any]:
    """Change a group's name or what it is for."""
    change: GroupChange = call.data
    group = call.warehouse.access.refreshed().grants.update_group(
        call.path["group"], name=change.name, description=change.description
    )
    return _public_group(call, group)


@operation("DELETE", "/api/v1/groups/{group}", permission=ADMIN)
def delete_group(call: Call) -> dict[str, Any]:
    """Remove a group with its grants."""
    call.warehouse.access.refreshed().grants.delete_group(call.path["group"])
    return {}


@operation("PUT", "/api/v1/groups/{group}/members/{name}", permission=ADMIN)
def add_member(call: Call) -> dict[str, Any]:
    """Put a user into a group."""
    grants = call.warehouse.access.refreshed().grants
    grants.add_member(call.path["group"], call.path["name"], by=call.actor.name)
    return {}


@operation("DELETE", "/api/v1/groups/{group}/members/{name}", permission=ADMIN)
def remove_member(call: Call) -> dict[str, Any]:
    """Take a user out of a group."""
    grants = call.warehouse.access.refreshed().grants
    return {"removed": grants.remove_member(call.path["group"], call.path["name"])}


@operation("GET", "/api/v1/audit", permission=ADMIN, request=AuditQuery)
def audit(call: Call) -> dict[str, Any]:
    """Who did what to what, newest first; `total` is how many notes there are."""
    query: AuditQuery = call.data
    trail = call.warehouse.access.trail
    wanted: dict[str, Any] = {
        "actor": query.actor,
        "operation": query.operation,
        "outcome": query.outcome,
        "since": query.since,
        "until": query.until,
    }
    notes = trail.search(**wanted, limit=query.limit, offset=query.offset)
    return {"notes": notes, "total": trail.count(**wanted)}


def _owner(call: Call, wanted: str | None, *, reading: bool = False) -> str | None:
    """Whose tokens are meant; those of others are for admins. None means all, or nobody's."""
    is_person = call.actor.kind in (ActorKind.USER, ActorKind.TOKEN)
    if wanted is None:
        return call.actor.name if is_person else None
    if not is_person or wanted.casefold() != call.actor.name:
        call.warehouse.access.authorize(call.actor, Action.ADMIN, Scope.warehouse())
    elif not reading:
        require_person(call.actor, "make tokens")
    return wanted.casefold()


def _scope(kind: str, object_id: str) -> Scope:
    if kind not in ("experiment", "model", "warehouse"):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"object kind {kind!r} is unknown: use experiment, model or warehouse",
            value=kind,
        )
    return Scope.warehouse() if kind == "warehouse" else Scope(kind, object_id)


def _public_user(user: User) -> dict[str, Any]:
    row = msgspec.structs.asdict(user)
    return {name: row[name] for name in row if name not in ("generation", "subject", "lifecycle")}


def _public_token(token: Token) -> dict[str, Any]:
    row = msgspec.structs.asdict(token)
    return {name: row[name] for name in row if name not in ("digest", "owner_generation")}


def _public_grant(grant: Grant) -> dict[str, Any]:
    return msgspec.structs.asdict(grant)


def _public_group(call: Call, group: Group) -> dict[str, Any]:
    members = call.warehouse.access.grants.members(group.group_id)
    return {**msgspec.structs.asdict(group), "members": members}


OPERATIONS = (
    list_users,
    create_user,
    get_user,
    update_user,
    delete_user,
    set_password,
    list_tokens,
    create_token,
    revoke_token,
    list_grants,
    give_grant,
    take_grant,
    list_groups,
    create_group,
    update_group,
    delete_group,
    add_member,
    remove_member,
    audit,
)
