"""Tokens: secrets that programs sign in with, in a form that scanners recognise.

A token is ``mere_`` + 43 characters of base62 (256 random bits) + 6 check characters (CRC-32 of
what stands before them). The check lets a scanner of leaked secrets tell one from noise without
asking anybody. Only its SHA-256 is stored: the secret is random, so a slow hash adds nothing.
"""

from __future__ import annotations

import hashlib
import zlib
from datetime import datetime

import msgspec

from mere.entities.actor import Role

__all__ = ["TOKEN_PREFIX", "Token", "is_token", "token_digest", "token_text"]

TOKEN_PREFIX = "mere_"  # noqa: S105 - the public beginning of every token
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BODY_CHARS = 43
_CHECK_CHARS = 6


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token as it is stored: all but the secret.

    Args:
        token_id: A UUIDv7 as 32 hexadecimal digits.
        owner: The user it acts as.
        owner_generation: Which user of that name, where the name was given out again.
        name: What it is for.
        digest: SHA-256 of the secret, as 64 hexadecimal digits.
        shown: The first characters of the secret, to find it again by.
        role: It may do no more than this role, whatever its owner may.
        experiments: If it is bound to objects: the experiments it may touch.
        models: If it is bound to objects: the models it may touch.
        expires_at: When it ends; None if never.
        revoked_at: When it was taken back.
        used_at: When it was last shown, to the quarter of an hour.
        created_at: When it was made; None before it is stored.
    """

    token_id: str
    owner: str
    owner_generation: int = 1
    name: str
    digest: str
    shown: str
    role: Role = Role.ADMIN
    experiments: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    used_at: datetime | None = None
    created_at: datetime | None = None

    @property
    def is_bound(self) -> bool:
        """Whether it may touch named objects only."""
        return self.experiments is not None or self.models is not None

    def covers(self, kind: str, object_id: str) -> bool:
        """Whether the token is meant for an object at all."""
        if not self.is_bound:
            return True
        listed = {"experiment": self.experiments, "model": self.models}.get(kind)
        return object_id in (listed or ())

    def is_valid(self, now: datetime, generation: int) -> bool:
        """Whether it is neither taken back, nor over, nor of an earlier user of that name."""
        if self.revoked_at is not None or self.owner_generation != generation:
            return False
        return self.expires_at is None or now < self.expires_at


def token_text(bits: int) -> str:
    """Return the token that stands for 256 random bits."""
    text = TOKEN_PREFIX + _base62(bits, _BODY_CHARS)
    return text + _check(text)


def is_token(text: str) -> bool:
    """Whether a text has the form of a token, its check characters included."""
    if len(text) != len(TOKEN_PREFIX) + _BODY_CHARS + _CHECK_CHARS:
        return False
    if not (text.isascii() and text.startswith(TOKEN_PREFIX)):
        return False
    return text[-_CHECK_CHARS:] == _check(text[:-_CHECK_CHARS])


def token_digest(text: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(text.encode()).hexdigest()


def _check(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), _CHECK_CHARS)


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
