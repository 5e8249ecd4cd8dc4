from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mere.clock import SystemClock
from mere.entities.dataset import Dataset, DatasetFile, DatasetKind
from mere.errors import CorruptData, InvalidInput, NotFound
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.lake.objects.retry import RetryingStore
from mere.services.datasets.datasets import Datasets
from mere.services.datasets.paths import check_path
from mere.services.tables import TABLES
from mere.testing.counting import CountingStore
from mere.testing.s3server import S3Server


@pytest.fixture
def store() -> CountingStore:
    return CountingStore(MemoryStore())


@pytest.fixture
def datasets(store: CountingStore) -> Iterator[Datasets]:
    clock = SystemClock()
    with Lake.open("memory://", tables=TABLES, store=RetryingStore(store, clock)) as lake:
        yield Datasets(lake, clock)


def fill(folder: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


FILES = {"a.txt": "one", "b/c.txt": "two", "b/ünï ¢.txt": "three", "b/.hidden": "", "d.txt": "one"}


def test_a_folder_comes_back_as_it_was(datasets: Datasets, tmp_path: Path) -> None:
    written = datasets.files.write("images", fill(tmp_path / "in", FILES), tags={"a": "b"})
    assert (written.version, written.files, written.bytes) == (1, 5, 14)
    found = datasets.find("images")
    assert found.tags == {"a": "b"}
    assert [one.path for one in datasets.files.list(found)] == sorted(FILES)
    to = datasets.files.download(found, tmp_path / "out" / "deep")
    assert content(to) == FILES
    with datasets.files.open(found, "b/c.txt") as file:
        assert file.read() == b"two"
    with pytest.raises(NotFound, match="b/d"):
        datasets.files.open(found, "b/d")


def test_what_has_not_changed_is_not_sent_again(
    datasets: Datasets, store: CountingStore, tmp_path: Path
) -> None:
    folder = fill(tmp_path / "in", {f"{n}.txt": str(n) for n in range(50)})
    first = datasets.files.write("images", folder)
    assert datasets.files.write("images", folder).dataset_id == first.dataset_id
    (folder / "7.txt").write_text("changed")
    (folder / "8.txt").rename(folder / "other.txt")
    store.reset()
    second = datasets.files.write("images", folder)
    assert second.version == 2
    assert store.count("put_file", "objects/") == 1  # the changed file
    assert store.count("put", "objects/") == 1  # the manifest
    assert len(store.list("objects/")) == 50 + 1 + 2
    assert datasets.files.list(datasets.find("images", 1)) != datasets.files.list(second)


def test_a_write_goes_on_where_it_was_cut_short(
    datasets: Datasets, store: CountingStore, tmp_path: Path
) -> None:
    folder = fill(tmp_path / "in", {"a.bin": "x" * (2 << 20), "b.txt": "b"})
    os.mkfifo(folder / "z")
    with pytest.raises(InvalidInput, match="regular"):
        datasets.files.write("images", folder)
    with pytest.raises(NotFound):
        datasets.find("images")
    (folder / "z").unlink()
    store.reset()
    assert datasets.files.write("images", folder).files == 2
    # The large one was looked for first; the small one was put, and its age looked at.
    assert store.count("head", "objects/") == 2
    assert store.count("put_file") == 1


def test_a_download_takes_what_is_there(
    datasets: Datasets, store: CountingStore, tmp_path: Path
) -> None:
    written = datasets.files.write("images", fill(tmp_path / "in", FILES))
    out = tmp_path / "out"
    datasets.files.download(written, out)
    (out / "mine.txt").write_text("kept")
    (out / "a.txt").write_text("bad")
    store.reset()
    datasets.files.download(written, out)
    assert content(out) == {**FILES, "mine.txt": "kept"}
    assert store.count("get_range") == 1


def test_files_that_look_like_unfinished_downloads(datasets: Datasets, tmp_path: Path) -> None:
    files = {"x": "1", "x.part": "22", "x.part.part": "333", "y.part": "4"}
    written = datasets.files.write("odd", fill(tmp_path / "in", files))
    for _ in range(2):
        assert content(datasets.files.download(written, tmp_path / "out")) == files


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", "C:/x", "a\\b", "a\0b", "\ud800"],
)
def test_hostile_paths_are_refused(datasets: Datasets, tmp_path: Path, path: str) -> None:
    with pytest.raises(InvalidInput):
        check_path(path)
    file = fill(tmp_path / "in", {"f": "x"}) / "f"
    with pytest.raises(InvalidInput):
        datasets.files.write("bad", {path: file})


@given(st.text(max_size=12))
def test_a_path_that_is_allowed_stays_below_its_folder(path: str) -> None:
    try:
        check_path(path)
    except InvalidInput:
        return
    folder = "/some/folder"
    assert os.path.normpath(os.path.join(folder, path)).startswith(folder + "/")


def hostile_manifest(datasets: Datasets, path: str) -> Dataset:
    """A version whose manifest somebody else has made."""
    import hashlib

    import msgspec

    body = b"evil"
    digest = hashlib.sha256(body).hexdigest()
    line = msgspec.json.encode(DatasetFile(path, len(body), digest)) + b"\n"
    key = f"objects/{hashlib.sha256(line).hexdigest()}"
    datasets._lake.blobs.put(f"objects/{digest}", body)
    datasets._lake.blobs.put(key, line)
    draft = Dataset(dataset_id="", name="evil", version=0, kind=DatasetKind.FILES, manifest=key)
    return datasets.publish(draft)


