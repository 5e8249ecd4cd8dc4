"""Segments: the journal's objects, their names and their bytes. Pure, no I/O.

A name is ``journal/<tick>-<writer>-<sequence>``: 16 hex digits of hybrid time, the writer's 16
hex digits, ten decimal digits. Names of one writer sort by sequence, names of all by time. Behind
them all sorts ``journal/root-<number>``, an empty marker that says that a root was published.

The bytes are ``MERESEG1``, a 16-byte BLAKE2b digest of the rest, and a zstd frame of MessagePack.
The digest finds a truncated or altered object; the name is repeated inside, so a segment that was
copied to another name is found as well. Invariant: ``decode(encode(s)) == s``, and any other
bytes raise `CorruptData`.
"""

from __future__ import annotations

import hashlib
import re

import msgspec
import zstandard

from mere.errors import CorruptData, ErrorCode, InvalidInput
from mere.lake.records import Batch, LogPart, Patch

__all__ = [
    "JOURNAL",
    "Segment",
    "SegmentName",
    "decode",
    "encode",
    "marker_key",
    "parse_marker",
    "parse_name",
]

JOURNAL = "journal/"
SEGMENT_BYTES_MAX = 1 << 30

_MAGIC = b"MERESEG1"
_DIGEST_BYTES = 16
_MARKER = re.compile(r"journal/root-([0-9]{20})")
_NAME = re.compile(r"journal/([0-9a-f]{16})-([0-9a-f]{16})-([0-9]{10})")


class SegmentName(msgspec.Struct, frozen=True, order=True):
    """Where a segment stands: its time, its writer and its place in the writer's stream."""

    tick: int
    writer: str
    sequence: int

    @property
    def key(self) -> str:
        """The object's key."""
        return f"{JOURNAL}{self.tick:016x}-{self.writer}-{self.sequence:010d}"


class Segment(msgspec.Struct):
    """One durable batch of one writer.

    Args:
        name: Where it stands.
        is_last: The writer wrote nothing after it and never will.
        logs: Records of log tables.
        patches: Changes to keyed tables, in the order they were made.
    """

    name: SegmentName
    is_last: bool
    logs: dict[str, list[LogPart]]
    patches: dict[str, list[Patch]]

    @classmethod
    def of(cls, name: SegmentName, batch: Batch, *, is_last: bool = False) -> Segment:
        """The segment that stores a batch."""
        return cls(name, is_last, batch.logs, batch.patches)

    @property
    def tables(self) -> list[str]:
        """The tables it has records of."""
        return [*self.logs, *self.patches]

    @property
    def records(self) -> int:
        """How many records it holds."""
        return sum(part.rows for parts in self.logs.values() for part in parts) + sum(
            len(patches) for patches in self.patches.values()
        )


def parse_name(key: str) -> SegmentName | None:
    """Read a segment's name, or None where the key is not one."""
    match = _NAME.fullmatch(key)
    if match is None:
        return None
    return SegmentName(int(match[1], 16), match[2], int(match[3]))


def marker_key(root: int) -> str:
    """The key of the empty object that says in the journal's listing that a root was published."""
    return f"{JOURNAL}root-{root:020d}"


def parse_marker(key: str) -> int | None:
    """Read a root's number from a marker's key, or None where the key is not one."""
    match = _MARKER.fullmatch(key)
    return None if match is None else int(match[1])


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Segment)


def encode(segment: Segment) -> bytes:
    """The segment's bytes.

    Raises:
        InvalidInput: A value cannot be stored (a lone surrogate, an integer beyond 64 bits), or
            the whole is larger than a segment may be.
    """
    try:
        body = _ENCODER.encode(segment)
    except (UnicodeEncodeError, OverflowError, TypeError) as error:
        raise InvalidInput(ErrorCode.INVALID_VALUE, f"cannot be stored: {error}") from error
    if len(body) > SEGMENT_BYTES_MAX:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"batch of {len(body)} bytes is larger than the {SEGMENT_BYTES_MAX} bytes of a "
            "segment: write it in several batches",
        )
    frame = zstandard.ZstdCompressor(level=1).compress(body)
    return _MAGIC + hashlib.blake2b(frame, digest_size=_DIGEST_BYTES).digest() + frame


def decode(key: str, data: bytes) -> Segment:
    """Read a segment back.

    Raises:
        CorruptData: The bytes are not what was written under this key.
    """
    head = len(_MAGIC) + _DIGEST_BYTES
    if not data.startswith(_MAGIC):
        raise _corrupt(key, "does not begin like a segment")
    frame = data[head:]
    if hashlib.blake2b(frame, digest_size=_DIGEST_BYTES).digest() != data[len(_MAGIC) : head]:
        raise _corrupt(key, "does not match its checksum; it was truncated or altered")
    try:
        segment = _DECODER.decode(zstandard.ZstdDecompressor().decompress(frame))
    except (msgspec.MsgspecError, zstandard.ZstdError) as error:
        raise _corrupt(key, f"cannot be read: {error}") from error
    if segment.name.key != key:
        raise _corrupt(key, f"was written as {segment.name.key}")
    return segment


def _corrupt(key: str, what: str) -> CorruptData:
    return CorruptData(
        ErrorCode.BAD_CHECKSUM,
        f"segment {key} {what}: restore the object from a backup, or give its records up with "
        "`mere doctor --give-up-damaged`",
        key=key,
    )
