"""MLflow's users: made, looked at, changed and removed, as its basic-auth app has it."""

from __future__ import annotations

from typing import Any

from mere.entities.actor import Action, Actor, ActorKind, Role, Scope
from mere.entities.user import User
from mere.server.operations import SIGNED_IN
from mere.server.protocols.mlflow.errors import refusal
from mere.server.protocols.mlflow.permissions import mlflow_role
from mere.server.protocols.mlflow.wire import ADMIN, Call, Request, operation
from mere.server.signin.passwords import change_password

__all__ = [
    "OPERATIONS",
    "ByName",
    "NewAdmin",
    "NewPassword",
    "NewUser",
    "create_user",
    "current_user",
    "delete_user",
    "get_user",
    "list_users",
    "mlflow_user",
    "update_admin",
    "update_password",
]


class NewUser(Request):
    """A user to make."""

    required = ("username", "password")
    username: str = ""
    password: str = ""


class ByName(Request):
    """The user meant."""

    required = ("username",)
    username: str = ""


class NewPassword(Request):
    """A password to set."""

    required = ("username", "password")
    username: str = ""
    password: str = ""
    current_password: str | None = None


class NewAdmin(Request):
    """Whether a user is an admin."""

    required = ("username",)
    username: str = ""
    is_admin: bool | None = None


@operation("POST", "/*/2.0/mlflow/users/create", permission=ADMIN, request=NewUser)
def create_user(call: Call) -> dict[str, Any]:
    """Make a user; MLflow's are editors, as they may create experiments."""
    new: NewUser = call.data
    user = call.warehouse.access.refreshed().users.create(
        new.username, new.password, role=Role.EDITOR, by=call.actor.name
    )
    return {"user": mlflow_user(call, user)}


@operation("GET", "/*/2.0/mlflow/users/get", permission=SIGNED_IN, request=ByName)
def get_user(call: Call) -> dict[str, Any]:
    """A user; others than oneself are shown to admins."""
    name = call.data.username
    if name.casefold() != call.actor.name:
        call.warehouse.access.refreshed().authorize(call.actor, Action.ADMIN, Scope.warehouse())
    return {"user": mlflow_user(call, call.warehouse.access.users.get(name))}


@operation("GET", "/*/2.0/mlflow/users/current", permission=SIGNED_IN)
def current_user(call: Call) -> dict[str, Any]:
    """Who one is."""
    if call.actor.kind is ActorKind.LOCAL:
        user = {"id": 0, "username": call.actor.name, "is_admin": True}
        return {"user": user, "is_basic_auth": False}
    user = mlflow_user(call, call.warehouse.access.refreshed().users.get(call.actor.name))
    return {"user": user, "is_basic_auth": True}


@operation("GET", "/*/2.0/mlflow/users/list", permission=ADMIN)
def list_users(call: Call) -> dict[str, Any]:
    """All users."""
    access = call.warehouse.access.refreshed()
    return {
        "users": [
            {
                **mlflow_user(call, one),
                "roles": [mlflow_role(call, group) for group in access.grants.groups_of(one.name)],
            }
            for one in access.users.list()
        ]
    }


@operation(
    "PATCH", "/*/2.0/mlflow/users/update-password", permission=SIGNED_IN, request=NewPassword
)
def update_password(call: Call) -> dict[str, Any]:
    """Set a password, one's own by showing it, or as an admin anybody's."""
    new: NewPassword = call.data
    change_password(call, new.username, new.password, new.current_password)
    return {}


@operation("PATCH", "/*/2.0/mlflow/users/update-admin", permission=ADMIN, request=NewAdmin)
def update_admin(call: Call) -> dict[str, Any]:
    """Make a user an admin, or an editor again."""
    change: NewAdmin = call.data
    if change.is_admin is None:
        raise refusal("INVALID_PARAMETER_VALUE", "Missing value for required parameter 'is_admin'.")
    users = call.warehouse.access.refreshed().users
    user = users.get(change.username)
    if change.is_admin != user.is_admin:
        users.update(user.name, role=Role.ADMIN if change.is_admin else Role.EDITOR)
    return {}


@operation("DELETE", "/*/2.0/mlflow/users/delete", permission=ADMIN, request=ByName)
def delete_user(call: Call) -> dict[str, Any]:
    """Remove a user; not oneself."""
    if call.data.username.casefold() == call.actor.name:
        raise refusal(
            "BAD_REQUEST",
            "Users cannot delete their own account. Ask another admin to delete this user instead.",
        )
    access = call.warehouse.access.refreshed()
    access.users.delete(call.data.username)
    access.sessions.end_all(call.data.username.casefold())
    return {}


def mlflow_user(call: Call, user: User) -> dict[str, Any]:
    """A user as MLflow's client reads one."""
    actor = Actor(name=user.name, kind=ActorKind.USER)
    access = call.warehouse.access
    role = access.role_on(actor, Scope.warehouse()) if user.may_enter else user.role
    return {"id": user.user_id, "username": user.name, "is_admin": role is Role.ADMIN}


OPERATIONS = (
    create_user,
    get_user,
    current_user,
    list_users,
    update_password,
    update_admin,
    delete_user,
)
