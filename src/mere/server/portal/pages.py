"""Serves the portal: its files, and its one page for every address that is a page of it.

The files' names hold their digests, so browsers keep them for ever; the page itself is asked for
each time. All files are read at the first request and kept, compressed once: a build that comes
later, while this server runs, cannot mix with them. The page names in its head what its address
will need, which `pages.json` of the build says. Nothing here needs a sign-in: the page asks
who one is, and shows nothing until the server knows.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from html import escape
from pathlib import Path
from typing import Final

from mere.errors import ErrorCode, NotFound
from mere.server.operations import PUBLIC, Answer, Call
from mere.server.protocols.native.wire import operation

__all__ = ["OPERATIONS", "page_at"]

_INDEX: Final = "index.html"
_PAGES: Final = "pages.json"
_FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_POLICY: Final = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
_ASK_AGAIN: Final = {"Cache-Control": "no-cache"}
_NOT_PAGES: Final = ("/api", "/ajax-api", "/v1", "/iceberg", "/assets", "/mlflow", "/graphql")
_NOT_BUILT: Final = (
    "<!doctype html><title>mere</title><p>The portal was not built. In a checkout, "
    "<code>make install</code> builds it; packages carry it.</p>"
)


@operation("GET", "/", permission=PUBLIC, sends={200: "text/html"})
async def home(call: Call) -> Answer:
    """The portal's page."""
    return _page("/", call.headers.get("accept-encoding", ""))


@operation("GET", "/assets/{name:path}", permission=PUBLIC, sends={200: "*/*"})
async def asset(call: Call) -> Answer:
    """A file of the portal."""
    return _file(f"assets/{call.path['name']}", call.headers.get("accept-encoding", ""), _FOR_EVER)


@operation("GET", "/mark.svg", permission=PUBLIC, sends={200: "image/svg+xml"})
async def mark(call: Call) -> Answer:
    """The portal's mark."""
    return _file("mark.svg", call.headers.get("accept-encoding", ""), _ASK_AGAIN)


def page_at(path: str, accepted: str, coding: str) -> Answer | None:
    """The portal's page, if a browser goes to one of its addresses; else None."""
    if "text/html" not in accepted or path.startswith(_NOT_PAGES):
        return None
    return _page(path, coding)


def _page(path: str, coding: str) -> Answer:
    if _INDEX not in _files():
        return Answer(_NOT_BUILT.encode(), _TYPES[".html"], headers=_HEADERS)
    body, packed = _index_of(_pattern_of(path))
    return _sent(body, packed, _TYPES[".html"], coding, {**_HEADERS, **_ASK_AGAIN})


def _file(name: str, coding: str, headers: dict[str, str]) -> Answer:
    if name not in _files():  # so no path leads out of the folder
        raise NotFound(ErrorCode.ROUTE_NOT_FOUND, "the portal has no such file")
    media_type = _TYPES.get(Path(name).suffix, "application/octet-stream")
    return _sent(_files()[name], _packed(name), media_type, coding, headers)


def _sent(
    body: bytes, packed: bytes, media_type: str, coding: str, headers: dict[str, str]
) -> Answer:
    told = {**headers, "Vary": "Accept-Encoding"}
    if packed and "gzip" in coding:
        return Answer(packed, media_type, headers={**told, "Content-Encoding": "gzip"})
    return Answer(body, media_type, headers=told)


@cache
def _files() -> dict[str, bytes]:
    """The content of the files there are, by their names."""
    paths = {path.relative_to(_FOLDER): path for path in _FOLDER.rglob("*") if path.is_file()}
    return {
        name.as_posix(): path.read_bytes()
        for name, path in paths.items()
        if not name.parts[0].startswith(".")
    }


@cache
def _packed(name: str) -> bytes:
    """A file's content compressed; empty where that makes it no smaller."""
    return _compressed(_files()[name])


def _compressed(body: bytes) -> bytes:
    packed = gzip.compress(body, 9, mtime=0)
    return packed if len(packed) < len(body) else b""


@cache
def _needed() -> dict[str, list[str]]:
    """The files that each page needs beyond those that all need, by its address."""
    found: dict[str, list[str]] = json.loads(_files().get(_PAGES, b"{}"))
    return found


def _pattern_of(path: str) -> str:
    """The address in the build's words; none where there is no such page."""
    parts = path.rstrip("/").split("/")
    for pattern in _needed():
        names = pattern.rstrip("/").split("/")
        if len(names) == len(parts) and all(
            name.startswith("$") or name == part for name, part in zip(names, parts, strict=True)
        ):
            return pattern
    return ""


@cache
def _index_of(pattern: str) -> tuple[bytes, bytes]:
    """The page with the links to what it will need, as it is and compressed."""
    links = "".join(
        f'<link rel="modulepreload" crossorigin href="/{escape(name)}">'
        for name in _needed().get(pattern, ())
    )
    body = _files()[_INDEX].replace(b"</head>", f"{links}</head>".encode(), 1)
    return body, _compressed(body)


OPERATIONS = (home, asset, mark)
