"""One request and its answer: between the thread that asks and the loop that answers.

Bodies stream both ways. What was read of a file, and what of an answer nobody has taken yet, is a
few pieces at most.
"""

from __future__ import annotations

import asyncio
import io
import queue
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any
from urllib.parse import unquote, urlsplit

import requests

from mere.lake.objects.pool import RequestPool

__all__ = ["AnswerBody", "Exchange"]

_PIECE_BYTES = 1 << 20
_PIECES_AHEAD = 4


class Exchange:
    """One request on its way through the application.

    Args:
        loop: Where the application runs.
        reads: Reads a body that comes from a file.
        request: What is asked.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        reads: RequestPool,
        request: requests.PreparedRequest,
    ) -> None:
        self._loop = loop
        self._reads = reads
        self._request = request
        self._body = _pieces(request.body)
        self._is_read = False
        self._is_over = asyncio.Event()
        self._room = asyncio.Semaphore(_PIECES_AHEAD)
        self._answer: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._task: asyncio.Task[None] | None = None
        self.head: Future[tuple[int, list[tuple[bytes, bytes]]]] = Future()
        """The answer's status and headers."""

    def begin(self, app: Callable[..., Any]) -> None:
        """Start answering; on the loop."""
        self._task = self._loop.create_task(app(self._scope(), self._receive, self._send))
        self._task.add_done_callback(self._end)

    def read(self) -> bytes:
        """The next piece of the answer; nothing at its end."""
        piece = self._answer.get()
        if piece:
            self._loop.call_soon_threadsafe(self._room.release)
        return piece

    def leave(self) -> None:
        """Let go of an answer that nobody reads to its end."""
        if self._task is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)

    def _scope(self) -> dict[str, Any]:
        url = urlsplit(self._request.url or "")
        path = str(url.path) or "/"
        headers = [(b"host", b"localhost")]
        headers += [
            (_latin(name).lower(), _latin(value)) for name, value in self._request.headers.items()
        ]
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": self._request.method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": str(url.query).encode(),
            "root_path": "",
            "headers": headers,
            "client": None,
            "server": ("localhost", 80),
            "extensions": {},
        }

    async def _receive(self) -> dict[str, Any]:
        if self._is_read:
            await self._is_over.wait()  # nobody hangs up before the answer's end
            return {"type": "http.disconnect"}
        piece = next(self._body, b"") if isinstance(self._request.body, bytes | str) else b""
        if not piece and self._request.body is not None:
            piece = await self._loop.run_in_executor(self._reads, next, self._body, b"")
        self._is_read = not piece
        return {"type": "http.request", "body": piece, "more_body": bool(piece)}

    async def _send(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.head.set_result((message["status"], list(message.get("headers", ()))))
            return
        if message.get("body"):
            await self._room.acquire()
            self._answer.put(bytes(message["body"]))
        if not message.get("more_body"):
            self._answer.put(b"")
            self._is_over.set()

    def _end(self, task: asyncio.Task[None]) -> None:
        self._answer.put(b"")
        if not self.head.done():
            error = None if task.cancelled() else task.exception()
            self.head.set_exception(error or RuntimeError("the request was not answered"))
        elif not task.cancelled():
            task.exception()


class AnswerBody(io.RawIOBase):
    """The body of an answer, as `requests` reads it.

    Args:
        exchange: Whose.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._left = memoryview(b"")
        self._is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left and not self._is_over:
            self._left = memoryview(self._exchange.read())
            self._is_over = not self._left
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    def close(self) -> None:
        if not self.closed and not self._is_over:
            self._exchange.leave()
        super().close()


def _pieces(body: Any) -> Iterator[bytes]:
    """A request's body in pieces; `requests` allows bytes, text, files and iterables."""
    if body is None:
        return
    if isinstance(body, str):
        body = body.encode()
    if isinstance(body, bytes):
        yield body
    elif hasattr(body, "read"):
        while piece := body.read(_PIECE_BYTES):
            yield piece
    else:
        yield from filter(None, body)


def _latin(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")
