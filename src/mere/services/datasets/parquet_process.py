"""The process in which foreign Parquet files are opened: their few bytes may mean gigabytes.

A value that is stored once and meant a thousand times, a page that unpacks to two gigabytes, a row
that is a list of a billion: none of it is seen before it is unpacked, and the library that unpacks
it knows no limit. So it does that here, where it harms nobody, and the process ends itself when it
takes too much. `mere.services.datasets.parquet_heads` is the other end.

A talk: the parent tells what is wanted of which size; the process asks for stretches of the file
and is sent them; at last it tells the head, or what the problem is.
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
import threading
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from mere.lake.sandbox_process import EXIT_MEMORY, Pipe

__all__ = ["main"]

_LOOK_S = 0.01
_CPU_S = 20
_FOOTER_BYTES_MAX = 64 << 20
_CELL_CHARS_MAX = 1_000


def main() -> None:
    """Read the head of one file and end."""
    pipe = Pipe(sys.stdin.buffer, sys.stdout.buffer)
    asked = pipe.hear()
    for what, limit in (("CORE", 0), ("FSIZE", 0), ("CPU", _CPU_S)):
        resource.setrlimit(getattr(resource, f"RLIMIT_{what}"), (limit, limit))
    watch = threading.Thread(target=_watch, args=(asked["memory_bytes"],), daemon=True)
    watch.start()
    file = io.BufferedReader(_Asked(pipe, asked["size"]), 64 << 10)
    try:
        pipe.tell(_head(file, asked["rows"], asked["columns_max"]))
    except (pa.ArrowException, OSError, ValueError) as error:
        pipe.tell({"problem": f"the file cannot be read: {error}"[:500]})
    except (MemoryError, RecursionError):
        os._exit(EXIT_MEMORY)


def _head(file: io.BufferedReader[Any], rows: int, columns_max: int) -> dict[str, Any]:
    opened = pq.ParquetFile(file, thrift_container_size_limit=_FOOTER_BYTES_MAX)
    schema = opened.schema_arrow
    names = schema.names[:columns_max]
    batches = opened.iter_batches(max(1, rows), columns=names, use_threads=False)
    head = next(batches, None)
    table = [] if head is None or not rows else head.slice(0, rows).to_pylist()
    return {
        "columns": names,
        "types": [str(schema.field(name).type)[:_CELL_CHARS_MAX] for name in names],
        "rows": [[_cell(row[name]) for name in names] for row in table],
        "total": opened.metadata.num_rows,
        "is_cut": opened.metadata.num_rows > len(table) or len(schema.names) > len(names),
    }


def _cell(value: Any) -> Any:
    """A value as JSON can hold it, and not too long."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= _CELL_CHARS_MAX else text[: _CELL_CHARS_MAX - 1] + "…"


def _watch(memory_bytes: int) -> None:
    process = psutil.Process()
    pause = threading.Event()
    while not pause.wait(_LOOK_S):
        if process.memory_info().rss > memory_bytes:
            os._exit(EXIT_MEMORY)


class _Asked(io.RawIOBase):
    """A file that the parent has."""

    def __init__(self, pipe: Pipe, size: int) -> None:
        super().__init__()
        self._pipe = pipe
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        count = min(len(buffer), max(0, self._size - self._at))
        if not count:
            return 0
        self._pipe.tell({"read": [self._at, count]})
        data = self._pipe.receive()
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


if __name__ == "__main__":
    main()
