"""Other engines open ``tables/<name>`` with no help of ours and find the same rows."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

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
    lake.fold()


def expected(lake: Lake) -> dict[str, list]:
    rows = lake.sql("select id, name, tags['colour'] c, latest['loss'] l from items order by id")
    points = lake.sql(
        "select count(*) n, sum(step)::int s, min(value) a, max(value) b from points "
        "where series = 'a'"
    )
    return {
        "rows": [list(row.values()) for row in rows.to_pylist()],
        "points": list(points.to_pylist()[0].values()),
    }


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
