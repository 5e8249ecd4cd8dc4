"""The local folder: what reaches the disk and in which order, full disks, forks, links."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mere.errors import (
    AlreadyExists,
    ErrorCode,
    InvalidInput,
    NotFound,
    PermissionDenied,
    Unavailable,
)
from mere.lake.objects import local
from mere.lake.objects.local import LocalStore

DAY_US = 24 * 3600 * 1_000_000


@pytest.fixture(params=["nameless", "named"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> LocalStore:
    if request.param == "named":
        monkeypatch.setattr(local, "_UNNAMED", 0)
    return LocalStore(tmp_path / "above" / "lake")


def failing(error: int) -> Callable[..., Any]:
    def fail(*_args: Any, **_kwargs: Any) -> Any:
        raise OSError(error, os.strerror(error))

    return fail


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Name each write, link, rename and fsync with what it touches."""
    calls: list[str] = []

    def spy(name: str, describe: Callable[..., str]) -> None:
        real = getattr(os, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            calls.append(f"{name} {describe(*args)}".strip())
            return real(*args, **kwargs)

        monkeypatch.setattr(os, name, call)

    def opened(fd: int, *_: Any) -> str:
        path = Path(os.readlink(f"/proc/self/fd/{fd}"))
        return path.name if path.is_dir() else "content"

    spy("write", opened)
    spy("fsync", opened)
    spy("link", lambda _source, name: name)
    spy("rename", lambda _source, name: name)
    return calls


def test_content_is_synced_before_its_name_and_the_name_after(
    store: LocalStore, trace: list[str], tmp_path: Path
) -> None:
    store.put("warm/up", b"x")
    trace.clear()
    store.put("warm/k", b"x")
    assert trace == ["write content", "fsync content", "link k", "fsync warm"]


def test_new_folders_are_synced_up_to_the_one_that_was_there(
    store: LocalStore, trace: list[str], tmp_path: Path
) -> None:
    store.put("a/b/k", b"x")
    synced = [call.removeprefix("fsync ") for call in trace if call.startswith("fsync")]
    assert synced.index("a") < synced.index("content") < synced.index("b")
    assert {tmp_path.name, "above", "lake", "a", "b"} <= set(synced)
    trace.clear()
    store.put("a/b/k2", b"x")
    assert [call for call in trace if call.startswith("fsync")] == ["fsync content", "fsync b"]


def test_folders_made_by_others_are_synced_too(store: LocalStore, trace: list[str]) -> None:
    store.put("a/b/k", b"x")
    other = LocalStore(store.url.removeprefix("file://"))
    trace.clear()
    other.put("a/b/k2", b"x")
    assert {"fsync lake", "fsync a", "fsync b"} <= set(trace)


def test_a_refused_create_is_durable_before_it_is_refused(
    store: LocalStore, trace: list[str]
) -> None:
    store.put("a/k", b"x")
    trace.clear()
    with pytest.raises(AlreadyExists):
        store.put("a/k", b"x")
    assert trace[-1] == "fsync a"


def test_overwrite_renames_a_synced_file(store: LocalStore, trace: list[str]) -> None:
    store.put("a/hint", b"1", overwrite=True)
    trace.clear()
    store.put("a/hint", b"2", overwrite=True)
    assert trace == ["write content", "fsync content", "rename hint", "fsync a"]


def test_deletes_are_synced_once_a_folder(store: LocalStore, trace: list[str]) -> None:
    for key in ("a/1", "a/2", "b/1"):
        store.put(key, b"x")
    trace.clear()
    store.delete(["a/1", "b/1", "a/2"])
    assert sorted(trace) == ["fsync a", "fsync b"]


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["write", "fsync", "link"])
def test_a_full_disk_is_told_and_leaves_nothing(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, call: str, error: int
) -> None:
    store.put("a/before", b"x")
    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing(error))
        with pytest.raises(Unavailable) as caught:
            store.put("a/k", b"x")
    assert caught.value.code is ErrorCode.STORE_FULL
    assert [info.key for info in store.list("")] == ["a/before"]
    tmp = Path(store.url.removeprefix("file://"), ".tmp")
    assert not tmp.exists() or not list(tmp.iterdir())
    store.put("a/k", b"x")
    assert store.get("a/k") == b"x"


