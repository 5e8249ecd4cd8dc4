from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

import mere
from mere.clock import SystemClock
from mere.entities.artifact import Artifact
from mere.errors import AlreadyExists, CorruptData, ErrorCode, InvalidInput, NotFound, Unavailable
from mere.lake import Lake
from mere.lake.objects.local import LocalStore
from mere.lake.objects.memory import MemoryStore
from mere.lake.objects.retry import RetryingStore
from mere.services.artifacts.artifacts import Artifacts, NewArtifact
from mere.services.tables import TABLES
from mere.testing.clock import ManualClock
from mere.testing.counting import CountingStore
from mere.testing.s3server import S3Server

RUN = "a" * 32
SOURCES = str(Path(mere.__file__).parents[1])
PUTS = ("put", "put_file")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def counting(clock: ManualClock) -> CountingStore:
    return CountingStore(MemoryStore(clock))


@pytest.fixture
def process(clock: ManualClock, counting: CountingStore, tmp_path: Path) -> Callable[[], Artifacts]:
    """The artifacts of the same warehouse, as another process would open it."""

    def open_it() -> Artifacts:
        store = RetryingStore(counting, clock)
        cache = tmp_path / "cache"
        lake = Lake.open("memory://", tables=TABLES, store=store, clock=clock, cache=cache)
        return Artifacts(lake, clock)

    return open_it


@pytest.fixture
def artifacts(process: Callable[[], Artifacts], counting: CountingStore) -> Iterator[Artifacts]:
    opened = process()
    counting.reset()
    yield opened
    opened._lake.close()


def uploads(counting: CountingStore) -> list[str]:
    found = [key for verb in PUTS for key in counting.keys(verb, "artifacts/")]
    return sorted(key.partition(f"{RUN}/")[2] for key in found)


def segments(counting: CountingStore) -> int:
    return counting.count("put", "journal/")


