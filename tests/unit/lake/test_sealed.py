"""A segment whose fate is unknown, tried again at every age, is stored once."""

from __future__ import annotations

import math

import pytest

from mere.errors import CorruptData, ErrorCode, Unavailable
from mere.lake import Column, Lake, Table
from mere.lake.objects.memory import MemoryStore
from mere.lake.records import Batch
from mere.lake.sealed import AT_SENDING, Sealed, Stream, pack
from mere.testing.clock import ManualClock

POINTS = Table(
    "points",
    (
        Column("run", "string"),
        Column("step", "long"),
        Column("at", "timestamptz"),
        Column("value", "double"),
    ),
    sort=("run", "step"),
)
ROWS = Table("rows", (Column("id", "string"), Column("state", "string")), key=("id",))
HOUR = 3600.0
DAY = 24 * HOUR


class Lossy(MemoryStore):
    """Stores what is put into the journal, and says that it did not; or neither."""

    mode = ""

    def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
        if self.mode != "down":
            super().put(key, data, overwrite=overwrite)
        if self.mode:
            raise Unavailable(ErrorCode.STORE_UNAVAILABLE, self.mode)
        return False


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> Lossy:
    return Lossy()


@pytest.fixture
def lake(store: Lossy, clock: ManualClock, tmp_path) -> Lake:
    return Lake.open(
        "memory://sealed", tables=(POINTS, ROWS), store=store, clock=clock, cache=tmp_path
    )


def parcel(lake: Lake, value: float = 1.5, **options) -> bytes:
    return pack(some(value), lake.tick(), **options)


def some(value: float = 1.5) -> Batch:
    batch = Batch()
    row = {"run": "r", "step": 3, "at": 1_000_000, "value": value}
    batch.append(POINTS, [row])
    batch.patch(ROWS, [{"id": "r", "state": "on"}])
    return batch


def count(lake: Lake) -> int:
    return lake.sql("select * from points").num_rows


def send_again(stream: Stream, sealed: Sealed, packed: bytes) -> None:
    again = Sealed.of(sealed.segment.name, packed, sealed.first_us)
    assert again.data == sealed.data
    if not stream.was_put(again):
        stream.put(stream.seal(packed))


@pytest.mark.parametrize("is_last", [False, True])
@pytest.mark.parametrize("is_folded", [False, True])
@pytest.mark.parametrize("age_s", [1.0, 2 * HOUR, 5 * HOUR, 3 * DAY, 8 * DAY, 400 * DAY])
@pytest.mark.parametrize("mode", ["lost", "down"])
def test_it_is_stored_once(
    lake: Lake,
    store: Lossy,
    clock: ManualClock,
    mode: str,
    age_s: float,
    is_folded: bool,
    is_last: bool,
) -> None:
    packed = parcel(lake, math.nan if is_last else 1.5, is_last=is_last)
    sealed = lake.stream().seal(packed)
    store.mode = mode
    with pytest.raises(Unavailable):
        lake.stream().put(sealed)
    store.mode = ""
    if is_folded:
        lake.fold()
    clock.advance(age_s)
    if is_folded:
        lake.append("points", [{"run": "other", "step": 0}])
        lake.fold()
    before = count(lake)
    stream = lake.stream()
    send_again(stream, sealed, packed)
    assert count(lake) - before == (1 if mode == "down" else 0)
    lake.fold()
    assert lake.sql("select * from points where run = 'r'").num_rows == 1
    row = lake.get("rows", "r")
    assert row is not None
    assert row["state"] == "on"


def test_a_batch_sealed_at_once_is_the_one_that_its_parcel_gives_later(lake: Lake) -> None:
    batch, tick = some(math.nan), lake.tick()
    batch.patch(ROWS, [{"id": "s", "state": None}], at=AT_SENDING)
    sealed = lake.stream().seal_batch(batch, tick, is_last=True)
    again = Sealed.of(sealed.segment.name, pack(batch, tick, is_last=True), sealed.first_us)
    assert again.data == sealed.data


def test_a_stream_goes_on_without_gaps_after_a_failure(lake: Lake, store: Lossy) -> None:
    stream = lake.stream()
    stream.put(stream.seal(parcel(lake)))
    store.mode = "down"
    with pytest.raises(Unavailable):
        stream.put(stream.seal(parcel(lake)))
    store.mode = ""
    for _ in range(3):
        stream.put(stream.seal(parcel(lake)))
    assert count(lake) == 4


def test_a_patch_has_the_time_it_was_packed_at_but_for_an_end(
    lake: Lake, clock: ManualClock
) -> None:
    early = parcel(lake)
    batch = Batch()
    batch.patch(ROWS, [{"id": "r", "state": "ended"}], at=AT_SENDING)
    end = pack(batch, lake.tick())
    clock.advance(60)
    lake.patch("rows", [{"id": "r", "state": "later"}])
    clock.advance(60)
    stream = lake.stream()
    stream.put(stream.seal(early))
    row = lake.get("rows", "r")
    assert row is not None
    assert row["state"] == "later"
    stream.put(stream.seal(end))
    row = lake.get("rows", "r")
    assert row is not None
    assert row["state"] == "ended"


def test_a_name_that_another_object_has_is_not_ours(lake: Lake, store: Lossy) -> None:
    stream, packed = lake.stream(), parcel(lake)
    sealed = stream.seal(packed)
    key = sealed.segment.name.key
    store.put(key, b"foreign")
    assert not stream.was_put(sealed)
    store.delete([key])
    stream.put(stream.seal(packed))
    assert count(lake) == 1


def test_other_bytes_of_the_same_segment_are_ours(lake: Lake, store: Lossy) -> None:
    stream, packed = lake.stream(), parcel(lake)
    sealed = stream.seal(packed)
    stream.put(sealed)
    import zstandard

    head, frame = sealed.data[:24], sealed.data[24:]
    other = zstandard.ZstdCompressor(level=9, write_checksum=True).compress(
        zstandard.ZstdDecompressor().decompress(frame)
    )
    import hashlib

    digest = hashlib.blake2b(other, digest_size=16).digest()
    assert stream.was_put(sealed._replace(data=head[:8] + digest + other))
    assert count(lake) == 1


def test_damage_is_seen(lake: Lake) -> None:
    with pytest.raises(CorruptData):
        lake.stream().seal(parcel(lake)[:-1])
    with pytest.raises(CorruptData):
        lake.stream().seal(b"")
