"""What hostile clients send over the wire to a real server process, and that it is refused.

Elsewhere: hostile values (test_fuzz.py), routes without a right (test_routes_refuse.py), artifacts
by MLflow's protocol (tests/conformance/test_artifacts.py), SQL (tests/unit/lake/test_sandbox.py),
archives (tests/unit/services/provenance/test_bundle.py, tests/unit/interchange/test_archive.py),
sign-in and origins (tests/unit/server/signin), addresses of webhooks
(tests/unit/services/webhooks/test_webhooks.py).
"""

from __future__ import annotations

import ast
import gzip
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import zstandard

from mere.services.warehouse import close_warehouses, open_warehouse
from tests.server.replicas import Replica, running

pytestmark = pytest.mark.slow
MB = 1 << 20
SECRET = b"what lies beside the warehouse"
SEARCH = b"POST /api/2.0/mlflow/experiments/search HTTP/1.1\r\nHost: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
CHUNKED = SEARCH + JSON + b"Transfer-Encoding: chunked\r\n\r\n"
SECOND = b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n"
GET = b"GET /version HTTP/1.1\r\nHost: localhost"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("hostile")
    (made / "secret").write_bytes(SECRET)
    return made


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Replica]:
    told = {"XDG_CACHE_HOME": str(folder / "cache")}
    with running(str(folder / "lake"), folder, "--mlflow-ui", environment=told) as one:
        yield one
        assert one.process.poll() is None
        assert "Traceback" not in one.log.read_text()


@pytest.fixture(scope="module")
def run_id(server: Replica) -> str:
    made = httpx.post(f"{server.url}/api/2.0/mlflow/runs/create", json={"experiment_id": "0"})
    found: str = made.json()["run"]["info"]["run_id"]
    return found


def said(server: Replica, data: bytes, timeout_s: float = 1.0) -> bytes:
    """All that is answered to some bytes; ends with ``|`` where the server hung up."""
    heard = b""
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.settimeout(timeout_s)
        try:
            client.sendall(data)
            while piece := client.recv(1 << 16):
                heard += piece
        except TimeoutError:
            return heard
        except OSError:
            pass
    return heard + b"|"


