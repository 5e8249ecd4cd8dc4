"""Names of what waits on disk: for which warehouse, in which order, tried under which name."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import msgspec

from mere.config import S3Config, environment, state_folder
from mere.errors import InvalidInput
from mere.lake.segment import SegmentName

__all__ = ["Address", "Entry", "address_of", "spool_root"]

_NAME = re.compile(r"(\d{10})\.([a-z]+)(?:\.([0-9a-f]{16})-([0-9a-f]{16})-(\d{10})\.(\d{1,20}))?")


class Address(msgspec.Struct, frozen=True):
    """Which warehouse is meant: of two servers that have a bucket of one name, which.

    Args:
        url: The warehouse's address; no credentials are ever in it.
        endpoint: The S3 service, where it is not AWS's own.
    """

    url: str
    endpoint: str | None = None

    @property
    def digest(self) -> str:
        """A name for a folder."""
        text = f"{self.url}\n{self.endpoint or ''}".encode(errors="surrogateescape")
        return hashlib.blake2b(text, digest_size=8).hexdigest()


def address_of(url: str) -> Address:
    """The address of a warehouse as this process reaches it."""
    if not url.lower().startswith("s3://"):
        return Address(url)
    try:
        return Address(url, S3Config.from_environment(environment()).endpoint)
    except InvalidInput:
        return Address(url)


def spool_root() -> Path:
    """The folder of all spools of this user."""
    return state_folder(environment()) / "spool"


class Entry(msgspec.Struct, frozen=True, order=True):
    """One thing to be sent.

    Args:
        number: Its place in the order.
        kind: What it is, and so who sends it.
        name: The name under which its segment was tried, if it was.
        first_us: When it was tried first.
    """

    number: int
    kind: str
    name: SegmentName | None = None
    first_us: int = 0

    @property
    def file(self) -> str:
        """The name of its file."""
        tried = ""
        if self.name is not None:
            tick, writer, sequence = self.name.tick, self.name.writer, self.name.sequence
            tried = f".{tick:016x}-{writer}-{sequence:010d}.{self.first_us}"
        return f"{self.number:010d}.{self.kind}{tried}"

    @classmethod
    def parse(cls, file: str) -> Entry | None:
        """Read an entry's file name, or None where it is not one."""
        match = _NAME.fullmatch(file)
        if match is None or match[2] == "blob":
            return None
        number, kind, tick, writer, sequence, first_us = match.groups()
        if tick is None:
            return cls(int(number), kind)
        name = SegmentName(int(tick, 16), writer, int(sequence))
        return cls(int(number), kind, name, int(first_us))
