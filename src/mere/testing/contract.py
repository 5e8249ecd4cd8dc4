"""The contract every object store keeps, as a test class to subclass.

A backend's test module gives the store as a fixture and inherits the rest::

    class TestMyStore(ObjectStoreContract):
        @pytest.fixture
        def store(self, tmp_path):
            return RetryingStore(MyStore(tmp_path), SystemClock())

The store has to be empty and to be the stack that is used: the adapter with `RetryingStore`
around it, since that is where a repeated put finds its own content.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mere.clock import SystemClock
from mere.errors import AlreadyExists, InvalidInput, NotFound
from mere.lake.objects.probe import probe_put_if_absent
from mere.lake.objects.store import ObjectStore

__all__ = ["HOSTILE_KEYS", "HOSTILE_PREFIXES", "STRANGE_KEYS", "ObjectStoreContract"]

HOSTILE_KEYS = (
    "",
    "/",
    "/etc/passwd",
    "..",
    "../outside",
    "a/../../outside",
    "a/..",
    "a/./b",
    ".",
    "a//b",
    "a/",
    "a\x00b",
    "a\nb",
    "a\x7fb",
    "a\\b",
    "..\\outside",
    "C:\\x",
    "C:/x",
    ".tmp/x",
    "half\ud800",
    "x" * 256,
    "a/" + "é" * 128,
    "/".join(["x" * 200] * 6),
)
HOSTILE_PREFIXES = ("/", "/etc/", "../", "a/../", "a/../../x", "a//", "a\x00", "a\\", ".tmp/")
STRANGE_KEYS = (
    "plain",
    "with space/and another",
    " leading and trailing ",
    "Ünïcödé/日本語/🦆",
    "percent%20/100%",
    "a+b&c=d?e#f",
    "'quotes'\"and\"`ticks`",
    "[x]{y}(z)<w>|v^u~t!@$,;*",
    "..dots/...more/.hidden",
    "no\u00a0break\u3000space",
    "e\u0301 is not é",
    "x" * 255,
    "c/C:",
)
_RACERS = 32
_PAGES_KEYS = 1_200
_LARGE_BYTES = 20_000_000
_FILE_SIZES = (0, 1, (8 << 20) - 1, 8 << 20, (8 << 20) + 1, _LARGE_BYTES)


class ObjectStoreContract:
    """What holds for every object store; subclasses give a `store` fixture."""

    @pytest.fixture
    def store(self) -> ObjectStore:
        """Return an empty store, the whole stack as it is used."""
        raise NotImplementedError("a subclass gives the store")

    @pytest.fixture
    def let_time_pass(self) -> Callable[[], None]:
        """Return a call after which the store's times are later than before."""
        return lambda: SystemClock().sleep(1.1)

    def test_put_then_get_returns_the_content(self, store: ObjectStore) -> None:
        store.put("a/b/c", b"content")
        assert store.get("a/b/c") == b"content"

    def test_url_names_the_prefix_without_a_slash_at_its_end(self, store: ObjectStore) -> None:
        assert "://" in store.url
        assert not store.url.endswith("/")

    def test_put_if_absent_refuses_other_content_and_keeps_the_first(
        self, store: ObjectStore
    ) -> None:
        store.put("k", b"first")
        for other in (b"other", b"", b"first!", b"firs"):
            with pytest.raises(AlreadyExists):
                store.put("k", other)
        assert store.get("k") == b"first"

    def test_put_repeated_with_its_own_content_succeeds(self, store: ObjectStore) -> None:
        store.put("k", b"same")
        assert store.put("k", b"same")
        assert [info.key for info in store.list("")] == ["k"]

    def test_overwrite_replaces_and_creates(self, store: ObjectStore) -> None:
        store.put("deep/hint", b"1", overwrite=True)
        store.put("deep/hint", b"22", overwrite=True)
        store.put("deep/hint", b"", overwrite=True)
        assert store.get("deep/hint") == b""
        assert store.head("deep/hint").size == 0

    def test_a_key_may_be_taken_again_after_its_deletion(self, store: ObjectStore) -> None:
        store.put("k", b"first")
        store.delete(["k"])
        store.put("k", b"second")
        assert store.get("k") == b"second"

    def test_missing_objects_are_not_found(self, store: ObjectStore) -> None:
        store.put("a/b", b"1")
        for key in ("missing", "a", "a/c", "a/b/c", "b/c/d"):
            with pytest.raises(NotFound):
                store.get(key)
            with pytest.raises(NotFound):
                store.get_range(key, 0, 1)
            with pytest.raises(NotFound):
                store.get_range(key, 0, 0)
            with pytest.raises(NotFound):
                store.head(key)
            with pytest.raises(NotFound):
                store.renew(key)
        assert [info.key for info in store.list("")] == ["a/b"]

    def test_get_range_is_cut_at_the_end_of_the_object(self, store: ObjectStore) -> None:
        data = b"0123456789"
        store.put("k", data)
        for start in range(13):
            for end in range(start, 13):
                assert store.get_range("k", start, end) == data[start:end], (start, end)

    def test_get_range_of_an_empty_object_is_empty(self, store: ObjectStore) -> None:
        store.put("k", b"")
        assert store.get_range("k", 0, 5) == b""

    def test_get_range_refuses_a_range_that_is_none(self, store: ObjectStore) -> None:
        store.put("k", b"0123")
        for start, end in ((2, 1), (-1, 2), (-3, -1)):
            with pytest.raises(InvalidInput):
                store.get_range("k", start, end)

    def test_empty_and_large_objects_are_kept_whole(self, store: ObjectStore) -> None:
        large = bytes(range(256)) * (_LARGE_BYTES // 256)
        for key, data in (("empty", b""), ("large", large)):
            store.put(key, data)
            assert store.get(key) == data
            assert store.head(key).size == len(data)
        assert store.get_range("large", len(large) - 3, len(large) + 3) == large[-3:]
        store.put("large", large)
        with pytest.raises(AlreadyExists):
            store.put("large", large[:-1] + b"?")

    def test_a_listing_shows_no_greater_key_earlier_than_a_smaller(
        self, store: ObjectStore
    ) -> None:
        """Whoever misses a key that was deleted sees what had been put, behind it, before that."""
        stop = threading.Event()

        def replace() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                store.put(f"order/z{number:06}", b"")
                store.delete([f"order/a{number - 1:06}"])
                store.put(f"order/a{number:06}", b"")
                store.delete([f"order/z{number - 1:06}"])

        store.put("order/a000000", b"")
        store.put("order/z000000", b"")
        thread = threading.Thread(target=replace)
        thread.start()
        try:
            for _ in range(100):
                keys = [info.key for info in store.list("order/")]
                newest = max(key for key in keys if key.startswith("order/z"))
                firsts = [int(key[-6:]) for key in keys if key.startswith("order/a")]
                # a(n) goes only after z(n + 1) has come.
                assert firsts or int(newest[-6:]) > 0
                if firsts:
                    assert int(newest[-6:]) >= max(firsts)
        finally:
            stop.set()
            thread.join()

    @pytest.mark.parametrize("size", _FILE_SIZES)
    def test_a_file_is_kept_whole_and_its_repetition_succeeds(
        self, store: ObjectStore, tmp_path: Path, size: int
    ) -> None:
        data = _content(size)
        positions: list[int] = []
        _put_file(store, "a/file", tmp_path, data, on_position=positions.append)
        assert _put_file(store, "a/file", tmp_path, data, on_position=positions.append)
        assert store.get("a/file") == data
        assert store.head("a/file").size == size
        assert max(positions) == size
        assert [info.key for info in store.list("")] == ["a/file"]

    @pytest.mark.parametrize("size", [10, _LARGE_BYTES])
    def test_a_file_is_refused_where_other_content_is(
        self, store: ObjectStore, tmp_path: Path, size: int
    ) -> None:
        first = _content(size)
        _put_file(store, "k", tmp_path, first)
        for other in (b"", first[:-1], first[:-1] + b"?", first + b"?"):
            with pytest.raises(AlreadyExists):
                _put_file(store, "k", tmp_path, other)
        with pytest.raises(AlreadyExists):
            store.put("k", b"other")
        assert store.get("k") == first

    @pytest.mark.parametrize("size", [10, _LARGE_BYTES])
    def test_a_file_and_bytes_of_the_same_content_meet(
        self, store: ObjectStore, tmp_path: Path, size: int
    ) -> None:
        store.put("bytes-first", _content(size))
        _put_file(store, "bytes-first", tmp_path, _content(size))
        _put_file(store, "file-first", tmp_path, _content(size))
        store.put("file-first", _content(size))

    @pytest.mark.parametrize("size", [0, 10, _LARGE_BYTES])
    def test_a_file_that_is_not_what_was_said_is_not_stored(
        self, store: ObjectStore, tmp_path: Path, size: int
    ) -> None:
        data = _content(size)
        path = tmp_path / "file"
        path.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        for said in (
            {"size": size + 1, "digest": digest},
            {"size": size - 1, "digest": digest},
            {"size": size, "digest": digest[::-1]},
        ):
            with pytest.raises(InvalidInput, match="has changed"):
                store.put_file("k", path, **said)  # type: ignore[arg-type]
        for unreadable in (tmp_path, tmp_path / "missing"):
            with pytest.raises(InvalidInput):
                store.put_file("k", unreadable, size=size, digest=digest)
        assert store.list("") == []

    def test_head_says_what_the_listing_says(self, store: ObjectStore) -> None:
        store.put("a/b", b"12345")
        (line,) = store.list("a/")
        head = store.head("a/b")
        assert (head.key, head.size) == (line.key, line.size) == ("a/b", 5)
        # S3 gives whole seconds in one of them and fractions in the other.
        assert abs(head.modified_us - line.modified_us) < 1_000_000
        assert head.modified_us > 1_500_000_000_000_000

    def test_a_renewed_object_is_as_young_as_one_put_just_now(
        self, store: ObjectStore, let_time_pass: Callable[[], None], tmp_path: Path
    ) -> None:
        contents = {"objects/empty": b"", "a b/ü%20+": b"small", "large": _content(_LARGE_BYTES)}
        for key, data in contents.items():
            _put_file(store, key, tmp_path, data)
        before = {info.key: info.modified_us for info in store.list("")}
        let_time_pass()
        store.put("marker", b"")
        for key in contents:
            store.renew(key)
        after = {info.key: info.modified_us for info in store.list("")}
        for key, data in contents.items():
            assert after[key] > before[key]
            assert after[key] >= after["marker"]
            # S3 tells some times in whole seconds.
            assert abs(store.head(key).modified_us - after[key]) < 1_000_000
            assert store.get(key) == data
            assert store.put(key, data)
            assert _put_file(store, key, tmp_path, data)
            with pytest.raises(AlreadyExists):
                _put_file(store, key, tmp_path, data + b"?")
        store.renew("large")

    def test_renewals_and_deletions_at_once_leave_it_whole_or_gone(
        self, store: ObjectStore
    ) -> None:
        data = _content(100_000)
        for number in range(10):
            key = f"race/{number}"
            store.put(key, data)

            def renew(key: str = key) -> None:
                with contextlib.suppress(NotFound):
                    store.renew(key)

            with ThreadPoolExecutor(3) as pool:
                calls = [pool.submit(renew), pool.submit(store.delete, [key]), pool.submit(renew)]
            for call in calls:
                call.result()
            with contextlib.suppress(NotFound):
                assert store.get(key) == data

    @pytest.mark.parametrize("key", STRANGE_KEYS)
    def test_strange_keys_are_kept_as_they_are(self, store: ObjectStore, key: str) -> None:
        store.put(key, key.encode())
        assert store.get(key) == key.encode()
        assert [info.key for info in store.list("")] == [key]
        assert [info.key for info in store.list(key[:2])] == [key]
        assert store.head(key).key == key
        store.delete([key])
        assert store.list("") == []

    @pytest.mark.parametrize("key", HOSTILE_KEYS)
    def test_hostile_keys_are_refused_by_every_verb(self, store: ObjectStore, key: str) -> None:
        for call in (
            lambda: store.get(key),
            lambda: store.get_range(key, 0, 1),
            lambda: store.put(key, b"x"),
            lambda: store.put(key, b"x", overwrite=True),
            lambda: store.put_file(key, __file__, size=1, digest="0" * 64),
            lambda: store.renew(key),
            lambda: store.delete([key]),
            lambda: store.head(key),
        ):
            with pytest.raises(InvalidInput):
                call()
        assert store.list("") == []

    @pytest.mark.parametrize("prefix", HOSTILE_PREFIXES)
    def test_hostile_prefixes_are_refused(self, store: ObjectStore, prefix: str) -> None:
        with pytest.raises(InvalidInput):
            store.list(prefix)

    def test_delete_removes_only_what_is_named(self, store: ObjectStore) -> None:
        for key in ("a/1", "a/2", "a/10", "b/1"):
            store.put(key, b"x")
        store.delete(["a/1", "missing", "a/missing", "no/folder", "a/1/below"])
        store.delete([])
        store.delete(iter(["b/1"]))
        assert [info.key for info in store.list("")] == ["a/10", "a/2"]

    def test_delete_of_a_folder_removes_nothing(self, store: ObjectStore) -> None:
        store.put("a/b/c", b"x")
        store.delete(["a", "a/b"])
        assert store.get("a/b/c") == b"x"

    def test_list_takes_folders_and_any_beginning(self, store: ObjectStore) -> None:
        keys = ["a", "a-b", "ab/c", "ab/c.d/e", "ab/cd", "ab0", "b/a", "é/ü"]
        for key in keys:
            store.put(key, b"x")
        for prefix in (
            "",
            "a",
            "a-",
            "ab",
            "ab/",
            "ab/c",
            "ab/c.",
            "ab/c.d/",
            "b/",
            "é",
            "z",
            "z/",
        ):
            expected = sorted(key for key in keys if key.startswith(prefix))
            assert [info.key for info in store.list(prefix)] == expected, prefix

    def test_list_starts_after_any_string(self, store: ObjectStore) -> None:
        keys = ["a/1", "a/2", "a/2.x", "a/2/y", "a/3", "b", "b/c"]
        # A folder named as an object is nothing a file system can hold beside it.
        keys = [key for key in keys if key not in ("a/2", "b")]
        for key in keys:
            store.put(key, b"x")
        for start_after in (
            "",
            "a",
            "a/",
            "a/1",
            "a/2",
            "a/2/",
            "a/2/x",
            "a/2/y",
            "a/9",
            "b/c",
            "~",
        ):
            for prefix in ("", "a/", "a/2"):
                expected = sorted(k for k in keys if k.startswith(prefix) and k > start_after)
                found = [info.key for info in store.list(prefix, start_after=start_after)]
                assert found == expected, (prefix, start_after)

    def test_what_is_known_already_changes_no_listing(self, store: ObjectStore) -> None:
        for key in ("a/1", "a/2", "b/1"):
            store.put(key, b"x")
        known = {info.key: info for info in store.list("")}
        store.delete(["a/1"])
        store.put("a/3", b"four")
        for prefix, start_after in (("", ""), ("a/", ""), ("a/", "a/2"), ("b", "a/9"), ("c/", "")):
            found = store.list(prefix, start_after=start_after, known=known)
            assert found == store.list(prefix, start_after=start_after), (prefix, start_after)

    def test_list_of_many_pages_is_whole_and_sorted(self, store: ObjectStore) -> None:
        keys = [f"many/{number:04d}/{number % 7}" for number in range(_PAGES_KEYS)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda key: store.put(key, key.encode()), reversed(keys)))
        assert [info.key for info in store.list("many/")] == keys
        assert {info.size for info in store.list("many/")} == {len(keys[0])}
        assert [i.key for i in store.list("many/", start_after=keys[99])] == keys[100:]
        assert [i.key for i in store.list("many/01")] == keys[100:200]
        store.delete(keys[:-1])
        assert [info.key for info in store.list("many/")] == keys[-1:]

    def test_of_many_creates_at_once_exactly_one_wins(self, store: ObjectStore) -> None:
        for round_ in range(3):
            key = f"race/{round_}"
            winners = self._race(store, [(key, b"racer %d" % n) for n in range(_RACERS)])
            there = store.get(key)
            assert winners == [int(there.removeprefix(b"racer "))]

    def test_of_many_equal_creates_at_once_all_succeed(self, store: ObjectStore) -> None:
        assert len(self._race(store, [("race/same", b"same")] * _RACERS)) == _RACERS

    def test_creates_of_many_keys_at_once_all_succeed(self, store: ObjectStore) -> None:
        puts = [(f"new/folder/{n % 4}/{n}", b"%d" % n) for n in range(_RACERS)]
        assert len(self._race(store, puts)) == _RACERS
        assert {info.key for info in store.list("new/")} == {key for key, _ in puts}

    def test_an_overwritten_object_is_never_seen_in_part(self, store: ObjectStore) -> None:
        contents = [bytes([n]) * (10_000 * (n + 1)) for n in range(4)]
        store.put("hint", contents[0], overwrite=True)
        done = threading.Event()

        def read() -> int:
            odd = 0
            while not done.is_set():
                odd += store.get("hint") not in contents
            return odd

        with ThreadPoolExecutor(2) as pool:
            readers = [pool.submit(read) for _ in range(2)]
            for n in range(40):
                store.put("hint", contents[n % 4], overwrite=True)
            done.set()
            assert [reader.result() for reader in readers] == [0, 0]

    def test_the_probe_finds_the_store_fit(self, store: ObjectStore) -> None:
        probe_put_if_absent(store, SystemClock())
        assert store.list("") == []

    @staticmethod
    def _race(store: ObjectStore, puts: list[tuple[str, bytes]]) -> list[int]:
        """Let all puts begin at one moment; return the numbers of those that succeeded."""
        start = threading.Barrier(len(puts))

        def run(number: int) -> bool:
            key, data = puts[number]
            start.wait(30)
            try:
                store.put(key, data)
            except AlreadyExists:
                return False
            return True

        with ThreadPoolExecutor(len(puts)) as pool:
            won = list(pool.map(run, range(len(puts))))
        return [number for number, has_won in enumerate(won) if has_won]


def _content(size: int) -> bytes:
    """Bytes without a short period, the same for each size."""
    return hashlib.shake_128(size.to_bytes(8, "big")).digest(size)


def _put_file(
    store: ObjectStore,
    key: str,
    folder: Path,
    data: bytes,
    on_position: Callable[[int], None] | None = None,
) -> bool:
    path = folder / "file"
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    return store.put_file(key, path, size=len(data), digest=digest, on_position=on_position)
