"""What the server can be asked: each operation declared once, with its permission.

A protocol package declares its operations with its own decorator over `operation`; the app makes
a route of each, tests walk all of them, and the OpenAPI page is read off them. There is no other
way to a route, so there is no route without a permission.

A handler is one of two kinds. ``async def`` runs on the event loop and must never block: it works
on what is in memory and awaits the rest (`Call.commit`, `Call.in_thread`). A plain ``def`` runs in
a worker thread and may read and write as it likes.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from litestar import Request

from mere.clock import Clock
from mere.entities.actor import Action, Actor, Scope
from mere.errors import ErrorCode, InvalidInput, MereError
from mere.lake.records import Batch
from mere.server.decoding import decode_json, decode_query
from mere.services.warehouse import Warehouse

if TYPE_CHECKING:
    from mere.server.state import ServerState

__all__ = [
    "PUBLIC",
    "SIGNED_IN",
    "Answer",
    "Call",
    "Operation",
    "Permission",
    "Protocol",
    "operation",
]

_T = TypeVar("_T")
_SMALL_BYTES = 16 * 1024
_BODIES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True)
class Permission:
    """What somebody must be allowed to do for an operation.

    Args:
        action: What, or None where nothing in particular is needed.
        scope: On what; by default on the warehouse. Told the call with its data decoded, and pure:
            what has to be looked up for it, `Access.authorize` looks up.
        is_public: Whether even nobody may, who has not signed in.
    """

    action: Action | None
    scope: Callable[[Call], Scope] | None = None
    is_public: bool = False


PUBLIC = Permission(None, is_public=True)
SIGNED_IN = Permission(None)


class Answer:
    """An answer that is no JSON, or has a status of its own.

    Args:
        body: What is sent.
        media_type: What that is.
        status: HTTP's status.
        headers: Sent with it.
    """

    __slots__ = ("body", "headers", "media_type", "status")

    def __init__(
        self,
        body: bytes = b"",
        media_type: str = "application/json",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.body = body
        self.media_type = media_type
        self.status = status
        self.headers = dict(headers or {})


class Protocol:
    """How one protocol reads requests and writes answers and errors; made to be derived from.

    Args:
        name: As it is called in metrics and in the names of operations.
        prefixes: The paths it owns begin with one of these; errors below them are its own.
        error: The JSON schema of what `refuse` answers.
    """

    def __init__(
        self, name: str, prefixes: tuple[str, ...], error: Mapping[str, Any] | None = None
    ) -> None:
        self.name = name
        self.prefixes = prefixes
        self.error = dict(error or {})

    def decode(self, kind: type[_T], call: Call, body: bytes) -> _T:
        """Make the request struct of an operation; raises `InvalidInput`."""
        in_path = {n: value for n, value in call.path.items() if n in _fields(kind)}
        if call.operation.method in _BODIES and (body or not call.query):
            return decode_json(kind, body, in_path)
        return decode_query(kind, [*call.query, *in_path.items()])

    def encode(self, answer: Any) -> bytes:
        """Make JSON of what a handler answered."""
        return msgspec.json.encode(answer)

    def refuse(self, error: MereError, request_id: str) -> Answer:
        """Say what went wrong, in the shape that this protocol's clients know."""
        raise NotImplementedError


@dataclass(frozen=True)
class Operation:
    """One thing that the server can be asked.

    Args:
        name: Unique: the protocol's name, then the handler's module and name, with dots.
        method: HTTP's verb.
        paths: Where, with ``{name}`` for one segment and ``{name:path}`` for the rest.
        permission: Who may.
        protocol: Reads the request and writes the answer.
        handler: Answers.
        request: The struct of its data; None where it takes none or reads the body itself.
        answer: What it answers, for the OpenAPI page.
        status: HTTP's status of an answer.
        sends: The media types of answers by status, for the OpenAPI page; ``""`` for none. What is
            said here goes before JSON with `status`, and is said besides it.
        body_max: How many bytes its body may have; by default, as the server's settings say.
        is_stream: Whether it reads or answers without end, so that no time limit holds.
        summary: One sentence.
    """

    name: str
    method: str
    paths: tuple[str, ...]
    permission: Permission
    protocol: Protocol
    handler: Callable[[Call], Any]
    request: type[msgspec.Struct] | None = None
    answer: Any = None
    status: int = 200
    sends: Mapping[int, str] = field(default_factory=dict)
    body_max: int | None = None
    is_stream: bool = False
    summary: str = ""

    @cached_property
    def is_async(self) -> bool:
        """Whether the handler runs on the event loop."""
        return inspect.iscoroutinefunction(self.handler)


