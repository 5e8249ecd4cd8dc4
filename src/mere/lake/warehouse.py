"""``mere.json``: what a warehouse says of itself, written once and checked at every open."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from mere.clock import Clock
from mere.errors import AlreadyExists, CorruptData, ErrorCode, InvalidInput, NotFound
from mere.lake.objects.probe import probe_put_if_absent
from mere.lake.objects.store import ObjectStore

__all__ = ["FORMAT", "Warehouse", "open_warehouse"]

FORMAT = 1
"""The newest format this version reads and the one it writes."""

_KEY = "mere.json"


class Warehouse(msgspec.Struct, frozen=True):
    """A warehouse's identity.

    Args:
        format: The layout's version.
        warehouse_id: Tells it from every other.
        location: The URL with which all paths in its Iceberg metadata begin.
        created_at: When it was made.
    """

    format: int
    warehouse_id: str
    location: str
    created_at: datetime


class _Format(msgspec.Struct):
    format: int


def open_warehouse(store: ObjectStore, clock: Clock, *, probe_always: bool) -> Warehouse:
    """Read ``mere.json``, or make a warehouse where there is none.

    Args:
        store: The prefix.
        clock: For the identity and the time of a new one.
        probe_always: Prove put-if-absent for an existing warehouse too.

    Raises:
        InvalidInput: The format is newer than this version knows, or the store does not honour
            put-if-absent.
        CorruptData: ``mere.json`` cannot be read.
    """
    try:
        data = store.get(_KEY)
        if probe_always:
            probe_put_if_absent(store, clock)
    except NotFound:
        probe_put_if_absent(store, clock)
        data = _create(store, clock)
    return _decode(data)


def _create(store: ObjectStore, clock: Clock) -> bytes:
    warehouse = Warehouse(
        FORMAT,
        f"{clock.random_bits(128):032x}",
        store.url,
        datetime.fromtimestamp(clock.now_us() / 1e6, UTC),
    )
    data = msgspec.json.format(msgspec.json.encode(warehouse), indent=2)
    try:
        store.put(_KEY, data)
    except AlreadyExists:
        return store.get(_KEY)
    return data


def _decode(data: bytes) -> Warehouse:
    try:
        version = msgspec.json.decode(data, type=_Format).format
        if version > FORMAT:
            raise InvalidInput(
                ErrorCode.UNSUPPORTED_FORMAT,
                f"the warehouse has format {version}, this version of mere knows up to {FORMAT}: "
                "install a newer mere",
                format=version,
            )
        return msgspec.json.decode(data, type=Warehouse)
    except msgspec.MsgspecError as error:
        raise CorruptData(
            ErrorCode.BAD_OBJECT,
            f"{_KEY} cannot be read: {error}: is this prefix a warehouse of mere?",
            key=_KEY,
        ) from error
