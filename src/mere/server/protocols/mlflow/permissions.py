"""MLflow's permissions and roles, told as grants and groups.

A role of MLflow's is a group here, and a permission of a role is a grant to that group. READ is
viewer, EDIT editor, MANAGE admin, DENY none. USE is viewer, too: the two differ in nothing here, so
it is told as READ. There is one workspace, ``default``: its member tier is the role editor on the
warehouse, its admin tier the role admin. Runs, traces and the like have no grants of their own;
who grants on them is told to do so on their experiment.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from mere.entities.actor import ANY, Action, Actor, ActorKind, Role, Scope
from mere.entities.user import Grant, Group, User
from mere.server.operations import SIGNED_IN, Permission
from mere.server.protocols.mlflow.errors import invalid, not_there
from mere.server.protocols.mlflow.wire import ADMIN, Call, Request, operation
from mere.services.access.grants import grant_number

__all__ = [
    "OPERATIONS",
    "Assignment",
    "ByName",
    "ByRole",
    "ByRolePermission",
    "ByWorkspace",
    "NewRole",
    "NewRolePermission",
    "NewUserPermission",
    "RoleChange",
    "UserPermission",
    "add_role_permission",
    "assign_role",
    "create_role",
    "delete_role",
    "get_role",
    "get_user_permission",
    "grant_user_permission",
    "list_current_user_permissions",
    "list_role_permissions",
    "list_role_users",
    "list_roles",
    "list_user_permissions",
    "list_user_roles",
    "mlflow_role",
    "remove_role_permission",
    "revoke_user_permission",
    "unassign_role",
    "update_role",
    "update_role_permission",
]

WORKSPACE: Final = "default"
_ROLES: Final = {
    "READ": Role.VIEWER,
    "USE": Role.VIEWER,
    "EDIT": Role.EDITOR,
    "MANAGE": Role.ADMIN,
    "DENY": Role.NONE,
}
_WORDS: Final = {
    Role.VIEWER: "READ",
    Role.EDITOR: "EDIT",
    Role.ADMIN: "MANAGE",
    Role.NONE: "DENY",
}
_MEMBER_ROLES: Final = {"USE": Role.EDITOR, "MANAGE": Role.ADMIN}
_KINDS: Final = {"experiment": "experiment", "registered_model": "model", "prompt": "model"}
_TYPES: Final = {"experiment": "experiment", "model": "registered_model", "warehouse": "workspace"}


class NewRole(Request):
    """A role to make."""

    required = ("name", "workspace")
    name: str = ""
    workspace: str = ""
    description: str | None = None


class ByRole(Request):
    """The role meant."""

    required = ("role_id",)
    role_id: int | None = None


class ByWorkspace(Request):
    """The workspaces meant; all of them where none is named."""

    workspace: tuple[str, ...] = ()


class RoleChange(Request):
    """What to change of a role."""

    required = ("role_id",)
    role_id: int | None = None
    name: str | None = None
    description: str | None = None


class NewRolePermission(Request):
    """A permission to add to a role."""

    required = ("role_id", "resource_type", "resource_pattern", "permission")
    role_id: int | None = None
    resource_type: str = ""
    resource_pattern: str = ""
    permission: str = ""


class ByRolePermission(Request):
    """The permission of a role meant, and what it becomes."""

    required = ("role_permission_id",)
    role_permission_id: int | None = None
    permission: str = ""


class Assignment(Request):
    """A user and a role."""

    required = ("username", "role_id")
    username: str = ""
    role_id: int | None = None


class ByName(Request):
    """The user meant."""

    required = ("username",)
    username: str = ""


class UserPermission(Request):
    """A user and a resource."""

    required = ("username", "resource_type", "resource_id")
    username: str = ""
    resource_type: str = ""
    resource_id: str = ""


class NewUserPermission(Request):
    """A permission to give a user on a resource."""

    required = ("username", "resource_type", "resource_id", "permission")
    username: str = ""
    resource_type: str = ""
    resource_id: str = ""
    permission: str = ""


_ON_RESOURCE = Permission(
    Action.ADMIN, lambda call: _scope(call.data.resource_type, call.data.resource_id)
)


@operation("POST", "/*/3.0/mlflow/roles/create", permission=ADMIN, request=NewRole)
def create_role(call: Call) -> dict[str, Any]:
    """Make a role."""
    new: NewRole = call.data
    _check_workspace(new.workspace)
    grants = call.warehouse.access.refreshed().grants
    group = grants.create_group(new.name, new.description or "", by=call.actor.name)
    return {"role": mlflow_role(call, group)}


@operation("GET", "/*/3.0/mlflow/roles/get", permission=ADMIN, request=ByRole)
def get_role(call: Call) -> dict[str, Any]:
    """A role with its permissions."""
    return {
        "role": mlflow_role(call, call.warehouse.access.refreshed().grants.group(call.data.role_id))
    }


@operation("GET", "/*/3.0/mlflow/roles/list", permission=ADMIN, request=ByWorkspace)
def list_roles(call: Call) -> dict[str, Any]:
    """All roles."""
    if call.data.workspace and WORKSPACE not in call.data.workspace:
        return {"roles": []}
    return {
        "roles": [
            mlflow_role(call, one) for one in call.warehouse.access.refreshed().grants.groups()
        ]
    }


@operation("PATCH", "/*/3.0/mlflow/roles/update", permission=ADMIN, request=RoleChange)
def update_role(call: Call) -> dict[str, Any]:
    """Change a role's name or description."""
    change: RoleChange = call.data
    if change.name is None and change.description is None:
        raise invalid("At least one of 'name' or 'description' must be provided to update a role.")
    group = call.warehouse.access.refreshed().grants.update_group(
        change.role_id or 0, name=change.name, description=change.description
    )
    return {"role": mlflow_role(call, group)}


