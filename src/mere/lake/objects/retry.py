"""Retry, and the rule of put-if-absent: each in this one place, for every store."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from mere.clock import Clock
from mere.errors import AlreadyExists, ErrorCode, NotFound, Unavailable
from mere.lake.objects.source import PIECE_BYTES
from mere.lake.objects.store import ObjectInfo, ObjectStore

__all__ = ["RetryingStore"]

_T = TypeVar("_T")
_FRACTION_BITS = 53
_BYTES_PER_S_MIN = 1 << 20
"""A file may be tried again for as long as it takes at this speed, beyond the deadline."""


class RetryingStore:
    """A store that tries again while the one inside does not answer.

    Adapters say `AlreadyExists` whenever a key is taken. Only here is it found out by whom: after
    a lost reply the repeated put meets its own object, reads it back, and has succeeded.

    Args:
        inner: The store that may fail.
        clock: Waits between attempts and says how much time is left.
        deadline_s: No attempt begins later than this after the first.
        delay_first_s: The longest first pause; each later one may be twice as long.
        delay_max_s: The longest pause.
    """

    def __init__(
        self,
        inner: ObjectStore,
        clock: Clock,
        *,
        deadline_s: float = 60.0,
        delay_first_s: float = 0.05,
        delay_max_s: float = 5.0,
    ) -> None:
        self._inner = inner
        self._clock = clock
        self._deadline_s = deadline_s
        self._delay_first_s = delay_first_s
        self._delay_max_s = delay_max_s

    @property
    def inner(self) -> ObjectStore:
        """The store without retry."""
        return self._inner

    @property
    def url(self) -> str:
        return self._inner.url

    def get(self, key: str) -> bytes:
        return self._retried(lambda: self._inner.get(key))

    def get_range(self, key: str, start: int, end: int) -> bytes:
        return self._retried(lambda: self._inner.get_range(key, start, end))

    def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
        return self._retried(lambda: self._put_once(key, data, overwrite=overwrite))

    def put_file(
        self,
        key: str,
        path: str | os.PathLike[str],
        *,
        size: int,
        digest: str,
        on_position: Callable[[int], None] | None = None,
    ) -> bool:
        def attempt() -> bool:
            try:
                return self._inner.put_file(
                    key, path, size=size, digest=digest, on_position=on_position
                )
            except AlreadyExists as exc:
                if not self._holds(key, size, digest, exc):
                    raise
                return True

        return self._retried(attempt, deadline_s=self._deadline_s + max(0, size) / _BYTES_PER_S_MIN)

    def renew(self, key: str) -> None:
        self._retried(lambda: self._inner.renew(key))

    def delete(self, keys: Iterable[str]) -> None:
        doomed = list(keys)
        self._retried(lambda: self._inner.delete(doomed))

    def list(
        self, prefix: str, *, start_after: str = "", known: Mapping[str, ObjectInfo] | None = None
    ) -> list[ObjectInfo]:
        return self._retried(lambda: self._inner.list(prefix, start_after=start_after, known=known))

    def head(self, key: str) -> ObjectInfo:
        return self._retried(lambda: self._inner.head(key))

    def _put_once(self, key: str, data: bytes, *, overwrite: bool) -> bool:
        try:
            return self._inner.put(key, data, overwrite=overwrite)
        except AlreadyExists as exc:
            try:
                there = self._inner.get(key)
            except NotFound:
                raise self._free_after_all(key) from exc
            if there != data:
                raise
            return True

    def _holds(self, key: str, size: int, digest: str, refusal: AlreadyExists) -> bool:
        """Whether the object at a key has the given content; it is read piece by piece."""
        hasher = hashlib.sha256()
        position = 0
        try:
            while True:
                # One byte beyond the end shows whether there is more than there should be.
                end = min(position + PIECE_BYTES, size + 1)
                piece = self.get_range(key, position, end)
                hasher.update(piece)
                position += len(piece)
                if position > size or len(piece) == 0 or position != end:
                    break
        except NotFound:
            raise self._free_after_all(key) from refusal
        return position == size and hasher.hexdigest() == digest

    def _free_after_all(self, key: str) -> Unavailable:
        """What to say of a key that was refused as taken, and then nothing was there.

        Two creates at once may both be refused (S3's 409), and a holder may be deleted in between:
        the put has neither failed nor succeeded.
        """
        return Unavailable(
            ErrorCode.STORE_UNAVAILABLE,
            f"{self.url}/{key} was refused as taken, yet nothing is there",
            key=key,
        )

    def _retried(self, attempt: Callable[[], _T], *, deadline_s: float | None = None) -> _T:
        deadline_s = self._deadline_s if deadline_s is None else deadline_s
        begun = self._clock.monotonic()
        attempts = 0
        while True:
            attempts += 1
            try:
                return attempt()
            except Unavailable as exc:
                if exc.code is ErrorCode.STORE_FULL:
                    raise
                delay_s = self._delay_s(attempts)
                elapsed_s = self._clock.monotonic() - begun
                if elapsed_s + delay_s > deadline_s:
                    raise Unavailable(
                        exc.code,
                        f"{exc.message}; gave up after {attempts} attempts in {elapsed_s:.1f} s",
                        **{**exc.details, "attempts": attempts},
                    ) from exc
            self._clock.sleep(delay_s)

    def _delay_s(self, attempts: int) -> float:
        """A pause that grows with the attempts, by chance between half of it and all."""
        longest = min(self._delay_max_s, self._delay_first_s * 2.0 ** min(attempts - 1, 32))
        chance = self._clock.random_bits(_FRACTION_BITS) / (1 << _FRACTION_BITS)
        return longest * (0.5 + chance / 2)
