"""The cache of immutable files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mere.errors import CorruptData
from mere.lake.files import LocalFiles
from mere.lake.objects.memory import MemoryStore
from mere.testing.counting import CountingStore


@pytest.fixture
def counted() -> CountingStore:
    inner = MemoryStore()
    for name in "abc":
        inner.put(f"tables/t/{name}", name.encode() * 10)
    return CountingStore(inner)


def cached(store, folder, *, bytes_max=1000) -> LocalFiles:
    return LocalFiles(store, folder=None, cache=folder, bytes_max=bytes_max, width=2)


def test_a_file_is_fetched_once_by_all_processes(counted, tmp_path):
    for _ in range(2):
        (path,) = cached(counted, tmp_path).paths([("tables/t/a", 10)])
        assert Path(path).read_bytes() == b"a" * 10
    assert counted.counts == {"get": 1}


def test_what_is_damaged_or_deleted_is_fetched_again(counted, tmp_path):
    files = cached(counted, tmp_path)
    (path,) = files.paths([("tables/t/a", 10)])
    os.truncate(path, 3)
    assert Path(files.paths([("tables/t/a", 10)])[0]).read_bytes() == b"a" * 10
    os.unlink(path)
    files.paths([("tables/t/a", 10)])
    assert counted.counts == {"get": 3}


def test_the_cache_stays_within_its_bound_and_keeps_what_was_read_last(counted, tmp_path):
    files = cached(counted, tmp_path, bytes_max=25)
    for age, name in ((300, "a"), (200, "b")):
        (path,) = files.paths([(f"tables/t/{name}", 10)])
        os.utime(path, (os.stat(path).st_atime - age, os.stat(path).st_mtime - age))
    files.paths([("tables/t/c", 10)])
    assert sorted(entry.name[-1] for entry in os.scandir(tmp_path)) == ["b", "c"]


def test_more_than_the_bound_is_still_readable(counted, tmp_path):
    files = cached(counted, tmp_path, bytes_max=1)
    paths = files.paths([(f"tables/t/{name}", 10) for name in "abc"])
    assert all(os.path.exists(path) for path in paths)


def test_a_wrong_size_and_a_missing_file_are_told(counted, tmp_path):
    with pytest.raises(CorruptData, match="has 10 bytes, its table says 11"):
        cached(counted, tmp_path).paths([("tables/t/a", 11)])
    with pytest.raises(CorruptData, match="is gone"):
        cached(counted, tmp_path).paths([("tables/t/z", 1)])


def test_a_large_file_is_fetched_by_ranges_and_verified(tmp_path, monkeypatch):
    monkeypatch.setattr("mere.lake.files._WHOLE_BYTES_MAX", 1 << 20)
    counted = CountingStore(MemoryStore())
    data = bytes(range(256)) * (80 << 10)
    counted.put("tables/t/large", data)
    counted.reset()
    (path,) = cached(counted, tmp_path, bytes_max=1 << 30).paths([("tables/t/large", len(data))])
    assert Path(path).read_bytes() == data
    assert counted.counts == {"get_range": 3}
    os.unlink(path)
    for size in (len(data) - 1, len(data) + 1):
        with pytest.raises(CorruptData, match="its table says"):
            cached(counted, tmp_path).paths([("tables/t/large", size)])
    with pytest.raises(CorruptData, match="is gone"):
        cached(counted, tmp_path).paths([("tables/t/missing", len(data))])
    assert list(tmp_path.iterdir()) == []
