"""Blobs: files in and out whole, in bounded memory, with exact numbers of requests."""

from __future__ import annotations

import hashlib
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from mere.clock import SystemClock
from mere.errors import AlreadyExists, CorruptData, ErrorCode, InvalidInput, NotFound, Unavailable
from mere.lake.blobs import RENEWED_AFTER_US, RESERVED, Blobs, digest_file
from mere.lake.objects.local import LocalStore
from mere.lake.objects.memory import MemoryStore
from mere.lake.objects.retry import RetryingStore
from mere.testing.clock import ManualClock
from mere.testing.counting import CountingStore
from mere.testing.faults import FaultRates, FaultyStore

LARGE = 20_000_000
DAY_S = 86_400
KEY = "objects/one"


class Stack:
    """Blobs over a store that counts, and fails when told."""

    def __init__(self) -> None:
        self.clock = ManualClock(1)
        self.memory = MemoryStore(self.clock)
        self.faulty = FaultyStore(self.memory, Random(1))
        self.counting = CountingStore(self.faulty)
        self.blobs = Blobs(RetryingStore(self.counting, self.clock, deadline_s=3600.0), self.clock)


@pytest.fixture
def stack() -> Stack:
    return Stack()


def content(size: int) -> bytes:
    return hashlib.shake_128(b"content").digest(size)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_ten_thousand_small_files_are_ten_thousand_requests(stack, tmp_path) -> None:
    path = write(tmp_path / "file", b"small")
    digest, size = digest_file(path)
    stack.blobs.each(
        (f"artifacts/run/{number}" for number in range(10_000)),
        lambda key: stack.blobs.put_file(key, path, size=size, digest=digest),
    )
    assert stack.counting.counts == {"put_file": 10_000}
    assert len(stack.blobs.list("artifacts/run/")) == 10_000


def test_progress_adds_up_to_the_size_whatever_happens(stack, tmp_path) -> None:
    path = write(tmp_path / "file", content(LARGE))
    digest, size = digest_file(path)
    stack.faulty.rates = FaultRates(lost_reply=0.5, busy=0.3)
    for number in range(5):
        done: list[int] = []
        stack.blobs.put_file(
            f"objects/{number}", path, size=size, digest=digest, on_bytes=done.append
        )
        assert sum(done) == size
        assert min(done) > 0
        done.clear()
        stack.blobs.download(
            f"objects/{number}",
            tmp_path / f"out-{number}",
            size=size,
            digest=digest,
            on_bytes=done.append,
        )
        assert sum(done) == size
    assert stack.faulty.injected["lost_reply"] > 0


def test_an_existing_object_of_the_same_content_is_compared_in_pieces(stack, tmp_path) -> None:
    path = write(tmp_path / "file", content(LARGE))
    digest, size = digest_file(path)
    stack.blobs.put_file(KEY, path, size=size, digest=digest)
    stack.counting.reset()
    stack.blobs.put_file(KEY, path, size=size, digest=digest)
    assert stack.counting.counts == {"put_file": 1, "get_range": 3, "head": 1}
    assert max(call.size for call in stack.counting.calls if call.verb == "get_range") <= 8 << 20


def test_what_a_writer_meets_is_renewed_if_it_is_old(stack, tmp_path) -> None:
    path = write(tmp_path / "file", b"x")

    def put() -> None:
        stack.blobs.put(KEY, b"x")

    def put_file() -> None:
        stack.blobs.put_file(KEY, path, size=1, digest=sha256(b"x"))

    put()
    assert stack.counting.counts == {"put": 1}  # what is new is not looked at
    for met in (put, put_file, lambda: stack.blobs.exists(KEY)):
        stack.clock.advance(RENEWED_AFTER_US / 1e6)
        stack.counting.reset()
        met()
        assert stack.counting.count("renew") == 0
        assert stack.counting.count("head") == 1
        stack.clock.advance(1)
        stack.counting.reset()
        met()
        assert stack.counting.count("renew") == 1
        assert stack.blobs.head(KEY).modified_us == stack.clock.now_us()
    assert not stack.blobs.exists("objects/missing")
    assert stack.blobs.get(KEY) == b"x"


