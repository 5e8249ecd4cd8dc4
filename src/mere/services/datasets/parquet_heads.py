"""Some rows of Parquet files of unknown people, read in a process that may be killed."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

import msgspec

from mere.errors import ErrorCode, InvalidInput, Unavailable
from mere.lake.sandbox_process import EXIT_MEMORY, Pipe

__all__ = ["ParquetHead", "parquet_head", "parquet_value"]

_AT_ONCE = 2
_WAIT_S = 15.0
_TIME_S = 20.0
_MEMORY_BYTES_MAX = 512 << 20
_PIECE_BYTES_MAX = 8 << 20
_READ_BYTES_MAX = 256 << 20

_WANTED = b'{"read":'

_turns = threading.BoundedSemaphore(_AT_ONCE)


class ParquetHead(msgspec.Struct):
    """What a Parquet file begins with.

    Args:
        columns: The names of its columns.
        types: Their types.
        rows: The first rows.
        total: How many rows it has.
        is_cut: Whether there are more rows or columns.
        problem: Why nothing is known of it.
    """

    columns: list[str] = []
    types: list[str] = []
    rows: list[list[Any]] = []
    total: int | None = None
    is_cut: bool = False
    problem: str | None = None


def parquet_head(
    file: io.BufferedIOBase,
    size: int,
    *,
    rows: int,
    columns: int | list[str],
    skip: int = 0,
    image_bytes: int = 0,
) -> ParquetHead:
    """Read some rows of a Parquet file, and never let it harm this process.

    Args:
        file: The file; it is read from where that is needed.
        size: Its bytes.
        rows: How many rows.
        columns: These columns, or at most so many.
        skip: How many rows to leave out before.
        image_bytes: How many bytes of images to return, as ``data:`` addresses; of others only
            their kind and size is told.

    Raises:
        Unavailable: Too many others are being read.
    """
    try:
        asked = {"rows": rows, "columns": columns, "skip": skip, "image_bytes": image_bytes}
        heard = _asked(file, size, asked)
        return msgspec.json.decode(heard, type=ParquetHead)
    except _Unreadable as error:
        return ParquetHead(problem=str(error))
    except msgspec.MsgspecError:
        return ParquetHead(problem="the file cannot be read")


def parquet_value(file: io.BufferedIOBase, size: int, *, row: int, column: str) -> str | bytes:
    """Read one value of a Parquet file: bytes as they are, all else as text, cut after some MB.

    Raises:
        InvalidInput: It cannot be read.
        Unavailable: Too many others are being read.
    """
    try:
        heard = _asked(file, size, {"cell": column, "skip": row})
    except _Unreadable as error:
        raise InvalidInput(ErrorCode.INVALID_VALUE, str(error)) from error
    if heard[:1] not in (b"b", b"t"):
        raise InvalidInput(ErrorCode.INVALID_VALUE, "the value cannot be read")
    return heard[1:] if heard[:1] == b"b" else heard[1:].decode("utf-8", "replace")


class _Unreadable(Exception):
    """Why nothing is known of a file."""


def _asked(file: io.BufferedIOBase, size: int, asked: dict[str, Any]) -> bytes:
    """What a process of its own says of a file."""
    if not _turns.acquire(timeout=_WAIT_S):
        raise Unavailable(
            ErrorCode.BUSY, "too many tables are being looked into: try again", retry_after_s=1
        )
    try:
        process = _started()
        timer = threading.Timer(_TIME_S, process.kill)
        timer.start()
        try:
            return _talked(process, file, {"size": size, **asked})
        finally:
            timer.cancel()
            _end(process)
    finally:
        _turns.release()


def _started() -> subprocess.Popen[bytes]:
    # `-I`: neither the environment nor the current folder says what it imports.
    return subprocess.Popen(
        [sys.executable, "-I", "-m", "mere.services.datasets.parquet_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"LANG": "C.UTF-8", "ARROW_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )


def _talked(
    process: subprocess.Popen[bytes], file: io.BufferedIOBase, asked: dict[str, Any]
) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    pipe = Pipe(process.stdout, process.stdin)  # type: ignore[arg-type]
    read = 0
    try:
        pipe.tell({**asked, "memory_bytes": _MEMORY_BYTES_MAX})
        while (heard := pipe.receive()).startswith(_WANTED):
            at, count = msgspec.json.decode(heard, type=dict[str, tuple[int, int]])["read"]
            count = min(count, _PIECE_BYTES_MAX)
            read += count
            if read > _READ_BYTES_MAX:
                raise _Unreadable("the rows are too far apart to be shown")
            file.seek(at)
            pipe.send(file.read(count))
    except (EOFError, OSError, ValueError) as error:
        if process.wait(_TIME_S) == EXIT_MEMORY:
            raise _Unreadable("the first rows take too much memory to be shown") from error
        raise _Unreadable("the file cannot be read") from error
    return heard


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for stream in (process.stdin, process.stdout):
        with suppress(OSError):
            if stream is not None:
                stream.close()
    process.wait()
