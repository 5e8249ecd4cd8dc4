"""Files through the server, up and down, in bounded memory.

Up: what comes is written to a file of this machine, digested on the way, and handed on when all of
it is there. A connection that ends early, or a client that sends nothing for too long, leaves
nothing. Small bodies never touch the disk.

Down: a few pieces are read ahead of what is sent. A whole file is verified while it goes out, and
its last piece is held back until it has proven to be what was stored: a client that has got as
many bytes as were announced has got the right ones.

Whatever a file holds, it is an attachment: a browser that is led to one saves it, and runs none of
it with the rights of whoever is signed in here.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote

from litestar.exceptions import HTTPException
from litestar.response import Stream

from mere.config import cache_folder, environment
from mere.entities.artifact import Artifact, media_type_in_header
from mere.errors import CorruptData, ErrorCode, InvalidInput, Unavailable
from mere.server.operations import Answer, Call

if TYPE_CHECKING:
    from mere.lake.blobs import Blobs

__all__ = ["FILE", "Received", "received", "send_artifact"]

FILE: Final = {200: "*/*", 206: "*/*", 304: "", 416: "text/plain"}
"""What an operation that answers with `send_artifact` sends."""

_BLOCK_BYTES = 1 << 20
_PIECE_BYTES = 4 << 20
_SLICE_BYTES = 256 << 10
_LEFTOVER_S = 24 * 3600
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class Received(NamedTuple):
    """A body that has come whole.

    Args:
        content: The bytes, or the file that holds them until the block ends.
        size: How many there are.
        digest: Their SHA-256.
    """

    content: bytes | Path
    size: int
    digest: str


@contextlib.asynccontextmanager
async def received(call: Call, bytes_max: int | None = None) -> AsyncIterator[Received]:
    """Take in the body of a request, of any size; the file is gone when the block ends.

    Args:
        call: The request.
        bytes_max: How many bytes it may have; by default, as many as there is room for.

    Raises:
        InvalidInput: It is too large, too slow, or ended too early.
        Unavailable: There is no room for it on this machine.
    """
    announced = call.headers.get("content-length", "")
    expected = int(announced) if announced.isascii() and announced.isdigit() else None
    _check_size(expected or 0, bytes_max)
    incoming = _Incoming()
    try:
        async for block in _blocks(call):
            _check_size(incoming.size + len(block), bytes_max)
            if incoming.size + len(block) < _BLOCK_BYTES:
                incoming.take(block)
            else:
                await call.in_thread(incoming.take, block)
        if expected is not None and incoming.size != expected:
            raise _cut_off(incoming.size, expected)
        yield await call.in_thread(incoming.finish)
    finally:
        incoming.discard()


async def _blocks(call: Call) -> AsyncIterator[bytes]:
    """The body, a megabyte at a time; each must come within the time that a whole body has."""
    seconds = call.server.settings.body_s_max
    pieces = call.raw.stream()
    is_more = True
    while is_more:
        is_more = False
        block = bytearray()
        try:
            async with asyncio.timeout(seconds):
                async for piece in pieces:
                    block += piece
                    if len(block) >= _BLOCK_BYTES:
                        is_more = True
                        break
        except TimeoutError as error:
            raise InvalidInput(
                ErrorCode.TOO_SLOW,
                f"in {seconds:g} s only {len(block)} bytes of the request's body came",
                seconds=seconds,
            ) from error
        except HTTPException as error:  # the connection ended
            raise _cut_off(len(block), None) from error
        if block:
            yield bytes(block)


class _Incoming:
    """A body as it comes: in memory while it is small, else in a file."""

    def __init__(self) -> None:
        self.size = 0
        self._hasher = hashlib.sha256()
        self._pieces: list[bytes] = []
        self._file: Any = None

    def take(self, block: bytes) -> None:
        """Add a block."""
        self._hasher.update(block)
        self.size += len(block)
        if self._file is None and self.size < _BLOCK_BYTES:
            self._pieces.append(block)
            return
        with _written():
            if self._file is None:
                self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115  closed in `discard`
                    dir=_uploads_folder(), prefix="upload-"
                )
                self._file.writelines(self._pieces)
                self._pieces.clear()
            self._file.write(block)

    def finish(self) -> Received:
        """What has come."""
        digest = self._hasher.hexdigest()
        if self._file is None:
            return Received(b"".join(self._pieces), self.size, digest)
        with _written():
            self._file.flush()
        return Received(Path(self._file.name), self.size, digest)

    def discard(self) -> None:
        """Let go of it."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()


@contextlib.contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        code = ErrorCode.STORE_FULL if error.errno in _FULL else ErrorCode.STORE_UNAVAILABLE
        raise Unavailable(
            code, f"the server cannot keep the upload on its disk: {error.strerror or error}"
        ) from error


_swept: set[Path] = set()


