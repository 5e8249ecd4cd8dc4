"""`mere server`: starts the processes of one server, and stops them again.

There are three kinds: this one, which answers nothing; workers, which answer and hold nothing
that the bucket does not; and one keeper, which folds and keeps the warehouse in order, so that
no answer waits for that. Whoever is killed loses nothing that was acknowledged. A worker that dies
is started again.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING
from urllib.request import urlopen

import msgspec

from mere.clock import SystemClock
from mere.config import ServerSettings, environment
from mere.errors import ErrorCode, InvalidInput, Unavailable
from mere.server.signin.identify import check_sign_in

if TYPE_CHECKING:
    from mere.server.app import Application

__all__ = ["SETTINGS_VARIABLE", "serve", "settings_of_worker", "worker_app"]

SETTINGS_VARIABLE = "MERE_SERVER_SETTINGS"
"""Through which workers and the keeper are told the settings, as JSON."""

_STOP_S = 30
_READY_S = 60.0


def serve(settings: ServerSettings, on_ready: Callable[[str], None]) -> None:
    """Serve until told to stop by a signal; what is under way then is answered first.

    Args:
        settings: How; with port 0 a free one is taken.
        on_ready: Told the server's address once it answers.

    Raises:
        InvalidInput: The address cannot be listened on, or only with sign-in, or the warehouse's
            cannot be opened.
        Unavailable: The store did not answer.
    """
    check_sign_in(settings, environment())
    settings = replace(settings, port=_port(settings))
    with _metrics_folder() as folder:
        told = {
            SETTINGS_VARIABLE: msgspec.json.encode(asdict(settings)).decode(),
            "PROMETHEUS_MULTIPROC_DIR": folder,
        }
        with _keeper(told):
            _run_workers(settings, told, on_ready)


def worker_app() -> Application:
    """The application of a worker process, as its settings say."""
    from mere.server.app import create_app
    from mere.server.observing import log_to_stderr

    log_to_stderr()
    return create_app(settings_of_worker(), is_worker=True)


def settings_of_worker() -> ServerSettings:
    """The settings that this process was started with."""
    return msgspec.json.decode(environment()[SETTINGS_VARIABLE], type=ServerSettings)


def _run_workers(
    settings: ServerSettings, told: Mapping[str, str], on_ready: Callable[[str], None]
) -> None:
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings

    # Granian's children get the variables of this process, and only those.
    os.environ.update(told)  # noqa: TID251
    server = Granian(
        "mere.server.serving:worker_app",
        factory=True,
        address=settings.host,
        port=settings.port,
        workers=settings.workers,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,  # to tell HTTP/2 from it would wait for ever for a first byte
        http1_settings=HTTP1Settings(header_read_timeout=15_000),
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=_STOP_S,
        websockets=False,
        log_enabled=False,
    )
    url = f"http://{_in_url(settings.host)}:{settings.port}"
    teller = threading.Thread(target=_tell_when_ready, args=(url, on_ready), daemon=True)
    teller.start()
    server.serve()


def _tell_when_ready(url: str, on_ready: Callable[[str], None]) -> None:
    clock = SystemClock()
    give_up = clock.monotonic() + _READY_S
    while clock.monotonic() < give_up:
        try:
            with urlopen(f"{url}/health", timeout=5):  # noqa: S310  our own address
                pass
        except OSError:
            clock.sleep(0.02)
        else:
            on_ready(url)
            return


@contextmanager
def _keeper(told: Mapping[str, str]) -> Iterator[None]:
    """The process that keeps the warehouse; it ends when its standard input does."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mere.server.keeper"],
        env={**environment(), **told},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for us to pass on, after the workers have ended
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        answer = process.stdout.readline()
        if answer != b"ready\n":
            process.wait()
            raise _refusal(answer)
        yield
    finally:
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _refusal(answer: bytes) -> InvalidInput | Unavailable:
    """Why the keeper could not open the warehouse, as it said itself."""
    code, _, message = answer.decode().strip().partition(" ")
    if code in (ErrorCode.STORE_UNAVAILABLE, ""):
        return Unavailable(ErrorCode.STORE_UNAVAILABLE, message or "the warehouse did not open")
    return InvalidInput(ErrorCode(code), message)


@contextmanager
def _metrics_folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="mere-metrics-") as folder:
        yield folder


def _port(settings: ServerSettings) -> int:
    """The port to listen on; says now if it is taken, where Granian would only log it."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as trying:
        trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trying.bind((settings.host, settings.port))
        except OSError as error:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}; "
                "choose another with --port",
                host=settings.host,
                port=settings.port,
            ) from error
        return int(trying.getsockname()[1])


def _in_url(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104  what is listened on is the user's choice
        return "127.0.0.1" if host == "0.0.0.0" else "[::1]"  # noqa: S104
    return f"[{host}]" if ":" in host else host
