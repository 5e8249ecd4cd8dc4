"""Reads a warehouse's tables with other engines; run by their own environment, without mere.

Prints one JSON object: the answer of each engine to the same questions.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib.metadata import files
from pathlib import Path


def duckdb_answers(warehouse: str) -> dict:
    import duckdb

    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    for package in ("duckdb-extension-avro", "duckdb-extension-iceberg"):
        for file in files(package) or ():
            if file.name.endswith(".duckdb_extension"):
                connection.execute(f"LOAD '{Path(str(file.locate()))}'")
    scan = f"iceberg_scan('{warehouse}/tables/%s')"
    runs = connection.execute(
        "select id, name, tags['colour'], latest['loss'] from " + scan % "items" + " order by id"
    ).fetchall()
    points = connection.execute(
        "select count(*), sum(step), min(value), max(value) from "
        + scan % "points"
        + " where series = 'a'"
    ).fetchone()
    cells = connection.execute(
        "select a, s, l[1], st.x, d::varchar, epoch_us(tz), t is not null from "
        + scan % "dataset_x"
        + " order by a"
    ).fetchall()
    (empty,) = connection.execute("select * from " + scan % "dataset_empty").fetchall() or (0,)
    return {"rows": runs, "points": points, "dataset": cells, "empty": empty}


def pyiceberg_answers(warehouse: str) -> dict:
    from pyiceberg.table import StaticTable

    items = StaticTable.from_metadata(f"{warehouse}/tables/items").scan().to_arrow().to_pylist()
    rows = [
        [
            r["id"],
            r["name"],
            dict(r["tags"] or ()).get("colour"),
            dict(r["latest"] or ()).get("loss"),
        ]
        for r in sorted(items, key=lambda row: row["id"])
    ]
    table = StaticTable.from_metadata(f"{warehouse}/tables/points")
    points = table.scan("series == 'a'").to_arrow().to_pydict()
    cells = StaticTable.from_metadata(f"{warehouse}/tables/dataset_x").scan().to_arrow()
    dataset = cells_of(cells.to_pylist())
    empty = StaticTable.from_metadata(f"{warehouse}/tables/dataset_empty").scan().to_arrow()
    return {
        "rows": rows,
        "points": summary(points),
        "dataset": dataset,
        "empty": empty.num_rows,
    }


def polars_answers(warehouse: str) -> dict:
    import polars as pl

    def scan(name: str) -> pl.LazyFrame:
        metadata = Path(warehouse, "tables", name, "metadata")
        version = (metadata / "version-hint.text").read_text()
        return pl.scan_iceberg(str(metadata / f"{version}.metadata.json"))

    items = scan("items").sort("id").select("id", "name", "tags", "latest").collect().to_dicts()

    rows = [
        [
            r["id"],
            r["name"],
            dict(r["tags"] or {}).get("colour"),
            dict(r["latest"] or {}).get("loss"),
        ]
        for r in items
    ]
    points = scan("points").filter(pl.col("series") == "a").collect().to_dict(as_series=False)
    dataset = cells_of(scan("dataset_x").collect().to_dicts())
    empty = scan("dataset_empty").collect().height
    return {"rows": rows, "points": summary(points), "dataset": dataset, "empty": empty}


def cells_of(rows: list[dict]) -> list:
    return [
        [
            r["a"],
            r["s"],
            r["l"][0] if r["l"] else None,
            r["st"]["x"] if r["st"] else None,
            None if r["d"] is None else str(r["d"]),
            None if r["tz"] is None else round(r["tz"].timestamp() * 1_000_000),
            r["t"] is not None,
        ]
        for r in sorted(rows, key=lambda row: row["a"])
    ]


def summary(points: dict) -> list:
    values = points["value"]
    return [len(values), sum(points["step"]), min(values), max(values)]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    answers = (duckdb_answers, pyiceberg_answers, polars_answers)
    print(json.dumps({f.__name__.partition("_")[0]: f(sys.argv[1]) for f in answers}))
