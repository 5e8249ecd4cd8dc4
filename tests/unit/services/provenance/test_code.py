from __future__ import annotations

import pytest

from mere.clock import SystemClock
from mere.errors import CorruptData, NotFound
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.lake.objects.retry import RetryingStore
from mere.services.provenance.code import Code, content_digest
from mere.testing.counting import CountingStore


def test_equal_content_is_stored_once() -> None:
    store = CountingStore(MemoryStore())
    retrying = RetryingStore(store, SystemClock())
    with Lake.open("memory://code", store=retrying) as lake:
        for data in (b"small", b"x" * 100_000):
            digest = Code(lake).put(data)
            assert digest == content_digest(data)
            assert Code(lake).put(data) == digest
            assert Code(lake).get(digest) == data
        assert len(store.list("objects/")) == 2
        code = Code(lake)
        code.put(b"small")
        asked = store.counts.copy()
        code.put(b"small")
        assert store.counts == asked


def test_what_is_missing_or_damaged_is_named() -> None:
    store = MemoryStore()
    with Lake.open("memory://code", store=store) as lake:
        code = Code(lake)
        with pytest.raises(NotFound, match="objects/" + "0" * 64):
            code.get("0" * 64)
        digest = code.put(b"data")
        store.put(f"objects/{digest}", b"other", overwrite=True)
        with pytest.raises(CorruptData, match=digest):
            code.get(digest)
        with pytest.raises(CorruptData, match="environment"):
            code.environment(code.put(b"{}"))