@operation("DELETE", "/*/3.0/mlflow/roles/delete", permission=ADMIN, request=ByRole)
def delete_role(call: Call) -> dict[str, Any]:
    """Remove a role with its permissions."""
    call.warehouse.access.refreshed().grants.delete_group(call.data.role_id)
    return {}


@operation(
    "POST", "/*/3.0/mlflow/roles/permissions/add", permission=ADMIN, request=NewRolePermission
)
def add_role_permission(call: Call) -> dict[str, Any]:
    """Add a permission to a role."""
    new: NewRolePermission = call.data
    scope = _scope(new.resource_type, new.resource_pattern)
    role = _granted(new.permission, scope)
    grants = call.warehouse.access.refreshed().grants
    grant = grants.give("group", str(new.role_id), scope, role, by=call.actor.name)
    return {"role_permission": _role_permission(grant)}


@operation("GET", "/*/3.0/mlflow/roles/permissions/list", permission=ADMIN, request=ByRole)
def list_role_permissions(call: Call) -> dict[str, Any]:
    """The permissions of a role."""
    group = call.warehouse.access.refreshed().grants.group(call.data.role_id)
    return {"role_permissions": _permissions(call, group)}


@operation(
    "DELETE", "/*/3.0/mlflow/roles/permissions/remove", permission=ADMIN, request=ByRolePermission
)
def remove_role_permission(call: Call) -> dict[str, Any]:
    """Take a permission from a role."""
    grant = _numbered(call, call.data.role_permission_id)
    scope = Scope(grant.object_kind, grant.object_id)
    call.warehouse.access.refreshed().grants.take("group", grant.principal, scope)
    return {}


@operation(
    "PATCH", "/*/3.0/mlflow/roles/permissions/update", permission=ADMIN, request=ByRolePermission
)
def update_role_permission(call: Call) -> dict[str, Any]:
    """Make a permission of a role another one."""
    grant = _numbered(call, call.data.role_permission_id)
    scope = Scope(grant.object_kind, grant.object_id)
    role = _granted(call.data.permission, scope)
    grants = call.warehouse.access.refreshed().grants
    changed = grants.give("group", grant.principal, scope, role, by=call.actor.name)
    return {"role_permission": _role_permission(changed)}


@operation("POST", "/*/3.0/mlflow/roles/assign", permission=ADMIN, request=Assignment)
def assign_role(call: Call) -> dict[str, Any]:
    """Give a user a role."""
    access = call.warehouse.access.refreshed()
    user = access.users.get(call.data.username)
    access.grants.add_member(call.data.role_id, user.name, by=call.actor.name)
    return {"assignment": _assignment(user, call.data.role_id)}