def _uploads_folder() -> Path:
    """Where uploads gather; what a killed server left there is removed a day later."""
    folder = cache_folder(environment()) / "uploads"
    if folder not in _swept:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  tells what time the disk has
        with probe:
            limit = os.fstat(probe.fileno()).st_mtime - _LEFTOVER_S
        for one in folder.glob("upload-*"):
            with contextlib.suppress(OSError):
                if one.stat().st_mtime < limit:
                    one.unlink()
        _swept.add(folder)
    return folder


async def send_artifact(call: Call, artifact: Artifact, *, is_head: bool = False) -> Any:
    """The answer that is an artifact's content, or the part of it that is asked for.

    Args:
        call: The request.
        artifact: Which one.
        is_head: Whether only what would be sent is to be told.

    Raises:
        NotFound: Its object is gone.
    """
    tag = f'"{artifact.digest}"'
    media_type = media_type_in_header(artifact.media_type)
    headers = {**_HEADERS, "ETag": tag, "Content-Disposition": _disposition(artifact.name)}
    asked = call.headers.get("if-none-match", "")
    if asked and (asked == "*" or tag in [word.strip() for word in asked.split(",")]):
        return Answer(b"", media_type, 304, headers)
    start, end, status = 0, artifact.size, 200
    if call.headers.get("if-range", tag) == tag:
        span = _span(call.headers.get("range", ""), artifact.size)
        if span is not None:
            start, end, status = *span, 206
            if start >= end:
                headers["Content-Range"] = f"bytes */{artifact.size}"
                return Answer(b"", "text/plain", 416, headers)
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{artifact.size}"
    headers["Content-Length"] = str(end - start)
    if is_head:
        return Answer(b"", media_type, status, headers)
    pieces = _Pieces(call.warehouse.lake.blobs, artifact, start, end)
    first = await call.in_thread(pieces.next)  # so that a missing object is told by the status
    return Stream(
        _stream(call, pieces, first), media_type=media_type, status_code=status, headers=headers
    )


async def _stream(call: Call, pieces: _Pieces, first: bytes) -> AsyncIterator[bytes]:
    piece = first
    while piece:
        ahead = asyncio.ensure_future(call.in_thread(pieces.next))
        try:
            # Several slices may wait for a slow client, whoever reads.
            for at in range(0, len(piece), _SLICE_BYTES):
                yield piece[at : at + _SLICE_BYTES]
            piece = await ahead
        finally:
            # Where nobody waits for it any more, nobody wants to know what became of it.
            ahead.cancel()
            ahead.add_done_callback(lambda done: done.cancelled() or done.exception())


class _Pieces:
    """Reads a part of an object piece by piece; all of it is verified, a part is not."""

    def __init__(self, blobs: Blobs, artifact: Artifact, start: int, end: int) -> None:
        self._blobs = blobs
        self._artifact = artifact
        self._at = start
        self._end = end
        is_whole = (start, end) == (0, artifact.size)
        self._hasher = hashlib.sha256() if is_whole else None

    def next(self) -> bytes:
        """The next piece; empty at the end.

        Raises:
            CorruptData: It is not what was stored.
        """
        if self._at >= self._end:
            if not self._artifact.size:
                self._blobs.head(self._artifact.location)
            return b""
        until = min(self._at + _PIECE_BYTES, self._end)
        piece = self._blobs.get_range(self._artifact.location, self._at, until)
        is_right = len(piece) == until - self._at
        self._at = until
        if self._hasher is not None:
            self._hasher.update(piece)
            if until == self._end:
                is_right = is_right and self._hasher.hexdigest() == self._artifact.digest
        if not is_right:
            raise CorruptData(
                ErrorCode.BAD_CHECKSUM,
                f"object {self._artifact.location} is not what was logged as "
                f"{self._artifact.path!r}: restore it from a backup",
                key=self._artifact.location,
            )
        return piece


def _span(text: str, size: int) -> tuple[int, int] | None:
    """The bytes that a header asks for; None for all: also where it asks for several parts."""
    found = _RANGE.fullmatch(text.replace(" ", ""))
    if found is None or found.group(0) == "bytes=-" or len(text) > 100:
        return None
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size
    end = min(size, int(last) + 1) if last else size
    if last and int(last) < int(first):
        return None
    return int(first), end


def _disposition(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _check_size(size: int, limit: int | None) -> None:
    if limit is not None and size > limit:
        raise InvalidInput(
            ErrorCode.BODY_TOO_LARGE,
            f"the request's body is larger than {limit} bytes: send a smaller file",
            limit=limit,
        )


def _cut_off(size: int, expected: int | None) -> InvalidInput:
    of = "" if expected is None else f" of {expected}"
    return InvalidInput(
        ErrorCode.INVALID_VALUE,
        f"the request's body ended after {size} bytes{of}: nothing was stored; send it again",
    )