@pytest.mark.parametrize("verb", ["head", "renew", "get", "get_range"])
@pytest.mark.parametrize("kind", ["put", "put_file"])
def test_what_goes_while_a_writer_meets_it_is_stored_again(stack, tmp_path, verb, kind) -> None:
    path = write(tmp_path / "file", b"x")
    stack.blobs.put(KEY, b"x")
    stack.clock.advance(DAY_S)
    there = getattr(stack.memory, verb)

    def gone_before(key: str, *more: int) -> object:
        setattr(stack.memory, verb, there)
        stack.memory.delete([key])
        return there(key, *more)

    setattr(stack.memory, verb, gone_before)
    if kind == "put":
        stack.blobs.put(KEY, b"x")
    else:
        stack.blobs.put_file(KEY, path, size=1, digest=sha256(b"x"))
    assert stack.memory.head(KEY).modified_us >= stack.clock.now_us() - 10_000_000


def test_of_what_is_to_be_deleted_the_young_stays(stack) -> None:
    keys = [f"objects/{number:03}" for number in range(200)]
    for key in keys:
        stack.blobs.put(key, b"x")
    stack.clock.advance(DAY_S)
    limit_us = stack.clock.now_us()
    stack.blobs.put(keys[7], b"x")
    stack.counting.reset()
    parts = stack.blobs.delete_older([*keys, "objects/missing"], limit_us)
    assert stack.counting.calls == []  # a generator, which goes as far as it is asked to
    first = next(parts)
    assert len(stack.blobs.list("objects/")) == 200 - len(first)
    assert keys[7] not in {info.key for info in first}
    stack.blobs.put(keys[100], b"x")
    gone = {info.key for part in [first, *parts] for info in part}
    assert {info.key for info in stack.blobs.list("objects/")} == {keys[7], keys[100]}
    assert gone == set(keys) - {keys[7], keys[100]}
    assert stack.counting.count("head") == 201 + 2  # the writer looked, renewed and looked
    assert stack.counting.count("delete") == 4
    with pytest.raises(InvalidInput, match="belongs to the engine"):
        list(stack.blobs.delete_older(["journal/x"], limit_us))


@pytest.mark.parametrize("prefix", [*RESERVED, "mere.json"])
def test_what_is_the_engine_s_is_not_written(stack, tmp_path, prefix) -> None:
    key = prefix if prefix == "mere.json" else f"{prefix}x"
    path = write(tmp_path / "file", b"x")
    for call in (
        lambda: stack.blobs.put(key, b"x"),
        lambda: stack.blobs.put_file(key, path, size=1, digest=sha256(b"x")),
        lambda: stack.blobs.delete(["objects/fine", key]),
    ):
        with pytest.raises(InvalidInput, match="belongs to the engine"):
            call()
    assert stack.counting.calls == []


def test_digest_file_says_digest_and_size(tmp_path) -> None:
    done: list[int] = []
    for data in (b"", b"x", content(LARGE)):
        path = write(tmp_path / "file", data)
        done.clear()
        assert digest_file(path, done.append) == (sha256(data), len(data))
        assert sum(done) == len(data)
    with pytest.raises(InvalidInput):
        digest_file(tmp_path / "missing")
    with pytest.raises(InvalidInput):
        digest_file(tmp_path)


# Downloads


