"""Objects in this process's memory, for tests and trials."""

from __future__ import annotations

import os
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

from mere.clock import Clock, SystemClock
from mere.errors import AlreadyExists, ErrorCode, InvalidInput, NotFound
from mere.lake.objects.keys import check_key, check_prefix
from mere.lake.objects.source import read_pieces
from mere.lake.objects.store import ObjectInfo

__all__ = ["MemoryStore"]


class MemoryStore:
    """A dictionary behind the eight verbs.

    Args:
        clock: Says when an object was put.
        name: Shown in the URL; see `named` for sharing by name.
    """

    _named: ClassVar[dict[str, MemoryStore]] = {}
    _named_lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, clock: Clock | None = None, *, name: str = "unnamed") -> None:
        self._clock = clock or SystemClock()
        self._name = name
        self._objects: dict[str, tuple[bytes, int]] = {}
        self._keys: list[str] = []
        self._lock = threading.Lock()
        self._pid = os.getpid()

    @classmethod
    def named(cls, name: str, clock: Clock | None = None) -> MemoryStore:
        """Return the store of this name, the same one for each caller in the process."""
        with cls._named_lock:
            if name not in cls._named:
                cls._named[name] = cls(clock, name=name)
            return cls._named[name]

    @property
    def url(self) -> str:
        return f"memory://{self._name}"

    def get(self, key: str) -> bytes:
        return self._object(key)[0]

    def get_range(self, key: str, start: int, end: int) -> bytes:
        if not 0 <= start <= end:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"bad range {start} to {end} of {key!r}",
                key=key,
            )
        return self._object(key)[0][start:end]

    def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
        check_key(key)
        self._check_process()
        now_us = self._clock.now_us()
        with self._lock:
            if key not in self._objects:
                insort(self._keys, key)
            elif not overwrite:
                raise AlreadyExists(
                    ErrorCode.OBJECT_EXISTS,
                    f"{self.url}/{key} is there already",
                    key=key,
                )
            self._objects[key] = (bytes(data), now_us)
        return False

    def put_file(
        self,
        key: str,
        path: str | os.PathLike[str],
        *,
        size: int,
        digest: str,
        on_position: Callable[[int], None] | None = None,
    ) -> bool:
        check_key(key)
        pieces = read_pieces(path, size=size, digest=digest, on_position=on_position)
        return self.put(key, b"".join(pieces))

    def renew(self, key: str) -> None:
        check_key(key)
        self._check_process()
        now_us = self._clock.now_us()
        with self._lock:
            self._objects[key] = (self._object(key)[0], now_us)

    def delete(self, keys: Iterable[str]) -> None:
        doomed = [check_key(key) for key in keys]
        self._check_process()
        with self._lock:
            for key in doomed:
                if self._objects.pop(key, None) is not None:
                    del self._keys[bisect_left(self._keys, key)]

    def list(
        self,
        prefix: str,
        *,
        start_after: str = "",
        known: Mapping[str, ObjectInfo] | None = None,  # noqa: ARG002  to list all is as quick
    ) -> list[ObjectInfo]:
        check_prefix(prefix)
        self._check_process()
        with self._lock:
            first = max(bisect_left(self._keys, prefix), bisect_right(self._keys, start_after))
            found = []
            for index in range(first, len(self._keys)):
                key = self._keys[index]
                if not key.startswith(prefix):
                    break
                data, modified_us = self._objects[key]
                found.append(ObjectInfo(key, len(data), modified_us))
            return found

    def head(self, key: str) -> ObjectInfo:
        data, modified_us = self._object(key)
        return ObjectInfo(key, len(data), modified_us)

    def _object(self, key: str) -> tuple[bytes, int]:
        check_key(key)
        self._check_process()
        try:
            return self._objects[key]
        except KeyError:
            raise NotFound(
                ErrorCode.OBJECT_NOT_FOUND, f"there is no {self.url}/{key}", key=key
            ) from None

    def _check_process(self) -> None:
        """Refuse a forked child: its copy would diverge, and its lock may be held for ever."""
        if os.getpid() != self._pid:
            raise InvalidInput(
                ErrorCode.FORKED,
                f"{self.url} lives in the memory of process {self._pid}; "
                "a forked process needs a store on disk or in a bucket",
                url=self.url,
            )
