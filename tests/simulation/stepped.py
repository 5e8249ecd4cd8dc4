"""One store seen by one simulated process: each request takes time, during which others act."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping

from mere.lake.objects.store import ObjectInfo, ObjectStore
from mere.lake.segment import parse_name
from tests.simulation.scheduler import Process

__all__ = ["SteppedStore"]


class SteppedStore:
    """Passes requests to the shared store, waiting before and after each.

    A crash may come in both waits: before the request it never happened, after it the process did
    not live to hear of it.

    Args:
        inner: The store that all processes share.
        process: Whose requests these are.
        on_segment: Told of each put of a segment, before it happens.
    """

    def __init__(
        self, inner: ObjectStore, process: Process, on_segment: Callable[[str, bytes], None]
    ) -> None:
        self._inner = inner
        self._process = process
        self._on_segment = on_segment

    @property
    def url(self) -> str:
        return self._inner.url

    def get(self, key: str) -> bytes:
        self._begin("get", key)
        data = self._inner.get(key)
        self._process.step()
        return data

    def get_range(self, key: str, start: int, end: int) -> bytes:
        self._begin("get_range", key)
        data = self._inner.get_range(key, start, end)
        self._process.step()
        return data

    def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
        self._begin("put", key)
        if parse_name(key) is not None:
            self._on_segment(key, data)
        was_there = self._inner.put(key, data, overwrite=overwrite)
        self._process.step()
        return was_there

    def put_file(
        self,
        key: str,
        path: str | os.PathLike[str],
        *,
        size: int,
        digest: str,
        on_position: Callable[[int], None] | None = None,
    ) -> bool:
        self._begin("put_file", key)
        was_there = self._inner.put_file(
            key, path, size=size, digest=digest, on_position=on_position
        )
        self._process.step()
        return was_there

    def renew(self, key: str) -> None:
        self._begin("renew", key)
        self._inner.renew(key)
        self._process.step()

    def delete(self, keys: Iterable[str]) -> None:
        """Delete one by one, as a folder does; a crash leaves the rest."""
        for key in list(keys):
            self._begin("delete", key)
            self._inner.delete([key])

    def list(
        self, prefix: str, *, start_after: str = "", known: Mapping[str, ObjectInfo] | None = None
    ) -> list[ObjectInfo]:
        self._begin("list", prefix)
        found = self._inner.list(prefix, start_after=start_after, known=known)
        self._process.step()
        if self._process.scheduler.is_tracing and prefix == "journal/":
            self._process.say("  listed " + ", ".join(info.key[8:] for info in found))
        return found

    def head(self, key: str) -> ObjectInfo:
        self._begin("head", key)
        found = self._inner.head(key)
        self._process.step()
        return found

    def _begin(self, verb: str, key: str) -> None:
        self._process.step()
        if self._process.scheduler.is_tracing:
            self._process.say(f"  {verb} {key}")
