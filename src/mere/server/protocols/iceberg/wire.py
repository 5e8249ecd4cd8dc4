"""How the Iceberg REST catalog protocol says what goes wrong, and names what it is about."""

from __future__ import annotations

from functools import cache, partial
from typing import Final

import msgspec

from mere.config import IcebergSettings, environment
from mere.entities.actor import Action, Scope
from mere.errors import (
    AlreadyExists,
    Conflict,
    ErrorCode,
    InvalidInput,
    MereError,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from mere.server.errors import http_status, shown
from mere.server.operations import Answer, Call, Permission, Protocol
from mere.server.operations import operation as declare

__all__ = [
    "ICEBERG",
    "NAMESPACE",
    "READ",
    "SEPARATOR",
    "WRITE",
    "guest_of",
    "is_writable",
    "levels",
    "operation",
    "page",
    "prefix_of",
    "settings",
    "state_of",
]

NAMESPACE: Final = "mere"
"""The one namespace in which the warehouse's own tables are."""
SEPARATOR: Final = "\x1f"
"""Between the levels of a namespace in paths."""
_TYPES: tuple[tuple[type[MereError], str], ...] = (
    (Unauthenticated, "NotAuthorizedException"),
    (PermissionDenied, "ForbiddenException"),
    (NotFound, "NoSuchTableException"),
    (AlreadyExists, "AlreadyExistsException"),
    (Conflict, "CommitFailedException"),
    (Unavailable, "ServiceUnavailableException"),
    (InvalidInput, "BadRequestException"),
)
_BY_CODE = {
    ErrorCode.IN_USE: "NamespaceNotEmptyException",
    ErrorCode.NAMESPACE_NOT_FOUND: "NoSuchNamespaceException",
    ErrorCode.ROOT_NOT_FOUND: "NoSuchNamespaceException",
    ErrorCode.ROUTE_NOT_FOUND: "NotFoundException",
    ErrorCode.NOT_OFFERED: "UnsupportedOperationException",
}


class _Iceberg(Protocol):
    def refuse(self, error: MereError, request_id: str) -> Answer:  # noqa: ARG002
        status = 406 if error.code is ErrorCode.NOT_OFFERED else http_status(error)
        kind = _BY_CODE.get(error.code) or next(
            (name for known, name in _TYPES if isinstance(error, known)), "InternalServerError"
        )
        shape = {"error": {"message": shown(error.message), "type": kind, "code": status}}
        return Answer(msgspec.json.encode(shape), status=status)


_ERROR: Final = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "code": {"type": "integer", "minimum": 400, "maximum": 600},
            },
            "required": ["message", "type", "code"],
        }
    },
    "required": ["error"],
}

ICEBERG: Final = _Iceberg("iceberg", ("/iceberg",), _ERROR)
operation = partial(declare, protocol=ICEBERG)
"""Declare a handler as an operation of this protocol; see `mere.server.operations.operation`."""

READ: Final = Permission(Action.READ, scope=lambda _: Scope.everything())
"""Whoever is told where files are reads them with rights that are none of ours: so all or none."""


WRITE: Final = Permission(Action.EDIT)
"""Guest tables belong to the warehouse itself."""


@cache
def settings() -> IcebergSettings:
    """What this server offers."""
    return IcebergSettings.from_environment(environment())


def prefix_of(path: str) -> tuple[str, str]:
    """The two paths of a resource: with the prefix that `config` tells, and without one."""
    return f"/iceberg/v1/{{prefix}}/{path}", f"/iceberg/v1/{path}"


def state_of(call: Call) -> str | None:
    """The state that the prefix names after ``@``; None for the newest.

    Raises:
        NotFound: The prefix is not ours.
    """
    name, has_state, state = call.path.get("prefix", NAMESPACE).partition("@")
    if name != NAMESPACE or (has_state and not state):
        raise NotFound(
            ErrorCode.NAMESPACE_NOT_FOUND,
            f"there is no catalog {name!r} here: leave the warehouse out, or name it {NAMESPACE}",
            prefix=name,
        )
    return state or None


def levels(namespace: str) -> tuple[str, ...]:
    """The levels of a namespace as a path or a query has it."""
    return tuple(namespace.split(SEPARATOR))


def guest_of(call: Call) -> tuple[str, ...] | None:
    """The namespace that a path names, if it is one of other writers' and there can be such.

    Raises:
        NotFound: The prefix is not ours.
    """
    state = state_of(call)
    namespace = levels(call.path["namespace"])
    return namespace if namespace[0] != NAMESPACE and state is None and is_writable() else None


def is_writable() -> bool:
    """Whether other writers keep tables here."""
    return settings().is_writable


def page(call: Call, names: list[str]) -> tuple[list[str], str | None]:
    """The names on the page that a query asks for, and the token of the next one.

    Who sends no token gets everything at once, as the protocol wants it.

    Raises:
        InvalidInput: The page's size is no number from 1.
    """
    query = dict(call.query)
    token = query.get("pageToken")
    if token is None:
        return names, None
    size = query.get("pageSize") or "1000"
    if not (size.isascii() and size.isdigit() and 0 < int(size) < 1_000_000):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"pageSize is {size[:40]!r}: send a number from 1"
        )
    left = [name for name in names if name > token]
    shown = left[: int(size)]
    return shown, shown[-1] if len(left) > len(shown) else None
