"""Asking a store, at open, whether it keeps the one promise that all of mere rests on."""

from __future__ import annotations

import contextlib

from mere.clock import Clock
from mere.errors import (
    AlreadyExists,
    ErrorCode,
    InvalidInput,
    NotFound,
    PermissionDenied,
    Unavailable,
)
from mere.lake.objects.store import ObjectStore

__all__ = ["probe_put_if_absent"]

_FOLDER = "probe/"


def probe_put_if_absent(store: ObjectStore, clock: Clock) -> None:
    """Prove that the second of two creates is refused and leaves the first one's content.

    Takes five requests at most and leaves nothing behind.

    Raises:
        InvalidInput: With code UNSUPPORTED_STORE; says which promise was broken.
        Unavailable: The store did not answer, so nothing is known.
    """
    key = f"{_FOLDER}{clock.random_bits(128):032x}"
    first, second = b"first", b"second, and longer"
    try:
        store.put(key, first)
        was_refused = _is_refused(store, key, second)
        content = _content(store, key)
    finally:
        # Who may only write may still log; folding is for others then.
        with contextlib.suppress(Unavailable, PermissionDenied):
            store.delete([key])
    if content is None:
        raise _unsupported(store, "an object just put could not be read back")
    if content != first:
        raise _unsupported(store, "a second create replaced the object of the first")
    if not was_refused:
        raise _unsupported(store, "a second create was not refused, though nothing was replaced")


def _is_refused(store: ObjectStore, key: str, data: bytes) -> bool:
    try:
        store.put(key, data)
    except AlreadyExists:
        return True
    return False


def _content(store: ObjectStore, key: str) -> bytes | None:
    try:
        return store.get(key)
    except NotFound:
        return None


def _unsupported(store: ObjectStore, broken: str) -> InvalidInput:
    return InvalidInput(
        ErrorCode.UNSUPPORTED_STORE,
        f"{store.url} does not honour put-if-absent ({broken}), so writers would destroy each "
        "other's records; use a store with conditional writes (If-None-Match)",
        url=store.url,
    )
