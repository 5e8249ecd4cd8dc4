"""A proxy before a server that fails: requests refused, replies lost, pauses of seconds.

    with run_flaky_proxy("http://127.0.0.1:9000", faults=FaultPlan(fail_one_in=5)) as proxy:
        environment["AWS_ENDPOINT_URL"] = proxy.endpoint

It passes bytes on and knows of HTTP only where a request ends and a reply begins. Signatures of
S3 stay right, as the ``Host`` header is passed on as the client sent it.
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["FaultPlan", "FlakyProxy", "Relay", "pass_on", "read_request", "run_flaky_proxy"]

_CHUNK = 1 << 16
_TIMEOUT_S = 60.0
_UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

_Fault = Literal["refuse", "cut", "lose"]


@dataclass
class FaultPlan:
    """What goes wrong, how often; may be changed while the proxy runs.

    Args:
        fail_one_in: One request in so many fails; 0 means none.
        faults: How: answered with 503, cut before it reaches the server, or carried out with the
            reply lost.
        pause_one_in: One request in so many waits first; 0 means none.
        pause_s: So long.
        is_down: No connection is answered at all.
        seed: Decides which.
    """

    fail_one_in: int = 0
    faults: tuple[_Fault, ...] = ("refuse", "cut", "lose")
    pause_one_in: int = 0
    pause_s: float = 2.0
    is_down: bool = False
    seed: int = 0
    random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def fault(self) -> _Fault | None:
        """What happens to the next request."""
        if self.fail_one_in and self.random.randrange(self.fail_one_in) == 0:
            return self.random.choice(self.faults)
        return None

    def pause(self) -> float:
        """How long the next request waits."""
        is_paused = self.pause_one_in and self.random.randrange(self.pause_one_in) == 0
        return self.pause_s if is_paused else 0.0


class Relay:
    """Listens on a free port of loopback, with a thread for each connection; derive from it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more connections; those that are open end with the process."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=5)

    def serve(self, client: socket.socket) -> None:
        """Answer one connection, which is closed afterwards; may raise `OSError`."""
        raise NotImplementedError

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            client.settimeout(_TIMEOUT_S)
            self.serve(client)


class FlakyProxy(Relay):
    """A running proxy; `run_flaky_proxy` makes it.

    Args:
        upstream: Host and port of the server.
        faults: What goes wrong.
    """

    def __init__(self, upstream: tuple[str, int], faults: FaultPlan) -> None:
        self.faults = faults
        self.requests = 0
        self.failed = 0
        self._upstream = upstream
        super().__init__()

    def serve(self, client: socket.socket) -> None:
        """Pass on one request; the reply tells the client that the connection ends with it."""
        request = read_request(client)
        if not request:
            return
        with self._lock:
            self.requests += 1
            fault, pause_s = self.faults.fault(), self.faults.pause()
            if self.faults.is_down:
                fault, pause_s = "cut", 0.0
            self.failed += fault is not None
        if pause_s:
            time.sleep(pause_s)
        if fault == "cut":
            return
        if fault == "refuse":
            client.sendall(_UNAVAILABLE)
            return
        with socket.create_connection(self._upstream, timeout=_TIMEOUT_S) as server:
            pass_on(request, server, client, is_lost=fault == "lose")


def pass_on(
    request: bytes, server: socket.socket, client: socket.socket, *, is_lost: bool = False
) -> None:
    """Send a request to a server and its reply to the client, unless it is to be lost.

    The server is told to close afterwards, so that the reply's end is seen.
    """
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    server.sendall(b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body)
    while data := server.recv(_CHUNK):
        if not is_lost:
            client.sendall(data)


def read_request(client: socket.socket) -> bytes:
    """One whole request; nothing where the client has closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(_CHUNK)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    headers = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    if headers.get(b"expect", b"").strip() == b"100-continue":
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if headers.get(b"transfer-encoding", b"").strip() == b"chunked":
        while not body.endswith(b"0\r\n\r\n"):
            body += client.recv(_CHUNK)
        return head + b"\r\n\r\n" + body
    missing = int(headers.get(b"content-length", b"0")) - len(body)
    parts = [body]
    while missing > 0:
        more = client.recv(min(_CHUNK, missing))
        if not more:
            return b""
        parts.append(more)
        missing -= len(more)
    return head + b"\r\n\r\n" + b"".join(parts)


@contextlib.contextmanager
def run_flaky_proxy(upstream: str, faults: FaultPlan | None = None) -> Iterator[FlakyProxy]:
    """Run a proxy before the server at this address, such as ``http://127.0.0.1:9000``."""
    host, _, port = upstream.removeprefix("http://").partition(":")
    proxy = FlakyProxy((host, int(port)), faults or FaultPlan())
    try:
        yield proxy
    finally:
        proxy.close()
