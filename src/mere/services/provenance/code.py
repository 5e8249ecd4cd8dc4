"""Code, uncommitted changes and environments of runs: objects named by their content.

They are stored before the row that names them, so a row that can be read names what can be read.
Equal content is stored once, however many runs share it.
"""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING

import msgspec

from mere.entities.code import BundleInfo, Environment
from mere.errors import CorruptData, ErrorCode, NotFound
from mere.lake.blobs import TRUSTED_US

if TYPE_CHECKING:
    from mere.lake import Lake
    from mere.services.provenance.bundle import BundledFile

__all__ = ["Code", "content_digest", "encode_environment"]

_LOOK_FIRST_BYTES = 64 << 10


class Code:
    """The stored code and environments of one warehouse.

    Args:
        lake: Where they are stored.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._lock = threading.Lock()
        self._known: dict[str, int] = {}

    def put(self, data: bytes) -> str:
        """Store an object if it is not there yet, and return its digest.

        Raises:
            Unavailable: The store did not answer.
        """
        digest = content_digest(data)
        with self._lock:
            if self._known.get(digest, 0) > self._lake.clock.now_us():
                return digest
        key = _key(digest)
        # Asking costs a request; a large object that is there already costs its bytes.
        if len(data) < _LOOK_FIRST_BYTES or not self._lake.blobs.exists(key):
            self._lake.blobs.put(key, data)
        with self._lock:
            self._known[digest] = self._lake.clock.now_us() + TRUSTED_US
        return digest

    def get(self, digest: str) -> bytes:
        """Return the object of that digest, verified.

        Raises:
            NotFound: It was never stored, or has been removed.
            CorruptData: What is stored has another digest.
        """
        key = _key(digest)
        try:
            data = self._lake.blobs.get(key)
        except NotFound as error:
            raise NotFound(
                ErrorCode.OBJECT_NOT_FOUND,
                f"{key} is not in the warehouse: the run was perhaps killed before it was stored",
                key=key,
            ) from error
        if content_digest(data) != digest:
            raise CorruptData(
                ErrorCode.BAD_CHECKSUM,
                f"{key} does not hold the content it is named for",
                key=key,
            )
        return data

    def bundle(self, digest: str) -> tuple[BundleInfo, list[BundledFile]]:
        """Return what a stored bundle says of itself, and its files; raises as `get` does."""
        from mere.services.provenance.bundle import read_bundle

        return read_bundle(self.get(digest))

    def environment(self, digest: str) -> Environment:
        """Return a stored environment; raises as `get` does."""
        try:
            return msgspec.json.decode(self.get(digest), type=Environment)
        except msgspec.MsgspecError as error:
            raise CorruptData(
                ErrorCode.BAD_OBJECT,
                f"{_key(digest)} is no environment ({error})",
                key=_key(digest),
            ) from error


def content_digest(data: bytes) -> str:
    """The SHA-256 of some bytes in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def encode_environment(environment: Environment) -> bytes:
    """An environment as it is stored: equal ones give equal bytes."""
    return msgspec.json.encode(environment, order="sorted")


def _key(digest: str) -> str:
    return f"objects/{digest}"
