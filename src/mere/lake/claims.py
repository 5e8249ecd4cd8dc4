"""Claims: names of which there may be only one, won by putting an object if absent.

The object carries the record that the winner means to write. If the winner crashes before it
journals that record, the next one to claim the name finds it in the claim and journals it.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from mere.clock import Clock, HybridClock
from mere.errors import AlreadyExists, CorruptData, ErrorCode, InvalidInput
from mere.lake.objects.store import ObjectStore

__all__ = ["Claim", "claim_name"]


class Claim(msgspec.Struct, frozen=True):
    """Who has a name.

    Args:
        won: Whether this call claimed it.
        record: What the winner gave.
        tick: When the winner claimed. A patch written ``at`` this tick loses to all later ones,
            so journaling the record once more harms nothing.
    """

    won: bool
    record: dict[str, Any]
    tick: int


class _Stored(msgspec.Struct):
    kind: str
    name: str
    record: dict[str, Any]
    tick: int
    token: str


def claim_name(
    store: ObjectStore, clock: Clock, hybrid: HybridClock, kind: str, name: str, record: Any
) -> Claim:
    """Claim a name, or learn who has it.

    Raises:
        InvalidInput: The kind is no folder name, or the record is no JSON object.
        CorruptData: The claim that is there cannot be read.
    """
    if not (kind.isidentifier() and kind.isascii()):
        raise InvalidInput(ErrorCode.INVALID_VALUE, f"kind {kind!r} is not an ASCII identifier")
    try:
        digest = hashlib.sha256(name.encode()).hexdigest()
        token = f"{clock.random_bits(128):032x}"
        mine = _Stored(kind, name, record, hybrid.tick(), token)
        data = msgspec.json.format(msgspec.json.encode(mine), indent=1)
    except (TypeError, UnicodeEncodeError) as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"claim of {kind} {name!r} cannot be stored: {error}"
        ) from error
    key = f"claims/{kind}/{digest}"
    try:
        store.put(key, data)
    except AlreadyExists:
        stored = _decode(key, store.get(key), kind, name)
        hybrid.observe(stored.tick)
        return Claim(False, stored.record, stored.tick)
    return Claim(True, record, mine.tick)


def _decode(key: str, data: bytes, kind: str, name: str) -> _Stored:
    try:
        stored = msgspec.json.decode(data, type=_Stored)
    except msgspec.MsgspecError as error:
        raise CorruptData(
            ErrorCode.BAD_OBJECT, f"claim {key} cannot be read: {error}", key=key
        ) from error
    if (stored.kind, stored.name) != (kind, name):
        raise CorruptData(
            ErrorCode.BAD_OBJECT,
            f"claim {key} is of {stored.kind} {stored.name!r}, not of {kind} {name!r}",
            key=key,
        )
    return stored
