"""Writes the warehouse that later versions must open: ``python -m tests.compat.make FOLDER``.

Run once for each format and kept in git as ``format_<n>.zip``; never run again for an old one. It
holds both kinds of tables, every type of column, deleted rows, a tag, a tail that is not folded,
and a claim.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from mere.lake import Column, Lake, LakeSettings, Table
from mere.lake.objects.local import LocalStore
from mere.testing.clock import ManualClock

TALLY = (
    "map<string, struct<step: long, timestamp: timestamptz, value: double, min: double, "
    "max: double, count: long>>"
)
TABLES = (
    Table(
        "points",
        (
            Column("series", "string"),
            Column("step", "long"),
            Column("at", "timestamptz"),
            Column("value", "double"),
        ),
        sort=("series", "step"),
    ),
    Table(
        "items",
        (
            Column("owner", "string"),
            Column("number", "long"),
            Column("flag", "boolean"),
            Column("raw", "binary"),
            Column("tags", "map<string, string>"),
            Column("source", "struct<host: string, started: timestamptz>"),
            Column("parts", "list<string>"),
            Column("summary", TALLY, merge="tally"),
            Column("latest", "map<string, double>", derive="summary.value"),
        ),
        key=("owner", "number"),
    ),
)


def fill(lake: Lake, clock: ManualClock) -> None:
    """Write what the test expects."""
    lake.claim("item", "Näme/1", {"owner": "a", "number": 1})
    for step in range(20):
        value = float("nan") if step == 7 else step / 4
        tally = {"step": step, "timestamp": step, "value": value, "min": value, "max": value}
        with lake.batch(ends_stream=step % 5 == 4) as batch:
            batch.append(
                "points", {"series": ["a"], "step": [step], "at": [step], "value": [value]}
            )
            batch.patch(
                "items",
                [
                    {
                        "owner": "ab"[step % 2],
                        "number": step % 3,
                        "flag": step > 10,
                        "raw": bytes([step]),
                        "tags": {f"t{step % 4}": str(step), "gone": None},
                        "source": {"host": "höst", "started": step},
                        "parts": ["x", str(step)],
                        "summary": {"loss": {**tally, "count": 1}},
                    }
                ],
            )
        if step % 6 == 5:
            lake.fold()
        if step == 11:
            lake.delete("items", [("b", 1)])
            lake.tag("half")
        clock.advance(60)


def make(folder: Path) -> None:
    """Write the warehouse into a folder and pack it."""
    clock = ManualClock(1)
    settings = LakeSettings(manifests_max=2)
    lake = Lake.open(
        str(folder), tables=TABLES, settings=settings, clock=clock, store=LocalStore(folder)
    )
    fill(lake, clock)
    version = lake.warehouse.format
    with zipfile.ZipFile(f"format_{version}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(folder))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
