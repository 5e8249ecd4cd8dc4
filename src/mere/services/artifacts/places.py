"""Where the contents of one owner's artifacts lie, as far as this process knows.

Objects are never overwritten, so what is known of them stays true, unless a collection removes
what no row names any more: an object that may be old enough for that is asked for before a row
names it again. All else is learnt with one listing and kept up with what is stored here. What
other processes store meanwhile is found out by the store itself, which refuses to create what is
there. Rows are read only where the listing shows an object that may be the one to be stored:
training processes that never log a content twice never read a table.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import TYPE_CHECKING

from mere.entities.artifact import Artifact, artifact_locations
from mere.errors import AlreadyExists, ErrorCode, InvalidInput, NotFound
from mere.lake.blobs import RENEWED_AFTER_US, TRUSTED_US

if TYPE_CHECKING:
    from mere.lake import Lake

__all__ = ["Places"]

_COMPARED_BYTES_MAX = 8 << 20


class _Holds(Enum):
    NOTHING = auto()
    SAME = auto()
    OTHER = auto()
    UNKNOWN = auto()


class Places:
    """The objects below one owner; safe for use by several threads.

    Args:
        lake: The warehouse's lake.
        owner: Whose.
    """

    def __init__(self, lake: Lake, owner: str) -> None:
        self._lake = lake
        self._owner = owner
        self._root = f"artifacts/{owner}/"
        self._lock = threading.Lock()
        self._folders: set[str] = set()
        self._sizes: dict[str, int] = {}
        self._digests: dict[str, str] = {}
        self._young_until_us: dict[str, int] = {}
        self._has_digests = False
        for info in lake.blobs.list(self._root):
            self._note(info.key, info.size, None)
            self._young_until_us[info.key] = info.modified_us + RENEWED_AFTER_US

    def __len__(self) -> int:
        """How many objects are known."""
        return len(self._sizes)

    def has_folder(self, path: str) -> bool:
        """Whether anything lies in the folder of that path; in the empty one, at all."""
        with self._lock:
            return path in self._folders if path else bool(self._sizes)

    def learn(self, rows: Iterable[Artifact]) -> None:
        """Take in what rows say, for instance those of other processes."""
        with self._lock:
            for row in rows:
                if row.location.startswith(self._root):
                    self._note(row.location, row.size, row.digest)

    def place(
        self,
        path: str,
        size: int,
        digest: str,
        store: Callable[[str], None],
        *,
        is_plain_ours: bool = True,
    ) -> str:
        """Return the key that holds a content, stored now if it does not lie there yet.

        Args:
            path: The artifact's path.
            size: The content's size.
            digest: The content's digest.
            store: Creates the object at a key, or raises `AlreadyExists`.
            is_plain_ours: Whether the readable key is free for this content; otherwise only the
                one that names its digest is.

        Raises:
            InvalidInput: The path is a folder of other artifacts, or leads through one.
            AlreadyExists: Both keys the content may lie at hold something else.
        """
        self._check_free(path)
        for key in artifact_locations(self._owner, path, digest)[0 if is_plain_ours else 1 :]:
            held = self._held(key, size, digest)
            if held is _Holds.SAME and self._is_kept(key):
                return key
            if held is _Holds.OTHER:
                continue
            try:
                store(key)
            except AlreadyExists:
                continue
            with self._lock:
                self._note(key, size, digest)
                self._young_until_us[key] = self._lake.clock.now_us() + TRUSTED_US
            return key
        raise AlreadyExists(
            ErrorCode.OBJECT_EXISTS,
            f"artifact {path!r} cannot be stored: both keys its content may lie at hold others",
            path=path,
            digest=digest,
        )

    def _check_free(self, path: str) -> None:
        at = self._root + path
        parts = path.split("/")
        with self._lock:
            if path in self._folders:
                raise InvalidInput(
                    ErrorCode.INVALID_VALUE,
                    f"artifact path {path!r} is a folder of other artifacts: choose another name",
                    path=path,
                )
            for count in range(1, len(parts)):
                above = "/".join(parts[:count])
                if self._root + above in self._sizes and at not in self._sizes:
                    raise InvalidInput(
                        ErrorCode.INVALID_VALUE,
                        f"artifact path {path!r} leads through {above!r}, which is a file: choose "
                        "another name",
                        path=path,
                    )

    def _held(self, key: str, size: int, digest: str) -> _Holds:
        with self._lock:
            known = self._sizes.get(key)
            if known is None:
                return _Holds.NOTHING
            if known != size:
                return _Holds.OTHER
            if key not in self._digests:
                self._read_digests()
            there = self._digests.get(key)
        if there is not None:
            return _Holds.SAME if there == digest else _Holds.OTHER
        # An object without a row: whoever stored it died before it could say so.
        return self._compared(key, size, digest)

    def _is_kept(self, key: str) -> bool:
        """Whether an object is there still, and stays until a row names it."""
        now_us = self._lake.clock.now_us()
        with self._lock:
            if self._young_until_us.get(key, 0) > now_us:
                return True
        if not self._lake.blobs.exists(key):
            return False
        with self._lock:
            self._young_until_us[key] = now_us + TRUSTED_US
        return True

    def _compared(self, key: str, size: int, digest: str) -> _Holds:
        if size > _COMPARED_BYTES_MAX:
            return _Holds.UNKNOWN  # the store compares without moving so many bytes
        try:
            there = hashlib.sha256(self._lake.blobs.get(key)).hexdigest()
        except NotFound:
            return _Holds.UNKNOWN
        with self._lock:
            self._digests[key] = there
        return _Holds.SAME if there == digest else _Holds.OTHER

    def _read_digests(self) -> None:
        if self._has_digests:
            return
        found = self._lake.scan(
            "artifacts", where={"owner": self._owner}, columns=["location", "digest"]
        )
        for row in found.to_pylist():
            self._digests.setdefault(row["location"], row["digest"])
        self._has_digests = True

    def _note(self, key: str, size: int, digest: str | None) -> None:
        self._sizes[key] = size
        if digest is not None:
            self._digests[key] = digest
        folder = key[len(self._root) :].rpartition("/")[0]
        while folder and folder not in self._folders:
            self._folders.add(folder)
            folder = folder.rpartition("/")[0]
