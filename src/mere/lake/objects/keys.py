"""Which keys an object may have: one rule for every store.

A key that one store takes and another refuses would tie a warehouse to its store, so the rule is
the narrowest of them all: what a file system, S3 and a URL can all hold. It also is the guard
against keys that lead out of the warehouse.
"""

from __future__ import annotations

import re

from mere.errors import ErrorCode, InvalidInput

__all__ = ["KEY_BYTES_MAX", "SEGMENT_BYTES_MAX", "check_key", "check_prefix", "is_key"]

KEY_BYTES_MAX = 1000
"""S3 ends at 1,024 bytes with the warehouse's prefix, Linux at 4,096 with the folder."""

SEGMENT_BYTES_MAX = 255
"""The longest file name of the common file systems."""

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")
_DRIVE = re.compile(r"[A-Za-z]:")


def check_key(key: str) -> str:
    """Return the key, or refuse it.

    Raises:
        InvalidInput: The key is absolute, climbs, has empty parts or is too long, or holds control
            characters, backslashes or half of a surrogate pair.
    """
    if not key.isascii() or len(key) > SEGMENT_BYTES_MAX:
        _check_size(key)
    if _FORBIDDEN.search(key):
        raise _refused(key, "control characters and backslashes cannot stand in a key")
    segments = key.split("/")
    if not all(segments):
        raise _refused(key, "a key neither begins nor ends with a slash, nor has two together")
    if "." in segments or ".." in segments:
        raise _refused(key, "a key has no part '.' or '..'")
    if _DRIVE.fullmatch(segments[0]) or segments[0] == ".tmp":
        raise _refused(key, f"a key cannot begin with {segments[0]!r}")
    return key


def is_key(key: str) -> bool:
    """Tell whether an object found in the store has a key that `check_key` lets pass."""
    try:
        check_key(key)
    except InvalidInput:
        return False
    return True


def check_prefix(prefix: str) -> str:
    """Return the prefix, or refuse it: any beginning of a key, or nothing.

    Raises:
        InvalidInput: No key can begin like this.
    """
    stem = prefix.removesuffix("/")
    if stem:
        # The last part may be cut short, so "..a" cut to ".." has to pass; it climbs nowhere,
        # since what follows the last slash is only ever compared.
        folder, _, rest = stem.rpartition("/") if not prefix.endswith("/") else (stem, "", "")
        if folder:
            check_key(folder)
        if rest and _FORBIDDEN.search(rest):
            raise _refused(prefix, "control characters and backslashes cannot stand in a key")
    if prefix.startswith("/"):
        raise _refused(prefix, "a prefix does not begin with a slash")
    return prefix


def _check_size(key: str) -> None:
    try:
        data = key.encode()
    except UnicodeEncodeError as exc:
        raise _refused(key, "it is not valid Unicode") from exc
    if len(data) > KEY_BYTES_MAX:
        raise _refused(key, f"it has {len(data)} bytes; the limit is {KEY_BYTES_MAX}")
    longest = max(map(len, data.split(b"/")))
    if longest > SEGMENT_BYTES_MAX:
        raise _refused(key, f"a part has {longest} bytes; the limit is {SEGMENT_BYTES_MAX}")


def _refused(key: str, reason: str) -> InvalidInput:
    return InvalidInput(ErrorCode.INVALID_VALUE, f"bad object key {key!r}: {reason}", key=key)
