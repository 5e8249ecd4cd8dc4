"""The process in which foreign Parquet files are opened: their few bytes may mean gigabytes.

A value that is stored once and meant a thousand times, a page that unpacks to two gigabytes, a row
that is a list of a billion: none of it is seen before it is unpacked, and the library that unpacks
it knows no limit. So it does that here, where it harms nobody, and the process ends itself when it
takes too much. `mere.services.datasets.parquet_heads` is the other end.

A talk: the parent tells what is wanted of which size; the process asks for stretches of the file
and is sent them; at last it tells the head, or what the problem is.
"""

from __future__ import annotations

import base64
import io
import json
import math
import os
import resource
import sys
import threading
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from mere.lake.sandbox_process import EXIT_MEMORY, Pipe
from mere.services.datasets.images import image_type

__all__ = ["main"]

_LOOK_S = 0.01
_CPU_S = 20
_FOOTER_BYTES_MAX = 64 << 20
_CELL_CHARS_MAX = 1_000
_VALUE_BYTES_MAX = 4 << 20
_BATCH_ROWS = 4_096
_EXACT_MAX = 1 << 53


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
        if "cell" in asked:
            pipe.send(_whole(file, asked["skip"], asked["cell"]))
        else:
            pipe.tell(
                _head(file, asked["rows"], asked["columns"], asked["skip"], asked["image_bytes"])
            )
    except (pa.ArrowException, OSError, ValueError) as error:
        pipe.tell({"problem": f"the file cannot be read: {error}"[:500]})
    except (MemoryError, RecursionError):
        os._exit(EXIT_MEMORY)


def _head(
    file: io.BufferedReader[Any],
    rows: int,
    columns: int | list[str],
    skip: int,
    image_bytes: int,
) -> dict[str, Any]:
    opened = pq.ParquetFile(file, thrift_container_size_limit=_FOOTER_BYTES_MAX)
    schema = opened.schema_arrow
    names = schema.names[:columns] if isinstance(columns, int) else columns
    table = _rows(opened, names, skip, rows)
    images = _Images(image_bytes)
    return {
        "columns": names,
        "types": [str(schema.field(name).type)[:_CELL_CHARS_MAX] for name in names],
        "rows": [[images.shown(row[name]) for name in names] for row in table],
        "total": opened.metadata.num_rows,
        "is_cut": opened.metadata.num_rows > len(table) or len(schema.names) > len(names),
    }


def _rows(
    opened: pq.ParquetFile[Any], names: list[str], skip: int, count: int
) -> list[dict[str, Any]]:
    """Some rows behind others; row groups that lie before them are not read."""
    groups: list[int] = []
    for number in range(opened.metadata.num_row_groups):
        size = opened.metadata.row_group(number).num_rows
        if groups or skip < size:
            groups.append(number)
        else:
            skip -= size
    found: list[dict[str, Any]] = []
    batches = opened.iter_batches(
        max(1, min(count + skip, _BATCH_ROWS)), row_groups=groups, columns=names, use_threads=False
    )
    for batch in batches if count else ():
        here = batch.slice(skip, count - len(found))
        skip = max(0, skip - batch.num_rows)
        found += here.to_pylist()
        if len(found) >= count:
            break
    return found


def _whole(file: io.BufferedReader[Any], skip: int, column: str) -> bytes:
    """One value: a letter for what it is, then its bytes or its text."""
    opened = pq.ParquetFile(file, thrift_container_size_limit=_FOOTER_BYTES_MAX)
    value = _rows(opened, [column], skip, 1)[0][column]
    held = _held(value)
    if held is not None:
        return b"b" + held[:_VALUE_BYTES_MAX]
    text = value if isinstance(value, str) else json.dumps(_plain(value), ensure_ascii=False)
    return b"t" + text.encode("utf-8", "replace")[:_VALUE_BYTES_MAX]


class _Images:
    """Shows values, and as many images among them as there is room for.

    Args:
        room: How many bytes of images may be shown.
    """

    def __init__(self, room: int) -> None:
        self._room = room

    def shown(self, value: Any) -> Any:
        """A value as JSON can hold it, and not too long; an image as an address that holds it."""
        held = _held(value)
        if held is None:
            return _short(_plain(value))
        kind = image_type(held)
        if kind is None:
            return f"{len(held)} bytes"
        if len(held) > self._room:
            return f"{kind}, {len(held)} bytes"
        self._room -= len(held)
        return f"data:{kind};base64,{base64.b64encode(held).decode()}"


def _short(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _CELL_CHARS_MAX else text[: _CELL_CHARS_MAX - 1] + "…"


def _held(value: Any) -> bytes | None:
    """The bytes of a value that is bytes, or holds them as libraries for images write it."""
    if isinstance(value, dict) and set(value) == {"bytes", "path"}:
        value = value["bytes"]
    return value if isinstance(value, bytes) else None


def _plain(value: Any) -> Any:
    """A value in what JSON has; what it lacks, or browsers round, becomes text."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, int) and abs(value) > _EXACT_MAX:
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


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
