"""The first rows of Parquet files of unknown people, read in a process that may be killed."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

import msgspec

from mere.errors import ErrorCode, Unavailable
from mere.lake.sandbox_process import EXIT_MEMORY, Pipe

__all__ = ["ParquetHead", "parquet_head"]

_AT_ONCE = 2
_WAIT_S = 15.0
_TIME_S = 20.0
_MEMORY_BYTES_MAX = 512 << 20
_PIECE_BYTES_MAX = 8 << 20
_READ_BYTES_MAX = 256 << 20

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


def parquet_head(file: io.BufferedIOBase, size: int, *, rows: int, columns_max: int) -> ParquetHead:
    """Read the first rows of a Parquet file, and never let it harm this process.

    Args:
        file: The file; it is read from where that is needed.
        size: Its bytes.
        rows: How many rows.
        columns_max: At most so many columns.

    Raises:
        Unavailable: Too many others are being read.
    """
    if not _turns.acquire(timeout=_WAIT_S):
        raise Unavailable(
            ErrorCode.BUSY, "too many tables are being looked into: try again", retry_after_s=1
        )
    try:
        process = _started()
        timer = threading.Timer(_TIME_S, process.kill)
        timer.start()
        try:
            return _talked(process, file, size, rows=rows, columns_max=columns_max)
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
    process: subprocess.Popen[bytes],
    file: io.BufferedIOBase,
    size: int,
    *,
    rows: int,
    columns_max: int,
) -> ParquetHead:
    assert process.stdin is not None
    assert process.stdout is not None
    pipe = Pipe(process.stdout, process.stdin)  # type: ignore[arg-type]
    asked = {"size": size, "rows": rows, "columns_max": columns_max}
    read = 0
    try:
        pipe.tell({**asked, "memory_bytes": _MEMORY_BYTES_MAX})
        while "read" in (heard := pipe.hear()):
            at, count = heard["read"]
            count = min(count, _PIECE_BYTES_MAX)
            read += count
            if read > _READ_BYTES_MAX:
                return ParquetHead(problem="the first rows are too far apart to be shown")
            file.seek(at)
            pipe.send(file.read(count))
        return msgspec.convert(heard, ParquetHead)
    except (EOFError, OSError, ValueError):  # also JSON that it did not write to its end
        if process.wait(_TIME_S) == EXIT_MEMORY:
            return ParquetHead(problem="the first rows take too much memory to be shown")
        return ParquetHead(problem="the file cannot be read")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for stream in (process.stdin, process.stdout):
        with suppress(OSError):
            if stream is not None:
                stream.close()
    process.wait()
