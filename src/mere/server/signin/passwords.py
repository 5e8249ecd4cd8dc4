"""Passwords set over HTTP, alike in every protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mere.entities.actor import Action, Actor, ActorKind, Scope
from mere.errors import ErrorCode, PermissionDenied
from mere.server.signin.identify import client_address

if TYPE_CHECKING:
    from mere.server.operations import Call

__all__ = ["change_password", "require_person"]


def change_password(call: Call, name: str, password: str, current: str | None) -> None:
    """Set a password, where the caller may: admins any, others their own by showing it.

    Raises:
        PermissionDenied: It is somebody else's, or a token asks.
        Unauthenticated: The password shown is wrong.
    """
    require_person(call.actor, "set passwords")
    access = call.warehouse.access
    if call.actor.kind is ActorKind.USER and call.actor.name == name.casefold():
        address = client_address(call, call.server.settings)
        access.users.check_password(name, current or "", address)
    else:
        access.authorize(call.actor, Action.ADMIN, Scope.warehouse())
    access.users.set_password(name, password)
    access.sessions.end_all(name.casefold(), but=call.actor.session_id)


def require_person(actor: Actor, what: str) -> None:
    """Return unless a token asks for what would outlive it.

    Raises:
        PermissionDenied: A token does.
    """
    if actor.kind is ActorKind.TOKEN:
        raise PermissionDenied(
            ErrorCode.ACCESS_DENIED,
            f"a token may not {what}: sign in with a name and a password, or in the portal",
        )
