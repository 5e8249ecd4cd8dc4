"""Objects that keep the stamps of rows touched by one fold, beside the table.

Only a patch that arrives late, older than the newest patch folded, needs them; so they are
read seldom, and dropped once nothing can arrive that late any more.
"""

from __future__ import annotations

from typing import Any

import msgspec
import zstandard

from mere.errors import CorruptData, ErrorCode
from mere.lake.records import Key
from mere.lake.rows import RowStamps

__all__ = ["decode_stamps", "encode_stamps"]


def encode_stamps(stamps: dict[Key, RowStamps]) -> bytes:
    """The bytes of one fold's stamps."""
    body = msgspec.msgpack.encode(list(stamps.items()))
    return zstandard.ZstdCompressor(level=1, write_checksum=True).compress(body)


def decode_stamps(key: str, data: bytes) -> dict[Key, RowStamps]:
    """Read stamps back.

    Raises:
        CorruptData: The bytes are not what was written.
    """
    try:
        rows = msgspec.msgpack.decode(
            zstandard.ZstdDecompressor().decompress(data),
            type=list[tuple[tuple[Any, ...], RowStamps]],
        )
    except (msgspec.MsgspecError, zstandard.ZstdError) as error:
        raise CorruptData(
            ErrorCode.BAD_OBJECT, f"stamps {key} cannot be read: {error}", key=key
        ) from error
    return dict(rows)
