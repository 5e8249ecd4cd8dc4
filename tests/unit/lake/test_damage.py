"""Garbage in the prefix: a typed error that names the object, or skipped; never a wrong answer."""

from __future__ import annotations

import pytest

from mere.errors import CorruptData, ErrorCode, InvalidInput
from mere.lake import Lake
from tests.unit.lake.conftest import TABLES


@pytest.fixture
def filled(lake) -> Lake:
    lake.append("points", [{"series": "a", "value": 1.0}])
    lake.patch("items", [{"id": "x"}])
    lake.fold()
    lake.append("points", [{"series": "b", "value": 2.0}])
    lake.patch("items", [{"id": "y"}])
    return lake


def keys(store, prefix: str, suffix: str = "") -> list[str]:
    return [info.key for info in store.list(prefix) if info.key.endswith(suffix)]


def count(lake: Lake) -> int:
    return lake.sql("select (select count(*) from points) + (select count(*) from items) n")[
        "n"
    ].to_pylist()[0]


FOREIGN = [
    "journal/readme.txt",
    "journal/0000000000000001-0000000000000001-1",
    "journal/01a2-x-0000000001",
    "catalog/42.json",
    "catalog/backup/00000000000000000009.json",
    "tables/points/data/stray.parquet",
    "claims/x/y",
    "notes.txt",
]


@pytest.mark.parametrize("key", FOREIGN)
def test_foreign_objects_are_left_alone(filled, open_lake, store, key):
    store.put(key, b"not ours")
    assert count(open_lake()) == 4
    open_lake().fold()
    open_lake(orphan_ms=10**12).upkeep()
    assert count(open_lake()) == 4
    assert store.get(key) == b"not ours"


def damage_last(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


DAMAGES = {
    "truncated": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "altered": damage_last,
    "garbage": lambda data: b"\x00" * len(data),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize(
    ("prefix", "suffix"),
    [
        ("journal/", ""),
        ("catalog/", ".json"),
        ("tables/points/metadata/", ".metadata.json"),
        ("tables/points/metadata/", ".avro"),
        ("tables/points/data/", ".parquet"),
    ],
)
def test_damage_never_changes_an_answer(filled, open_lake, store, tmp_path, prefix, suffix, damage):
    for key in keys(store, prefix, suffix):
        if key not in keys(store, prefix, suffix):  # folded in an earlier round, and deleted
            continue
        original = store.get(key)
        if not original:  # a marker says all it has to say by its name
            continue
        store.put(key, damage(original), overwrite=True)
        try:
            answer = open_lake().scan("points").num_rows
        except CorruptData as error:
            assert key.split("/")[-1] in error.message
        else:
            assert answer == 2
        try:
            open_lake().fold()
        except CorruptData as error:
            assert key.split("/")[-1] in error.message
        store.put(key, original, overwrite=True)
        for file in tmp_path.rglob("*.parquet"):
            file.unlink()
    assert count(open_lake()) == 4


@pytest.mark.parametrize("prefix", ["tables/points/data/", "tables/points/metadata/"])
def test_a_missing_object_is_named(filled, open_lake, store, prefix):
    for key in keys(store, prefix):
        if key.endswith(("version-hint.text", ".stamps")):
            continue
        original = store.get(key)
        store.delete([key])
        with pytest.raises(CorruptData, match=key.split("/")[-1]) as caught:
            open_lake().sql("select * from points")
        assert caught.value.code in (ErrorCode.MISSING_FILE, ErrorCode.BAD_OBJECT)
        assert any(key in message for message in open_lake().status().damaged)
        store.put(key, original)


def test_a_missing_segment_is_noticed_by_the_gap(lake, open_lake, store):
    for series in "abc":
        lake.append("points", [{"series": series}])
    store.delete([keys(store, "journal/")[1]])
    with pytest.raises(CorruptData, match="number 2 of writer") as caught:
        open_lake().sql("select * from points")
    assert caught.value.code is ErrorCode.MISSING_SEGMENT
    with pytest.raises(CorruptData):
        open_lake().fold()
    assert open_lake().status().damaged


def test_a_lost_segment_can_be_given_up(lake, open_lake, store):
    for series in "abcd":
        lake.append("points", [{"series": series}])
    names = keys(store, "journal/")
    store.put(names[1], b"garbage", overwrite=True)
    store.delete([names[2]])
    given_up = open_lake().give_up_damaged()
    assert given_up == names[1:3] or len(given_up) == 2
    other = open_lake()
    assert other.scan("points", columns=["series"]).to_pydict()["series"] == ["a", "d"]
    other.fold()
    assert other.scan("points", columns=["series"]).to_pydict()["series"] == ["a", "d"]
    assert open_lake().give_up_damaged() == []
    assert [info.key for info in store.list("damaged/")] == [f"damaged/{names[1]}"]


def test_a_prefix_that_is_no_warehouse_is_refused(store, clock, open_lake):
    store.put("mere.json", b'{"hello": 1}')
    with pytest.raises(CorruptData, match=r"mere\.json"):
        open_lake()


def test_a_store_without_put_if_absent_is_refused(store, clock, tmp_path, monkeypatch):
    put = store.put
    monkeypatch.setattr(store, "put", lambda key, data, **_: put(key, data, overwrite=True))
    with pytest.raises(InvalidInput, match="put-if-absent"):
        Lake.open("memory://test", tables=TABLES, store=store, clock=clock)
