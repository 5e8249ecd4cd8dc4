"""Previews of artifacts: the head of a text, the first rows of a table, and never more.

Contents are data of unknown people. They are read in bounded pieces by libraries that only read;
nothing in them is run, and pickles are not opened. What may unpack to more than it shows is opened
in a process of its own.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from mere.errors import ErrorCode, InvalidInput
from mere.services.datasets.parquet_heads import parquet_head

if TYPE_CHECKING:
    from mere.entities.artifact import Artifact
    from mere.services.artifacts.artifacts import Artifacts

__all__ = ["Preview", "preview"]

TEXT_BYTES_MAX = 256 << 10
ROWS_MAX = 1_000
_COLUMNS_MAX = 200
_CELL_CHARS_MAX = 1_000


class Preview(msgspec.Struct):
    """What a file holds, in short.

    Args:
        kind: ``text``, ``table``, ``image``, ``audio``, ``video``, ``html`` or ``binary``.
        media_type: What it is.
        size: Its bytes.
        text: The head of a text.
        is_cut: Whether there is more than is shown.
        columns: The names of a table's columns.
        types: Their types.
        rows: The first rows of a table.
        total: How many rows it has, where that is known.
        problem: Why there is no more to show.
    """

    kind: str
    media_type: str
    size: int
    text: str | None = None
    is_cut: bool = False
    columns: list[str] = []
    types: list[str] = []
    rows: list[list[Any]] = []
    total: int | None = None
    problem: str | None = None


def preview(artifacts: Artifacts, owner: str, path: str, *, rows: int = 100) -> Preview:
    """The preview of an artifact.

    Args:
        artifacts: Where it is stored.
        owner: Whose it is.
        path: Its path.
        rows: At most so many rows of a table.

    Raises:
        NotFound: There is no such artifact.
        InvalidInput: That many rows are no preview.
    """
    if not 0 <= rows <= ROWS_MAX:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED, f"{rows} rows: ask for 0 to {ROWS_MAX:,}", limit=ROWS_MAX
        )
    found = artifacts.get(owner, path)
    media = (found.media_type or "application/octet-stream").partition(";")[0].lower()
    begin = Preview(_kind(media, path), media, found.size)
    readers: dict[str, Callable[[io.BufferedReader], Preview]] = {
        "text": lambda file: _text(begin, file),
        "html": lambda file: _text(begin, file),
        "table": lambda file: _table(begin, found, file, rows),
    }
    reader = readers.get(begin.kind)
    if reader is None:
        return begin
    with artifacts.open(owner, path) as file:
        return reader(file)


def _kind(media: str, path: str) -> str:
    if media in ("text/html", "image/svg+xml"):
        return "html"
    if media.partition("/")[0] in ("image", "audio", "video"):
        return media.partition("/")[0]
    if path.lower().endswith((".parquet", ".csv", ".tsv")):
        return "table"
    words = ("json", "yaml", "xml", "toml", "javascript", "x-sh", "jsonl")
    is_text = media.startswith("text/") or media.partition("/")[2].endswith(words)
    return "text" if is_text else "binary"


def _text(begin: Preview, file: io.BufferedReader) -> Preview:
    head = file.read(TEXT_BYTES_MAX + 1)
    is_cut = len(head) > TEXT_BYTES_MAX
    text = head[:TEXT_BYTES_MAX].decode("utf-8", "replace")
    return msgspec.structs.replace(begin, text=text, is_cut=is_cut)


def _table(begin: Preview, found: Artifact, file: io.BufferedReader, rows: int) -> Preview:
    if not found.path.lower().endswith(".parquet"):
        return _lines(begin, found, file, rows)
    head = parquet_head(file, found.size, rows=rows, columns=_COLUMNS_MAX)
    return msgspec.structs.replace(begin, **msgspec.structs.asdict(head))


def _lines(begin: Preview, found: Artifact, file: io.BufferedReader, rows: int) -> Preview:
    """A table as text: its head is parsed, whole lines only."""
    head = file.read(TEXT_BYTES_MAX + 1)
    is_cut = len(head) > TEXT_BYTES_MAX
    text = head[:TEXT_BYTES_MAX].decode("utf-8", "replace")
    if is_cut:
        text = text[: text.rfind("\n") + 1] or text
    delimiter = "\t" if found.path.lower().endswith(".tsv") else ","
    try:
        parsed = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error as error:
        return msgspec.structs.replace(begin, problem=f"no table: {error}")
    names = parsed[0][:_COLUMNS_MAX] if parsed else []
    shown = [[_short(cell) for cell in row[:_COLUMNS_MAX]] for row in parsed[1 : 1 + rows]]
    is_cut = is_cut or len(parsed) > 1 + rows
    return msgspec.structs.replace(begin, columns=names, rows=shown, is_cut=is_cut)


def _short(text: str) -> str:
    return text if len(text) <= _CELL_CHARS_MAX else text[: _CELL_CHARS_MAX - 1] + "…"
