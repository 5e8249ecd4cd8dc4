"""How the native protocol reads and writes: JSON in snake case, one shape of error."""

from __future__ import annotations

from functools import partial
from typing import Final

import msgspec

from mere.entities.actor import Action
from mere.errors import ErrorCode, MereError
from mere.server.errors import http_status, native_error
from mere.server.operations import Answer, Permission, Protocol
from mere.server.operations import operation as declare

__all__ = ["ADMIN", "EDIT", "NATIVE", "READ", "operation"]


class _Native(Protocol):
    def refuse(self, error: MereError, request_id: str) -> Answer:
        body = msgspec.json.encode(native_error(error, request_id))
        return Answer(body, status=http_status(error))


_ERROR: Final = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"enum": sorted(ErrorCode)},
                "message": {"type": "string"},
                "details": {"type": "object"},
                "request_id": {"type": "string"},
            },
            "required": ["code", "message", "details", "request_id"],
        }
    },
    "required": ["error"],
}

NATIVE: Final = _Native("native", ("/",), _ERROR)
operation = partial(declare, protocol=NATIVE)
"""Declare a handler as an operation of this protocol; see `mere.server.operations.operation`."""

READ: Final = Permission(Action.READ)
EDIT: Final = Permission(Action.EDIT)
ADMIN: Final = Permission(Action.ADMIN)
