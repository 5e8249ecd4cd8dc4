"""The application: a route for each operation, and what happens to a request on its way.

In this order: an id, the rate of the client, who asks, whether they may, the data, the handler,
the answer. What fails says so in the shape of the protocol it was asked in, also for paths that
are nobody's.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from litestar import Request
from litestar.exceptions import ClientException, HTTPException
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from mere.config import ServerSettings
from mere.errors import (
    ErrorCode,
    Internal,
    InvalidInput,
    MereError,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from mere.server.answers import Reply, respond
from mere.server.observing import note_request
from mere.server.operations import Answer, Call, Operation, Protocol
from mere.server.portal.pages import OPERATIONS as PAGES
from mere.server.portal.pages import page_at
from mere.server.protocols import OPERATIONS, PROTOCOLS
from mere.server.routing import Routes
from mere.server.state import ServerState
from mere.services.warehouse import Warehouse

__all__ = ["Application", "create_app", "perform"]

_log = logging.getLogger("mere.server")
_BODILESS = frozenset({204, 304})


def create_app(
    settings: ServerSettings,
    *,
    operations: Iterable[Operation] = (*PAGES, *OPERATIONS),
    warehouse: Warehouse | None = None,
    is_worker: bool = False,
) -> Application:
    """Make the ASGI application of one worker.

    Args:
        settings: How to serve.
        operations: What can be asked.
        warehouse: What to serve; by default, the one that the settings name.
        is_worker: Whether the process is a server's worker and nothing else.
    """
    return Application(settings, tuple(operations), warehouse, is_worker=is_worker)


class Application:
    """An ASGI application; see `create_app`.

    Requests, responses and streams are Litestar's. The way between them is ours: at thousands of
    requests a second a framework's layers would take more time than the work.
    """

    def __init__(
        self,
        settings: ServerSettings,
        operations: tuple[Operation, ...],
        warehouse: Warehouse | None,
        *,
        is_worker: bool,
    ) -> None:
        self._settings = settings
        self._is_worker = is_worker
        self._operations = operations
        self._warehouse = warehouse
        self._routes = Routes(operations)
        self.server: ServerState
        """What the worker has; there from the start of the application to its end."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live from start to end."""
        kind: str = scope["type"]
        if kind == "lifespan":
            await self._live(receive, send)
        elif kind == "http":
            request = _Incoming(scope, receive, send)
            answer = await self._respond(request)
            if isinstance(answer, Answer):
                await _send(answer, send)
                return
            if not isinstance(answer, ASGIResponse):
                answer = answer.to_asgi_response(app=None, request=request)
            await answer(scope, receive, send)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Have the worker's state while the block runs."""
        self.server = ServerState(self._settings, self._operations, self._warehouse)
        await self.server.start()
        if self._is_worker:
            self.server.warm_up()
        try:
            yield
        finally:
            await self.server.stop()

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        phase = "startup"
        try:
            async with self.lifespan():
                await send({"type": "lifespan.startup.complete"})
                phase = "shutdown"
                await receive()
        except Exception as error:
            _log.exception("the server's %s failed", phase)
            await send({"type": f"lifespan.{phase}.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})

    async def _respond(self, request: Request[Any, Any, Any]) -> Reply:
        """Answer a request by the operation at its path, or say that there is none."""
        scope = request.scope
        path = scope.get("raw_path", b"").decode("latin-1").partition("?")[0]
        try:
            match = self._routes.find(request.method, path or quote(scope["path"]))
        except (InvalidInput, NotFound) as error:
            return _nowhere(request, error)
        if sum(name == b"host" for name, _ in scope["headers"]) > 1:
            return _nowhere(request, _two_hosts())
        scope["path_params"] = match.parameters
        return await perform(self.server, match.operation, request)


class _Incoming(Request[Any, Any, Any]):
    """A request whose body is read as it comes; how much of it is for `Call.body` to say."""

    async def stream(self) -> AsyncIterator[bytes]:  # type: ignore[override]
        """The body, piece by piece."""
        while True:
            event = await self.receive()
            if event["type"] != "http.request":
                raise ClientException("the connection ended in the middle of the body")
            if event["body"]:
                yield event["body"]
            if not event["more_body"]:
                return


async def _send(answer: Answer, send: Send) -> None:
    """Send an answer that is at hand whole; Litestar's responses take a multiple of the time."""
    body = answer.body
    media_type = answer.media_type
    if media_type.startswith("text/") and "charset" not in media_type:
        media_type += "; charset=utf-8"
    told = {name.lower(): value for name, value in answer.headers.items()}
    if answer.status in _BODILESS:
        body = b""
        told.pop("content-length", None)
    else:
        # One to HEAD tells the length of what GET would send.
        told = {"content-type": media_type, "content-length": str(len(body)), **told}
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def perform(
    server: ServerState, operation: Operation, request: Request[Any, Any, Any]
) -> Reply:
    """Answer one request, whatever happens."""
    call = Call(server, operation, request)
    begun = server.asked_at = server.clock.monotonic()
    call.request_id = server.request_ids.of(call.headers.get("x-request-id"))
    outcome = "ok"
    try:
        answer = await _answer(call)
    except MereError as error:
        outcome = str(error.code)
        answer = _refusal(call, error)
    except HTTPException as error:  # the connection ended, or what came is no HTTP
        outcome = str(ErrorCode.INVALID_VALUE)
        answer = operation.protocol.refuse(_translated(error), call.request_id)
    except Exception as bug:  # noqa: BLE001  whatever fails is answered, in the protocol's shape
        _log.exception("%s failed", operation.name, extra={"fields": _fields(call)})
        outcome = str(ErrorCode.BUG)
        answer = operation.protocol.refuse(_bug(bug), call.request_id)
    server.sign_in.note(call, outcome)
    seconds = server.clock.monotonic() - begun
    response = await respond(call, answer)
    status = response.status if isinstance(response, Answer) else response.status_code
    note_request(operation.name, status or operation.status, seconds)
    if server.settings.is_access_logged:
        fields = {**_fields(call), "status": status, "seconds": round(seconds, 6)}
        _log.info("%s %s", operation.method, request.url.path, extra={"fields": fields})
    return response


async def _answer(call: Call) -> Any:
    server, operation = call.server, call.operation
    client = call.raw.client
    wait_s = server.rate.wait_s(client.host if client else "")
    if wait_s:
        raise Unavailable(
            ErrorCode.TOO_MANY_REQUESTS,
            f"more than {server.settings.rate_per_s:g} requests a second from one client: "
            f"wait {wait_s:.1f} s",
            retry_after_s=wait_s,
        )
    call.actor = await server.identify(call)
    if operation.is_stream:
        return await _handled(call)
    return await server.deadlines.keep(_handled(call))


async def _handled(call: Call) -> Any:
    operation = call.operation
    await call.server.admit(call)
    call.data = await call.decoded()
    await call.server.admit_to_scope(call)
    if operation.is_async:
        return await operation.handler(call)
    return await call.in_thread(operation.handler, call)


def _refusal(call: Call, error: MereError) -> Answer:
    if isinstance(error, Internal):
        _log.error("%s: %s", call.operation.name, error, extra={"fields": _fields(call)})
    answer = call.operation.protocol.refuse(error, call.request_id)
    if isinstance(error, Unauthenticated) and not _is_script(call.headers):
        answer.headers.setdefault("WWW-Authenticate", 'Basic realm="mere", charset="UTF-8"')
    if isinstance(error, Unavailable) and "retry_after_s" in error.details:
        answer.headers["Retry-After"] = str(max(1, round(error.details["retry_after_s"])))
    return answer


def _is_script(headers: Mapping[str, str]) -> bool:
    """Whether a page of ours asks, not a person: browsers would ask for a password beside it."""
    mode = headers.get("sec-fetch-mode", "navigate")
    return mode != "navigate" or "x-requested-with" in headers


def _nowhere(request: Request[Any, Any, Any], error: MereError) -> Answer:
    """Answer what no operation is asked by: pages of the portal, unknown paths and methods."""
    path = request.scope["path"]
    answer = _protocol_at(path).refuse(error, "")
    headers = request.headers
    if isinstance(error, NotFound) and request.method in ("GET", "HEAD"):
        page = page_at(path, headers.get("accept", ""), headers.get("accept-encoding", ""))
        answer = page or answer
    if "methods" in error.details:
        answer.headers["Allow"] = error.details["methods"]
    return answer


def _two_hosts() -> InvalidInput:
    """What stands before us may have looked at the other one."""
    return InvalidInput(
        ErrorCode.INVALID_VALUE, "the request names several hosts: send one header Host"
    )


def _protocol_at(path: str) -> Protocol:
    """The protocol whose prefix is the longest that a path begins with."""
    matching = [(len(p), one) for one in PROTOCOLS for p in one.prefixes if path.startswith(p)]
    return max(matching, key=lambda pair: pair[0], default=(0, PROTOCOLS[0]))[1]


def _translated(error: HTTPException) -> MereError:
    if error.status_code < 500:
        return InvalidInput(ErrorCode.INVALID_VALUE, f"the request is wrong: {error.detail}")
    return _bug(error)


def _bug(error: Exception) -> Internal:
    return Internal(ErrorCode.BUG, f"a bug in mere: {type(error).__name__}; please report it")


def _fields(call: Call) -> dict[str, Any]:
    return {
        "request_id": call.request_id,
        "operation": call.operation.name,
        "actor": call.actor.name,
        "client": call.raw.client.host if call.raw.client else None,
    }
