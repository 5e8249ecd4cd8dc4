"""A store that fails in every way a real one may, and in no way that it may not.

Faults that must be survived, each with its own rate:

- the request never arrived (nothing happened);
- the request was served and its reply was lost (it happened);
- a timeout: one of the two above, after a long wait;
- 503, the store is busy: nothing happened, and this is known;
- a repeated create is refused because of the store's own first success;
- a listing whose pages show different moments, a later page never an earlier one.

What a store must never do is not injected: lose what it acknowledged, show half an object, let
two creates win, or leave out of a listing what was there before it began.
"""

from __future__ import annotations

import functools
import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from mere.clock import Clock
from mere.errors import AlreadyExists, ErrorCode, Unavailable
from mere.lake.objects.store import ObjectInfo, ObjectStore

__all__ = ["FaultRates", "FaultyStore"]

_T = TypeVar("_T")
_Listing: TypeAlias = list[ObjectInfo]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRates:
    """The chance of each fault at each call, between 0 and 1."""

    fail_before: float = 0.0
    lost_reply: float = 0.0
    timeout: float = 0.0
    busy: float = 0.0
    own_conflict: float = 0.0
    """A create that succeeded says that the key is taken, as after a retry in between."""
    torn_list: float = 0.0
    """A listing is taken in pages, at different moments."""


class FaultyStore:
    """Passes calls on, or fails by chance.

    Args:
        inner: The store that never fails.
        chance: Where the faults come from; its seed decides them all.
        rates: How often which fault.
        clock: Sleeps through timeouts and between the pages of a listing, so that a simulation
            can let others act meanwhile. Without one nothing waits.
        timeout_s: How long a timeout takes.
        between_pages: Called between the pages of a torn listing.
    """

    def __init__(
        self,
        inner: ObjectStore,
        chance: random.Random,
        rates: FaultRates | None = None,
        *,
        clock: Clock | None = None,
        timeout_s: float = 30.0,
        between_pages: Callable[[], None] | None = None,
    ) -> None:
        self._inner = inner
        self._chance = chance
        self._clock = clock
        self._timeout_s = timeout_s
        self._between_pages = between_pages
        self._lock = threading.Lock()
        self.rates = rates or FaultRates()
        """May be replaced at any moment, for instance to heal the store."""
        self.injected: Counter[str] = Counter()
        """How often each fault has happened."""

    @property
    def inner(self) -> ObjectStore:
        """The store without faults."""
        return self._inner

    @property
    def url(self) -> str:
        return self._inner.url

    def get(self, key: str) -> bytes:
        return self._faulty("get", key, lambda: self._inner.get(key))

    def get_range(self, key: str, start: int, end: int) -> bytes:
        return self._faulty("get_range", key, lambda: self._inner.get_range(key, start, end))

    def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
        call = functools.partial(self._inner.put, key, data, overwrite=overwrite)
        was_there = self._faulty("put", key, call)
        if not overwrite:
            self._perhaps_refuse(key)
        return was_there

    def put_file(
        self,
        key: str,
        path: str | os.PathLike[str],
        *,
        size: int,
        digest: str,
        on_position: Callable[[int], None] | None = None,
    ) -> bool:
        def put() -> bool:
            return self._inner.put_file(
                key, path, size=size, digest=digest, on_position=on_position
            )

        was_there = self._faulty("put_file", key, put)
        self._perhaps_refuse(key)
        return was_there

    def renew(self, key: str) -> None:
        self._faulty("renew", key, lambda: self._inner.renew(key))

    def delete(self, keys: Iterable[str]) -> None:
        doomed = list(keys)
        # A bulk delete that fails may have removed some of the keys.
        done = doomed[: self._below(len(doomed) + 1)] if self._hits_any_failure() else None
        if done is not None:
            self._inner.delete(done)
            raise self._unavailable("delete", doomed[0] if doomed else "", "partial_delete")
        self._inner.delete(doomed)

    def list(
        self, prefix: str, *, start_after: str = "", known: Mapping[str, ObjectInfo] | None = None
    ) -> list[ObjectInfo]:
        def listing() -> list[ObjectInfo]:
            if self._hits("torn_list"):
                return self._torn(prefix, start_after)
            return self._inner.list(prefix, start_after=start_after, known=known)

        return self._faulty("list", prefix, listing)

    def head(self, key: str) -> ObjectInfo:
        return self._faulty("head", key, lambda: self._inner.head(key))

    def _faulty(self, verb: str, key: str, call: Callable[[], _T]) -> _T:
        if self._hits("busy"):
            raise self._unavailable(verb, key, "busy")
        if self._hits("fail_before"):
            raise self._unavailable(verb, key, "fail_before")
        if self._hits("timeout"):
            if self._below(2):
                call()
            self._wait(self._timeout_s)
            raise self._unavailable(verb, key, "timeout")
        result = call()
        if self._hits("lost_reply"):
            raise self._unavailable(verb, key, "lost_reply")
        return result

    def _perhaps_refuse(self, key: str) -> None:
        if self._hits("own_conflict"):
            raise AlreadyExists(
                ErrorCode.OBJECT_EXISTS, f"injected: {key} is there already", key=key
            )

    def _torn(self, prefix: str, start_after: str) -> _Listing:
        """List piece by piece, others acting in between."""
        known = [info.key for info in self._inner.list(prefix, start_after=start_after)]
        cuts = sorted({known[self._below(len(known))] for _ in range(3)}) if known else []
        bounds = [start_after, *cuts]
        pieces = list(zip(bounds, [*cuts, None], strict=True))
        found: list[ObjectInfo] = []
        for number, (after, last) in enumerate(pieces):
            if number:
                self._pause()
            page = self._inner.list(prefix, start_after=after)
            found += [info for info in page if last is None or info.key <= last]
        return sorted(found, key=lambda info: info.key)

    def _pause(self) -> None:
        if self._between_pages is not None:
            self._between_pages()
        else:
            self._wait(0.01)

    def _wait(self, seconds: float) -> None:
        if self._clock is not None:
            self._clock.sleep(seconds)

    def _hits_any_failure(self) -> bool:
        hits = [self._hits(name) for name in ("busy", "fail_before", "timeout", "lost_reply")]
        return any(hits)  # every die is thrown, so that the draws do not depend on each other

    def _hits(self, name: str) -> bool:
        """Throw the dice for one fault, and count it."""
        rate: float = getattr(self.rates, name)
        if rate <= 0:
            return False
        with self._lock:
            hit = self._chance.random() < rate
            self.injected[name] += hit
        return hit

    def _below(self, limit: int) -> int:
        with self._lock:
            return self._chance.randrange(limit)

    def _unavailable(self, verb: str, key: str, fault: str) -> Unavailable:
        return Unavailable(
            ErrorCode.STORE_UNAVAILABLE, f"injected {fault} at {verb} of {key}", fault=fault
        )
