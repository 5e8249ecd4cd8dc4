"""URLs: which store they open, and which are refused."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from mere.clock import SystemClock
from mere.errors import InvalidInput
from mere.lake.objects.open import open_store
from mere.lake.objects.retry import RetryingStore
from mere.testing.clock import ManualClock

CLOCK = ManualClock()


@pytest.mark.parametrize("name", ["plain", "with space", "Ünïcödé", "100%25", "a#b?c", "a+b"])
def test_a_folder_opens_by_path_and_by_url(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    open_store(str(folder), clock=CLOCK).put("k", b"x")
    assert (folder / "k").read_bytes() == b"x"
    for url in (folder.as_uri(), folder.as_uri() + "/", "FILE" + folder.as_uri()[4:]):
        store = open_store(url, clock=CLOCK)
        assert store.get("k") == b"x"
        assert store.url == f"file://{folder}"
    assert open_store(f"file://localhost{folder.as_uri()[7:]}", clock=CLOCK).get("k") == b"x"


def test_a_raw_file_url_may_hold_spaces_and_unicode(tmp_path: Path) -> None:
    open_store(f"file://{tmp_path}/a é", clock=CLOCK).put("k", b"x")
    assert (tmp_path / "a é" / "k").exists()


def test_a_relative_path_is_fixed_at_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("lake", clock=CLOCK)
    monkeypatch.chdir("/")
    store.put("k", b"x")
    assert (tmp_path / "lake" / "k").exists()


def test_a_tilde_is_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_store("~/lake", clock=CLOCK).url == f"file://{tmp_path}/lake"


def test_memory_is_shared_by_name() -> None:
    open_store("memory://shared-by-url", clock=CLOCK).put("k", b"x")
    assert open_store("memory://shared-by-url/", clock=CLOCK).get("k") == b"x"


def test_s3_urls_keep_bucket_and_prefix() -> None:
    for given in ("s3://bucket/a b/%20é", "s3://bucket/a b/%20é/"):
        assert open_store(given, clock=CLOCK, environment={}).url == "s3://bucket/a b/%20é"
    assert open_store("s3://bucket", clock=CLOCK, environment={}).url == "s3://bucket"


def test_every_store_is_retried() -> None:
    for url in ("memory://x", "s3://bucket/x", "/nowhere/at/all"):
        assert isinstance(open_store(url, clock=CLOCK, environment={}), RetryingStore)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "gs://bucket/x",
        "https://server",
        "s3:///prefix",
        "s3://",
        "s3://bucket/../x",
        "s3://bucket//x",
        "file://server/folder",
        "file://relative",
        "a\x00b",
    ],
)
def test_what_cannot_be_opened_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        open_store(url, clock=SystemClock(), environment={})


def test_the_refusal_names_what_is_supported() -> None:
    with pytest.raises(InvalidInput, match=r"file:///.*s3://.*memory://"):
        open_store("ftp://x", clock=CLOCK)


def test_opening_makes_nothing(tmp_path: Path) -> None:
    open_store(str(tmp_path / "new"), clock=CLOCK)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_warehouse(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InvalidInput, match="file"):
            open_store(str(path), clock=CLOCK).put("k", b"x")


def test_leftovers_that_cannot_be_removed_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".tmp").mkdir()
    (tmp_path / ".tmp" / "1-1").write_bytes(b"")

    def refuse(_path: Path) -> None:
        raise PermissionError(errno.EROFS, "read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        assert open_store(str(tmp_path), clock=SystemClock()).list("") == []
        late = ManualClock(start_us=SystemClock().now_us() + 2 * 24 * 3600 * 1_000_000)
        assert open_store(str(tmp_path), clock=late).list("") == []
