"""Files through the server: MLflow's client and raw HTTP, over a folder and over a bucket."""

from __future__ import annotations

import hashlib
import json
import os
import random
import socket
import subprocess
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from mere.services.warehouse import close_warehouses, open_warehouse
from mere.testing.s3server import S3Server
from tests.conformance.servers import MLFLOW, run_mere

pytestmark = pytest.mark.slow

PROXY = "/api/2.0/mlflow-artifacts/artifacts"
MB = 1 << 20
HOSTILE = (
    "../x",
    "a/../../x",
    "%2e%2e/x",
    "%2E%2E%2Fx",
    "%252e%252e/x",
    "%25252e%25252e%25252fx",
    "..%2fx",
    "..%5cx",
    "a%5Cb",
    "a%255cb",
    "C:/x",
    "c%3A%5Cx",
    "a%23b",
    "a%2523b",
    "a%00b",
    "a%2500b",
    "a%0d%0ab",
    "%7f",
    "%ff",
    "%c0%ae%c0%ae/x",
    "%ef%bc%8e%ef%bc%8e/x",
    "%e2%80%a5/x",
    "%ef%bc%8e%ef%bc%8e%ef%bc%8fx",
    "a%ef%bc%bcb",
    "file:/etc/passwd",
    "%66ile:%2f%2f/etc/passwd",
    "a/./b",
    "",
    "x" * 300,
    "/".join(["deep"] * 300),
)


