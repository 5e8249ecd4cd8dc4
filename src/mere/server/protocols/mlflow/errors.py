"""Our errors as MLflow's clients know them: an error code, its status, and a message.

Clients act on the code, and some on words of the message; where they do, the words are here. What
only this protocol refuses is raised with `invalid`, `missing` or `refusal`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

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

__all__ = [
    "STATUSES",
    "as_mlflow",
    "invalid",
    "invalid_value",
    "missing",
    "not_there",
    "refusal",
    "wrong_type",
]

_HINT = "See the API docs for more information about request parameters."
_SHOWN_CHARS_MAX = 2_000

STATUSES = {
    "BAD_REQUEST": 400,
    "INVALID_PARAMETER_VALUE": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "FEATURE_DISABLED": 400,  # 500 there, which clients would try again for minutes
    "INVALID_STATE": 400,  # the same
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "ENDPOINT_NOT_FOUND": 404,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "ABORTED": 409,
    "RESOURCE_CONFLICT": 409,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL_ERROR": 500,
    "DATA_LOSS": 500,
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""HTTP's status of each error code, as MLflow's own server answers it but for those."""

_BY_CODE = {
    ErrorCode.ROUTE_NOT_FOUND: ("ENDPOINT_NOT_FOUND", 404),
    ErrorCode.METHOD_NOT_ALLOWED: ("BAD_REQUEST", 405),
    ErrorCode.BODY_TOO_LARGE: ("BAD_REQUEST", 413),
    ErrorCode.TOO_SLOW: ("BAD_REQUEST", 408),
    ErrorCode.TOO_MANY_REQUESTS: ("REQUEST_LIMIT_EXCEEDED", 429),
    ErrorCode.NOT_OFFERED: ("NOT_IMPLEMENTED", 501),
    ErrorCode.STORE_FULL: ("RESOURCE_EXHAUSTED", 507),
}
_BY_CLASS: tuple[tuple[type[MereError], str], ...] = (
    (InvalidInput, "INVALID_PARAMETER_VALUE"),
    (Unauthenticated, "UNAUTHENTICATED"),
    (PermissionDenied, "PERMISSION_DENIED"),
    (NotFound, "RESOURCE_DOES_NOT_EXIST"),
    (AlreadyExists, "RESOURCE_ALREADY_EXISTS"),
    (Conflict, "RESOURCE_CONFLICT"),
    (Unavailable, "TEMPORARILY_UNAVAILABLE"),
    (CorruptData, "DATA_LOSS"),
    (Internal, "INTERNAL_ERROR"),
)


def refusal(error_code: str, message: str, *, status: int | None = None) -> MereError:
    """An error of this protocol, with the code and the message its clients know.

    Args:
        error_code: One of `STATUSES`.
        message: As clients see it.
        status: HTTP's status, where it is another than the code's.
    """
    given = status or STATUSES[error_code]
    kind = NotFound if given == 404 else Internal if given >= 500 else InvalidInput
    return kind(ErrorCode.INVALID_VALUE, message, mlflow=(error_code, given))


def invalid(message: str) -> MereError:
    """A wrong request, in words of our own."""
    return refusal("INVALID_PARAMETER_VALUE", message)


def missing(name: str) -> MereError:
    """A required field is missing or empty."""
    return invalid(f"Missing value for required parameter '{name}'. {_HINT}")


def invalid_value(name: str, value: Any, reason: str = "") -> MereError:
    """A field's value may not be one."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    if len(text) > _SHOWN_CHARS_MAX:
        text = text[:_SHOWN_CHARS_MAX] + "…"
    return invalid(f"Invalid value {text} for parameter '{name}' supplied{reason or '.'}")


def wrong_type(name: str, value: Any) -> MereError:
    """A field's value is of another type."""
    hint = f":  Hint: Value was of type '{type(value).__name__}'. {_HINT}"
    return invalid_value(name, value, hint)


def not_there(message: str) -> MereError:
    """What was asked for is not there."""
    return refusal("RESOURCE_DOES_NOT_EXIST", message)


def as_mlflow(error: MereError) -> tuple[str, int, str]:
    """An error's code, HTTP status and message in this protocol."""
    own = error.details.get("mlflow")
    if own is not None:
        return own[0], own[1], error.message
    known = _BY_CODE.get(error.code)
    if known is None:
        name = next(name for kind, name in _BY_CLASS if isinstance(error, kind))
        known = (name, STATUSES[name])
    return known[0], known[1], _message(error)


def _message(error: MereError) -> str:
    words = _MESSAGES.get(error.code)
    try:
        own = words({**error.details, "message": error.message}) if words else None
        return own or error.message
    except KeyError:  # raised where less is known
        return error.message


def _changed(details: dict[str, Any]) -> str:
    """Say which params were to be changed."""
    if details.get("is_batch"):
        return (
            "Changing param values is not allowed. Params were already "
            f"logged='{details['several']}' for run ID='{details['run_id']}'."
        )
    return (
        f"Changing param values is not allowed. Param with key='{details['key']}' was already "
        f"logged with value='{details['old']}' for run ID='{details['run_id']}'. "
        f"Attempted logging new value '{details['new']}'."
    )


_MESSAGES: dict[ErrorCode, Callable[[dict[str, Any]], str]] = {
    ErrorCode.RUN_NOT_FOUND: lambda d: f"Run with id={d['run_id']} not found",
    ErrorCode.LOGGED_MODEL_NOT_FOUND: lambda d: (
        f"Logged model with ID '{d['model_id']}' not found."
    ),
    ErrorCode.EXPERIMENT_NOT_FOUND: lambda d: f"No Experiment with id={d['experiment_id']} exists",
    ErrorCode.RUN_DELETED: lambda d: (
        f"The run {d['run_id']} must be in the 'active' state. Current state is deleted."
    ),
    ErrorCode.EXPERIMENT_DELETED: lambda d: (
        f"The experiment {d['experiment_id']} must be in the 'active' state. "
        "Current state is deleted."
    ),
    ErrorCode.PARAM_CHANGED: _changed,
    ErrorCode.TAG_NOT_FOUND: lambda d: (
        f"No tag with name: {d['key']} in "
        + (
            f"run with id {d['run_id']}"
            if "run_id" in d
            else f"experiment with id {d['experiment_id']}"
        )
    ),
    ErrorCode.MODEL_NOT_FOUND: lambda d: (
        f"Model Version (name={d['name']}, version={d['version']}) not found"
        if "version" in d
        else f"Registered Model with name={d['name']} not found"
    ),
    ErrorCode.INVALID_QUERY: lambda d: (
        d["message"].startswith("filter") and f"Invalid clause(s) in filter string: {d['message']}"
    ),
    ErrorCode.NAME_TAKEN: lambda d: (
        d["experiment_id"] and f"Experiment(name={d['name']}) already exists."
    ),
}
"""What clients and their tests look for in messages."""
