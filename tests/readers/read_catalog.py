"""Attaches other engines to a server's Iceberg catalog; run by their own environment, without mere.

Prints one JSON object: the answer of each engine to the same questions.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import files
from pathlib import Path
from typing import Any

RUNS = "select run_id, params['lr'], metrics['loss'] from {} order by run_id"
POINTS = "select count(*), sum(step), min(value) from {} where key = 'loss'"


def duckdb_answers(uri: str, token: str) -> dict[str, Any]:
    import duckdb

    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    for name in ("httpfs", "avro", "iceberg"):
        for file in files(f"duckdb-extension-{name}") or ():
            if file.name.endswith(".duckdb_extension"):
                connection.execute(f"LOAD '{Path(str(file.locate()))}'")
    connection.execute(f"ATTACH 'mere' AS lake (TYPE iceberg, ENDPOINT '{uri}', TOKEN '{token}')")
    listed = connection.execute("select name from (show all tables) order by all").fetchall()
    return {
        "tables": [name for (name,) in listed],
        "runs": connection.execute(RUNS.format("lake.mere.runs")).fetchall(),
        "points": connection.execute(POINTS.format("lake.mere.metrics")).fetchone(),
    }


def pyiceberg_answers(uri: str, token: str) -> dict[str, Any]:
    import duckdb
    from pyiceberg.catalog import load_catalog

    catalog = load_catalog("mere", type="rest", uri=uri, warehouse="mere", token=token)
    assert catalog.list_namespaces() == [("mere",)]
    assert not catalog.table_exists("mere.nothing")
    connection = duckdb.connect()
    for name in ("runs", "metrics"):
        connection.register(name, catalog.load_table(f"mere.{name}").scan().to_arrow())
    past = load_catalog("past", type="rest", uri=uri, warehouse="mere@first", token=token)
    return {
        "tables": sorted(name for _, name in catalog.list_tables("mere")),
        "runs": connection.execute(RUNS.format("runs")).fetchall(),
        "points": connection.execute(POINTS.format("metrics")).fetchone(),
        "past": past.load_table("mere.runs").scan().to_arrow().num_rows,
    }


if __name__ == "__main__":
    answers = {
        "duckdb": duckdb_answers(*sys.argv[1:]),
        "pyiceberg": pyiceberg_answers(*sys.argv[1:]),
    }
    print(json.dumps(answers))
