"""What the engine asks of an object store: eight verbs over keys below one prefix.

Keys are relative to the warehouse: ``journal/…``, never ``/…`` and never containing ``..``.
Objects are immutable once put (the one exception, ``version-hint.text``, is put with
``overwrite``): their content stays, and `renew` changes their age only. Adapters translate the
exceptions of their library into those of `mere.errors`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

__all__ = ["ObjectInfo", "ObjectStore"]


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One line of a listing."""

    key: str
    size: int
    modified_us: int
    """Microseconds since the epoch, by the store's clock."""


class ObjectStore(Protocol):
    """A prefix of a bucket, or a folder. Safe for use by several threads."""

    @property
    def url(self) -> str:
        """The prefix as a URL without a trailing slash; object URLs are ``url + "/" + key``."""

    def get(self, key: str) -> bytes:
        """Return an object's content.

        Raises:
            NotFound: There is no such object.
            Unavailable: The store did not answer.
        """

    def get_range(self, key: str, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to, not including, `end`; fewer at the object's end.

        Raises:
            NotFound: There is no such object.
            Unavailable: The store did not answer.
        """

    def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
        """Store an object; when this returns, the object is durable.

        Without `overwrite` the object is created only if the key is free. Whoever meets its own
        content at the key has succeeded before and succeeds again, so a put may be repeated
        after a lost reply.

        Returns:
            Whether the content was there already, perhaps by this very put. It may be old then.

        Raises:
            AlreadyExists: The key holds other content.
            Unavailable: The store did not answer; the object may or may not be there.
        """

    def put_file(
        self,
        key: str,
        path: str | os.PathLike[str],
        *,
        size: int,
        digest: str,
        on_position: Callable[[int], None] | None = None,
    ) -> bool:
        """Store a local file in bounded memory; when this returns, the object is durable.

        The object is created only if the key is free, and meeting the same content is success,
        as for `put`. One thing is weaker: a bucket takes a large file in parts and has no
        condition for that, so of two files put at one key at the same moment, both may be
        acknowledged, and the later one stays. Let keys of large files name their content or an
        owner that has one process.

        Args:
            key: Where to.
            path: The file. It is read again if the put is retried.
            size: How many bytes it has.
            digest: Its SHA-256, in hex digits; content that has changed is not stored.
            on_position: Told how many bytes have gone out, from any thread; a retried put begins
                again at nothing.

        Returns:
            Whether the content was there already, as for `put`.

        Raises:
            InvalidInput: The file cannot be read, or has another size or digest.
            AlreadyExists: The key holds other content.
            Unavailable: The store did not answer; the object may or may not be there.
        """

    def renew(self, key: str) -> None:
        """Make an object as young as if it had been put just now; its content stays.

        Raises:
            NotFound: There is no such object.
            Unavailable: The store did not answer; the object may or may not be renewed.
        """

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; keys that are not there are no error.

        Raises:
            Unavailable: The store did not answer; some may be gone.
        """

    def list(
        self, prefix: str, *, start_after: str = "", known: Mapping[str, ObjectInfo] | None = None
    ) -> list[ObjectInfo]:
        """Return the objects whose key begins with `prefix`, sorted by key.

        What was there before the call and is not deleted during it is in the list. A list may
        show its parts at different moments, but a greater key never at an earlier moment than a
        smaller one.

        Args:
            prefix: A folder with its trailing slash, or any beginning of keys.
            start_after: Only keys greater than this one.
            known: What an earlier listing said of objects whose age does not matter to the caller,
                by key. It may be said again, where to find it out anew takes time.

        Raises:
            Unavailable: The store did not answer.
        """

    def head(self, key: str) -> ObjectInfo:
        """Return what a listing would say of one object.

        Raises:
            NotFound: There is no such object.
            Unavailable: The store did not answer.
        """