@pytest.mark.parametrize("size", [0, 1, 8 << 20, (8 << 20) + 1, LARGE])
@pytest.mark.parametrize("has_digest", [True, False])
def test_a_download_is_whole_and_leaves_no_part(stack, tmp_path, size, has_digest) -> None:
    data = content(size)
    stack.blobs.put(KEY, data)
    stack.counting.reset()
    target = tmp_path / "new" / "folder" / "file"
    for _ in range(2):
        digest = sha256(data) if has_digest else None
        stack.blobs.download(KEY, target, size=size, digest=digest)
        assert target.read_bytes() == data
        assert [path.name for path in target.parent.iterdir()] == ["file"]
    requests = max(1, -(-size // (8 << 20)))
    # With a digest the second finds what is there already.
    assert stack.counting.counts == {"get_range": requests if has_digest else 2 * requests}


def test_a_download_goes_on_from_its_part(stack, tmp_path) -> None:
    data = content(LARGE)
    stack.blobs.put(KEY, data)
    stack.counting.reset()
    write(tmp_path / "file.part", data[: LARGE - 100])
    done: list[int] = []
    stack.blobs.download(
        KEY, tmp_path / "file", size=LARGE, digest=sha256(data), on_bytes=done.append
    )
    assert (tmp_path / "file").read_bytes() == data
    assert [call.size for call in stack.counting.calls] == [100]
    assert sum(done) == LARGE


@pytest.mark.parametrize("part", [b"of another file", content(LARGE), content(LARGE + 5)])
def test_a_part_that_is_not_the_beginning_is_thrown_away(stack, tmp_path, part) -> None:
    data = content(LARGE)[::-1]
    stack.blobs.put(KEY, data)
    for digest in (sha256(data), None):
        write(tmp_path / "file.part", part)
        (tmp_path / "file").unlink(missing_ok=True)
        stack.blobs.download(KEY, tmp_path / "file", size=LARGE, digest=digest)
        assert (tmp_path / "file").read_bytes() == data


def test_a_download_that_fails_can_be_taken_up_again(stack, tmp_path) -> None:
    data = content(5 * (8 << 20))
    stack.blobs.put(KEY, data)
    stack.counting.reset()
    inner, left = stack.memory.get_range, itertools.count(2, -1)

    def fail_after_two(key: str, start: int, end: int) -> bytes:
        if start >= 2 * (8 << 20) and next(left) > -100:
            raise InvalidInput(ErrorCode.INVALID_VALUE, "injected")
        return inner(key, start, end)

    stack.memory.get_range = fail_after_two
    with pytest.raises(InvalidInput, match="injected"):
        stack.blobs.download(KEY, tmp_path / "file", size=len(data), digest=sha256(data))
    assert not (tmp_path / "file").exists()
    assert (tmp_path / "file.part").stat().st_size == 2 * (8 << 20)
    stack.memory.get_range = inner
    stack.counting.reset()
    stack.blobs.download(KEY, tmp_path / "file", size=len(data), digest=sha256(data))
    assert (tmp_path / "file").read_bytes() == data
    assert stack.counting.counts == {"get_range": 3}


def test_damage_is_noticed_and_leaves_no_file(stack, tmp_path) -> None:
    data = content(1000)
    stack.blobs.put(KEY, data)
    target = tmp_path / "file"
    for size, digest in ((1000, "0" * 64), (999, None), (1001, None), (0, None)):
        with pytest.raises(CorruptData, match=KEY):
            stack.blobs.download(KEY, target, size=size, digest=digest)
        assert list(tmp_path.iterdir()) == []
    with pytest.raises(NotFound):
        stack.blobs.download("objects/missing", target, size=5)
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_stays_until_the_new_file_is_whole(stack, tmp_path) -> None:
    stack.blobs.put(KEY, b"new")
    target = write(tmp_path / "file", b"old")
    with pytest.raises(CorruptData):
        stack.blobs.download(KEY, target, size=3, digest="0" * 64)
    assert target.read_bytes() == b"old"
    stack.blobs.download(KEY, target, size=3, digest=sha256(b"new"))
    assert target.read_bytes() == b"new"


def test_downloads_to_one_file_at_once_all_end_well(tmp_path) -> None:
    data = content(LARGE)
    blobs = Blobs(LocalStore(tmp_path / "lake"), SystemClock())
    blobs.put(KEY, data)
    target = tmp_path / "file"

    def download(digest: str | None) -> None:
        blobs.download(KEY, target, size=LARGE, digest=digest)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(download, [sha256(data), None] * 4))
    assert target.read_bytes() == data
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "lake"]


