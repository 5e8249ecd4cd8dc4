"""Immutable files where DuckDB and pyarrow can read them: on the local disk.

A warehouse in a local folder is read in place. Files of any other store are fetched once into a
cache folder shared by all processes of the user. The cache is no truth: every file in it can be
deleted at any moment, and a file whose size is not the expected one is fetched again.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TypeVar

from mere.errors import CorruptData, ErrorCode, NotFound
from mere.lake.objects.pool import RequestPool
from mere.lake.objects.ranges import read_ranges
from mere.lake.objects.store import ObjectStore

__all__ = ["LocalFiles", "in_parallel"]

_A = TypeVar("_A")
_B = TypeVar("_B")
_WHOLE_BYTES_MAX = 32 << 20
"""Larger files are fetched range by range, so that many at once fit into memory."""


def in_parallel(function: Callable[[_A], _B], items: Iterable[_A], width: int) -> list[_B]:
    """Apply a function to items by at most `width` threads; results in the items' order."""
    todo = list(items)
    if width <= 1 or len(todo) <= 1:
        return [function(item) for item in todo]
    with RequestPool(min(width, len(todo)), thread_name_prefix="mere-read") as pool:
        return list(pool.map(function, todo))


class LocalFiles:
    """Local paths for a warehouse's immutable files.

    Args:
        store: Where the files are.
        folder: The warehouse's own folder where it is local, so that nothing is copied.
        cache: The cache folder, used when there is no local folder.
        bytes_max: The bound on the cache; the files read longest ago go first.
        width: Fetches under way at once.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        folder: Path | None,
        cache: Path,
        bytes_max: int,
        width: int,
    ) -> None:
        self._store = store
        self._folder = folder
        self._cache = cache
        self._bytes_max = bytes_max
        self._width = width
        self._checked: set[str] = set()

    def paths(self, files: Iterable[tuple[str, int]]) -> list[str]:
        """Local paths of files given as (key, size), fetching what is missing.

        Raises:
            CorruptData: A file that the tables refer to is gone, or not of the size they say.
        """
        wanted = list(files)
        paths = in_parallel(lambda file: self._path(*file), wanted, self._width)
        if self._folder is None:
            self._trim(keep={Path(path) for path in paths})
        return [str(path) for path in paths]

    def _path(self, key: str, size: int) -> Path:
        if self._folder is not None:
            path = self._folder / key
            if key not in self._checked:
                self._check(key, size, path.stat().st_size if path.exists() else None)
                self._checked.add(key)
            return path
        path = self._cache / key.replace("/", "-")
        try:
            if path.stat().st_size == size:
                os.utime(path)
                return path
        except FileNotFoundError:
            pass
        try:
            if size > _WHOLE_BYTES_MAX:
                self._fetch(key, size, read_ranges(self._store, key, size), path)
            else:
                self._fetch(key, size, iter([self._store.get(key)]), path)
        except NotFound as error:
            raise self._missing(key) from error
        return path

    def _fetch(self, key: str, size: int, pieces: Iterator[bytes], path: Path) -> None:
        """Write the pieces of a file into the cache, where it appears when it is whole."""
        first = next(pieces)
        self._cache.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._cache, prefix=".fetch-")
        try:
            with os.fdopen(handle, "wb") as file:
                total = sum(map(file.write, chain([first], pieces)))
            self._check(key, size, total)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink()
            raise

    def _check(self, key: str, expected: int, actual: int | None) -> None:
        if actual is None:
            raise self._missing(key)
        if actual != expected:
            raise CorruptData(
                ErrorCode.BAD_OBJECT,
                f"file {key} has {actual} bytes, its table says {expected}: restore it from a "
                "backup",
                key=key,
            )

    @staticmethod
    def _missing(key: str) -> CorruptData:
        return CorruptData(
            ErrorCode.MISSING_FILE,
            f"file {key} is gone, though the tables refer to it: restore it from a backup, or "
            "read an older state with as_of",
            key=key,
        )

    def _trim(self, keep: set[Path]) -> None:
        """Delete the files read longest ago until the cache is within its bound."""
        try:
            with os.scandir(self._cache) as entries:
                files = [(entry.stat(), Path(entry.path)) for entry in entries]
        except FileNotFoundError:
            return
        total = sum(stat.st_size for stat, _ in files)
        for stat, path in sorted(files, key=lambda file: file[0].st_mtime):
            if total <= self._bytes_max:
                return
            if path not in keep:
                path.unlink(missing_ok=True)
                total -= stat.st_size
