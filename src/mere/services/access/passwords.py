"""Passwords: hashed slowly, checked in constant time, remembered for a minute, rate-limited.

A check costs about 20 ms and 19 MiB on purpose (argon2id). A client that shows the same password
with each request pays it once a minute: a success is remembered under a keyed hash with a key
that only this process has. Failures count for the user, the address and both together; beyond
some, further attempts are refused for a while without looking at the password. The counts are
those of one process.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections import OrderedDict
from functools import cached_property
from typing import TYPE_CHECKING

from mere.errors import ErrorCode, Unauthenticated

if TYPE_CHECKING:
    from argon2 import PasswordHasher

    from mere.clock import Clock

__all__ = ["Passwords"]

REMEMBERED_S = 60.0
FAILURES_MAX = {"both": 5, "address": 30, "user": 100}
"""Failures in a row before attempts are slowed down: of one user from one address, of one address
for any users, and of one user from anywhere: that is high, or anybody could lock anybody out."""
_WAIT_S_MAX = 900.0
_FORGIVEN_S = 3_600.0
_KEPT_MAX = 20_000
_AT_ONCE = 4
_MEMORY_KIB = 19 * 1024
_ROUNDS = 2


class Passwords:
    """Hashes and checks passwords for one process.

    Args:
        clock: For ages, and for the key of what is remembered.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = clock.random_bits(256).to_bytes(32)
        self._lock = threading.Lock()
        self._good: OrderedDict[bytes, float] = OrderedDict()
        self._bad: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()
        # Each check takes 19 MiB: many at once would take the machine.
        self._turns = threading.BoundedSemaphore(_AT_ONCE)

    def hash(self, password: str) -> str:
        """Return what is stored of a password; takes about 20 ms."""
        with self._turns:
            return self._hasher.hash(password)

    def is_remembered(self, user: str, hashed: str | None, password: str) -> bool:
        """Whether this very password was found right within the last minute; takes no time."""
        if hashed is None:
            return False
        good_until = self._good.get(self._mark(user, hashed, password))
        return good_until is not None and self._clock.monotonic() < good_until

    def check(self, user: str, hashed: str | None, password: str, address: str) -> None:
        """Return if the password is right; takes as long where there is no such user.

        Args:
            user: The name that was given.
            hashed: What is stored of the user's password; None if there is no such user.
            password: The password that was given.
            address: Where it came from.

        Raises:
            Unauthenticated: Name or password is wrong, without saying which, or there were too
                many such attempts.
        """
        if self.is_remembered(user, hashed, password):
            return
        self._refuse_early(user, address)
        if not self._is_right(hashed, password):
            self._count(user, address)
            raise Unauthenticated(ErrorCode.SIGN_IN_REQUIRED, "the name or the password is wrong")
        assert hashed is not None
        with self._lock:
            for key in self._counters(user, address):
                if key[0] != "address":  # one right password must not pay for guessing others
                    self._bad.pop(key, None)
            mark = self._mark(user, hashed, password)
            self._good[mark] = self._clock.monotonic() + REMEMBERED_S
            while len(self._good) > _KEPT_MAX:
                self._good.popitem(last=False)

    def _is_right(self, hashed: str | None, password: str) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError

        try:
            with self._turns:
                self._hasher.verify(hashed or self._nobodys, password)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False
        return hashed is not None

    def _refuse_early(self, user: str, address: str) -> None:
        now = self._clock.monotonic()
        with self._lock:
            waits = [self._bad.get(key, (0, 0.0))[1] - now for key in self._counters(user, address)]
        wait_s = max(waits)
        if wait_s > 0:
            raise Unauthenticated(
                ErrorCode.TOO_MANY_ATTEMPTS,
                f"too many failed sign-ins: wait {wait_s:.0f} s, then try again",
                wait_s=round(wait_s),
            )

    def _count(self, user: str, address: str) -> None:
        now = self._clock.monotonic()
        with self._lock:
            for key in self._counters(user, address):
                count, until = self._bad.pop(key, (0, 0.0))
                count = 1 if now - until > _FORGIVEN_S else count + 1
                beyond = count - FAILURES_MAX[key[0]]
                wait_s = min(2.0**beyond, _WAIT_S_MAX) if beyond >= 0 else 0.0
                self._bad[key] = (count, now + wait_s)
            while len(self._bad) > _KEPT_MAX:
                self._bad.popitem(last=False)

    @staticmethod
    def _counters(user: str, address: str) -> list[tuple[str, str]]:
        return [("both", f"{address} {user}"), ("address", address), ("user", user)]

    def _mark(self, user: str, hashed: str, password: str) -> bytes:
        # The stored hash is part of it: a changed password is forgotten at once.
        parts = [part.encode(errors="surrogatepass") for part in (user, hashed, password)]
        message = b"".join(len(part).to_bytes(8) + part for part in parts)
        return hmac.digest(self._key, message, hashlib.sha256)

    @cached_property
    def _hasher(self) -> PasswordHasher:
        from argon2 import PasswordHasher

        return PasswordHasher(time_cost=_ROUNDS, memory_cost=_MEMORY_KIB, parallelism=1)

    @cached_property
    def _nobodys(self) -> str:
        """The hash that stands in for that of a user who is not there."""
        return self._hasher.hash(f"{self._clock.random_bits(256):064x}")