def a_file(folder: Path, name: str, content: bytes | str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


# One file


def test_a_file_goes_and_comes_back(artifacts: Artifacts, tmp_path: Path) -> None:
    file = a_file(tmp_path, "x", "hello")
    told: list[int] = []
    made = artifacts.put(
        RUN, "Ein Ordner/größe.txt", file, kind="text", step=3, caption="c", on_bytes=told.append
    )
    assert (made.size, made.media_type, sum(told)) == (5, "text/plain", 5)
    assert made.location == f"artifacts/{RUN}/Ein Ordner/größe.txt"
    found = artifacts.get(RUN, made.path)
    assert found.created_at is not None
    assert (found.step, found.caption, found.kind, found.digest) == (3, "c", "text", made.digest)
    assert artifacts.list(RUN) == [found]
    assert artifacts.read(RUN, made.path) == b"hello"
    with artifacts.open(RUN, made.path) as opened:
        opened.seek(1)
        assert opened.read(3) == b"ell"


def test_one_file_costs_one_listing_and_two_puts(
    artifacts: Artifacts, counting: CountingStore
) -> None:
    artifacts.put_bytes(RUN, "a", b"1")
    assert counting.counts == {"list": 1, "put": 2}
    artifacts.put_bytes(RUN, "b/c", b"2")
    assert counting.counts == {"list": 1, "put": 4}


def test_the_same_content_is_not_sent_again(
    artifacts: Artifacts, process: Callable[[], Artifacts], counting: CountingStore
) -> None:
    artifacts.put_bytes(RUN, "a", b"same", caption="old")
    artifacts.put_bytes(RUN, "a", b"same", caption="new")
    assert uploads(counting) == ["a"]
    assert segments(counting) == 2
    counting.reset()
    process().put_bytes(RUN, "a", b"same", step=2)
    assert uploads(counting) == []
    (found,) = artifacts.list(RUN)
    assert (found.caption, found.step) == (None, 2)


def test_other_content_lies_beside_the_first(artifacts: Artifacts, counting: CountingStore) -> None:
    first = artifacts.put_bytes(RUN, "a", b"one")
    second = artifacts.put_bytes(RUN, "a", b"two")
    assert second.location == f"{first.location}~{second.digest[:12]}"
    assert artifacts.read(RUN, "a") == b"two"
    assert artifacts._lake.blobs.get(first.location) == b"one"
    back = artifacts.put_bytes(RUN, "a", b"one")
    assert back.location == first.location
    assert artifacts.read(RUN, "a") == b"one"
    assert len(uploads(counting)) == 2
    assert len(artifacts.list(RUN)) == 1


def test_two_processes_and_one_path(process: Callable[[], Artifacts]) -> None:
    one, two = process(), process()
    one.put_bytes(RUN, "x", b"")  # both know what lies there before either writes
    two.put_bytes(RUN, "y", b"")
    one.put_bytes(RUN, "a", b"one")
    two.put_bytes(RUN, "a", b"two")
    for reader in (one, two, process()):
        assert reader.read(RUN, "a") == b"two"
    assert one._lake.blobs.get(f"artifacts/{RUN}/a") == b"one"
    one.put_bytes(RUN, "a", b"one")
    assert two.read(RUN, "a") == b"one"


def test_many_threads_and_one_path(artifacts: Artifacts) -> None:
    contents = [str(n % 4).encode() for n in range(16)]
    threads = [
        threading.Thread(target=artifacts.put_bytes, args=(RUN, "a", data)) for data in contents
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert artifacts.read(RUN, "a") in contents
    stored = {artifacts._lake.blobs.get(i.key) for i in artifacts._lake.blobs.list("artifacts/")}
    assert stored == set(contents)


def test_what_was_logged_earlier_and_comes_later_does_not_win(artifacts: Artifacts) -> None:
    early = artifacts._lake.tick()
    artifacts.put_bytes(RUN, "a", b"new")
    artifacts.put_all(RUN, [NewArtifact(path="a", content=b"old", at=early)])
    assert artifacts.read(RUN, "a") == b"new"


def test_what_comes_days_late_has_its_place_too(
    artifacts: Artifacts, clock: ManualClock, process: Callable[[], Artifacts]
) -> None:
    def log(content: bytes) -> list[NewArtifact]:
        """Log to three paths now, to be sent later."""
        clock.advance(60)
        at = artifacts._lake.tick()
        return [NewArtifact(path=path, content=content, at=at) for path in "abc"]

    for path in "ab":
        artifacts.put_bytes(RUN, path, b"first")
    second, third = log(b"second"), log(b"third")
    clock.advance(60)
    artifacts.put_bytes(RUN, "b", b"newest")
    for days in range(3):  # until the stamps of all this are forgotten
        artifacts._lake.fold()
        clock.advance(86_400)
        artifacts.put_bytes("b" * 32, "other", bytes(days))
    late = process()
    late.put_all(RUN, [*third[:1], *second[:1], *third[1:]])
    for item in second:  # one by one, and once more
        late.put_all(RUN, [item])
    found = {path: late.read(RUN, path) for path in "abc"}
    assert found == {"a": b"third", "b": b"newest", "c": b"third"}
    assert late.list(RUN, "a")[0].logged_at == late.list(RUN, "c")[0].logged_at


def test_a_path_is_either_a_file_or_a_folder(
    artifacts: Artifacts, process: Callable[[], Artifacts]
) -> None:
    artifacts.put_bytes(RUN, "a/b", b"1")
    for who in (artifacts, process()):
        with pytest.raises(InvalidInput, match="'a' is a folder of other artifacts"):
            who.put_bytes(RUN, "a", b"2")
        with pytest.raises(InvalidInput, match="leads through 'a/b', which is a file"):
            who.put_bytes(RUN, "a/b/c/d", b"2")
    artifacts.put_bytes("b" * 32, "a", b"of another run")
    assert [one.path for one in artifacts.list(RUN)] == ["a/b"]


@pytest.mark.parametrize("path", ["", "/x", "../x", "a//b", "x\n", "a\\b"])
def test_bad_paths_are_refused_before_anything_is_stored(
    artifacts: Artifacts, counting: CountingStore, path: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match="bad artifact path"):
        artifacts.put_bytes(RUN, path, b"1")
    if path:
        with pytest.raises(InvalidInput, match="bad artifact path"):
            artifacts.put_folder(RUN, path, tmp_path)
    assert counting.count("put") == 0


def test_bad_owners_kinds_and_files(artifacts: Artifacts, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot own"):
        artifacts.put_bytes("../x", "a", b"1")
    with pytest.raises(InvalidInput, match="kind 'picture' is unknown"):
        artifacts.put_bytes(RUN, "a", b"1", kind="picture")
    with pytest.raises(InvalidInput, match="none"):
        artifacts.put(RUN, "a", tmp_path / "none")
    with pytest.raises(InvalidInput):
        artifacts.put(RUN, "a", tmp_path)
    assert artifacts.list(RUN) == []


def test_what_is_not_there(artifacts: Artifacts, tmp_path: Path) -> None:
    for act in (
        lambda: artifacts.get(RUN, "a"),
        lambda: artifacts.read(RUN, "a"),
        lambda: artifacts.open(RUN, "a"),
        lambda: artifacts.download(RUN, "a", tmp_path / "to"),
    ):
        with pytest.raises(NotFound, match="mere artifacts ls") as caught:
            act()
        assert caught.value.code is ErrorCode.ARTIFACT_NOT_FOUND
    assert artifacts.list(RUN, "a") == []
    assert artifacts.download(RUN, "", tmp_path / "to") == tmp_path / "to"


def test_an_object_without_a_row_is_taken_for_what_it_is(
    artifacts: Artifacts, process: Callable[[], Artifacts], counting: CountingStore, tmp_path: Path
) -> None:
    """As a crash between the bytes and the row leaves it."""
    large = a_file(tmp_path, "large", bytes(9 << 20))
    for name, data in (("same", b"12"), ("other", b"34"), ("large", large.read_bytes())):
        artifacts._lake.blobs.put(f"artifacts/{RUN}/{name}", data)
    counting.reset()
    fresh = process()
    assert fresh.put_bytes(RUN, "same", b"12").location.endswith("/same")
    assert "~" in fresh.put_bytes(RUN, "other", b"12").location
    assert uploads(counting) == [f"other~{fresh.get(RUN, 'other').digest[:12]}"]
    assert fresh.put(RUN, "large", large).location.endswith("/large")


def test_the_row_comes_after_the_bytes(
    artifacts: Artifacts, counting: CountingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = artifacts._lake.patch

    def fail(*_: object, **__: object) -> None:
        raise Unavailable(ErrorCode.STORE_UNAVAILABLE, "down")

    monkeypatch.setattr(artifacts._lake, "patch", fail)
    with pytest.raises(Unavailable):
        artifacts.put_bytes(RUN, "a", b"1")
    assert artifacts.list(RUN) == []
    assert uploads(counting) == ["a"]
    monkeypatch.setattr(artifacts._lake, "patch", real)
    artifacts.put_bytes(RUN, "a", b"1")
    assert uploads(counting) == ["a"]
    assert artifacts.read(RUN, "a") == b"1"


def test_damage_is_noticed(artifacts: Artifacts, counting: CountingStore, tmp_path: Path) -> None:
    made = artifacts.put_bytes(RUN, "a", b"right")
    counting.put(made.location, b"wrong", overwrite=True)
    with pytest.raises(CorruptData, match=made.location):
        artifacts.read(RUN, "a")
    with pytest.raises(CorruptData, match=made.location):
        artifacts.download(RUN, "a", tmp_path / "to")
    assert not (tmp_path / "to" / "a").exists()


def test_refused_items_do_not_stop_the_others(artifacts: Artifacts) -> None:
    refused = []
    items = [NewArtifact(path=path, content=b"1") for path in ("a", "../x", "a/b", "c")]
    artifacts.put_all(RUN, items[:1])
    artifacts.put_all(RUN, items, on_refused=lambda item, error: refused.append(item.path))
    assert sorted(refused) == ["../x", "a/b"]
    assert [one.path for one in artifacts.list(RUN)] == ["a", "c"]
    with pytest.raises(InvalidInput):
        artifacts.put_all(RUN, items)


def test_both_places_taken_is_said(artifacts: Artifacts, counting: CountingStore) -> None:
    made = artifacts.put_bytes(RUN, "a", b"one")
    second = artifacts.put_bytes(RUN, "a", b"two")
    artifacts._lake.blobs.put(second.location.replace("/a~", "/b~"), b"foreign")
    artifacts._lake.blobs.put(made.location[:-1] + "b", b"foreign too")
    with pytest.raises(AlreadyExists, match="'b'"):
        artifacts.put_bytes(RUN, "b", b"two")


# Listing


def test_lists_are_of_files_and_folders(artifacts: Artifacts) -> None:
    for path in ("ab", "a/1", "a/2/3", "b%_", "b"):
        artifacts.put_bytes(RUN, path, b"")
    assert [one.path for one in artifacts.list(RUN)] == ["a/1", "a/2/3", "ab", "b", "b%_"]
    assert [one.path for one in artifacts.list(RUN, "a")] == ["a/1", "a/2/3"]
    assert [one.path for one in artifacts.list(RUN, "a/")] == ["a/1", "a/2/3"]
    assert [one.path for one in artifacts.list(RUN, "b")] == ["b"]
    assert artifacts.list("c" * 32) == []


# Folders


def fill(folder: Path, count: int) -> None:
    for number in range(count):
        a_file(folder, f"{number % 10}/{number:05d}.txt", f"content {number}")


def test_a_folder_is_few_segments_and_one_put_a_file(
    artifacts: Artifacts, counting: CountingStore, tmp_path: Path
) -> None:
    fill(tmp_path / "in", 300)
    told: list[int] = []
    report = artifacts.put_folder(RUN, "data", tmp_path / "in", on_bytes=told.append)
    assert (report.files, report.unchanged, report.skipped) == (300, 0, {})
    assert report.bytes == sum(told) == sum(one.size for one in artifacts.list(RUN))
    assert len(uploads(counting)) == 300
    assert segments(counting) == 1
    assert counting.count("list", "artifacts/") == 1
    assert counting.count("get", "artifacts/") == 0


@pytest.mark.slow
def test_ten_thousand_files_in_bounded_memory(
    artifacts: Artifacts, counting: CountingStore, tmp_path: Path
) -> None:
    fill(tmp_path / "in", 10_000)
    artifacts.list(RUN)  # loads the libraries
    counting.reset()
    tracemalloc.start()
    report = artifacts.put_folder(RUN, "", tmp_path / "in")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert report.files == 10_000
    assert len(uploads(counting)) == 10_000
    assert segments(counting) == 5
    # The store is in memory itself, with about 500 bytes an object.
    assert peak < 50 << 20
    assert artifacts.download(RUN, "3", tmp_path / "out") == tmp_path / "out" / "3"
    assert len(list((tmp_path / "out" / "3").iterdir())) == 1000


def test_a_second_call_sends_what_is_missing_or_changed(
    artifacts: Artifacts, process: Callable[[], Artifacts], counting: CountingStore, tmp_path: Path
) -> None:
    fill(tmp_path / "in", 20)
    artifacts.put_folder(RUN, "d", tmp_path / "in")
    a_file(tmp_path / "in", "new", "new")
    changed = a_file(tmp_path / "in", "3/00003.txt", "CHANGED 3")
    counting.reset()
    report = process().put_folder(RUN, "d", tmp_path / "in")
    assert (report.files, report.unchanged) == (21, 19)
    sent = uploads(counting)
    assert [key.partition("~")[0] for key in sent] == ["d/3/00003.txt", "d/new"]
    assert segments(counting) == 1
    assert artifacts.read(RUN, "d/3/00003.txt") == changed.read_bytes()
    counting.reset()
    assert artifacts.put_folder(RUN, "d", tmp_path / "in").unchanged == 21
    assert counting.count("put") == 0


def test_a_folder_cut_short_goes_on(
    process: Callable[[], Artifacts], counting: CountingStore, tmp_path: Path
) -> None:
    fill(tmp_path / "in", 50)

    class Dies(CountingStore):
        left = 20

        def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= key.startswith("artifacts/")
            return super().put(key, data, overwrite=overwrite)

    dying = process()
    dying._lake.blobs._store = Dies(counting)
    with pytest.raises(KeyboardInterrupt):
        dying.put_folder(RUN, "", tmp_path / "in")
    assert len(uploads(counting)) == 20
    counting.reset()
    fresh = process()
    assert fresh.put_folder(RUN, "", tmp_path / "in").files == 50
    assert len(uploads(counting)) == 30
    assert len(fresh.list(RUN)) == 50


def test_a_killed_process_s_folder_goes_on(tmp_path: Path) -> None:
    fill(tmp_path / "in", 300)
    script = f"""
import sys, time
from pathlib import Path
from mere.lake.objects.local import LocalStore
from mere.services.warehouse import open_warehouse
real = LocalStore.put
def slow(self, key, data, **options):
    time.sleep(0.02)
    real(self, key, data, **options)
LocalStore.put = slow
artifacts = open_warehouse({str(tmp_path / "warehouse")!r}).artifacts
artifacts.put_folder("{RUN}", "d", Path({str(tmp_path / "in")!r}))
"""
    env = {**os.environ, "PYTHONPATH": SOURCES, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    process = subprocess.Popen([sys.executable, "-c", script], env=env)
    there = tmp_path / "warehouse" / "artifacts" / RUN / "d"
    for _ in range(2000):
        if len(list(there.rglob("*.txt"))) > 50:
            break
        time.sleep(0.005)
    process.kill()
    process.wait()
    had = {str(file.relative_to(there)) for file in there.rglob("*.txt")}
    assert 50 < len(had) < 300
    clock = SystemClock()
    counting = CountingStore(LocalStore(tmp_path / "warehouse"))
    store = RetryingStore(counting, clock)
    lake = Lake.open("", tables=TABLES, store=store, clock=clock, cache=tmp_path / "cache")
    artifacts = Artifacts(lake, clock)
    assert artifacts.put_folder(RUN, "d", tmp_path / "in").files == 300
    sent = {key.removeprefix("d/") for key in uploads(counting)}
    assert not sent & had
    assert len(sent) + len(had) == 300
    assert len(artifacts.list(RUN, "d")) == 300
    artifacts.download(RUN, "d", tmp_path / "out")
    assert contents(tmp_path / "out" / "d") == contents(tmp_path / "in")


def test_what_is_in_a_folder(artifacts: Artifacts, tmp_path: Path) -> None:
    outside = a_file(tmp_path, "outside", "secret")
    folder = tmp_path / "in"
    a_file(folder, "plain", "1")
    a_file(folder, "deep/er/x", "2")
    a_file(folder, ".hidden", "3")
    (folder / "empty").mkdir()
    (folder / "link").symlink_to(folder / "plain")
    (folder / "deep" / "up").symlink_to("../plain")
    (folder / "out").symlink_to(outside)
    (folder / "out folder").symlink_to(tmp_path)
    (folder / "ring").symlink_to("ring")
    (folder / "around").symlink_to(folder)
    (folder / "gone").symlink_to("nothing")
    os.mkfifo(folder / "pipe")
    a_file(folder, "back\\slash", "4")
    (folder / os.fsdecode(b"not-\xff-unicode")).write_bytes(b"5")
    report = artifacts.put_folder(RUN, "f", folder)
    paths = [one.path for one in artifacts.list(RUN)]
    assert paths == ["f/.hidden", "f/deep/er/x", "f/deep/up", "f/link", "f/plain"]
    assert report.files == 5
    reasons = {name: reason for name, reason in report.skipped.items() if name.isascii()}
    assert set(reasons) == {"out", "out folder", "ring", "around", "gone", "pipe", "back\\slash"}
    assert len(report.skipped) == 8
    assert "leads out" in reasons["out"]
    assert "leads out" in reasons["out folder"]
    assert "folder" in reasons["around"]
    assert "no plain file" in reasons["pipe"]


def test_a_folder_that_is_none(artifacts: Artifacts, tmp_path: Path) -> None:
    for bad in (tmp_path / "none", a_file(tmp_path, "file", "1")):
        with pytest.raises(InvalidInput, match="cannot be read"):
            artifacts.put_folder(RUN, "", bad)
    (tmp_path / "empty").mkdir()
    assert artifacts.put_folder(RUN, "", tmp_path / "empty").files == 0


# Downloads


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_downloads_keep_paths(artifacts: Artifacts, tmp_path: Path) -> None:
    for path in ("a/1", "a/2/3", "b", "x", "x.part"):
        artifacts.put_bytes(RUN, path, path.encode())
    to = tmp_path / "to"
    told: list[int] = []
    assert artifacts.download(RUN, "a/1", to, on_bytes=told.append) == to / "a" / "1"
    assert contents(to) == {"a/1": b"a/1"}
    assert sum(told) == 3
    assert artifacts.download(RUN, "a/", to) == to / "a"
    assert contents(to) == {"a/1": b"a/1", "a/2/3": b"a/2/3"}
    assert artifacts.download(RUN, "", to) == to
    assert contents(to)["x.part"] == b"x.part"
    assert len(contents(to)) == 5


def test_a_download_leaves_what_is_right_and_replaces_what_is_not(
    artifacts: Artifacts, counting: CountingStore, tmp_path: Path
) -> None:
    for path in ("same", "other"):
        artifacts.put_bytes(RUN, path, b"12345")
    to = tmp_path / "to"
    a_file(to, "same", "12345")
    a_file(to, "other", "54321")
    a_file(to, "mine", "mine")
    told: list[int] = []
    artifacts.download(RUN, "", to, on_bytes=told.append)
    assert contents(to) == {"same": b"12345", "other": b"12345", "mine": b"mine"}
    assert sum(told) == 10
    read = [*counting.keys("get", "artifacts/"), *counting.keys("get_range", "artifacts/")]
    assert read == [f"artifacts/{RUN}/other"]


def test_a_download_cut_short_goes_on(
    artifacts: Artifacts, counting: CountingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(1 << 20) * 40
    artifacts.put(RUN, "big", a_file(tmp_path, "in", data))
    to = tmp_path / "to"
    real = counting.get_range

    def fails(key: str, start: int, end: int) -> bytes:
        if start >= 24 << 20:
            raise KeyboardInterrupt
        return real(key, start, end)

    monkeypatch.setattr(counting, "get_range", fails)
    with pytest.raises(KeyboardInterrupt):
        artifacts.download(RUN, "big", to)
    monkeypatch.setattr(counting, "get_range", real)
    assert not (to / "big").exists()
    counting.reset()
    artifacts.download(RUN, "big", to)
    assert contents(to) == {"big": data}
    assert counting.transferred("get_range", "artifacts/") < len(data)


@pytest.mark.parametrize("path", ["../evil", "/tmp/evil", "a/../../evil", "x\\y", "evil\x00"])
def test_hostile_rows_stay_in_the_folder(artifacts: Artifacts, path: str, tmp_path: Path) -> None:
    made = artifacts.put_bytes(RUN, "good", b"1")
    row = {"owner": RUN, "path": path, "size": 1, "digest": made.digest, "kind": "file"}
    artifacts._lake.patch("artifacts", [{**row, "location": made.location}])
    with pytest.raises(CorruptData, match="bad artifact path"):
        artifacts.download(RUN, "", tmp_path / "to")
    assert not list(tmp_path.rglob("*evil*"))


def test_links_in_the_folder_are_not_followed_out_of_it(
    artifacts: Artifacts, tmp_path: Path
) -> None:
    artifacts.put_bytes(RUN, "a/x", b"1")
    to = tmp_path / "to"
    to.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (to / "a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidInput, match="leads out of"):
        artifacts.download(RUN, "a", to)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_big_file_passes_in_bounded_memory(tmp_path: Path) -> None:
    clock = SystemClock()
    store = LocalStore(tmp_path / "warehouse")
    lake = Lake.open("", tables=TABLES, store=store, clock=clock, cache=tmp_path / "cache")
    artifacts = Artifacts(lake, clock)
    artifacts.list(RUN)  # loads the libraries
    big = tmp_path / "big"
    with big.open("wb") as out:
        out.truncate(64 << 20)
    tracemalloc.start()
    artifacts.put(RUN, "big", big)
    _, up = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    artifacts.download(RUN, "big", tmp_path / "to")
    _, down = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "to" / "big").stat().st_size == 64 << 20
    assert up < 32 << 20
    assert down < 80 << 20


# A bucket


def test_in_a_bucket(s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    clock = SystemClock()
    lake = Lake.open(
        s3_server.new_prefix("artifacts"), tables=TABLES, clock=clock, cache=tmp_path / "cache"
    )
    artifacts = Artifacts(lake, clock)
    data = os.urandom(1 << 20) * 20
    big = a_file(tmp_path, "big", data)
    fill(tmp_path / "in", 30)
    assert artifacts.put(RUN, "größe 1/big", big).size == len(data)
    assert artifacts.put(RUN, "größe 1/big", big).location.endswith("/big")
    changed = a_file(tmp_path, "big", data[::-1])
    assert "~" in artifacts.put(RUN, "größe 1/big", changed).location
    assert artifacts.put_folder(RUN, "in", tmp_path / "in").files == 30
    assert artifacts.put_folder(RUN, "in", tmp_path / "in").unchanged == 30
    with pytest.raises(InvalidInput, match="is a folder"):
        artifacts.put_bytes(RUN, "in", b"")
    artifacts.download(RUN, "", tmp_path / "to")
    found = contents(tmp_path / "to")
    assert found.pop("größe 1/big") == data[::-1]
    assert {f"in/{path}": data for path, data in contents(tmp_path / "in").items()} == found
    lake.close()


def test_an_artifact_knows_its_name() -> None:
    assert Artifact(owner=RUN, path="a/b", size=0, digest="", location="").name == "b"


def test_children_are_what_lies_directly_in_a_folder(artifacts: Artifacts) -> None:
    for path, size in (("a/b/c", 1), ("a/b.txt", 2), ("a.txt", 3), ("ab/c", 4), ("a/ü", 0)):
        artifacts.put_bytes(RUN, path, b"x" * size)
    assert artifacts.children(RUN) == [("a", None), ("a.txt", 3), ("ab", None)]
    assert artifacts.children(RUN, "a") == [("b", None), ("b.txt", 2), ("ü", 0)]
    assert artifacts.children(RUN, "a.txt") == artifacts.children("b" * 32) == []


def test_what_is_deleted_is_not_shown_and_its_bytes_stay(
    artifacts: Artifacts, counting: CountingStore
) -> None:
    for path in ("a/b", "a/c", "ab"):
        artifacts.put_bytes(RUN, path, path.encode())
    assert artifacts.delete(RUN, "a") == 2
    assert artifacts.delete(RUN, "nothing") == 0
    assert [one.path for one in artifacts.list(RUN)] == ["ab"]
    assert counting.get(f"artifacts/{RUN}/a/b") == b"a/b"
    again = artifacts.put_bytes(RUN, "a/b", b"other")
    assert artifacts.read(RUN, "a/b") == b"other"
    assert again.location.startswith(f"artifacts/{RUN}/a/b~")


def test_a_large_content_leaves_a_readable_key_to_whoever_claimed_it(
    process: Callable[[], Artifacts], tmp_path: Path
) -> None:
    """A bucket would let the second replace the first, while both are on their way."""
    file = tmp_path / "f"
    file.write_bytes(b"x" * (8 << 20))
    large = NewArtifact(path="f", content=file)
    opened, other = process(), process()
    assert opened.put_shared(RUN, large).location == f"artifacts/{RUN}/f"
    # Another process is storing other content there, and not done when these look.
    other._lake.claim("artifact", f"{RUN}/g", {"digest": "0" * 64})
    for one in (opened, other):
        made = one.put_shared(RUN, msgspec.structs.replace(large, path="g"))
        assert made.location.startswith(f"artifacts/{RUN}/g~")
    small = NewArtifact(path="g", content=b"x")
    assert opened.put_shared(RUN, small).location == f"artifacts/{RUN}/g"


def test_a_digest_that_is_told_wrongly_stores_nothing(artifacts: Artifacts, tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"x" * (2 << 20))
    with pytest.raises(InvalidInput):
        artifacts.put_shared(RUN, NewArtifact(path="f", content=file, digest="0" * 64))
    assert artifacts.list(RUN) == []
