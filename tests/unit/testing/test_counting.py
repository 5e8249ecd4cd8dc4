"""Counting: every call is there, failed ones too, with what it moved."""

from __future__ import annotations

import pytest

from mere.errors import AlreadyExists, NotFound
from mere.lake.objects.memory import MemoryStore
from mere.testing.counting import Call, CountingStore


def test_each_verb_is_counted_with_key_and_size() -> None:
    store = CountingStore(MemoryStore())
    store.put("a/1", b"123")
    store.put("a/2", b"", overwrite=True)
    store.get("a/1")
    store.get_range("a/1", 1, 9)
    store.list("a/")
    store.head("a/1")
    store.renew("a/1")
    store.delete(iter(["a/1", "a/2"]))
    assert store.calls == [
        Call("put", "a/1", 3),
        Call("put", "a/2", 0),
        Call("get", "a/1", 3),
        Call("get_range", "a/1", 2),
        Call("list", "a/", 2),
        Call("head", "a/1"),
        Call("renew", "a/1"),
        Call("delete", "a/1", 2),
    ]
    once = dict.fromkeys(("get", "get_range", "list", "head", "renew", "delete"), 1)
    assert store.counts == {"put": 2, **once}


def test_failed_calls_are_counted() -> None:
    store = CountingStore(MemoryStore())
    store.put("k", b"1")
    with pytest.raises(AlreadyExists):
        store.put("k", b"22")
    with pytest.raises(NotFound):
        store.get("missing")
    assert store.counts == {"put": 2, "get": 1}
    assert store.transferred("put") == 3


def test_counts_can_be_had_by_prefix_and_begun_anew() -> None:
    store = CountingStore(MemoryStore())
    for key in ("journal/1", "journal/2", "catalog/1"):
        store.put(key, b"12")
    assert store.count("put", "journal/") == 2
    assert store.keys("put", "catalog/") == ["catalog/1"]
    assert store.transferred("put", "journal/") == 4
    store.reset()
    assert store.counts == {}
    assert store.get("journal/1") == b"12"
