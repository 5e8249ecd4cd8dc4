"""Every error mere raises, grouped by what the caller can do about it.

::

    MereError
    ├── InvalidInput      the request is wrong: mend it (also a ValueError)
    ├── NotFound          the thing named is not there (also a KeyError)
    ├── AlreadyExists     the name is taken, by something else than what was to be written
    ├── Conflict          somebody else was quicker: read again, then retry
    ├── PermissionDenied  signed in, but not allowed
    ├── Unauthenticated   sign in first
    ├── Unavailable       the store or server did not answer in time: retry later
    ├── CorruptData       what is stored contradicts itself: a person has to look
    └── Internal          a bug in mere

Each error carries a `code` for programs, a `message` for people and `details`, the values the
message names. Exceptions of foreign libraries are translated once, in the adapter that calls
them, with ``raise … from``. Messages are not part of the interface; codes are.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

__all__ = [
    "AlreadyExists",
    "Conflict",
    "CorruptData",
    "ErrorCode",
    "Internal",
    "InvalidInput",
    "MereError",
    "NotFound",
    "PermissionDenied",
    "Unauthenticated",
    "Unavailable",
]


class ErrorCode(StrEnum):
    """What went wrong, for programs. Codes are only ever added, never renamed or reused."""

    INVALID_VALUE = "invalid_value"
    INVALID_QUERY = "invalid_query"
    LIMIT_EXCEEDED = "limit_exceeded"
    UNKNOWN_TABLE = "unknown_table"
    UNKNOWN_COLUMN = "unknown_column"
    UNSUPPORTED_STORE = "unsupported_store"
    UNSUPPORTED_FORMAT = "unsupported_format"
    CLOSED = "closed"
    FORKED = "forked"
    OBJECT_NOT_FOUND = "object_not_found"
    ROOT_NOT_FOUND = "root_not_found"
    RUN_NOT_FOUND = "run_not_found"
    EXPERIMENT_NOT_FOUND = "experiment_not_found"
    OBJECT_EXISTS = "object_exists"
    TAG_EXISTS = "tag_exists"
    NAME_TAKEN = "name_taken"
    ROOT_MOVED = "root_moved"
    PARAM_CHANGED = "param_changed"
    ACCESS_DENIED = "access_denied"
    SIGN_IN_REQUIRED = "sign_in_required"
    STORE_UNAVAILABLE = "store_unavailable"
    STORE_FULL = "store_full"
    BAD_CHECKSUM = "bad_checksum"
    BAD_OBJECT = "bad_object"
    MISSING_SEGMENT = "missing_segment"
    MISSING_FILE = "missing_file"
    NOT_REPEATABLE = "not_repeatable"
    ENVIRONMENT_FAILED = "environment_failed"
    BUG = "bug"
    DATASET_NOT_FOUND = "dataset_not_found"
    NODE_NOT_FOUND = "node_not_found"
    IN_USE = "in_use"
    ARTIFACT_NOT_FOUND = "artifact_not_found"
    BODY_TOO_LARGE = "body_too_large"
    TOO_SLOW = "too_slow"
    TIMED_OUT = "timed_out"
    TOO_MANY_REQUESTS = "too_many_requests"
    ROUTE_NOT_FOUND = "route_not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NOT_OFFERED = "not_offered"
    RUN_DELETED = "run_deleted"
    EXPERIMENT_DELETED = "experiment_deleted"
    TAG_NOT_FOUND = "tag_not_found"
    MODEL_NOT_FOUND = "model_not_found"
    ALIAS_NOT_FOUND = "alias_not_found"
    GATE_CLOSED = "gate_closed"
    DEPLOYMENT_NOT_FOUND = "deployment_not_found"
    WEBHOOK_NOT_FOUND = "webhook_not_found"
    ADDRESS_REFUSED = "address_refused"
    TRACE_NOT_FOUND = "trace_not_found"
    ASSESSMENT_NOT_FOUND = "assessment_not_found"
    SCORER_NOT_FOUND = "scorer_not_found"
    BUSY = "busy"
    USER_NOT_FOUND = "user_not_found"
    GROUP_NOT_FOUND = "group_not_found"
    TOKEN_NOT_FOUND = "token_not_found"  # noqa: S105  no secret
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    LAST_ADMIN = "last_admin"
    FOREIGN_ORIGIN = "foreign_origin"
    SSO_FAILED = "sso_failed"
    TABLE_NOT_FOUND = "table_not_found"
    NAMESPACE_NOT_FOUND = "namespace_not_found"
    LOGGED_MODEL_NOT_FOUND = "logged_model_not_found"
    CHANGED_MEANWHILE = "changed_meanwhile"
    COMMENT_NOT_FOUND = "comment_not_found"
    QUERY_STOPPED = "query_stopped"
    VIEW_NOT_FOUND = "view_not_found"
    LINK_NOT_FOUND = "link_not_found"
    REPORT_NOT_FOUND = "report_not_found"


class MereError(Exception):
    """The root of the tree; never raised itself.

    Args:
        code: What went wrong, for programs.
        message: One sentence, lower case, that names the value and the limit and says what to do.
        details: The values the message names.
    """

    def __init__(self, code: ErrorCode, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.code, self.message, self.details)


def _rebuild(
    kind: type[MereError], code: ErrorCode, message: str, details: dict[str, Any]
) -> MereError:
    """Unpickle an error, which has keyword-only details."""
    return kind(code, message, **details)


class InvalidInput(MereError, ValueError):
    """The request itself is wrong; the same request will fail again."""


class NotFound(MereError, KeyError):
    """The thing named is not there."""


class AlreadyExists(MereError):
    """The name is taken by something else than what was to be written."""


class Conflict(MereError):
    """Somebody else was quicker; read again and retry."""


class PermissionDenied(MereError):
    """The caller is known and not allowed."""


class Unauthenticated(MereError):
    """The caller is not known."""


class Unavailable(MereError):
    """The store or server did not answer, or not in time; whether it acted is not known."""


class CorruptData(MereError):
    """What is stored contradicts itself; nothing was guessed."""


class Internal(MereError):
    """A bug in mere."""
