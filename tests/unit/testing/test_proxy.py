from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mere.testing.proxy import FaultPlan, FlakyProxy, run_flaky_proxy


class Echo(BaseHTTPRequestHandler):
    """Answers a PUT with its body, and remembers it."""

    protocol_version = "HTTP/1.1"
    seen: list[bytes]

    def do_PUT(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        Echo.seen.append(body)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def proxy() -> Iterator[FlakyProxy]:
    Echo.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with run_flaky_proxy(f"http://127.0.0.1:{server.server_address[1]}") as made:
        yield made
    server.shutdown()
    server.server_close()
    thread.join()


def put(proxy: FlakyProxy, body: bytes | Iterator[bytes]) -> tuple[int, bytes]:
    host = proxy.endpoint.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        connection.request("PUT", "/x", body, encode_chunked=not isinstance(body, bytes))
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


@pytest.mark.parametrize("size", [0, 1, 300_000])
def test_it_passes_everything_on(proxy: FlakyProxy, size: int) -> None:
    assert put(proxy, b"x" * size) == (200, b"x" * size)
    assert put(proxy, iter([b"a", b"bc"])) == (200, b"abc")
    assert proxy.requests == 2
    assert proxy.failed == 0


def test_it_refuses(proxy: FlakyProxy) -> None:
    proxy.faults = FaultPlan(fail_one_in=1, faults=("refuse",))
    assert put(proxy, b"x")[0] == 503
    assert Echo.seen == []


def test_it_cuts(proxy: FlakyProxy) -> None:
    for plan in (FaultPlan(fail_one_in=1, faults=("cut",)), FaultPlan(is_down=True)):
        proxy.faults = plan
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            put(proxy, b"x")
    assert Echo.seen == []


def test_it_loses_a_reply_of_what_was_done(proxy: FlakyProxy) -> None:
    proxy.faults = FaultPlan(fail_one_in=1, faults=("lose",))
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        put(proxy, b"x")
    assert Echo.seen == [b"x"]


def test_it_pauses_and_fails_one_in_so_many(proxy: FlakyProxy) -> None:
    proxy.faults = FaultPlan(pause_one_in=1, pause_s=0.2)
    began = time.monotonic()
    assert put(proxy, b"x")[0] == 200
    assert time.monotonic() - began >= 0.2
    proxy.faults = FaultPlan(fail_one_in=5, faults=("refuse",), seed=1)
    statuses = [put(proxy, b"x")[0] for _ in range(100)]
    assert 8 <= statuses.count(503) <= 35
    assert proxy.failed == statuses.count(503)