@operation("DELETE", "/*/3.0/mlflow/roles/unassign", permission=ADMIN, request=Assignment)
def unassign_role(call: Call) -> dict[str, Any]:
    """Take a role from a user."""
    if not call.warehouse.access.refreshed().grants.remove_member(
        call.data.role_id, call.data.username
    ):
        raise not_there(
            f"Role assignment not found for user={call.data.username}, role={call.data.role_id}"
        )
    return {}


@operation("GET", "/*/3.0/mlflow/roles/users/list", permission=ADMIN, request=ByRole)
def list_role_users(call: Call) -> dict[str, Any]:
    """The users who have a role."""
    access = call.warehouse.access.refreshed()
    names = access.grants.members(call.data.role_id)
    users = [access.users.get(name) for name in names]
    return {"assignments": [_assignment(one, call.data.role_id) for one in users]}


@operation("GET", "/*/3.0/mlflow/users/roles/list", permission=SIGNED_IN, request=ByName)
def list_user_roles(call: Call) -> dict[str, Any]:
    """The roles of a user; those of others are shown to admins."""
    _require_own(call, call.data.username)
    groups = call.warehouse.access.refreshed().grants.groups_of(call.data.username)
    return {"roles": [mlflow_role(call, one) for one in groups]}


@operation("GET", "/*/3.0/mlflow/users/current/permissions", permission=SIGNED_IN)
def list_current_user_permissions(call: Call) -> dict[str, Any]:
    """What was granted to oneself, by roles or directly."""
    if call.actor.kind is ActorKind.LOCAL:
        return {"is_admin": True, "permissions": []}
    return _user_permissions(call, call.actor.name)


@operation("GET", "/*/3.0/mlflow/users/permissions/list", permission=SIGNED_IN, request=ByName)
def list_user_permissions(call: Call) -> dict[str, Any]:
    """What was granted to a user; that of others is shown to admins."""
    _require_own(call, call.data.username)
    return _user_permissions(call, call.data.username)


@operation(
    "POST",
    "/*/3.0/mlflow/users/permissions/grant",
    permission=_ON_RESOURCE,
    request=NewUserPermission,
)
def grant_user_permission(call: Call) -> dict[str, Any]:
    """Give a user a permission on a resource that one manages."""
    new: NewUserPermission = call.data
    scope = _scope(new.resource_type, new.resource_id)
    role = _granted(new.permission, scope)
    access = call.warehouse.access.refreshed()
    if scope.kind == "warehouse":
        access.users.update(new.username, role=role)
    else:
        access.grants.give("user", new.username, scope, role, by=call.actor.name)
    return {}


@operation(
    "POST",
    "/*/3.0/mlflow/users/permissions/revoke",
    permission=_ON_RESOURCE,
    request=UserPermission,
)
def revoke_user_permission(call: Call) -> dict[str, Any]:
    """Take a user's permission on a resource away."""
    gone: UserPermission = call.data
    scope = _scope(gone.resource_type, gone.resource_id)
    access = call.warehouse.access.refreshed()
    if scope.kind == "warehouse":
        access.users.update(gone.username, role=Role.NONE)
    elif not access.grants.take("user", gone.username, scope):
        raise not_there(
            f"Permission not found for user={gone.username}, "
            f"resource_type={gone.resource_type}, resource_id={gone.resource_id}"
        )
    return {}


@operation(
    "GET", "/*/3.0/mlflow/users/permissions/get", permission=SIGNED_IN, request=UserPermission
)
def get_user_permission(call: Call) -> dict[str, Any]:
    """What a user may do with a resource; of others, who manages it may ask."""
    asked: UserPermission = call.data
    access = call.warehouse.access.refreshed()
    scope = _scope(asked.resource_type, asked.resource_id)
    if asked.username.casefold() != call.actor.name:
        access.authorize(call.actor, Action.ADMIN, scope)
    user = access.users.get(asked.username)
    role = Role.NONE
    if user.may_enter:
        role = access.role_on(Actor(name=user.name, kind=ActorKind.USER), scope)
    word = "NO_PERMISSIONS" if role is Role.NONE else _WORDS[role]
    return {"allowed": role.allows(Action.EDIT), "permission": word}


