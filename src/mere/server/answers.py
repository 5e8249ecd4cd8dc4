"""From what a handler answered to what is sent: JSON, compressed where that helps."""

from __future__ import annotations

import gzip
from functools import lru_cache
from typing import Any

import zstandard
from litestar import Response
from litestar.response.base import ASGIResponse

from mere.server.operations import Answer, Call

__all__ = ["Reply", "respond"]

_WORTH_BYTES = 1024
_INLINE_BYTES = 64 * 1024
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_TEXT = ("application/json", "text/", "application/vnd.apache.arrow.stream")
_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


Reply = Answer | Response[Any] | ASGIResponse
"""What is sent: an answer that is at hand whole, or a response that a handler made itself."""


async def respond(call: Call, answer: Any) -> Reply:
    """What to send for what a handler answered."""
    if isinstance(answer, Response | ASGIResponse):
        answer.headers.setdefault("X-Request-Id", call.request_id)
        return answer
    if not isinstance(answer, Answer):
        body = b"" if answer is None else call.operation.protocol.encode(answer)
        answer = Answer(body, status=call.operation.status)
    headers = {**_HEADERS, "X-Request-Id": call.request_id, **answer.headers}
    body = answer.body
    if len(body) >= _WORTH_BYTES and answer.media_type.startswith(_TEXT):
        coding = _coding(call)
        headers["Vary"] = "Accept-Encoding"
        if coding and "Content-Encoding" not in headers:
            headers["Content-Encoding"] = coding
            if len(body) <= _INLINE_BYTES:
                body = _compress(coding, body)
            else:
                body = await call.in_thread(_compress, coding, body)
    return Answer(body, answer.media_type, answer.status, headers)


def _coding(call: Call) -> str | None:
    """The coding that the client takes; none on the same machine, where bytes cost nothing."""
    headers = call.headers
    client = call.raw.client
    is_near = client is None or client.host in _LOOPBACK
    if is_near and "x-forwarded-for" not in headers:
        return None
    return _best(headers.get("accept-encoding", ""))


@lru_cache(maxsize=256)
def _best(accepted: str) -> str | None:
    taken = set()
    for word in accepted[:1000].lower().split(","):
        name, _, quality = word.strip().partition(";")
        if quality.strip().replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            taken.add(name.strip())
    return next((coding for coding in ("zstd", "gzip") if coding in taken), None)


def _compress(coding: str, body: bytes) -> bytes:
    if coding == "zstd":
        return zstandard.compress(body, 3)
    return gzip.compress(body, 1, mtime=0)