def test_a_file_that_cannot_be_written_is_said(stack, tmp_path) -> None:
    stack.blobs.put(KEY, b"x")
    write(tmp_path / "file", b"")
    with pytest.raises(InvalidInput, match="cannot write"):
        stack.blobs.download(KEY, tmp_path / "file" / "below", size=1)
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidInput, match="cannot write"):
        stack.blobs.download(KEY, tmp_path / "folder", size=1)


def test_a_name_as_long_as_can_be_is_downloaded(stack, tmp_path) -> None:
    stack.blobs.put(KEY, b"x")
    target = tmp_path / ("é" * 127 + "x")
    stack.blobs.download(KEY, target, size=1, digest=sha256(b"x"))
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


# Open


def test_an_opened_blob_reads_and_seeks_by_ranges(stack) -> None:
    data = content(LARGE)
    stack.blobs.put(KEY, data)
    stack.counting.reset()
    with stack.blobs.open(KEY, size=LARGE) as file:
        assert file.read(10) == data[:10]
        assert file.seek(-5, 2) == LARGE - 5
        assert file.read() == data[-5:]
        file.seek(1_000)
        assert file.read(5) == data[1_000:1_005]
        with pytest.raises(ValueError, match="before the beginning"):
            file.seek(-1)
        file.seek(LARGE + 10)
        assert file.read() == b""
        assert sum(call.size for call in stack.counting.calls) < 3 << 20
        file.seek(0)
        assert file.read() == data
    with stack.blobs.open(KEY, size=LARGE + 1) as file, pytest.raises(CorruptData, match=KEY):
        file.read()


# Each


def test_each_does_every_job_and_takes_them_as_they_are_needed() -> None:
    blobs = Blobs(MemoryStore(), SystemClock())
    begun: list[int] = []
    taken = 0
    behind = 0

    def jobs():
        nonlocal taken, behind
        for number in range(500):
            taken += 1
            behind = max(behind, taken - len(begun))
            yield number

    lock = threading.Lock()

    def act(number: int) -> None:
        with lock:
            begun.append(number)

    blobs.each(jobs(), act, width=4)
    assert sorted(begun) == list(range(500))
    assert behind <= 12
    for width in (1, 3):
        blobs.each([], act, width=width)
        blobs.each([500], act, width=width)
    assert begun.count(500) == 2


@pytest.mark.parametrize("width", [1, 4])
def test_the_first_error_ends_each(width) -> None:
    blobs = Blobs(MemoryStore(), SystemClock())
    taken: list[int] = []

    def jobs():
        for number in range(10_000):
            taken.append(number)
            yield number

    def act(number: int) -> None:
        if number == 50:
            raise Unavailable(ErrorCode.STORE_UNAVAILABLE, "injected")

    with pytest.raises(Unavailable, match="injected"):
        blobs.each(jobs(), act, width=width)
    assert len(taken) < 200


def test_blobs_belong_to_the_lake(lake) -> None:
    lake.blobs.put(KEY, b"x")
    lake.blobs.put(KEY, b"x")
    with pytest.raises(AlreadyExists):
        lake.blobs.put(KEY, b"y")
    assert lake.blobs.get(KEY) == b"x"
    assert lake.blobs.get_range(KEY, 0, 5) == b"x"
    assert lake.blobs.exists(KEY)
    assert lake.blobs.head(KEY).size == 1
    assert [info.key for info in lake.blobs.list("objects/")] == [KEY]
    lake.blobs.delete([KEY])
    assert not lake.blobs.exists(KEY)
