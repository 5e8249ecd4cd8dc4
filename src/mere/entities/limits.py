"""What names, params and tags may be: the limits, and the checks that name them.

Keys and names are any Unicode text that can be stored, spaces and slashes included. Lengths are
counted in characters, as people count them.
"""

from __future__ import annotations

from mere.errors import ErrorCode, InvalidInput

__all__ = [
    "KEY_CHARS_MAX",
    "NAME_CHARS_MAX",
    "PARAM_CHARS_MAX",
    "TAG_CHARS_MAX",
    "check_key",
    "check_name",
    "check_param",
    "check_tag",
    "check_text",
]

KEY_CHARS_MAX = 250
NAME_CHARS_MAX = 500
PARAM_CHARS_MAX = 6_000
TAG_CHARS_MAX = 8_000
_SHOWN_CHARS_MAX = 60


def check_name(name: object, what: str) -> str:
    """Return a name of something, such as an experiment, if it may be one.

    Raises:
        InvalidInput: It is no text, empty, too long or not storable.
    """
    text = check_text(name, f"{what} name", NAME_CHARS_MAX, "shorten it")
    if not text.strip():
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"{what} name {text!r} is empty: give it at least one visible character",
            value=text,
        )
    return text


def check_key(key: object, what: str) -> str:
    """Return the key of a metric, param or tag if it may be one.

    Raises:
        InvalidInput: It is no text, empty, too long or not storable.
    """
    text = check_text(key, f"{what} key", KEY_CHARS_MAX, "shorten it")
    if not text:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"{what} key '' is empty: name what is logged", value=text
        )
    return text


def check_param(key: object, value: object) -> tuple[str, str]:
    """Return a param's key and its value as text.

    Raises:
        InvalidInput: Key or value is too long or not storable.
    """
    name = check_key(key, "param")
    hint = "log long texts as artifacts"
    return name, check_text(_as_text(value), f"value of param {name!r}", PARAM_CHARS_MAX, hint)


def check_tag(key: object, value: object) -> tuple[str, str | None]:
    """Return a tag's key and its value as text; None, which removes the tag, stays None.

    Raises:
        InvalidInput: Key or value is too long or not storable.
    """
    name = check_key(key, "tag")
    if value is None:
        return name, None
    hint = "log long texts as artifacts"
    return name, check_text(_as_text(value), f"value of tag {name!r}", TAG_CHARS_MAX, hint)


def _as_text(value: object) -> str:
    try:
        return value if isinstance(value, str) else str(value)
    except Exception as error:
        # Whatever a foreign object's __str__ raises, the value is what is wrong.
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"a {type(value).__name__} cannot be turned into text ({error}): pass a string",
        ) from error


def check_text(value: object, what: str, chars_max: int, hint: str) -> str:
    """Return text that is no longer than allowed and can be stored.

    Args:
        value: The text.
        what: What it is, for messages.
        chars_max: How many characters it may have.
        hint: What to do where it has more.

    Raises:
        InvalidInput: It is something else.
    """
    if not isinstance(value, str):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"{what} is {_brief(repr(value))}, a {type(value).__name__}: pass a string",
        )
    if len(value) > chars_max:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"{what} {_brief(value)!r} has {len(value):,} characters and may have {chars_max:,}: "
            f"{hint}",
            length=len(value),
            limit=chars_max,
        )
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"{what} {_brief(value)!r} holds half a surrogate pair, which is no Unicode text: "
            "decode it properly first",
        ) from error
    return value


def _brief(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS_MAX else text[: _SHOWN_CHARS_MAX - 1] + "…"
