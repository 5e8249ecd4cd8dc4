"""Users, groups of users, and what was granted to either."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

import msgspec

from mere.entities.actor import Role
from mere.errors import ErrorCode, InvalidInput

__all__ = [
    "NAME_CHARS_MAX",
    "PASSWORD_BYTES_MAX",
    "Grant",
    "Group",
    "User",
    "check_group_name",
    "check_password",
    "check_user_name",
]

NAME_CHARS_MAX = 200
PASSWORD_CHARS_MIN = 10
PASSWORD_BYTES_MAX = 1_024
_RESERVED = frozenset({"nobody", "local"})
_NAME = re.compile(r"[^\s:/\\<>\"'`,;\x00-\x1f\x7f]+")
_COMMON = frozenset(
    {
        "password12",
        "password123",
        "password1234",
        "passwordpassword",
        "1234567890",
        "12345678901",
        "123456789012",
        "0123456789",
        "qwertyuiop",
        "qwerty12345",
        "letmein12345",
        "administrator",
        "changeme123",
        "iloveyou123",
        "abcdefghij",
        "1q2w3e4r5t6y",
        "mlflow12345",
    }
)


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may sign in.

    Args:
        name: What they sign in as; lower case.
        user_id: A number that is never used again, for clients that want one.
        display_name: What people call them.
        role: Their role on the warehouse.
        lifecycle: ``active`` or ``deleted``.
        is_disabled: Whether they are kept out for now.
        issuer: The provider that signs them in; None where they have a password here.
        subject: Who they are to that provider.
        generation: Counts how often the name was given out, from 1.
        created_by: Who made them.
        signed_in_at: When they last signed in, roughly.
        created_at: When they were made; None before they are stored.
    """

    name: str
    user_id: int
    display_name: str = ""
    role: Role = Role.VIEWER
    lifecycle: str = "active"
    is_disabled: bool = False
    issuer: str | None = None
    subject: str | None = None
    generation: int = 1
    created_by: str | None = None
    signed_in_at: datetime | None = None
    created_at: datetime | None = None

    @property
    def is_admin(self) -> bool:
        """Whether they may do all, everywhere."""
        return self.role is Role.ADMIN

    @property
    def may_enter(self) -> bool:
        """Whether a sign-in of theirs counts."""
        return self.lifecycle == "active" and not self.is_disabled


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Users who are granted things together; MLflow calls it a role.

    Args:
        group_id: A number that is never used again.
        name: Unique among the groups there are.
        description: What it is for.
        created_by: Who made it.
    """

    group_id: int
    name: str
    description: str = ""
    created_by: str | None = None


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A role that a user or a group has on one object, or on all of a kind.

    Args:
        principal_kind: ``user`` or ``group``.
        principal: The user's name, or the group's number.
        object_kind: ``experiment``, ``model``, or ``warehouse``.
        object_id: The experiment's id or the model's name; ``*`` for all; empty for the warehouse.
        role: The role.
        granted_by: Who granted it.
    """

    principal_kind: str
    principal: str
    object_kind: str
    object_id: str
    role: Role
    granted_by: str | None = None


def check_user_name(name: object) -> str:
    """Return a user's name as it is stored: in lower case, composed.

    Raises:
        InvalidInput: It may not be one.
    """
    if not isinstance(name, str):
        raise _bad_name("user", name, "pass a string")
    text = unicodedata.normalize("NFKC", name).casefold()
    if not _NAME.fullmatch(text) or not text.isprintable():
        raise _bad_name("user", name, "use letters, digits and . _ - @ +, and no spaces")
    if len(text) > NAME_CHARS_MAX:
        raise _bad_name("user", name, f"shorten it to {NAME_CHARS_MAX} characters")
    if text in _RESERVED:
        raise _bad_name("user", name, "that word stands for something else: choose another")
    return text


def check_group_name(name: object) -> str:
    """Return a group's name if it may be one.

    Raises:
        InvalidInput: It is empty, too long or not printable.
    """
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise _bad_name("group", name, "use printable characters")
    if len(name) > NAME_CHARS_MAX:
        raise _bad_name("group", name, f"shorten it to {NAME_CHARS_MAX} characters")
    return name.strip()


def check_password(password: object, user: str) -> str:
    """Return a password if it may be one; the error never shows it.

    Raises:
        InvalidInput: It is too short, too long, common, or made of the name.
    """
    if not isinstance(password, str):
        raise _bad_password("pass a string")
    if len(password) < PASSWORD_CHARS_MIN:
        raise _bad_password(f"it has {len(password)} characters: use at least {PASSWORD_CHARS_MIN}")
    try:
        size = len(password.encode())
    except UnicodeEncodeError as error:
        raise _bad_password("it is no Unicode text") from error
    if size > PASSWORD_BYTES_MAX:
        raise _bad_password(f"it has {size} bytes: use at most {PASSWORD_BYTES_MAX}")
    plain = password.casefold()
    if plain in _COMMON or len(set(plain)) < 4:
        raise _bad_password("it is among the first that are guessed: use several words")
    if plain.replace(user, "") in {"", "1", "12", "123", "1234", "!"}:
        raise _bad_password("it is the user's name: use several words")
    return password


def _bad_name(what: str, name: object, advice: str) -> InvalidInput:
    shown = repr(name)[:60]
    return InvalidInput(
        ErrorCode.INVALID_VALUE, f"{what} name {shown} cannot be used: {advice}", value=shown
    )


def _bad_password(why: str) -> InvalidInput:
    return InvalidInput(ErrorCode.INVALID_VALUE, f"the password cannot be used: {why}")
