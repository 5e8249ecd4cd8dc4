"""From our errors to HTTP's statuses: the one table for all protocols."""

from __future__ import annotations

from mere.errors import (
    AlreadyExists,
    Conflict,
    CorruptData,
    ErrorCode,
    Internal,
    InvalidInput,
    MereError,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)

__all__ = ["http_status", "native_error", "shown"]

_SHOWN_CHARS_MAX = 8_000

_BY_CODE = {
    ErrorCode.BODY_TOO_LARGE: 413,
    ErrorCode.TOO_SLOW: 408,
    ErrorCode.METHOD_NOT_ALLOWED: 405,
    ErrorCode.TOO_MANY_REQUESTS: 429,
    ErrorCode.NOT_OFFERED: 501,
    ErrorCode.STORE_FULL: 507,
}
_BY_CLASS: tuple[tuple[type[MereError], int], ...] = (
    (InvalidInput, 400),
    (Unauthenticated, 401),
    (PermissionDenied, 403),
    (NotFound, 404),
    (AlreadyExists, 409),
    (Conflict, 409),
    (Unavailable, 503),
    (CorruptData, 500),
    (Internal, 500),
)


def http_status(error: MereError) -> int:
    """HTTP's status of an error."""
    by_code = _BY_CODE.get(error.code)
    if by_code is not None:
        return by_code
    return next(status for kind, status in _BY_CLASS if isinstance(error, kind))


def shown(text: str) -> str:
    """A message as clients are told it: who sent a megabyte does not get it back."""
    return text if len(text) <= _SHOWN_CHARS_MAX else f"{text[:_SHOWN_CHARS_MAX]}…"


def native_error(error: MereError, request_id: str) -> dict[str, object]:
    """An error as the native protocol says it."""
    return {
        "error": {
            "code": str(error.code),
            "message": shown(error.message),
            "details": {name: _plain(value) for name, value in error.details.items()},
            "request_id": request_id,
        }
    }


def _plain(value: object) -> object:
    if isinstance(value, int | float | bool | None):
        return value
    return shown(value if isinstance(value, str) else str(value))
