"""Other engines open ``tables/<name>`` with no help of ours and find the same rows."""

from __future__ import annotations

import json
import subprocess
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mere.lake import Column, Lake, LakeSettings, Table
from tests.unit.lake.conftest import POINTS, TALLY

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".readers" / "bin" / "python"
ITEMS = Table(
    "items",
    (
        Column("id", "string"),
        Column("name", "string"),
        Column("tags", "map<string, string>"),
        Column("summary", TALLY, merge="tally"),
        Column("latest", "map<string, double>", derive="summary.value"),
    ),
    key=("id",),
)
GROWN = Table("items", (*ITEMS.columns, Column("note", "string")), key=("id",))


def answers(folder: Path) -> dict[str, dict]:
    if not PYTHON.exists():
        pytest.fail("the environment of other engines is missing: `make readers` installs it")
    script = Path(__file__).with_name("read_tables.py")
    result = subprocess.run(
        [str(PYTHON), str(script), str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return json.loads(result.stdout.splitlines()[-1])


def fill(lake: Lake) -> None:
    for n in range(12):
        tally = {"step": n, "timestamp": n, "value": n / 4, "min": 0.0, "max": 9.0, "count": 1}
        with lake.batch() as batch:
            batch.append("points", {"series": ["a", "b"], "step": [n, n], "value": [n / 2, 99.0]})
            batch.patch(
                "items",
                [
                    {
                        "id": f"run {n % 5}",
                        "name": f"Näme/{n}",
                        "tags": {"colour": f"c{n}", "gone": None},
                        "summary": {"loss": tally},
                    }
                ],
            )
        if n % 3 == 2:
            lake.fold()
    lake.delete("items", ["run 4"])
    write_dataset(lake)
    lake.fold()


def expected(lake: Lake) -> dict[str, Any]:
    rows = lake.sql("select id, name, tags['colour'] c, latest['loss'] l from items order by id")
    points = lake.sql(
        "select count(*) n, sum(step)::int s, min(value) a, max(value) b from points "
        "where series = 'a'"
    )
    return {
        "rows": [list(row.values()) for row in rows.to_pylist()],
        "points": list(points.to_pylist()[0].values()),
        "dataset": [[*row] for row in DATASET],
        "empty": 0,
    }


DATASET: list[list[Any]] = [
    [1, "x", 5, 7, "1.25", 1_000_000, True],
    [2, "é", None, None, "-0.50", -1, False],
    [3, None, 6, None, None, None, True],
]


def write_dataset(lake: Lake) -> None:
    """Write a table of datasets: one schema, then another, then an append to that."""
    lake.write_table("dataset_x", pa.table({"a": ["of another type"], "gone": [1]}))
    table = pa.table(
        {
            "a": pa.array([1, 2, 3], pa.uint32()),
            "s": pa.array(["x", "é", None]).dictionary_encode(),
            "l": pa.array([[5], [], [6, 7]], pa.large_list(pa.int16())),
            "st": pa.array([{"x": 7}, None, {"x": None}]),
            "d": pa.array([Decimal("1.25"), Decimal("-0.50"), None], pa.decimal128(9, 2)),
            "tz": pa.array([1_000_000, -1, None], pa.timestamp("us", "Europe/Berlin")),
            "t": pa.array([time(1), None, time(3)], pa.time32("s")),
            "n": pa.array([1, 2, None], pa.timestamp("us")),
            "f": pa.array([b"ab", b"cd", None], pa.binary(2)),
        }
    )
    lake.write_table("dataset_x", table.slice(0, 2))
    first = lake.write_table("dataset_x", table.slice(2), mode="append")
    lake.keep_snapshot("dataset_x", first.snapshot_id, "v1")
    lake.write_table("dataset_empty", table)
    lake.write_table("dataset_empty", table.slice(0, 0))


@pytest.mark.parametrize("folder", ["plain", "with space & ünicode"])
def test_duckdb_pyiceberg_and_polars_read_what_mere_reads(tmp_path, folder):
    lake = Lake.open(str(tmp_path / folder), tables=(POINTS, ITEMS))
    fill(lake)
    want = expected(lake)
    assert len(want["rows"]) == 4
    assert want["points"] == [12, 66, 0.0, 5.5]
    found = answers(tmp_path / folder)
    assert found == dict.fromkeys(("duckdb", "pyiceberg", "polars"), want)


def test_they_still_do_after_growth_compaction_and_expiry(tmp_path):
    lake = Lake.open(str(tmp_path), tables=(POINTS, ITEMS))
    fill(lake)
    settings = LakeSettings(
        compact_files_min=2, orphan_ms=0, root_spacing=((0, 0),), roots_min=1, manifests_max=2
    )
    grown = Lake.open(str(tmp_path), tables=(POINTS, GROWN), settings=settings)
    grown.patch("items", [{"id": "run 0", "note": "grown"}])
    grown.fold()
    for _ in range(3):
        grown.upkeep()
    want = expected(grown)
    assert answers(tmp_path) == dict.fromkeys(("duckdb", "pyiceberg", "polars"), want)
