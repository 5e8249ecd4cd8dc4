"""The event stream of a browser: one connection, tiny ticks, resumed where it broke off."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import weakref
from collections.abc import AsyncIterator
from types import FrameType
from typing import Any, Final

import msgspec
from litestar.response import Stream

from mere.entities.actor import Action, Actor, Scope
from mere.errors import ErrorCode, MereError, PermissionDenied
from mere.server.operations import Call, Permission
from mere.server.protocols.native.wire import operation
from mere.server.state import ServerState
from mere.services.portal.live import EVERYTHING, Subscription, check_topics

__all__ = ["OPERATIONS"]

_POLL_S: Final = 0.5
_NUDGE_S: Final = 0.1
"""Own writes are told at once, but not more often than this."""
_COMMENT_S: Final = 15.0
_STOP_S: Final = 0.5
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_ANYTHING: Final = Permission(Action.READ, lambda call: Scope.anything())  # noqa: ARG005


class StreamQuery(msgspec.Struct):
    """What to listen to.

    Args:
        topics: Topics, separated by commas or one a parameter.
        last_event_id: As the header ``Last-Event-ID``, for clients that cannot send it.
    """

    topics: list[str] = []
    last_event_id: str = ""


@operation(
    "GET",
    "/api/v1/stream",
    permission=_ANYTHING,
    request=StreamQuery,
    is_stream=True,
    sends={200: "text/event-stream"},
)
async def stream(call: Call) -> Stream:
    """Server-sent events: which of some topics advanced. See docs/live.md."""
    data: StreamQuery = call.data
    topics = check_topics(t for text in data.topics for t in text.split(",") if t)
    await call.in_thread(_check_readable, call, topics)
    last_id = call.headers.get("last-event-id") or data.last_event_id or None
    return Stream(_events(call, topics, last_id), media_type="text/event-stream", headers=_HEADERS)


async def _events(call: Call, topics: list[str], last_id: str | None) -> AsyncIterator[bytes]:
    """The stream's bytes, until the client goes, the server stops or the right is lost."""
    server, live = call.server, call.warehouse.live
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(woken.set)

    subscription: Subscription = await call.in_thread(live.subscribe, topics, wake, last_id)
    try:
        yield _event("hello", *subscription.take())
        silent_since = checked_at = loop.time()
        while not server.is_stopping:
            _watch(server)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), _STOP_S)
            if woken.is_set():
                woken.clear()
                name, advanced = subscription.take()
                if advanced:
                    yield _event("reset" if advanced == [EVERYTHING] else "tick", name, advanced)
                    silent_since = loop.time()
            if loop.time() - silent_since >= _COMMENT_S:
                yield b": still here\n\n"
                silent_since = loop.time()
            if loop.time() - checked_at >= _COMMENT_S:
                checked_at = loop.time()
                try:
                    await call.in_thread(_check_readable, call, topics)
                except MereError:
                    return
    finally:
        live.leave(subscription)


def _event(name: str, identity: str, topics: list[str]) -> bytes:
    body = msgspec.json.encode(topics)
    return b"event: %s\nid: %s\ndata: %s\n\n" % (name.encode(), identity.encode(), body)


def _check_readable(call: Call, topics: list[str]) -> None:
    """Refuse topics of experiments that the caller may not read.

    Raises:
        PermissionDenied: There is one.
    """
    actor: Actor = call.actor
    readable = call.warehouse.access.readable_experiments(actor)
    if readable is None:
        return
    runs = {t: t.partition(":")[2] for t in topics if t.startswith(("run:", "log:"))}
    homes = call.warehouse.run_homes.of(runs.values())
    for topic in topics:
        kind, _, what = topic.partition(":")
        home = homes.get(what) if topic in runs else what
        if kind in ("run", "log", "runs", "traces") and home not in readable:
            raise PermissionDenied(
                ErrorCode.ACCESS_DENIED,
                f"{actor.name} may not read {topic}: ask an admin for a grant",
                topic=topic,
            )


class _Watcher:
    """Polls one warehouse while anybody listens: each half second, and after own writes."""

    def __init__(self, server: ServerState) -> None:
        self._server = weakref.ref(server)
        self._lake = server.warehouse.lake
        self._loop = asyncio.get_running_loop()
        self._written = asyncio.Event()
        self._lake.listeners.add(self._note)
        if server not in _watchers:
            _end_with_the_process(self._server)
        self.task = asyncio.create_task(self._run())

    def _note(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._written.set)

    async def _run(self) -> None:
        try:
            while (server := self._server()) is not None and not server.is_stopping:
                live = server.warehouse.live
                # A store that is away for a while is no reason to end anything.
                with contextlib.suppress(MereError, RuntimeError):
                    await server.in_thread(live.poll)
                if not live.has_listeners:
                    return
                del server
                await asyncio.sleep(_NUDGE_S)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._written.wait(), _POLL_S - _NUDGE_S)
                self._written.clear()
        finally:
            self._lake.listeners.discard(self._note)


def _end_with_the_process(server: weakref.ref[ServerState]) -> None:
    """Let streams end when the process is told to stop.

    The web server waits for answers that are under way before it says a word to the application,
    and streams would keep it waiting. Its own handler hears of the signal as before.
    """
    if threading.current_thread() is not threading.main_thread():
        return  # somebody else's process, as in tests

    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def note(sent: int, frame: FrameType | None, before: Any = before) -> None:
            stopping = server()
            if stopping is not None:
                stopping.is_stopping = True
            if callable(before):
                before(sent, frame)

        signal.signal(number, note)
        signal.siginterrupt(number, False)


_watchers: weakref.WeakKeyDictionary[ServerState, _Watcher] = weakref.WeakKeyDictionary()


def _watch(server: ServerState) -> None:
    """See to it that somebody polls."""
    watcher = _watchers.get(server)
    if watcher is None or watcher.task.done():
        _watchers[server] = _Watcher(server)


OPERATIONS = (stream,)