def test_a_failing_disk_is_unavailable(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(Unavailable) as caught:
        store.put("a/k", b"x")
    assert caught.value.code is ErrorCode.STORE_UNAVAILABLE


@pytest.mark.parametrize("error", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_denied_access_is_told(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    store.put("a/k", b"x")
    monkeypatch.setattr(os, "open", failing(error))
    for call in (
        lambda: store.get("a/k"),
        lambda: store.put("a/k2", b"x"),
        lambda: store.list(""),
        lambda: store.delete(["a/k"]),
    ):
        with pytest.raises(PermissionDenied) as caught:
            call()
        assert caught.value.code is ErrorCode.ACCESS_DENIED


@pytest.mark.parametrize("error", [errno.EOPNOTSUPP, errno.EINVAL, errno.ENOENT])
def test_without_links_in_proc_a_named_file_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    real, refused = os.link, []

    def link(source: str, *args: Any, **kwargs: Any) -> None:
        if source.startswith("/proc/"):
            refused.append(source)
            raise OSError(error, os.strerror(error))
        real(source, *args, **kwargs)

    monkeypatch.setattr(os, "link", link)
    store = LocalStore(tmp_path)
    store.put("a/k", b"1")
    store.put("a/k2", b"2")
    assert (store.get("a/k"), store.get("a/k2")) == (b"1", b"2")
    assert len(refused) <= 1  # asked once, remembered


def test_short_writes_are_continued(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:3]))
    store.put("k", b"0123456789")
    assert store.get("k") == b"0123456789"


def test_short_reads_are_continued(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("k", b"0123456789")
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, size, start: real(fd, min(size, 3), start))
    assert store.get("k") == b"0123456789"
    assert store.get_range("k", 2, 9) == b"2345678"


def test_symbolic_links_are_not_followed_out(store: LocalStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    store.put("a/k", b"x")
    root = Path(store.url.removeprefix("file://"))
    (root / "folder").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    for key in ("folder/secret", "file"):
        with pytest.raises(NotFound):
            store.get(key)
        with pytest.raises(NotFound):
            store.head(key)
    for key in ("folder/new", "file"):
        with pytest.raises(InvalidInput):
            store.put(key, b"x")
    store.delete(["folder/secret"])
    assert [info.key for info in store.list("")] == ["a/k"]
    assert store.list("folder/") == []
    assert (outside / "secret").read_bytes() == b"secret"
    assert [path.name for path in outside.iterdir()] == ["secret"]


def test_a_warehouse_may_itself_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    LocalStore(tmp_path / "link").put("k", b"x")
    assert (tmp_path / "real" / "k").read_bytes() == b"x"


def test_a_file_and_a_folder_of_one_name_are_refused_with_the_reason(store: LocalStore) -> None:
    store.put("a/b", b"x")
    for key, overwrite in (("a", False), ("a", True), ("a/b/c", False), ("a/b/c", True)):
        with pytest.raises(InvalidInput, match="cannot hold"):
            store.put(key, b"y", overwrite=overwrite)
    assert store.get("a/b") == b"x"


def test_listing_skips_what_is_no_object(store: LocalStore) -> None:
    store.put("a/k", b"x")
    root = Path(store.url.removeprefix("file://"))
    os.mkfifo(root / "a" / "pipe")
    (root / "a" / "back\\slash").write_bytes(b"")
    (root / ".tmp").mkdir(exist_ok=True)
    (root / ".tmp" / "1-1").write_bytes(b"")
    Path(os.fsdecode(os.fsencode(root) + b"/a/\xff")).write_bytes(b"")
    assert [info.key for info in store.list("")] == ["a/k"]
    with pytest.raises(NotFound):
        store.get("a/pipe")


def test_listing_survives_files_and_folders_that_vanish(store: LocalStore) -> None:
    for number in range(40):
        store.put(f"a/{number:02d}/k", b"x")
        store.put(f"b/{number:02d}", b"x")
    store.put("kept", b"x")
    root = Path(store.url.removeprefix("file://"))
    started, stop = threading.Event(), threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            for number in range(40):
                store.delete([f"a/{number:02d}/k", f"b/{number:02d}"])
                (root / f"a/{number:02d}").rmdir()
                started.set()
                (root / f"a/{number:02d}").mkdir()
                (root / f"b/{number:02d}").write_bytes(b"x")

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        started.wait(10)
        for _ in range(30):
            keys = [info.key for info in store.list("")]
            assert "kept" in keys
            assert keys == sorted(set(keys))
    finally:
        stop.set()
        thread.join(10)


def test_listing_walks_only_the_folders_it_must(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("catalog/1", "journal/1", "tables/m/data/1", "tables/r/data/1"):
        store.put(key, b"x")
    scanned = []
    real = os.scandir

    def scandir(fd: int) -> Any:
        scanned.append(Path(os.readlink(f"/proc/self/fd/{fd}")).name)
        return real(fd)

    monkeypatch.setattr(os, "scandir", scandir)
    assert len(store.list("journal/")) == 1
    assert scanned == ["journal"] * 2
    scanned.clear()
    assert len(store.list("tables/r")) == 1
    assert scanned == ["tables", "r", "data"] * 2
    scanned.clear()
    assert len(store.list("tables/", start_after="tables/n")) == 1
    assert scanned == ["tables", "r", "data"] * 2


def test_listing_a_warehouse_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert LocalStore(tmp_path / "missing").list("") == []
    LocalStore(tmp_path / "missing").delete(["a/b"])
    assert not (tmp_path / "missing").exists()


def test_sweep_removes_only_old_leftovers(store: LocalStore) -> None:
    assert store.sweep(0) == 0
    store.put("a/k", b"x")
    tmp = Path(store.url.removeprefix("file://"), ".tmp")
    tmp.mkdir(exist_ok=True)
    (tmp / "1-1").write_bytes(b"left")
    now_us = (tmp / "1-1").stat().st_mtime_ns // 1000
    assert store.sweep(now_us + DAY_US - 1_000_000) == 0
    assert store.sweep(now_us + DAY_US + 1_000_000) == 1
    assert list(tmp.iterdir()) == []
    assert store.get("a/k") == b"x"


def test_a_taken_temporary_name_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_UNNAMED", 0)
    tmp = tmp_path / ".tmp"
    tmp.mkdir()
    for number in range(3):
        (tmp / f"{os.getpid()}-{number}").write_bytes(b"another's")
    store = LocalStore(tmp_path)
    store.put("k", b"mine")
    assert store.get("k") == b"mine"
    assert {path.read_bytes() for path in tmp.iterdir()} == {b"another's"}


def test_no_descriptor_is_left_open(store: LocalStore) -> None:
    def use() -> None:
        store.put("a/b/k", b"x", overwrite=True)
        store.list("")
        store.get("a/b/k")
        for call in (lambda: store.get("a/z"), lambda: store.put("a/b/k", b"y")):
            with pytest.raises((NotFound, AlreadyExists)):
                call()
        store.delete(["a/b/k", "a/z/k"])

    use()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        use()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_works(store: LocalStore) -> None:
    store.put("a/parent", b"x")
    pid = os.fork()
    if pid == 0:  # pragma: no cover - another process
        signal.alarm(20)
        status = 1
        try:
            store.put("a/child", store.get("a/parent"))
            store.put("new/child", b"x")
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    assert [info.key for info in store.list("")] == ["a/child", "a/parent", "new/child"]