def test_a_hostile_manifest_writes_nothing_outside(datasets: Datasets, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        datasets.files.download(hostile_manifest(datasets, "../evil"), tmp_path / "out")
    assert not (tmp_path / "evil").exists()


def test_a_link_in_the_target_is_not_followed(datasets: Datasets, tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.mkdir()
    (out / "sub").symlink_to(elsewhere)
    (elsewhere / "file").write_text("mine")
    (out / "file").symlink_to(elsewhere / "file")
    with pytest.raises(InvalidInput, match="link"):
        datasets.files.download(hostile_manifest(datasets, "sub/x"), out)
    datasets.files.download(hostile_manifest(datasets, "file"), out)
    assert content(elsewhere) == {"file": "mine"}
    assert (out / "file").read_text() == "evil"


def test_links_are_stored_only_where_that_is_meant(datasets: Datasets, tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", {"a.txt": "one"})
    (folder / "inside").symlink_to("a.txt")
    assert datasets.files.write("links", folder).files == 2
    secret = fill(tmp_path, {"secret": "s"}) / "secret"
    (folder / "out").symlink_to(secret)
    with pytest.raises(InvalidInput, match="follow-links"):
        datasets.files.write("links", folder)
    assert datasets.files.write("links", folder, follow_links=True).files == 3
    (folder / "loop").symlink_to(folder)
    with pytest.raises(InvalidInput, match="link to a folder"):
        datasets.files.write("links", folder, follow_links=True)


def test_several_paths_keep_their_names(datasets: Datasets, tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", {"x/1": "1", "y/1": "2", "z": "3"})
    written = datasets.files.write("some", [folder / "x", folder / "y", folder / "z"])
    assert [one.path for one in datasets.files.list(written)] == ["x/1", "y/1", "z"]
    with pytest.raises(InvalidInput, match="two files"):
        datasets.files.write("some", [folder / "x" / "1", folder / "y" / "1"])
    with pytest.raises(InvalidInput, match="both a file"):
        datasets.files.write("some", {"a": folder / "z", "a/b": folder / "z"})
    named = datasets.files.write("named", {"p/q": folder / "z"})
    assert [one.path for one in datasets.files.list(named)] == ["p/q"]


def test_nothing_to_store(datasets: Datasets, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match="no file"):
        datasets.files.write("none", tmp_path / "empty")
    with pytest.raises(InvalidInput, match="cannot be read"):
        datasets.files.write("none", tmp_path / "missing")
    with pytest.raises(InvalidInput, match="name"):
        datasets.files.write(" ", tmp_path)


def test_damage_is_named(datasets: Datasets, store: CountingStore, tmp_path: Path) -> None:
    written = datasets.files.write("images", fill(tmp_path / "in", {"a": "one", "b": "two"}))
    key = f"objects/{datasets.files.list(written)[0].digest}"
    store.put(key, b"bad", overwrite=True)
    with pytest.raises(CorruptData, match=key):
        datasets.files.download(written, tmp_path / "out")
    assert not (tmp_path / "out" / "a").exists()
    store.delete([key])
    with pytest.raises(CorruptData, match=key):
        datasets.files.download(written, tmp_path / "out")
    assert written.manifest is not None
    store.put(written.manifest, b"{}", overwrite=True)
    with pytest.raises(CorruptData, match=written.manifest):
        datasets.files.list(written)


def test_the_difference_of_files(datasets: Datasets, tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", FILES)
    first = datasets.files.write("images", folder)
    (folder / "a.txt").write_text("changed")
    (folder / "b/c.txt").unlink()
    (folder / "new").write_text("12345")
    diff = datasets.diff(first, datasets.files.write("images", folder))
    assert diff.files is not None
    assert not diff.is_same
    assert [one.path for one in diff.files.added] == ["new"]
    assert [one.path for one in diff.files.removed] == ["b/c.txt"]
    assert [one.path for one in diff.files.changed] == ["a.txt"]
    assert diff.files.unchanged == 3
    sizes = (diff.files.bytes_added, diff.files.bytes_removed, diff.files.bytes_unchanged)
    assert sizes == (12, 6, 8)
    assert datasets.diff(first, first).is_same


def test_progress_counts_every_byte(datasets: Datasets, tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", {str(n): "x" * n for n in range(30)})
    told: list[int] = []
    written = datasets.files.write("images", folder, on_bytes=told.append)
    assert sum(told) == written.bytes
    told.clear()
    datasets.files.download(written, tmp_path / "out", on_bytes=told.append)
    assert sum(told) == written.bytes


def test_in_a_bucket(s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    with Lake.open(s3_server.new_prefix("datasets"), tables=TABLES, cache=tmp_path) as lake:
        datasets = Datasets(lake, SystemClock())
        written = datasets.files.write("images", fill(tmp_path / "in", FILES))
        assert content(datasets.files.download(written, tmp_path / "out")) == FILES
        with datasets.files.open(written, "b/c.txt") as file:
            assert file.read() == b"two"


@pytest.mark.slow
def test_ten_thousand_small_files(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", {f"{n % 100}/{n}": str(n) for n in range(10_000)})
    with Lake.open(str(tmp_path / "warehouse"), tables=TABLES) as lake:
        datasets = Datasets(lake, SystemClock())
        written = datasets.files.write("many", folder)
        assert written.files == 10_000
        out = datasets.files.download(written, tmp_path / "out")
        assert content(out) == content(folder)
