"""S3: what each answer of the service becomes, foreign objects, and forks."""

from __future__ import annotations

import hashlib
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mere.clock import SystemClock
from mere.config import S3Config
from mere.errors import (
    AlreadyExists,
    CorruptData,
    ErrorCode,
    InvalidInput,
    MereError,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from mere.lake.blobs import Blobs
from mere.lake.objects.open import open_store
from mere.lake.objects.s3 import S3Store
from mere.testing.proxy import FaultPlan, run_flaky_proxy
from mere.testing.s3server import S3Server


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers every request as told, and remembers it."""

    status: ClassVar[int] = 200
    body: ClassVar[bytes] = b""
    seen: ClassVar[list[tuple[str, str, dict[str, str]]]] = []
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.seen.append((self.command, self.path, dict(self.headers)))
        self.send_response(self.status)
        self.send_header("ETag", '"x"')
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_PUT = do_POST = do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def service() -> Iterator[tuple[S3Store, type[Answering]]]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    Answering.status, Answering.body = 200, b""
    Answering.seen.clear()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    config = S3Config(access_key_id="key", secret_access_key="secret", endpoint=endpoint)
    yield S3Store("s3://bucket/lake", config), Answering
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "code", "kind", "error_code"),
    [
        (301, "PermanentRedirect", InvalidInput, ErrorCode.UNSUPPORTED_STORE),
        (400, "InvalidRequest", InvalidInput, ErrorCode.UNSUPPORTED_STORE),
        (400, "RequestTimeout", Unavailable, ErrorCode.STORE_UNAVAILABLE),
        (401, "", Unauthenticated, ErrorCode.SIGN_IN_REQUIRED),
        (403, "AccessDenied", PermissionDenied, ErrorCode.ACCESS_DENIED),
        (404, "NoSuchBucket", NotFound, ErrorCode.OBJECT_NOT_FOUND),
        (409, "ConditionalRequestConflict", AlreadyExists, ErrorCode.OBJECT_EXISTS),
        (412, "PreconditionFailed", AlreadyExists, ErrorCode.OBJECT_EXISTS),
        (429, "TooManyRequests", Unavailable, ErrorCode.STORE_UNAVAILABLE),
        (500, "InternalError", Unavailable, ErrorCode.STORE_UNAVAILABLE),
        (501, "NotImplemented", InvalidInput, ErrorCode.UNSUPPORTED_STORE),
        (503, "SlowDown", Unavailable, ErrorCode.STORE_UNAVAILABLE),
        (507, "XMinioStorageFull", Unavailable, ErrorCode.STORE_FULL),
    ],
)
def test_each_refusal_of_a_create_becomes_an_error_of_ours(
    service: tuple[S3Store, type[Answering]],
    status: int,
    code: str,
    kind: type[MereError],
    error_code: ErrorCode,
) -> None:
    store, answering = service
    answering.status = status
    answering.body = f"<Error><Code>{code}</Code></Error>".encode() if code else b""
    with pytest.raises(kind) as caught:
        store.put("k", b"x")
    assert caught.value.code is error_code
    assert "\n" not in caught.value.message
    assert len(answering.seen) == 1  # retry is done in one place, and it is not here


def test_a_create_carries_its_condition_and_an_overwrite_none(
    service: tuple[S3Store, type[Answering]],
) -> None:
    store, answering = service
    store.put("a b/é", b"x")
    store.put("k", b"x" * 10_000_000, overwrite=True)
    (_, path, create), (_, _, overwrite) = answering.seen
    headers = {name.lower(): value for name, value in create.items()}
    assert path == "/bucket/lake/a%20b/%C3%A9"
    assert headers["if-none-match"] == "*"
    assert "if-none-match" not in {name.lower() for name in overwrite}


def test_nobody_listening_is_unavailable() -> None:
    config = S3Config(access_key_id="k", secret_access_key="s", endpoint="http://127.0.0.1:1")
    store = S3Store("s3://bucket/lake", config)
    for call in (
        lambda: store.get("k"),
        lambda: store.put("k", b"x"),
        lambda: store.list(""),
        lambda: store.delete(["k"]),
        lambda: store.head("k"),
    ):
        with pytest.raises(Unavailable) as caught:
            call()
        assert caught.value.code is ErrorCode.STORE_UNAVAILABLE


def test_wrong_credentials_are_denied(s3_server: S3Server) -> None:
    config = S3Config(
        access_key_id="nobody", secret_access_key="wrong", endpoint=s3_server.endpoint
    )
    if s3_server.kind == "moto":  # moto lets anybody in
        return
    with pytest.raises(PermissionDenied, match="AWS_"):
        S3Store(s3_server.new_prefix(), config).list("")


def test_a_missing_bucket_is_told_by_every_verb(s3_server: S3Server) -> None:
    store = S3Store("s3://no-such-bucket/lake", s3_server.config)
    for call in (
        lambda: store.get("k"),
        lambda: store.put("k", b"x"),
        lambda: store.list(""),
        lambda: store.delete(["k"]),
    ):
        with pytest.raises(NotFound, match="no-such-bucket"):
            call()


def test_neighbours_of_the_prefix_are_not_seen(s3_server: S3Server) -> None:
    url = s3_server.new_prefix("lake")
    for neighbour in (url + "2", url + "/inner", url.removesuffix("/lake")):
        S3Store(neighbour, s3_server.config).put("k", b"x")
    store = S3Store(url, s3_server.config)
    store.put("k", b"y")
    assert [info.key for info in store.list("")] == ["inner/k", "k"]
    assert store.get("k") == b"y"


def test_a_foreign_object_of_an_unreadable_name_is_told(
    service: tuple[S3Store, type[Answering]],
) -> None:
    store, answering = service
    answering.body = (
        b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents>"
        b"<Key>lake/a//b</Key><Size>1</Size><ETag>x</ETag>"
        b"<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents></ListBucketResult>"
    )
    with pytest.raises(CorruptData, match="a//b") as caught:
        store.list("")
    assert caught.value.code is ErrorCode.BAD_OBJECT


def test_secrets_are_not_shown(s3_server: S3Server) -> None:
    shown = repr(s3_server.config)
    assert s3_server.environment["AWS_SECRET_ACCESS_KEY"] not in shown


FORKS = """
import os, signal, sys
from mere.config import S3Config, environment
from mere.errors import InvalidInput
from mere.lake.objects.s3 import S3Store

def child(store):
    pid = os.fork()
    if pid == 0:
        signal.alarm(15)
        try:
            store.put(f"child-{os.getpid()}", b"x")
            print("works", flush=True)
        except InvalidInput as exc:
            print(exc.code, "spawn" in exc.message, flush=True)
        os._exit(0)
    print("exit", os.waitpid(pid, 0)[1], flush=True)

store = S3Store(sys.argv[1], S3Config.from_environment(environment()))
child(store)
store.put("parent", b"x")
child(store)
child(S3Store(sys.argv[1], S3Config.from_environment(environment())))
store.put("parent-again", b"x")
"""


def test_a_forked_child_works_or_is_told_and_never_hangs(s3_server: S3Server) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKS, s3_server.new_prefix()],
        env={**s3_server.environment, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = ["exit 0", "forked True", "exit 0", "forked True", "exit 0"]
    assert done.stdout.splitlines() == ["works", *told]


@pytest.mark.parametrize("size", [10, 20_000_000])
def test_an_object_is_renewed_in_one_request_that_moves_no_bytes(
    s3_server: S3Server, size: int
) -> None:
    faults = _CountedFaults()
    with run_flaky_proxy(s3_server.endpoint, faults) as proxy:
        environment = {**s3_server.environment, "AWS_ENDPOINT_URL_S3": proxy.endpoint}
        store = open_store(s3_server.new_prefix(), clock=SystemClock(), environment=environment)
        store.put("objects/a", bytes(size))
        before = faults.requests
        store.renew("objects/a")
        assert faults.requests - before == 1
        assert store.get("objects/a") == bytes(size)


def test_an_object_that_the_service_copies_not_is_sent_again(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for objects above 5 GB; those sent in parts keep their digest then."""
    url, environment = s3_server.new_prefix(), s3_server.environment
    store = open_store(url, clock=SystemClock(), environment=environment)
    data = hashlib.shake_128(b"large").digest(20_000_000)
    (tmp_path / "file").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    store.put("objects/small", b"small")
    store.put_file("objects/large", tmp_path / "file", size=len(data), digest=digest)
    # Without its header, the copy is one that S3 refuses.
    monkeypatch.setattr(S3Store, "_renewer", property(_without_header))
    before = {info.key: info.modified_us for info in store.list("objects/")}
    SystemClock().sleep(1.1)
    for key in before:
        store.renew(key)
    after = {info.key: info.modified_us for info in store.list("objects/")}
    assert all(after[key] > before[key] for key in before)
    assert store.get("objects/large") == data
    assert store.get("objects/small") == b"small"
    with pytest.raises(NotFound):
        store.renew("objects/missing")


def _without_header(store: S3Store) -> Any:
    header = {"copy_if_not_exists": "header: x-nothing: at-all"}
    return store._connect(30, {}, settings=header)


class _CountedFaults(FaultPlan):
    """Counts requests; fails those whose numbers are given, or by chance."""

    def __init__(self, *, fail_one_in: int = 0, seed: int = 0, lost: int = -1) -> None:
        super().__init__(fail_one_in=fail_one_in, seed=seed)
        self.lost = lost
        self.requests = 0
        self.failed: list[str] = []

    def fault(self) -> Any:
        self.requests += 1
        fault = "lose" if self.requests == self.lost else super().fault()
        if fault:
            self.failed.append(fault)
        return fault


def _put_through(
    server: S3Server, faults: FaultPlan, folder: Path, data: bytes, *, times: int = 1
) -> None:
    """Put a file through a proxy with faults, then get it back the same way."""
    path = folder / "file"
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    with run_flaky_proxy(server.endpoint, faults) as proxy:
        environment = {**server.environment, "AWS_ENDPOINT_URL_S3": proxy.endpoint}
        store = open_store(server.new_prefix(), clock=SystemClock(), environment=environment)
        for _ in range(times):
            store.put_file("objects/large", path, size=len(data), digest=digest)
        Blobs(store, SystemClock()).download(
            "objects/large", folder / "out", size=len(data), digest=digest
        )
    assert (folder / "out").read_bytes() == data


@pytest.mark.parametrize("seed", range(2))
def test_a_large_file_passes_a_network_that_fails_one_request_in_five(
    s3_server: S3Server, tmp_path: Path, seed: int
) -> None:
    faults = _CountedFaults(fail_one_in=5, seed=seed)
    data = hashlib.shake_128(b"large").digest(100_000_000)
    _put_through(s3_server, faults, tmp_path, data, times=2)
    assert len(faults.failed) >= 3
    # Parts, and not the whole file, were sent again.
    assert faults.requests < 90


def test_a_large_file_whose_last_reply_was_lost_finds_itself(
    s3_server: S3Server, tmp_path: Path
) -> None:
    # A look, the beginning, three parts, the end: the sixth request ends the upload.
    faults = _CountedFaults(lost=6)
    _put_through(s3_server, faults, tmp_path, bytes(20_000_000))
    assert faults.failed == ["lose"]
    # The end is asked for again, and, since it is done, looked for; the download takes three.
    assert faults.requests <= 6 + 3 + 3