def _scope(resource_type: str, resource_id: str) -> Scope:
    """What a permission is on, in our words."""
    if resource_type == "workspace":
        if resource_id not in (ANY, WORKSPACE):
            raise invalid(f"Invalid workspace '{resource_id}': there is one, named '{WORKSPACE}'.")
        return Scope.warehouse()
    kind = _KINDS.get(resource_type)
    if kind is None:
        known = ", ".join((*_KINDS, "workspace"))
        raise invalid(
            f"Invalid resource type '{resource_type}'. Valid resource types are: {known}; "
            "runs, traces and what else is in an experiment follow it."
        )
    return Scope(kind, resource_id)


def _granted(permission: str, scope: Scope) -> Role:
    known = _MEMBER_ROLES if scope.kind == "warehouse" else _ROLES
    role = known.get(permission)
    if role is None:
        raise invalid(
            f"Invalid permission '{permission}'. Valid permissions are: {', '.join(known)}"
        )
    return role


def _check_workspace(name: str) -> None:
    if name != WORKSPACE:
        raise invalid(f"Invalid workspace '{name}': there is one, named '{WORKSPACE}'.")


def _require_own(call: Call, name: str) -> None:
    if name.casefold() != call.actor.name:
        call.warehouse.access.authorize(call.actor, Action.ADMIN, Scope.warehouse())


def mlflow_role(call: Call, group: Group) -> dict[str, Any]:
    """A group as MLflow's client reads a role."""
    return {
        "id": group.group_id,
        "name": group.name,
        "workspace": WORKSPACE,
        "description": group.description or None,
        "permissions": _permissions(call, group),
    }


def _permissions(call: Call, group: Group) -> list[dict[str, Any]]:
    grants = call.warehouse.access.grants
    found = grants.search(principal_kind="group", principal=str(group.group_id))
    return [_role_permission(one) for one in found]


def _role_permission(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant_number(grant),
        "role_id": int(grant.principal),
        "resource_type": _TYPES[grant.object_kind],
        "resource_pattern": grant.object_id or ANY,
        "permission": _word(grant),
    }


def _word(grant: Grant) -> str:
    if grant.object_kind == "warehouse":
        return "MANAGE" if grant.role is Role.ADMIN else "USE"
    return _WORDS[grant.role]


def _numbered(call: Call, number: int) -> Grant:
    for grant in call.warehouse.access.grants.search(principal_kind="group"):
        if grant_number(grant) == number:
            return grant
    raise not_there(f"Role permission with id={number} not found")


def _assignment(user: User, role_id: int) -> dict[str, Any]:
    text = f"{user.user_id} {role_id}".encode()
    number = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 11
    return {"id": number, "user_id": user.user_id, "role_id": role_id}


def _user_permissions(call: Call, name: str) -> dict[str, Any]:
    access = call.warehouse.access
    user = access.users.get(name)
    rows = [
        _row(one, user.user_id, f"__user_{user.user_id}__")
        for one in access.grants.search(principal_kind="user", principal=user.name)
    ]
    for group in access.grants.groups_of(user.name):
        found = access.grants.search(principal_kind="group", principal=str(group.group_id))
        rows += [_row(one, group.group_id, group.name) for one in found]
    return {"is_admin": user.is_admin, "permissions": rows}


def _row(grant: Grant, role_id: int, role_name: str) -> dict[str, Any]:
    return {
        "role_id": role_id,
        "role_name": role_name,
        "workspace": WORKSPACE,
        "resource_type": _TYPES[grant.object_kind],
        "resource_pattern": grant.object_id or ANY,
        "permission": _word(grant),
    }


OPERATIONS = (
    create_role,
    get_role,
    list_roles,
    update_role,
    delete_role,
    add_role_permission,
    list_role_permissions,
    remove_role_permission,
    update_role_permission,
    assign_role,
    unassign_role,
    list_role_users,
    list_user_roles,
    list_current_user_permissions,
    list_user_permissions,
    grant_user_permission,
    revoke_user_permission,
    get_user_permission,
)