@pytest.mark.parametrize(
    "request_",
    [
        SEARCH + JSON + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        SEARCH + JSON + b"Content-Length: 4\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        SEARCH + JSON + b"Transfer-Encoding: xchunked\r\nContent-Length: 2\r\n\r\n{}",
        SEARCH
        + JSON
        + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        SEARCH + JSON + b"Content-Length: 2\r\nContent-Length: 0\r\n\r\n{}",
        SEARCH + JSON + b"Content-Length: 2, 0\r\n\r\n{}",
        SEARCH + JSON + b"Content-Length: +2\r\n\r\n{}",
        SEARCH + JSON + b"Content-Length: -2\r\n\r\n{}",
        SEARCH + JSON + b"Content-Length: 0x2\r\n\r\n{}",
        CHUNKED + b"2\n{}\r\n0\r\n\r\n",
        CHUNKED + b"2;a\nxx\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"10000000000000002\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"2;" + b"a" * 100_000 + b"\r\n{}\r\n0\r\n\r\n",
        GET + b"\rX: y\r\n\r\n",
        GET + b"\r\n X: folded\r\n\r\n",
        GET + b"\r\nX: a\x00b\r\n\r\n",
        GET + b"\r\nX y\r\n\r\n",
        GET + b"\r\n: y\r\n\r\n",
        GET + b"\r\nX\r\n\r\n",
        b"GET /ver sion HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /version\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    ],
)
def test_what_two_readers_may_read_in_two_ways_is_refused(server: Replica, request_: bytes) -> None:
    """And the connection ends, so that nothing after it is taken for a request."""
    heard = said(server, request_ + SECOND)
    assert heard.count(b"HTTP/1.1 ") <= 1
    assert heard[:13] in (b"HTTP/1.1 400 ", b"HTTP/1.0 400 ", b"|")
    assert heard.endswith(b"|")
    assert b"3.17.2" not in heard


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (GET + b"\r\nX: " + b"a" * MB + b"\r\n\r\n", b"431"),
        (GET + b"".join(b"\r\nX%d: y" % number for number in range(2000)) + b"\r\n\r\n", b"431"),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"414"),
        (SEARCH + JSON + b"Content-Length: 99999999999\r\n\r\n{}", b"413"),
        (SEARCH + JSON + b"Expect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
        (GET + b"\r\nHost: evil.example\r\n\r\n", b"400"),
        (b"GET /version HTTP/1.1\r\n\r\n", b"403"),
        (b"GET /version HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"403"),
        (b"GET http://localhost/version HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"403"),
        (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"405"),
        (b"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"405"),
    ],
)
def test_requests_that_are_too_large_or_for_others_are_refused(
    server: Replica, request_: bytes, status: bytes
) -> None:
    assert said(server, request_)[9:12] == status


def test_a_body_that_grows_past_the_limit_is_not_read_to_its_end(server: Replica) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 1024:
            sent += 1
            yield b" " * MB

    kind = {"Content-Type": "application/json"}
    url = f"{server.url}/api/2.0/mlflow/runs/search"
    try:
        answer = httpx.post(url, content=endless(), headers=kind, timeout=60)
    except httpx.WriteError:  # it hung up while we were still sending
        pass
    else:
        assert (answer.status_code, answer.json()["error_code"]) == (413, "BAD_REQUEST")
    assert sent < 200


@pytest.mark.parametrize(
    ("body", "coding", "status"),
    [
        (gzip.compress(bytes(300 * MB), 9), "gzip", 413),
        (gzip.compress(gzip.compress(bytes(300 * MB), 9), 9), "gzip, gzip", 400),
        (zstandard.compress(bytes(300 * MB)), "zstd", 400),
        (gzip.compress(b"{}") + gzip.compress(bytes(MB)), "gzip", 400),
    ],
)
def test_bombs_are_not_unpacked(server: Replica, body: bytes, coding: str, status: int) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    answer = httpx.post(f"{server.url}/v1/traces", content=body, headers=headers, timeout=60)
    assert answer.status_code == status, answer.text
    # Nobody else unpacks at all: what is packed is no JSON.
    url = f"{server.url}/api/2.0/mlflow/runs/search"
    assert httpx.post(url, content=body, headers=headers).status_code == 400


def test_clients_that_send_nothing_are_hung_up_on_and_keep_nobody_waiting(
    server: Replica,
) -> None:
    begun = time.monotonic()
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
    try:
        for number, one in enumerate(slow):
            one.sendall((b"", b"GET / HT", GET + b"\r\nX-A: b\r\n", GET + b"\r\n\r\n")[number % 4])
        for _ in range(20):
            asked = time.monotonic()
            assert httpx.get(f"{server.url}/version", timeout=10).status_code == 200
            assert time.monotonic() - asked < 5
        for one in slow:
            one.settimeout(40)
            while one.recv(1 << 16):
                pass
        assert time.monotonic() - begun < 40
    finally:
        for one in slow:
            one.close()


SLOW = """
import sys
from mere.config import ServerSettings
from mere.server.serving import serve

if __name__ == "__main__":
    settings = ServerSettings(warehouse=sys.argv[1], port=0, body_s_max=1.0)
    serve(settings, lambda url: print(url, flush=True))
"""


def test_bodies_that_drip_are_refused(folder: Path) -> None:
    script = folder / "slow.py"
    script.write_text(SLOW)
    words = [sys.executable, str(script), str(folder / "slow-lake")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().rsplit(b":", 1)[1])
            json_body = SEARCH + JSON + b"Content-Length: 1000000\r\n\r\n{"
            upload = b"PUT /api/2.0/mlflow-artifacts/artifacts/0/%s/artifacts/x HTTP/1.1\r\n" % (
                httpx.post(
                    f"http://127.0.0.1:{port}/api/2.0/mlflow/runs/create",
                    json={"experiment_id": "0"},
                )
                .json()["run"]["info"]["run_id"]
                .encode()
            )
            unannounced = CHUNKED + b"ffff\r\n{"
            for head in (
                json_body,
                unannounced,
                upload + b"Host: localhost\r\nContent-Length: 1000\r\n\r\n",
            ):
                heard = dripped(port, head)
                assert heard.startswith(b"HTTP/1.1 408 "), heard
        finally:
            process.terminate()


def dripped(port: int, head: bytes) -> bytes:
    """What is answered to a body of which a byte comes now and then."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(head)
        client.settimeout(0.2)
        for _ in range(100):
            try:
                client.sendall(b" ")
                return client.recv(1 << 16)
            except TimeoutError:
                continue
    return b""


CLIMBS = [
    "../secret",
    "..%2fsecret",
    "%2e%2e/%2e%2e/secret",
    "%2e%2e%2f%2e%2e%2f%2e%2e%2fsecret",
    "..%5c..%5csecret",
    "%252e%252e%252f%252e%252e%252fsecret",
    "%c0%ae%c0%ae%c0%afsecret",
    "....//....//secret",
    "..;/..;/secret",
    "a/../../../secret",
    "%00/../secret",
    "page.html%00",
]


def test_no_path_leads_out(server: Replica, folder: Path, run_id: str) -> None:
    absolute = str(folder / "secret").replace("/", "%2f")
    for place in (
        "/assets/",
        "/mlflow/",
        "/mlflow/static-files/",
        "/api/v1/models/m/versions/1/files/",
        f"/api/v1/artifacts/{run_id}/files/",
        f"/api/v1/artifacts/{run_id}/preview/",
        "/api/v1/artifacts/",
        f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/",
        "/api/2.0/mlflow-artifacts/artifacts/",
        f"/get-artifact?run_id={run_id}&path=",
        "/model-versions/get-artifact?name=m&version=1&path=",
        "/iceberg/v1/namespaces/",
        "/iceberg/v1/namespaces/mere/tables/",
    ):
        for climb in (*CLIMBS, absolute, f"/{absolute}", f"file:%2f%2f{absolute}"):
            heard = said(
                server, b"GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n" % f"{place}{climb}".encode()
            )
            assert heard[9:12] in (b"400", b"404"), (place, climb, heard[:300])
            assert SECRET not in heard


def test_links_in_the_folder_of_a_warehouse_are_not_followed(
    server: Replica, folder: Path, run_id: str
) -> None:
    path = f"{server.url}/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/linked"
    assert httpx.put(path, content=b"x" * len(SECRET)).status_code == 200
    warehouse = open_warehouse(str(folder / "lake"))
    stored = folder / "lake" / warehouse.artifacts.get(run_id, "linked").location
    close_warehouses()
    assert stored.read_bytes() == b"x" * len(SECRET)
    stored.unlink()
    stored.symlink_to(folder / "secret")
    for url in (path, f"{server.url}/api/v1/artifacts/{run_id}/files/linked"):
        try:
            answer = httpx.get(url)
        except httpx.RemoteProtocolError:  # cut off before the first byte
            continue
        assert SECRET not in answer.content
        assert answer.status_code >= 400


def test_names_and_types_bring_no_headers_and_no_scripts(
    server: Replica, folder: Path, run_id: str
) -> None:
    warehouse = open_warehouse(str(folder / "lake"))
    page = b"<script>alert(1)</script>"
    evil = "text/html\r\nSet-Cookie: a=1\r\n\r\n<script>"
    names = ("x.html", "x.svg", 'quo"te;x.html', "ü\u2028.xhtml")
    for name in names:
        warehouse.artifacts.put_bytes(run_id, name, page)
    warehouse.artifacts.put_bytes(run_id, "typed", page, media_type=evil)
    warehouse.artifacts.put_bytes(run_id, "sound", page, media_type="audio/x\r\nSet-Cookie: a=1")
    close_warehouses()
    for name in (*names, "typed", "sound"):
        for url in (
            f"/api/v1/artifacts/{run_id}/files/{name}",
            f"/api/v1/artifacts/{run_id}/files/{name}?inline=true",
            f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/{name}",
            f"/ajax-api/2.0/mlflow/get-artifact?run_uuid={run_id}&path={name}",
        ):
            answer = httpx.get(server.url + url)
            assert (answer.status_code, answer.content) == (200, page), url
            assert "set-cookie" not in answer.headers
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("sandbox")
            assert "allow-same-origin" not in policy  # what it runs, it runs as nobody
            assert answer.headers["x-content-type-options"] == "nosniff"
            shown = answer.headers["content-disposition"].partition(";")[0]
            assert shown == "attachment" or "inline=true" in url
    told = httpx.get(f"{server.url}/version", headers={"X-Request-Id": "a\tSet-Cookie: b"})
    assert len(told.headers["x-request-id"]) < 64
    assert "Set-Cookie" not in told.headers["x-request-id"]


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/api/2.0/mlflow/runs/search",
        "/%2fevil.example/api/2.0/x",
        "/%5cevil.example/ajax-api/2.0/x",
        "/https:%2f%2fevil.example/ajax-api/2.0/x",
        "/ajax-api/2.0/%0d%0aSet-Cookie:%20a=b",
        "/ajax-api/2.0/x?%0d%0aSet-Cookie:a=b",
        "/ajax-api/../../evil.example",
        "/graphql%2f%2fevil.example",
    ],
)
def test_pages_of_mlflow_are_sent_on_to_this_server_only(server: Replica, path: str) -> None:
    for method in (b"GET", b"POST"):
        heard = said(
            server,
            b"%s /mlflow%s HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
            % (method, path.encode()),
        )
        head = heard.partition(b"\r\n\r\n")[0].split(b"\r\n")
        assert head[0][9:12] in (b"307", b"400", b"404", b"405"), heard
        fields = [line.partition(b": ") for line in head[1:]]
        assert b"set-cookie" not in [name.lower() for name, _, _ in fields]
        for name, _, value in fields:
            if name.lower() == b"location":
                assert value.startswith((b"/ajax-api/", b"/graphql")), value


def test_pages_of_others_change_nothing(server: Replica) -> None:
    url = f"{server.url}/api/2.0/mlflow/experiments/create"
    form = {"Content-Type": "text/plain"}  # what a page may send without asking
    assert httpx.post(url, content=b'{"name": "csrf"}', headers=form).status_code == 400
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
    ):
        answer = httpx.post(url, json={"name": "csrf"}, headers=headers)
        assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")
    native = f"{server.url}/api/v1/models"
    refused = httpx.post(native, json={"name": "csrf"}, headers={"Origin": "https://evil.example"})
    assert refused.status_code == 403
    found = httpx.get(f"{server.url}/api/2.0/mlflow/experiments/get-by-name?experiment_name=csrf")
    assert found.status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM '{secret}'",
        "SELECT * FROM read_csv('https://evil.example/x.csv')",
        "SELECT * FROM runs, glob('/**')",
        "COPY (SELECT 1) TO '{secret}.out'",
        "ATTACH '{secret}.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT getenv('HOME')",
        "SET enable_external_access = true",
        "PRAGMA database_list",
        "SELECT 1; SELECT 2",
        "EXPORT DATABASE '{secret}.out'",
    ],
)
def test_sql_reaches_nothing_but_tables(server: Replica, folder: Path, query: str) -> None:
    asked = {"query": query.replace("{secret}", str(folder / "secret"))}
    answer = httpx.post(f"{server.url}/api/sql", json=asked, timeout=60)
    assert answer.status_code in (400, 403), answer.text
    assert SECRET.decode() not in answer.text
    assert [one.name for one in folder.glob("secret*")] == ["secret"]


def test_requests_that_end_early_and_come_by_the_thousand_leave_it_alive(
    server: Replica,
) -> None:
    def storm() -> None:
        for number in range(150):
            with socket.create_connection(("127.0.0.1", server.port)) as client:
                client.sendall(
                    (SEARCH + JSON + b"Content-Length: 99\r\n\r\n{" + SECOND)[: number * 2]
                )

    threads = [threading.Thread(target=storm) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert httpx.get(f"{server.url}/ready", timeout=30).json() == {"status": "ready"}


def test_nothing_that_was_logged_is_run() -> None:
    """No pickle is opened, no text evaluated, and YAML is read by its safe loader."""
    banned = {"eval", "exec", "compile", "__import__"}
    readers = {"pickle", "cloudpickle", "joblib", "dill", "marshal", "shelve", "torch"}
    found = []
    for file in Path(__file__).parents[2].joinpath("src/mere").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            whose, _, name = called.rpartition(".")
            is_unsafe = name in ("load", "loads", "Unpickler", "open") and whose in readers
            is_unsafe |= called in ("yaml.unsafe_load", "yaml.full_load", "os.system", "os.popen")
            is_unsafe |= name in ("extractall", "unpack_archive")
            is_unsafe |= any(one.arg == "shell" for one in node.keywords)
            if called in banned or is_unsafe:
                found.append(f"{file.name}:{node.lineno} {called}")
    assert found == []
