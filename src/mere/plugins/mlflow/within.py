"""The server's application in this process: an event loop in a thread, and no socket.

A request is prepared as `requests` prepares one for the network, so the application sees what it
would see there; bodies stream both ways, a few pieces ahead. A forked child begins with a loop of
its own at its first request. The thread is a daemon: what was acknowledged is durable, so nothing
is lost with it, and requests made while the interpreter ends are still answered.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, cast

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from mere.clock import SystemClock
from mere.config import ServerSettings
from mere.errors import MereError
from mere.lake import Lake
from mere.lake.objects.pool import RequestPool
from mere.plugins.mlflow.exchange import AnswerBody, Exchange
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse

__all__ = ["Reached", "finish", "reach"]

_HOST = "http://localhost"
_REFRESH_S = 30.0
_STOP_S = 10.0
_FOLD_SEGMENTS = 512
_HOUR_S = 3600.0

_reached: Final[dict[str, Reached]] = {}
_left_behind: Final[list[_App]] = []


class Reached:
    """A warehouse that answers requests; begun by the first one.

    Args:
        url: The warehouse's address.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._app: _App | None = None
        self.forget()

    def forget(self) -> None:
        """Begin anew, as in a forked child."""
        if self._app is not None:
            # Its event loop shares the parent's epoll: closed here, it would go deaf there.
            _left_behind.append(self._app)
        self._lock = threading.Lock()
        self._session: requests.Session | None = None
        self._app = None

    def request(self, method: str, path: str, options: Mapping[str, Any]) -> requests.Response:
        """Ask the application.

        Args:
            method: HTTP's verb.
            path: Where, with a query string or without.
            options: What `requests.request` takes beside these.
        """
        with self._lock:
            if self._session is None:
                self._app = _App(self._url)
                self._session = requests.Session()
                self._session.trust_env = False
                self._session.mount(_HOST, _Adapter(self._app))
            session = self._session
        return session.request(method, _HOST + path, allow_redirects=False, **options)

    def finish(self) -> None:
        """Fold a long tail and stop; a later request would begin anew."""
        with self._lock:
            app, self._app, self._session = self._app, None, None
        if app is not None:
            app.finish()


class _App:
    """The application on its event loop."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._reads = RequestPool(2, thread_name_prefix="mere uploads")
        self.loop = asyncio.new_event_loop()
        self.loop.set_default_executor(self._reads)
        self._over = asyncio.Event()
        self._begun: Future[Warehouse] = Future()
        self._thread = threading.Thread(target=self._run, name="mere", daemon=True)
        self._thread.start()
        self._warehouse = self._begun.result()

    def begin(self, request: requests.PreparedRequest) -> Exchange:
        """Give the application a request."""
        exchange = Exchange(self.loop, self._reads, request)
        self.loop.call_soon_threadsafe(exchange.begin, self._asgi)
        return exchange

    def finish(self) -> None:
        """Fold a long tail, then let the thread end."""
        with suppress(MereError):
            if self._warehouse.tail_segments() > _FOLD_SEGMENTS:
                self._warehouse.lake.fold()
        self.loop.call_soon_threadsafe(self._over.set)
        self._thread.join(_STOP_S)
        with suppress(MereError):
            self._warehouse.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._serve())
        finally:
            self.loop.close()

    async def _serve(self) -> None:
        """Live from start to end, by ASGI's own protocol for that."""
        from mere.server.app import create_app

        words = iter(("lifespan.startup", "lifespan.shutdown"))

        async def receive() -> dict[str, str]:
            word = next(words)
            if word == "lifespan.shutdown":
                await self._over.wait()
            return {"type": word}

        async def send(message: Mapping[str, Any]) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._begun.set_result(warehouse)

        try:
            lake = Lake.open(self._url, tables=TABLES)
            warehouse = Warehouse(lake, SystemClock(), self._url)
            self._asgi = cast("Any", create_app(_settings(self._url), warehouse=warehouse))
            await self._asgi({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)
        except BaseException as error:  # noqa: BLE001  whoever asked is told
            if not self._begun.done():
                self._begun.set_exception(error)


def _settings(url: str) -> ServerSettings:
    return ServerSettings(
        warehouse=url,
        sign_in=False,
        refresh_s=_REFRESH_S,
        fold_s=0,
        body_s_max=_HOUR_S,
        request_s_max=_HOUR_S,
    )


class _Adapter(BaseAdapter):
    """Where `requests` would open a connection."""

    def __init__(self, app: _App) -> None:
        super().__init__()
        self._app = app

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        exchange = self._app.begin(request)
        status, headers = exchange.head.result()
        response = requests.Response()
        response.status_code = status
        response.headers = CaseInsensitiveDict(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in headers
        )
        response.reason = http.client.responses.get(status, "")
        response.encoding = requests.utils.get_encoding_from_headers(response.headers)
        response.url = request.url or ""
        response.request = request
        response.raw = AnswerBody(exchange)
        return response

    def close(self) -> None:
        """There is no connection."""


def reach(url: str) -> Reached:
    """The warehouse at an address; nothing is asked of it yet."""
    return _reached.setdefault(url, Reached(url))


def finish() -> None:
    """Do what is due when the process ends."""
    for one in list(_reached.values()):
        one.finish()


def _forget() -> None:
    for one in _reached.values():
        one.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
