"""Folders of files as other trackers leave them: on this machine, or in a bucket.

Links are not followed, so a run's folder cannot smuggle in what lies elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from mere.clock import SystemClock
from mere.interchange.foreign import ForeignFile
from mere.lake.objects.open import open_store

if TYPE_CHECKING:
    from mere.lake.objects.store import ObjectInfo, ObjectStore

__all__ = ["Unreachable", "below", "local_folder"]

_RANGE_BYTES = 16 << 20


class Unreachable(Exception):
    """There is no way from here to where the files are."""


def local_folder(location: str, home: Path) -> Path | None:
    """The folder meant by a path or file URL, relative ones below `home`; None for others."""
    if location.startswith("file:"):
        return Path(unquote(urlsplit(location).path))
    if "://" in location or location.startswith("mlflow-artifacts:"):
        return None
    return home / location


def below(location: str, home: Path, root: str | None = None) -> Iterator[ForeignFile]:
    """The files below a location, in order of their paths.

    Args:
        location: A path, a file URL, ``s3://…``, or ``mlflow-artifacts:/…``.
        home: The folder that relative paths are meant from.
        root: What ``mlflow-artifacts:/`` stands for: a folder or ``s3://…``.

    Raises:
        Unreachable: It is none of these, or it is not known what ``mlflow-artifacts:`` means.
    """
    if location.startswith("mlflow-artifacts:"):
        if root is None:
            raise Unreachable(location)
        location = root.rstrip("/") + "/" + unquote(urlsplit(location).path).lstrip("/")
    folder = local_folder(location, home)
    if folder is not None:
        yield from _in_folder(folder)
    elif location.startswith("s3://"):
        yield from _in_bucket(location)
    else:
        raise Unreachable(location)


def _in_folder(folder: Path) -> Iterator[ForeignFile]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            file = Path(parent, name)
            if file.is_symlink() or not file.is_file():
                continue
            yield ForeignFile(
                path=file.relative_to(folder).as_posix(),
                local=file,
                size=file.stat().st_size,
            )


def _in_bucket(location: str) -> Iterator[ForeignFile]:
    store = open_store(location.rstrip("/"), clock=SystemClock())
    for info in store.list(""):
        yield ForeignFile(
            path=info.key,
            fetch=partial(_download, store, info),
            size=info.size,
        )


def _download(store: ObjectStore, info: ObjectInfo, target: Path) -> None:
    with target.open("wb") as file:
        for begin in range(0, info.size, _RANGE_BYTES):
            file.write(store.get_range(info.key, begin, min(begin + _RANGE_BYTES, info.size)))