class Server:
    """A server, and how tests talk to it."""

    def __init__(self, url: str, warehouse: str) -> None:
        self.url = url
        self.warehouse = warehouse
        self.http = httpx.Client(base_url=url, timeout=120)

    def new_run(self) -> str:
        answer = self.http.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"})
        return str(answer.json()["run"]["info"]["run_id"])

    def files(self, run_id: str, path: str = "") -> dict[str, int | None]:
        answer = self.http.get(
            "/api/2.0/mlflow/artifacts/list", params={"run_id": run_id, "path": path}
        )
        return {one["path"]: one.get("file_size") for one in answer.json().get("files", [])}

    def raw(self, method: str, path: str, body: bytes | None = None) -> tuple[int, dict[str, Any]]:
        """Ask for a path exactly as it is written."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        connection.putrequest(method, path, skip_accept_encoding=True)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text else {}


def at(run_id: str, path: str = "") -> str:
    return f"{PROXY}/0/{run_id}/artifacts/{path}"


@pytest.fixture(scope="module", params=["folder", "bucket"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    warehouse = str(tmp_path_factory.mktemp("files") / "lake")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        if request.param == "bucket":
            s3: S3Server = request.getfixturevalue("s3_server")
            warehouse = s3.new_prefix()
            for name, value in s3.environment.items():
                patch.setenv(name, value)
        with run_mere(warehouse) as url:
            opened = Server(url, warehouse)
            yield opened
            opened.http.close()
        close_warehouses()


def of_client(server: Server, tmp_path: Path, program: str, **env: str) -> Any:
    """Run a program with MLflow's client; returns what it puts into `found`."""
    if not MLFLOW.exists():
        pytest.skip("MLflow is not installed: make mlflow")
    script = tmp_path / "program.py"
    script.write_text(
        "import hashlib, json, os, sys, mlflow\nfrom pathlib import Path\n"
        "from mlflow import MlflowClient\n"
        f"mlflow.set_tracking_uri({server.url!r})\nclient, found = MlflowClient(), {{}}\n"
        f"here = Path({str(tmp_path)!r})\n"
        f"{textwrap.dedent(program)}\nprint('FOUND', json.dumps(found))\n"
    )
    done = subprocess.run(
        [MLFLOW, script],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", **env},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [line] = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    return json.loads(line.removeprefix("FOUND "))


def test_a_client_puts_lists_fetches_and_deletes(server: Server, tmp_path: Path) -> None:
    found = of_client(
        server,
        tmp_path,
        """
        with mlflow.start_run() as run:
            mlflow.log_text("one", "notes/a b.txt")
            mlflow.log_text("two", "notes/a b.txt")
            mlflow.log_text("日本", "ünï/日本 100%.txt")
            mlflow.log_text("", "empty")
        run_id, uri = run.info.run_id, run.info.artifact_uri
        show = lambda path=None: [[f.path, f.is_dir, f.file_size]
                                  for f in client.list_artifacts(run_id, path)]
        found["root"], found["notes"] = show(), show("notes")
        found["file"], found["nothing"] = show("empty"), show("nothing")
        found["text"] = mlflow.artifacts.load_text(f"{uri}/notes/a b.txt")
        here = Path(mlflow.artifacts.download_artifacts(run_id=run_id, dst_path=str(here / "got")))
        found["tree"] = {str(p.relative_to(here)): p.read_text()
                         for p in sorted(here.rglob("*")) if p.is_file()}
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
        get_artifact_repository(uri).delete_artifacts("notes")
        found["after"] = show()
        """,
    )
    assert found["root"] == [["empty", False, 0], ["notes", True, None], ["ünï", True, None]]
    assert found["notes"] == [["notes/a b.txt", False, 3]]
    assert found["file"] == found["nothing"] == []
    assert found["text"] == "two"
    assert found["tree"] == {
        "empty": "",
        "notes/a b.txt": "two",
        "ünï/日本 100%.txt": "日本",
    }
    assert [path for path, *_ in found["after"]] == ["empty", "ünï"]


def test_a_folder_of_a_thousand_files(server: Server, tmp_path: Path) -> None:
    count = 200 if server.warehouse.startswith("s3://") else 1_000
    for number in range(count):
        file = tmp_path / "many" / f"{number % 10}" / f"{number}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(number))
    found = of_client(
        server,
        tmp_path,
        """
        with mlflow.start_run() as run:
            mlflow.log_artifacts(str(here / "many"), "many")
        got = Path(client.download_artifacts(run.info.run_id, "many", str(here)))
        found["sum"] = sum(int(p.read_text()) for p in got.rglob("*.txt"))
        found["folders"] = len(client.list_artifacts(run.info.run_id, "many"))
        found["in one"] = len(client.list_artifacts(run.info.run_id, "many/3"))
        """,
    )
    assert found == {"sum": sum(range(count)), "folders": 10, "in one": count // 10}


def memory() -> int:
    """The private memory of the processes that serve, in bytes."""
    total = 0
    for process in psutil.Process().children(recursive=True):
        try:
            if "python" in process.name():
                total += process.memory_full_info().uss
        except psutil.Error:  # it has just ended
            continue
    return total


def test_a_large_file_passes_through_little_memory(server: Server) -> None:
    run_id = server.new_run()
    server.http.put(at(run_id, "warm"), content=b"x" * 9 * MB)
    server.http.get(at(run_id, "warm"))
    before, peak, is_done = memory(), 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not is_done.wait(0.05):
            peak = max(peak, memory())

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        blocks = [random.Random(number).randbytes(MB) for number in range(8)]
        digest = hashlib.sha256()

        def content() -> Iterator[bytes]:
            for number in range(200):
                digest.update(blocks[number % 8])
                yield blocks[number % 8]

        path = at(run_id, "large.bin")
        length = {"Content-Length": str(200 * MB)}
        assert server.http.put(path, content=content(), headers=length).status_code == 200
        assert server.files(run_id)["large.bin"] == 200 * MB
        got = hashlib.sha256()
        with server.http.stream("GET", path) as answer:
            for piece in answer.iter_raw():
                got.update(piece)
        assert got.digest() == digest.digest()
    finally:
        is_done.set()
        watching.join()
    assert peak - before < 130 * MB  # pieces on their way, many of a bucket's at once


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_hostile_paths_are_refused(server: Server, method: str) -> None:
    run_id = server.new_run()
    server.http.put(at(run_id, "safe"), content=b"1")
    for path in HOSTILE:
        if method == "DELETE" and not path:
            continue  # all files of a run
        body = b"no" if method == "PUT" else None
        status, said = server.raw(method, at(run_id, path), body)
        assert status in (400, 404), (path, status, said)
        if method == "PUT":
            assert (status, said["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), path
    assert server.files(run_id) == {"safe": 1}


def test_hostile_paths_are_refused_wherever_one_can_be_said(server: Server) -> None:
    run_id = server.new_run()
    for path in ("..", "%252e%252e", "%2Fetc%2Fpasswd", "a%5Cb", "c%3A%2Fx", "a%23b"):
        for address in (
            f"{PROXY}?path={path}",
            f"{PROXY}?path=0/{run_id}/artifacts/x%2F..%2F{path}",
            f"/api/2.0/mlflow/artifacts/list?run_id={run_id}&path={path}",
            f"/get-artifact?run_id={run_id}&path={path}",
            f"/ajax-api/2.0/mlflow/get-artifact?run_uuid={run_id}&path={path}",
        ):
            status, said = server.raw("GET", address)
            assert (status, said["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), address
        status, _ = server.raw(
            "POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run_id}&path={path}", b"x"
        )
        assert status == 400, path
    assert server.files(run_id) == {}


def test_files_belong_to_somebody_who_is_there(server: Server) -> None:
    for path, status in (
        ("0/x/y", 400),
        ("x", 400),
        (f"0/{'0' * 32}/artifacts/x", 404),
        (f"0/models/m-{'0' * 32}/artifacts/x", 404),
    ):
        assert server.http.put(f"{PROXY}/{path}", content=b"x").status_code == status, path
    run_id = server.new_run()
    server.http.put(at(run_id, "x"), content=b"x")
    server.http.post("/api/2.0/mlflow/runs/delete", json={"run_id": run_id})
    assert server.http.put(at(run_id, "y"), content=b"y").status_code == 400
    assert server.http.delete(at(run_id, "x")).status_code == 400
    assert server.http.get(at(run_id, "x")).content == b"x"


@pytest.mark.parametrize("size", [1_000, 9 * MB])
def test_of_uploads_to_one_path_at_once_one_stays_whole(server: Server, size: int) -> None:
    run_id = server.new_run()
    contents = [random.Random(number).randbytes(size) for number in range(6)]
    with ThreadPoolExecutor(6) as threads:
        put = [threads.submit(server.http.put, at(run_id, "f"), content=one) for one in contents]
        assert [one.result().status_code for one in put] == [200] * 6
    answer = server.http.get(at(run_id, "f"))
    assert answer.status_code == 200
    assert answer.content in contents
    assert answer.headers["ETag"].strip('"') == hashlib.sha256(answer.content).hexdigest()
    assert server.files(run_id) == {"f": size}


def expect_no_answer(connection: socket.socket) -> None:
    """See to it that the server waits for more, and was not quick to refuse what came."""
    connection.settimeout(1)
    with pytest.raises(TimeoutError):
        connection.recv(1)


def test_what_is_cut_off_is_not_there(server: Server) -> None:
    run_id = server.new_run()
    host, _, port = urlsplit(server.url).netloc.partition(":")
    for path, head in (
        ("counted", "Content-Length: 5000000\r\n\r\n"),
        ("chunked", "Transfer-Encoding: chunked\r\n\r\n1E8480\r\n"),
    ):
        with socket.create_connection((host, int(port))) as connection:
            begin = f"PUT {at(run_id, path)} HTTP/1.1\r\nHost: localhost\r\n{head}".encode()
            connection.sendall(begin + b"x" * 1_500_000)
            expect_no_answer(connection)
    time.sleep(1)
    assert server.files(run_id) == {}
    assert server.http.put(at(run_id, "counted"), content=b"all").status_code == 200
    assert server.http.get(at(run_id, "counted")).content == b"all"


def test_what_a_browser_may_be_led_to_is_never_run(server: Server) -> None:
    run_id = server.new_run()
    for name, kind in (("x.html", "text/html"), ("x.svg", "image/svg+xml"), ("no 'type\"", "")):
        assert server.http.put(at(run_id, name), content=b"<script>1</script>").status_code == 200
        for path in (at(run_id, name), f"/get-artifact?run_id={run_id}&path={name}"):
            answer = server.http.get(path)
            assert answer.content == b"<script>1</script>"
            assert answer.headers["Content-Type"].startswith(kind or "application/octet-stream")
            assert answer.headers["Content-Disposition"].startswith("attachment;")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Content-Security-Policy"].startswith("sandbox")


def test_what_is_damaged_never_arrives_whole(server: Server) -> None:
    if server.warehouse.startswith("s3://"):
        pytest.skip("a bucket's objects are not damaged by hand")
    run_id = server.new_run()
    server.http.put(at(run_id, "f"), content=b"a" * 9 * MB)
    file = Path(server.warehouse, "artifacts", run_id, "f")
    file.chmod(0o600)
    with file.open("r+b") as opened:
        opened.write(b"b")
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(server.url + at(run_id, "f"))
    file.unlink()
    assert server.http.get(at(run_id, "f")).status_code == 404


def test_parts_are_sent_and_what_is_known_is_not(server: Server) -> None:
    run_id = server.new_run()
    data = random.Random(1).randbytes(10 * MB)
    path = at(run_id, "data.bin")
    server.http.put(path, content=data)
    tag = f'"{hashlib.sha256(data).hexdigest()}"'
    for span, expected in {
        "bytes=0-0": data[:1],
        "bytes=4194300-4194310": data[4194300:4194311],
        "bytes=10485000-": data[10485000:],
        "bytes=-7": data[-7:],
        "bytes=5-99999999999": data[5:],
    }.items():
        answer = server.http.get(path, headers={"Range": span})
        assert (answer.status_code, answer.content) == (206, expected), span
        assert answer.headers["Content-Range"].endswith(f"/{len(data)}")
    for span in ("bytes=9-3", "lines=1-2", "bytes=-", "bytes=0-1,3-4"):
        assert server.http.get(path, headers={"Range": span}).status_code == 200, span
    assert server.http.get(path, headers={"Range": "bytes=99999999-"}).status_code == 416
    assert server.http.get(path, headers={"If-None-Match": tag}).status_code == 304
    later = {"Range": "bytes=0-0", "If-Range": '"other"'}
    assert len(server.http.get(path, headers=later).content) == len(data)
    head = server.http.head(path)
    assert (head.headers["Content-Length"], head.headers["ETag"]) == (str(len(data)), tag)
    assert head.content == b""


def test_web_pages_put_small_files(server: Server) -> None:
    run_id = server.new_run()
    path = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run_id}&path=a/b.txt"
    assert server.http.post(path, content=b"hello").status_code == 200
    assert server.files(run_id, "a") == {"a/b.txt": 5}
    assert server.http.post(path, content=b"").status_code == 400
    large = server.http.post(path, content=b"x" * (10 * MB + 1))
    assert large.status_code == 400
    assert large.json()["message"] == "Artifact size is too large. Max size is 10MB."
    assert server.http.get(f"/get-artifact?run_uuid={run_id}&path=a/b.txt").content == b"hello"


def test_the_same_files_are_seen_without_the_server(server: Server) -> None:
    run_id = server.new_run()
    server.http.put(at(run_id, "by http.json"), content=b"{}")
    warehouse = open_warehouse(server.warehouse)
    [one] = warehouse.artifacts.list(run_id)
    assert (one.path, one.size, one.media_type) == ("by http.json", 2, "application/json")
    assert warehouse.artifacts.read(run_id, "by http.json") == b"{}"
    warehouse.artifacts.put_bytes(run_id, "by sdk.txt", b"mere")
    warehouse.artifacts.put_bytes(run_id, "by http.json", b"[1]")
    assert server.files(run_id) == {"by http.json": 3, "by sdk.txt": 4}
    assert server.http.get(at(run_id, "by sdk.txt")).content == b"mere"
    assert server.http.get(at(run_id, "by http.json")).content == b"[1]"
    server.http.delete(at(run_id, "by http.json"))
    assert [one.path for one in warehouse.artifacts.list(run_id)] == ["by sdk.txt"]


def test_a_client_that_wants_more_than_there_is_falls_back(server: Server, tmp_path: Path) -> None:
    found = of_client(
        server,
        tmp_path,
        """
        (here / "f.bin").write_bytes(os.urandom(3_000_000))
        with mlflow.start_run() as run:
            mlflow.log_artifact(str(here / "f.bin"))
        got = Path(client.download_artifacts(run.info.run_id, "f.bin", str(here / "..")))
        found["is same"] = got.read_bytes() == (here / "f.bin").read_bytes()
        """,
        MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD="true",
        MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD="true",
        MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE="1000000",
        MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE="1000000",
    )
    assert found["is same"]


def test_a_bucket_signs_addresses_to_read(server: Server) -> None:
    run_id = server.new_run()
    server.http.put(at(run_id, "f"), content=b"content")
    answer = server.http.get(at(run_id, "f").replace("artifacts/artifacts", "artifacts/presigned"))
    body = {"run_id": run_id, "path": "f", "expiration": 60}
    other = server.http.post("/api/2.0/mlflow/artifacts/presigned-download-url", json=body)
    if not server.warehouse.startswith("s3://"):
        for one in (answer, other):
            assert (one.status_code, one.json()["error_code"]) == (501, "NOT_IMPLEMENTED")
        return
    assert answer.json()["file_size"] == 7
    assert httpx.get(answer.json()["url"]).content == b"content"
    assert httpx.get(other.json()["presigned_url"]).content == b"content"
    upload = {"run_id": run_id, "path": "g"}
    said = server.http.post("/api/2.0/mlflow/artifacts/presigned-upload-url", json=upload)
    assert said.status_code == 501


def test_a_kill_in_the_middle_of_an_upload_leaves_nothing(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    with run_mere(lake) as url:
        first = Server(url, str(lake))
        run_id = first.new_run()
        first.http.close()
        host, _, port = urlsplit(url).netloc.partition(":")
        with socket.create_connection((host, int(port))) as connection:
            head = "Host: localhost\r\nContent-Length: 9000000\r\n\r\n"
            begin = f"PUT {at(run_id, 'f')} HTTP/1.1\r\n{head}".encode()
            connection.sendall(begin + b"x" * 8_000_000)
            expect_no_answer(connection)
            [serving] = [p for p in psutil.Process().children() if str(lake) in p.cmdline()]
            for process in (serving, *serving.children(recursive=True)):
                process.kill()
    assert not list(lake.glob(f"artifacts/{run_id}/*"))
    with run_mere(lake) as url:
        second = Server(url, str(lake))
        assert second.files(run_id) == {}
        assert second.http.put(at(run_id, "f"), content=b"y" * 9_000_000).status_code == 200
        assert second.files(run_id) == {"f": 9_000_000}
        second.http.close()
