"""Files and folders by descriptor, and what the operating system's refusals mean to us."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator

from mere.errors import (
    ErrorCode,
    InvalidInput,
    MereError,
    NotFound,
    PermissionDenied,
    Unavailable,
)

__all__ = [
    "closing",
    "exists",
    "is_folder",
    "open_below",
    "read",
    "translated",
    "write_all",
    "write_all_durably",
    "write_durably",
]

_WRITE_BYTES_MAX = 1 << 30
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP})


@contextlib.contextmanager
def closing(fd: int) -> Iterator[int]:
    """Close a descriptor at the end of the block."""
    try:
        yield fd
    finally:
        os.close(fd)


def open_below(fd: int, part: str, *, create: bool) -> int:
    """Open a folder inside an open one, following no link and making it if asked."""
    try:
        return os.open(part, _FOLDER, dir_fd=fd)
    except FileNotFoundError:
        if not create:
            raise
    with contextlib.suppress(FileExistsError):
        os.mkdir(part, 0o777, dir_fd=fd)
    return os.open(part, _FOLDER, dir_fd=fd)


def is_folder(fd: int, name: str) -> bool:
    """Whether a name in an open folder is anything but a plain file; false if it is gone."""
    try:
        return not stat.S_ISREG(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def exists(fd: int, name: str) -> bool:
    """Whether anything has a name in an open folder."""
    try:
        os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def write_durably(fd: int, data: bytes) -> None:
    """Write all of the content and wait until the disk has it."""
    write_all_durably(fd, (data,))


def write_all_durably(fd: int, pieces: Iterable[bytes]) -> None:
    """Write pieces one after the other and wait until the disk has them all."""
    write_all(fd, pieces)
    os.fsync(fd)


def write_all(fd: int, pieces: Iterable[bytes]) -> None:
    """Write pieces one after the other, all of each."""
    for piece in pieces:
        view = memoryview(piece)
        while view:
            view = view[os.write(fd, view[:_WRITE_BYTES_MAX]) :]


def read(fd: int, start: int, end: int) -> bytes:
    """Read a range of an open file, in one call if the kernel allows."""
    if end <= start:
        return b""
    data = os.pread(fd, end - start, start)
    if len(data) == end - start:
        return data
    parts = [data]
    start += len(data)
    while data and start < end:
        data = os.pread(fd, end - start, start)
        parts.append(data)
        start += len(data)
    return b"".join(parts)


@contextlib.contextmanager
def translated(url: str) -> Iterator[None]:
    """Turn what the operating system says of an object into our errors."""
    try:
        yield
    except OSError as exc:
        raise _translate(exc, url) from exc


def _translate(exc: OSError, url: str) -> MereError:
    reason = exc.strerror or str(exc)
    if exc.errno in _MISSING:
        return NotFound(ErrorCode.OBJECT_NOT_FOUND, f"there is no {url}", url=url)
    if exc.errno in _FULL:
        return Unavailable(
            ErrorCode.STORE_FULL, f"no room for {url}: {reason}; make room, then retry", url=url
        )
    if exc.errno in _DENIED:
        return PermissionDenied(ErrorCode.ACCESS_DENIED, f"no access to {url}: {reason}", url=url)
    if exc.errno == errno.ENAMETOOLONG:
        return InvalidInput(ErrorCode.INVALID_VALUE, f"the path of {url} is too long", url=url)
    return Unavailable(ErrorCode.STORE_UNAVAILABLE, f"{url}: {reason}", url=url)
