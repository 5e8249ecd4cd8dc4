"""A local file on its way into a store: read in bounded memory, and proven to be what was said.

A file may change between the moment its digest was taken and the moment it is sent. An object of
other content than its digest would be wrong for ever, so the last piece is held back until all of
the content has been checked: what was changed is never stored.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterator

from mere.errors import ErrorCode, InvalidInput
from mere.lake.objects import posix

__all__ = ["PIECE_BYTES", "OnPosition", "opened_source", "read_pieces"]

OnPosition = Callable[[int], None]
"""Told how many bytes have gone out; a retried put begins again at nothing."""

PIECE_BYTES = 8 << 20

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


@contextlib.contextmanager
def opened_source(path: str | os.PathLike[str]) -> Iterator[int]:
    """Open a file for reading; the descriptor is closed at the end of the block.

    Raises:
        InvalidInput: There is no such file, it is no plain file, or it cannot be read.
    """
    try:
        fd = os.open(path, _READ)
    except OSError as exc:
        raise _refused(path, f"cannot be read: {exc.strerror or exc}") from exc
    with posix.closing(fd):
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise _refused(path, "is not a plain file")
        yield fd


def read_pieces(
    path: str | os.PathLike[str],
    *,
    size: int,
    digest: str,
    piece_bytes: int = PIECE_BYTES,
    on_position: OnPosition | None = None,
) -> Iterator[bytes]:
    """Read a file piece by piece, the last one only if all are as they should be.

    Raises:
        InvalidInput: The file cannot be read, or has not the size and the digest given.
    """
    hasher = hashlib.sha256()
    with opened_source(path) as fd:
        position = 0
        while size - position > piece_bytes:
            piece = _read(path, fd, position, position + piece_bytes)
            if len(piece) < piece_bytes:
                break
            hasher.update(piece)
            yield piece
            position += piece_bytes
            if on_position is not None:
                on_position(position)
        # One byte more than there should be, so that a file that has grown is found out.
        last = _read(path, fd, position, min(size, position + piece_bytes) + 1)
        hasher.update(last)
        if position + len(last) != size or hasher.hexdigest() != digest:
            raise _refused(
                path,
                f"has changed: it was to have {size} bytes and the digest {digest}; store it again",
            )
        if last:
            yield last
        if on_position is not None:
            on_position(size)


def _read(path: str | os.PathLike[str], fd: int, start: int, end: int) -> bytes:
    try:
        return posix.read(fd, start, end)
    except OSError as exc:
        raise _refused(path, f"cannot be read: {exc.strerror or exc}") from exc


def _refused(path: str | os.PathLike[str], reason: str) -> InvalidInput:
    return InvalidInput(
        ErrorCode.INVALID_VALUE, f"file {os.fspath(path)!r} {reason}", path=os.fspath(path)
    )
