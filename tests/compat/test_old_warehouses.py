"""Warehouses written by earlier versions open, are read right, and can be written to.

They were also written elsewhere: what is unpacked lies at another place than it was made at.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from mere.lake import Column, Lake, Table
from tests.compat.make import TABLES

ARCHIVES = sorted(Path(__file__).parent.glob("format_*.zip"))


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.stem)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    with zipfile.ZipFile(request.param) as archive:
        archive.extractall(tmp_path)
    return tmp_path


def test_there_is_one_of_each_format():
    from mere.lake.warehouse import FORMAT

    assert [path.stem for path in ARCHIVES] == [f"format_{n + 1}" for n in range(FORMAT)]


def check(lake: Lake) -> None:
    points = lake.sql("select count(*) n, sum(step)::int s, count_if(isnan(value)) k from points")
    assert points.to_pylist() == [{"n": 20, "s": 190, "k": 1}]
    rows = lake.sql(
        "select owner, number, flag, raw, tags, source.host h, parts, latest['loss'] l, "
        "summary['loss'].count c from items order by all"
    ).to_pylist(maps_as_pydicts="strict")
    assert [(r["owner"], r["number"], r["c"]) for r in rows] == [
        ("a", 0, 4),
        ("a", 1, 3),
        ("a", 2, 3),
        ("b", 0, 3),
        ("b", 2, 3),
    ]
    assert rows[0] == {
        "owner": "a",
        "number": 0,
        "flag": True,
        "raw": b"\x12",
        "tags": {"t0": "12", "t2": "18"},
        "h": "höst",
        "parts": ["x", "18"],
        "l": 4.5,
        "c": 4,
    }
    half = lake.sql("select count(*) n from points", as_of="half")
    assert half.to_pylist() == [{"n": 12}]
    claim = lake.claim("item", "Näme/1", {"owner": "z", "number": 9})
    assert (claim.won, claim.record) == (False, {"owner": "a", "number": 1})


def test_an_old_warehouse_is_read_without_declarations(old):
    check(Lake.open(str(old)))


def test_an_old_warehouse_is_folded_kept_up_and_grown(old):
    grown = Table("items", (*TABLES[1].columns, Column("note", "string")), key=TABLES[1].key)
    lake = Lake.open(str(old), tables=(TABLES[0], grown))
    lake.fold()
    lake.upkeep()
    check(lake)
    lake.patch("items", [{"owner": "a", "number": 1, "note": "new"}])
    lake.fold()
    row = lake.get("items", ("a", 1))
    assert row is not None
    assert row["note"] == "new"
    check(Lake.open(str(old)))