def operation(
    method: str,
    *paths: str,
    permission: Permission,
    protocol: Protocol,
    request: type[msgspec.Struct] | None = None,
    answer: Any = None,
    status: int = 200,
    sends: Mapping[int, str] | None = None,
    body_max: int | None = None,
    is_stream: bool = False,
) -> Callable[[Callable[[Call], Any]], Operation]:
    """Declare a handler as an operation; the name bound is the `Operation` then.

    Example:
        >>> @operation("GET", "/api/v1/runs/{run_id}", permission=READ, protocol=NATIVE)
        ... def get_run(call: Call) -> Run:  # doctest: +SKIP
        ...     \"\"\"One run.\"\"\"
        ...     return call.warehouse.runs.get(call.path["run_id"])
    """

    def declare(handler: Callable[[Call], Any]) -> Operation:
        module = handler.__module__.rpartition(".")[2]
        return Operation(
            name=f"{protocol.name}.{module}.{handler.__name__}",
            method=method,
            paths=paths,
            permission=permission,
            protocol=protocol,
            handler=handler,
            request=request,
            answer=answer,
            status=status,
            sends=sends or {},
            body_max=body_max,
            is_stream=is_stream,
            summary=(handler.__doc__ or "").strip().partition("\n")[0],
        )

    return declare


class Call:
    """One request on its way through an operation.

    Args:
        server: The worker's state.
        operation: What is asked.
        raw: The request.
    """

    def __init__(
        self, server: ServerState, operation: Operation, raw: Request[Any, Any, Any]
    ) -> None:
        self.server = server
        self.operation = operation
        self.raw = raw
        self.headers: Mapping[str, str] = raw.headers
        """The request's headers; names are looked up in any case."""
        self.actor = Actor.nobody()
        """Who asks."""
        self.data: Any = None
        """What is asked with: the operation's request struct."""
        self.request_id = ""
        """What the logs call this request."""

    @property
    def warehouse(self) -> Warehouse:
        """The services."""
        return self.server.warehouse

    @property
    def clock(self) -> Clock:
        """Time and randomness."""
        return self.server.clock

    @property
    def path(self) -> dict[str, str]:
        """The values of the path's parameters."""
        return self.raw.path_params

    @property
    def query(self) -> list[tuple[str, str]]:
        """The query string, names repeated as they came."""
        return list(self.raw.query_params.multi_items())

    async def commit(self, batch: Batch) -> None:
        """Make a batch durable together with those of other requests.

        Raises:
            InvalidInput: The batch cannot be stored; nothing of it was.
            Unavailable: The store did not answer.
        """
        await self.server.commits.commit(batch)

    async def in_thread(self, function: Callable[..., _T], *args: Any) -> _T:
        """Do what blocks in a worker thread."""
        return await self.server.in_thread(function, *args)

    async def body(self, max_bytes: int | None = None) -> bytes:
        """The whole body.

        Raises:
            InvalidInput: It is larger than allowed, and is not read to its end then; or too slow.
        """
        limit = max_bytes or self.operation.body_max or self.server.settings.body_bytes_max
        announced = self.headers.get("content-length", "")
        if not (announced.isascii() and announced.isdigit()):
            announced = ""
        if announced and int(announced) > limit:
            raise _too_large(limit)
        if announced and int(announced) <= _SMALL_BYTES:
            return await self._read(limit)  # comes with the headers, or within the answer's time
        seconds = self.server.settings.body_s_max
        try:
            async with asyncio.timeout(seconds):
                return await self._read(limit)
        except TimeoutError as error:
            raise InvalidInput(
                ErrorCode.TOO_SLOW,
                f"the request's body took longer than {seconds:g} s: send it faster, or in pieces",
                seconds=seconds,
            ) from error

    async def _read(self, limit: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        async for piece in self.raw.stream():
            size += len(piece)
            if size > limit:
                raise _too_large(limit)
            pieces.append(piece)
        return b"".join(pieces)

    async def decoded(self) -> Any:
        """The operation's request struct, from the body, the query and the path."""
        kind = self.operation.request
        if kind is None:
            return None
        body = await self.body() if self.operation.method in _BODIES or self._has_body else b""
        return self.operation.protocol.decode(kind, self, body)

    @property
    def _has_body(self) -> bool:
        headers = self.headers
        return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _fields(kind: type) -> frozenset[str]:
    return frozenset(kind.__struct_fields__) if issubclass(kind, msgspec.Struct) else frozenset()


def _too_large(limit: int) -> InvalidInput:
    return InvalidInput(
        ErrorCode.BODY_TOO_LARGE,
        f"the request's body is larger than {limit} bytes: send less at once",
        limit=limit,
    )
