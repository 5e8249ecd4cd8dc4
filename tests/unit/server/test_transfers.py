"""Files up and down: bounded, whole or not at all, and only what was stored."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from mere.server import transfers
from mere.server.operations import PUBLIC, Call
from mere.server.protocols.native.wire import operation
from mere.server.transfers import received, send_artifact
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse
from tests.unit.server.clients import client_of

OWNER = "a" * 32
MB = 1 << 20


@operation("PUT", "/api/v1/up", permission=PUBLIC, is_stream=True)
async def up(call: Call) -> dict[str, Any]:
    """Say what came."""
    async with received(call, 5 * MB) as body:
        kept = body.content if isinstance(body.content, Path) else None
        data = body.content if isinstance(body.content, bytes) else body.content.read_bytes()
    assert kept is None or not kept.exists()
    assert hashlib.sha256(data).hexdigest() == body.digest
    return {"size": body.size, "is_file": kept is not None, "read": len(data)}


@operation("GET", "/api/v1/down", permission=PUBLIC, is_stream=True)
async def down(call: Call) -> Any:
    """Send it."""
    return await send_artifact(call, call.warehouse.artifacts.get(OWNER, "f"))


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield open_warehouse(str(tmp_path / "lake"))
    close_warehouses()


@pytest.fixture
def http(warehouse: Warehouse) -> Iterator[TestClient[Any]]:
    with client_of(warehouse, (up, down)) as client:
        yield client


@pytest.mark.parametrize(
    ("size", "is_file"), [(0, False), (1, False), (MB - 1, False), (MB, True), (5 * MB, True)]
)
def test_small_bodies_stay_in_memory_and_others_in_a_file(
    http: TestClient[Any], tmp_path: Path, size: int, is_file: bool
) -> None:
    answer = http.put("/api/v1/up", content=b"x" * size)
    assert answer.json() == {"size": size, "is_file": is_file, "read": size}
    assert not list(tmp_path.glob("cache/mere/uploads/*"))


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(
    http: TestClient[Any], tmp_path: Path
) -> None:
    def content() -> Iterator[bytes]:
        for _ in range(6):
            yield b"x" * MB

    for body in (b"x" * (5 * MB + 1), content()):
        answer = http.put("/api/v1/up", content=body)
        assert answer.json()["error"]["code"] == "body_too_large"
    assert not list(tmp_path.glob("cache/mere/uploads/*"))


def test_what_a_killed_server_left_goes_a_day_later(
    http: TestClient[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "_swept", set())
    folder = tmp_path / "cache/mere/uploads"
    folder.mkdir(parents=True)
    for name, age_s in (("upload-old", 90_000), ("upload-new", 60)):
        (folder / name).write_bytes(b"x")
        now = (folder / name).stat().st_mtime
        os.utime(folder / name, (now - age_s, now - age_s))
    http.put("/api/v1/up", content=b"x" * MB)
    assert [one.name for one in folder.iterdir()] == ["upload-new"]


def test_content_goes_out_as_it_was_stored(http: TestClient[Any], warehouse: Warehouse) -> None:
    data = bytes(range(256)) * (9 * MB // 256)
    warehouse.artifacts.put_bytes(OWNER, "f", data)
    answer = http.get("/api/v1/down")
    assert answer.content == data
    assert answer.headers["content-length"] == str(len(data))
    warehouse.artifacts.put_bytes(OWNER, "f", b"")
    assert http.get("/api/v1/down").content == b""


def test_what_is_damaged_is_never_sent_whole(http: TestClient[Any], warehouse: Warehouse) -> None:
    stored = warehouse.artifacts.put_bytes(OWNER, "f", b"a" * 5 * MB)
    file = Path(warehouse.url) / stored.location
    file.chmod(0o600)
    with file.open("r+b") as opened:
        opened.write(b"b")
    with pytest.raises(ExceptionGroup) as caught:  # a real connection is cut off
        http.get("/api/v1/down")
    assert "is not what was logged as 'f'" in repr(caught.value.exceptions)
    file.write_bytes(b"a" * 100)
    assert http.get("/api/v1/down").status_code == 500
    file.unlink()
    assert http.get("/api/v1/down").status_code == 404
