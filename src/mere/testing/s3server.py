"""A real S3 server on this machine's loopback address, for tests and benchmarks.

MinIO where its binary is cached or can be built (`scripts/minio.py`), else moto's server, which
speaks enough of S3 for the contract but is no proof of durability or speed.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from mere.config import S3Config, cache_folder, environment
from mere.errors import ErrorCode, Unavailable

__all__ = ["S3Server", "find_minio", "run_s3_server"]

_START_TIMEOUT_S = 30.0
_ATTEMPTS = 5
_BUCKET = "mere-test"
_LISTING = f"/{_BUCKET}?list-type=2"
_LIST = """
import os, sys
from mere.clock import SystemClock
from mere.lake.objects.open import open_store
open_store(sys.argv[1], clock=SystemClock(), environment=os.environ).list("")
"""
_STRANGER = (
    "AWS4-HMAC-SHA256 Credential=stranger/20200101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=0"
)
_HOST = "127.0.0.1"


class S3Server:
    """A running server with one bucket, and how to reach it."""

    def __init__(self, kind: str, port: int, user: str, password: str, bucket: str) -> None:
        self.kind = kind
        """minio or moto."""
        self.endpoint = f"http://{_HOST}:{port}"
        self.bucket = bucket
        self.environment: Mapping[str, str] = MappingProxyType(
            {
                "AWS_ACCESS_KEY_ID": user,
                "AWS_SECRET_ACCESS_KEY": password,
                "AWS_REGION": "us-east-1",
                "AWS_ENDPOINT_URL_S3": self.endpoint,
            }
        )
        self._numbers = itertools.count()

    @property
    def config(self) -> S3Config:
        """The settings of a client of this server."""
        return S3Config.from_environment(self.environment)

    def new_prefix(self, name: str = "lake") -> str:
        """Return the URL of a prefix that nobody has used yet."""
        return f"s3://{self.bucket}/{next(self._numbers)}/{name}"


@contextlib.contextmanager
def run_s3_server(folder: Path | None = None, *, minio: Path | None = None) -> Iterator[S3Server]:
    """Run a server until the block ends, on a free loopback port and with a user of its own.

    Args:
        folder: Where MinIO keeps its data; by default a temporary folder, removed at the end.
        minio: MinIO's binary; by default the cached one, and if there is none, moto serves.

    Raises:
        Unavailable: No server came up.
    """
    binary = minio or find_minio()
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mere-s3-")))
        log = stack.enter_context((folder / "server.log").open("w+b"))
        user, password = secrets.token_hex(8), secrets.token_hex(16)
        for _ in range(_ATTEMPTS):
            # Somebody may take the port between our look and the server's; then take another.
            port = _free_port()
            process = _start(binary, folder, port, user, password, log.fileno())
            stack.callback(_stop, process)
            if _is_healthy(process, port):
                break
        else:
            log.seek(0)
            raise Unavailable(
                ErrorCode.STORE_UNAVAILABLE,
                f"no S3 server came up: {log.read()[-2000:].decode(errors='replace')}",
            )
        server = S3Server("minio" if binary else "moto", port, user, password, _BUCKET)
        _create_bucket(server, folder)
        _wait_until_it_lists(server)
        yield server


def find_minio() -> Path | None:
    """Return the cached MinIO binary, if `scripts/minio.py` has built one."""
    binary = cache_folder(environment()) / "bin" / "minio"
    return binary if binary.is_file() else None


def _start(
    binary: Path | None, folder: Path, port: int, user: str, password: str, log: int
) -> subprocess.Popen[bytes]:
    if binary is None:
        moto = shutil.which("moto_server", path=str(Path(sys.executable).parent)) or "moto_server"
        command = [moto, "-H", _HOST, "-p", str(port)]
    else:
        (folder / "data").mkdir(exist_ok=True)
        console = f"{_HOST}:{_free_port()}"
        command = [str(binary), "server", "--quiet", "--address", f"{_HOST}:{port}"]
        command += ["--console-address", console, str(folder / "data")]
    settings = {
        "MINIO_ROOT_USER": user,
        "MINIO_ROOT_PASSWORD": password,
        "MINIO_UPDATE": "off",
        "MINIO_BROWSER": "off",
        "MINIO_CALLHOME_ENABLE": "off",
        "HOME": str(folder),
    }
    return subprocess.Popen(
        command,
        env={**environment(), **settings},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _is_healthy(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the server answers; tell whether it did before it died or the time was up."""
    give_up = time.monotonic() + _START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < give_up:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(_HOST, port, timeout=2)
            with contextlib.closing(connection):
                # MinIO answers before it knows its objects and users: a stranger's listing is
                # refused with 503 until then, and with 403 from then on.
                connection.request("GET", _LISTING, headers={"Authorization": _STRANGER})
                if connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR:
                    return True
        time.sleep(0.05)
    return False


def _create_bucket(server: S3Server, folder: Path) -> None:
    if server.kind == "minio":
        # MinIO's buckets are the folders of its data folder, so that no second S3 client is needed.
        (folder / "data" / server.bucket).mkdir(exist_ok=True)
        return
    port = int(server.endpoint.rpartition(":")[2])
    connection = http.client.HTTPConnection(_HOST, port, timeout=10)
    with contextlib.closing(connection):
        connection.request("PUT", f"/{server.bucket}")
        if connection.getresponse().status != http.client.OK:
            raise Unavailable(ErrorCode.STORE_UNAVAILABLE, "moto made no bucket")


def _wait_until_it_lists(server: S3Server) -> None:
    """Wait for a real listing: MinIO answers before it knows its objects and users.

    In a process of its own, since obstore, once used here, would fail in children forked later.
    """
    subprocess.run(
        [sys.executable, "-c", _LIST, server.new_prefix()],
        env={**environment(), **server.environment, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=True,
        timeout=60,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
