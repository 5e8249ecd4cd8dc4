"""Protocol buffers on the wire, and the two logs that other trackers keep them in.

Event files of TensorBoard and transaction logs of W&B are both logs of protobuf messages of which
we need a dozen fields. Their own libraries weigh tens of megabytes, and W&B's no longer has a
reader in Python; the encodings themselves are a page each and do not change.

A log that is being written may end in half a record: reading stops before it, and the next import
goes on there. A record that is damaged raises `Damaged`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["Damaged", "decode", "doubles", "fixed64", "records_of_events", "records_of_wandb"]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_RECORD_BYTES_MAX = 1 << 30
_BLOCK_BYTES = 32 * 1024
_HEADER_BYTES = 7
_WANDB_MAGIC = b":W&B"
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


class Damaged(Exception):
    """The bytes are not what they should be."""


def decode(data: bytes) -> dict[int, list[Any]]:
    """The fields of a message by number: varints as int, all else as bytes.

    Raises:
        Damaged: It is no message.
    """
    found: dict[int, list[Any]] = {}
    at, end = 0, len(data)
    try:
        while at < end:
            tag = data[at]
            at += 1
            if tag > 127:
                tag, at = _varint(data, at - 1)
            kind = tag & 7
            value: Any
            if kind == _BYTES:
                size = data[at]
                at += 1
                if size > 127:
                    size, at = _varint(data, at - 1)
                value = data[at : at + size]
                at += size
            elif kind == _VARINT:
                value, at = _varint(data, at)
            elif kind == _FIXED64:
                value = data[at : at + 8]
                at += 8
            elif kind == _FIXED32:
                value = data[at : at + 4]
                at += 4
            else:
                raise Damaged(f"wire type {kind}")
            found.setdefault(tag >> 3, []).append(value)
    except IndexError as error:
        raise Damaged("a message ends in the middle of a field") from error
    if at != end:
        raise Damaged("a message ends in the middle of a field")
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & (1 << 64) - 1, at
        shift += 7
        if shift > 63:
            raise Damaged("a number of more than 64 bits")


def fixed64(value: bytes) -> float:
    """A double."""
    number: float = struct.unpack("<d", value)[0]
    return number


def doubles(parts: list[bytes], code: str) -> list[float]:
    """Numbers of a repeated field, packed or not; `code` as in the module `struct`."""
    size = struct.calcsize("<" + code)
    return [
        number[0]
        for part in parts
        for number in struct.iter_unpack("<" + code, part[: len(part) // size * size])
    ]


def records_of_events(path: Path, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """The records of an event file, each with its offset.

    Raises:
        Damaged: A length is not what its checksum says.
    """
    with path.open("rb") as file:
        file.seek(offset)
        while True:
            head = file.read(12)
            if len(head) < 12:
                return
            size, checksum = struct.unpack("<QI", head)
            if _masked_crc32c(head[:8]) != checksum or size > _RECORD_BYTES_MAX:
                raise Damaged(f"record at {offset}")
            data = file.read(size + 4)
            if len(data) < size + 4:
                return
            yield offset, data[:-4]
            offset += 16 + size


def records_of_wandb(path: Path) -> Iterator[bytes]:
    """The records of a transaction log of W&B.

    Raises:
        Damaged: It is none, or a checksum does not fit.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
        if head[:4] != _WANDB_MAGIC:
            raise Damaged("it does not begin as a transaction log of W&B")
        parts: list[bytes] = []
        for kind, part in _parts(file, _HEADER_BYTES):
            if kind in (_FULL, _FIRST):
                parts = []
            parts.append(part)
            if kind in (_FULL, _LAST):
                yield b"".join(parts)
                parts = []


def _parts(file: BinaryIO, at: int) -> Iterator[tuple[int, bytes]]:
    while True:
        left = _BLOCK_BYTES - at % _BLOCK_BYTES
        if left < _HEADER_BYTES:
            file.read(left)
            at += left
            continue
        head = file.read(_HEADER_BYTES)
        if len(head) < _HEADER_BYTES:
            return
        checksum, size, kind = struct.unpack("<IHB", head)
        if kind == 0 and size == 0:  # space set aside and not written yet
            return
        part = file.read(size)
        if len(part) < size:
            return
        if kind not in (_FULL, _FIRST, _MIDDLE, _LAST) or zlib.crc32(head[6:] + part) != checksum:
            raise Damaged(f"record at {at}")
        at += _HEADER_BYTES + size
        yield kind, part


def _masked_crc32c(data: bytes) -> int:
    table = _crc32c_table()
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@cache
def _crc32c_table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table
