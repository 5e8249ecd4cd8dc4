"""Files of runs, datasets and models for the portal: folders, contents, and what a preview needs.

What people logged is not ours: it is never served as a page of this site. Each content comes with
a policy that puts it into a sandbox of its own and lets it load nothing, its type is not guessed,
and unless a harmless kind is asked for inline, it is a download.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

import msgspec
from litestar.response import Stream

from mere.entities.actor import Action, Scope
from mere.entities.artifact import Artifact, check_owner, media_type_in_header
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.server.operations import Answer, Call, Permission
from mere.server.protocols.native.wire import operation
from mere.services.artifacts.preview import Preview, preview

__all__ = ["OPERATIONS", "safe_headers"]

_PIECE_BYTES: Final = 1 << 20
_IMAGES: Final = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"}
)
_MEDIA: Final = ("audio/", "video/")
_SHOWN: Final = frozenset({"text/html", "image/svg+xml"})
"""Shown in a frame only, whose sandbox keeps scripts from everything but the frame itself."""
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
_NOTHING: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; media-src data: blob:; "
    "font-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)


class Place(msgspec.Struct):
    """Where to look.

    Args:
        owner: The id of the run, dataset version or model.
        path: The path of a file or folder.
        offset: Leave out so many entries.
        limit: At most so many entries.
        inline: Whether the content is to be shown and not saved, where that is harmless.
        rows: How many rows or lines a preview has at most.
    """

    owner: str = ""
    path: str = ""
    offset: int = 0
    limit: int = 1_000
    inline: bool = False
    rows: int = 100


class Entry(msgspec.Struct):
    """A file, or a folder with all that is below it.

    Args:
        name: What it is called in its folder.
        path: Its whole path.
        is_folder: Which of the two it is.
        size: Its bytes; of a folder, those of all its files.
        files: How many files there are below it; 1 for a file.
        artifact: What is known of a file.
    """

    name: str
    path: str
    is_folder: bool
    size: int
    files: int
    artifact: Artifact | None = None


class Folder(msgspec.Struct):
    """A stretch of a folder."""

    entries: list[Entry]
    total: int


_READ = Permission(Action.READ, lambda call: Scope.anything())  # noqa: ARG005


def _check_readable(call: Call) -> None:
    """Refuse whoever may not read the owner's files; raises as access does.

    Those of runs and logged models are in their experiment, those of versions of registered
    models are the model's, and all others the warehouse's.
    """
    scope = Scope.files(check_owner(call.data.owner))
    call.warehouse.access.authorize(call.actor, Action.READ, scope)


@operation("GET", "/api/v1/artifacts/{owner}", permission=_READ, request=Place, answer=Folder)
def list_folder(call: Call) -> Folder:
    """A folder of the artifacts of a run, dataset version or model."""
    data: Place = call.data
    _check_readable(call)
    folder = data.path.strip("/")
    below = f"{folder}/" if folder else ""
    entries: dict[str, Entry] = {}
    for one in call.warehouse.artifacts.list(data.owner, folder):
        if not one.path.startswith(below):
            continue
        name, slash, _ = one.path[len(below) :].partition("/")
        if not slash:
            entries[name] = Entry(
                name, one.path, is_folder=False, size=one.size, files=1, artifact=one
            )
            continue
        known = entries.setdefault(
            name + "/", Entry(name, below + name, is_folder=True, size=0, files=0)
        )
        known.size += one.size
        known.files += 1
    ordered = sorted(entries.values(), key=lambda entry: (not entry.is_folder, entry.name))
    start = max(0, data.offset)
    return Folder(ordered[start : start + max(0, min(data.limit, 10_000))], len(ordered))


@operation(
    "GET",
    "/api/v1/artifacts/{owner}/preview/{path:path}",
    permission=_READ,
    request=Place,
    answer=Preview,
)
def preview_file(call: Call) -> Preview:
    """What a file holds, in short: the head of a text, the first rows of a table."""
    data: Place = call.data
    _check_readable(call)
    return preview(call.warehouse.artifacts, data.owner, data.path, rows=data.rows)


@operation(
    "GET",
    "/api/v1/artifacts/{owner}/files/{path:path}",
    permission=_READ,
    request=Place,
    is_stream=True,
    sends={200: "*/*", 206: "*/*", 304: ""},
)
def read_file(call: Call) -> Stream | Answer:
    """The content of a file or a range of it; a download unless a harmless kind is asked inline."""
    data: Place = call.data
    _check_readable(call)
    found = call.warehouse.artifacts.get(data.owner, data.path)
    headers = safe_headers(found, inline=data.inline)
    media_type = headers.pop("Content-Type")
    tag = f'"{found.digest}"'
    headers |= {"ETag": tag, "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"}
    if call.headers.get("if-none-match") == tag:
        return Answer(status=304, media_type=media_type, headers=headers)
    start, end = _range(call.headers.get("range", ""), found.size)
    is_part = (start, end) != (0, found.size)
    if is_part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{found.size}"
    headers["Content-Length"] = str(end - start)
    opened = call.warehouse.artifacts.open(data.owner, data.path)
    return Stream(
        _pieces(opened, start, end),
        media_type=media_type,
        headers=headers,
        status_code=206 if is_part else 200,
    )


def safe_headers(artifact: Artifact, *, inline: bool) -> dict[str, str]:
    """The headers with which a content can be given to a browser.

    Args:
        artifact: Whose content it is.
        inline: Whether it is to be shown, where that is harmless.
    """
    kind = media_type_in_header(artifact.media_type).partition(";")[0].strip().lower()
    is_text = kind.startswith("text/") or kind in ("application/json", "application/yaml")
    is_shown = kind in _IMAGES or kind in _SHOWN or kind.startswith(_MEDIA) or is_text
    policy = f"sandbox; {_NOTHING}"
    if kind in _SHOWN:
        policy = f"sandbox allow-scripts; script-src 'unsafe-inline'; {_NOTHING}"
    elif is_text:
        kind = "text/plain; charset=utf-8"
    elif not is_shown:
        kind = "application/octet-stream"
    name = artifact.path.rpartition("/")[2]
    plain = re.sub(r"[^ !#-\[\]-~]|[%]", "_", name) or "file"
    how = "inline" if inline and is_shown else "attachment"
    names = f"filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    return {
        "Content-Type": kind,
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "Content-Disposition": f"{how}; {names}",
    }


def _range(asked: str, size: int) -> tuple[int, int]:
    """The bytes of a Range header, from the first to behind the last; all where there is none.

    Raises:
        InvalidInput: There are no such bytes.
    """
    match = _RANGE.fullmatch(asked.strip())
    if match is None or match[0] == "bytes=-" or not size:
        return 0, size
    if not match[1]:
        return max(0, size - int(match[2])), size
    start = int(match[1])
    end = min(size, int(match[2]) + 1) if match[2] else size
    if start >= end:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"the file has {size} bytes: there is no range {asked[:80]!r}"
        )
    return start, end


def _pieces(opened: io.BufferedReader, start: int, end: int) -> Iterator[bytes]:
    with opened:
        opened.seek(start)
        left = end - start
        while left > 0:
            piece = opened.read(min(left, _PIECE_BYTES))
            if not piece:
                raise NotFound(ErrorCode.ARTIFACT_NOT_FOUND, "the content is shorter than it was")
            left -= len(piece)
            yield piece


OPERATIONS = (list_folder, preview_file, read_file)
