"""A store that counts, so that budgets of requests and bytes can be exact tests."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mere.lake.objects.store import ObjectInfo, ObjectStore

__all__ = ["Call", "CountingStore"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the store inside, whether it succeeded or not."""

    verb: str
    """get, get_range, put, put_file, renew, delete, list or head."""
    key: str
    """The key, the prefix of a listing, or the first key of a delete."""
    size: int = 0
    """Bytes sent or received; keys deleted; lines listed."""


class CountingStore:
    """Passes each call on and remembers it.

    Put it innermost, beneath `RetryingStore`, to count what a store would be asked and billed.
    """

    def __init__(self, inner: ObjectStore) -> None:
        self._inner = inner
        self._calls: list[Call] = []
        self._lock = threading.Lock()

    @property
    def inner(self) -> ObjectStore:
        """The store that is counted."""
        return self._inner

    @property
    def url(self) -> str:
        return self._inner.url

    @property
    def calls(self) -> list[Call]:
        """All calls since the start or the last `reset`, in order of their end."""
        with self._lock:
            return list(self._calls)

    @property
    def counts(self) -> dict[str, int]:
        """How often each verb was called; verbs never called are not in it."""
        return dict(Counter(call.verb for call in self.calls))

    def count(self, verb: str, prefix: str = "") -> int:
        """How often a verb was called for keys that begin with `prefix`."""
        return len(self.keys(verb, prefix))

    def keys(self, verb: str, prefix: str = "") -> list[str]:
        """The keys that a verb was called for, in order."""
        return [c.key for c in self.calls if c.verb == verb and c.key.startswith(prefix)]

    def transferred(self, verb: str, prefix: str = "") -> int:
        """The bytes that get, get_range or put moved for keys that begin with `prefix`."""
        return sum(c.size for c in self.calls if c.verb == verb and c.key.startswith(prefix))

    def reset(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._calls.clear()

    def get(self, key: str) -> bytes:
        size = 0
        try:
            data = self._inner.get(key)
            size = len(data)
            return data
        finally:
            self._note("get", key, size)

    def get_range(self, key: str, start: int, end: int) -> bytes:
        size = 0
        try:
            data = self._inner.get_range(key, start, end)
            size = len(data)
            return data
        finally:
            self._note("get_range", key, size)

    def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
        try:
            return self._inner.put(key, data, overwrite=overwrite)
        finally:
            self._note("put", key, len(data))

    def put_file(
        self,
        key: str,
        path: str | os.PathLike[str],
        *,
        size: int,
        digest: str,
        on_position: Callable[[int], None] | None = None,
    ) -> bool:
        try:
            return self._inner.put_file(
                key, path, size=size, digest=digest, on_position=on_position
            )
        finally:
            self._note("put_file", key, size)

    def renew(self, key: str) -> None:
        try:
            self._inner.renew(key)
        finally:
            self._note("renew", key, 0)

    def delete(self, keys: Iterable[str]) -> None:
        doomed = list(keys)
        try:
            self._inner.delete(doomed)
        finally:
            self._note("delete", doomed[0] if doomed else "", len(doomed))

    def list(
        self, prefix: str, *, start_after: str = "", known: Mapping[str, ObjectInfo] | None = None
    ) -> list[ObjectInfo]:
        size = 0
        try:
            found = self._inner.list(prefix, start_after=start_after, known=known)
            size = len(found)
            return found
        finally:
            self._note("list", prefix, size)

    def head(self, key: str) -> ObjectInfo:
        try:
            return self._inner.head(key)
        finally:
            self._note("head", key, 0)

    def _note(self, verb: str, key: str, size: int) -> None:
        with self._lock:
            self._calls.append(Call(verb, key, size))
