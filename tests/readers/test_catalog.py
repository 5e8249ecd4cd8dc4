"""Other engines attach to a server's Iceberg catalog and find what is folded."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import NamespaceNotEmptyError, RESTError
from pyiceberg.types import StringType

from mere.services.warehouse import close_warehouses, open_warehouse
from tests.readers.catalog_server import fill, serving

PYTHON = Path(__file__).parents[2] / ".readers" / "bin" / "python"


@pytest.mark.slow
def test_engines_attach_and_read(tmp_path):
    if not PYTHON.exists():
        pytest.fail("the environment of other engines is missing: `make readers` installs it")
    token = fill(tmp_path / "lake")
    script = Path(__file__).with_name("read_catalog.py")
    with serving(tmp_path / "lake") as uri:
        result = subprocess.run(
            [str(PYTHON), str(script), uri, token],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert result.returncode == 0, result.stderr[-2000:]
    answers = json.loads(result.stdout.splitlines()[-1])
    assert answers["pyiceberg"].pop("past") == 1
    for engine in ("duckdb", "pyiceberg"):
        assert answers[engine] == {
            "tables": ["metrics", "runs"],
            "runs": [["a", "0.1", 0.5], ["b", "0.1", 0.5], ["c", "0.1", 0.5]],
            "points": [3, 3, 0.5],
        }, engine


@pytest.mark.slow
def test_a_warehouse_keeps_its_tables_in_the_catalog_of_another_server(tmp_path, monkeypatch):
    token = fill(tmp_path / "lake", role="editor")
    folder = tmp_path / "lake" / "guests" / "inner"
    with serving(tmp_path / "lake", MERE_ICEBERG_WRITES="true") as uri:
        monkeypatch.setenv("MERE_CATALOG_URI", uri)
        monkeypatch.setenv("MERE_CATALOG_TOKEN", token)
        monkeypatch.setenv("MERE_CATALOG_NAMESPACE", "ml")
        catalog = load_catalog("it", type="rest", uri=uri, warehouse="mere", token=token)
        keep_and_compare(folder, catalog, "ml")


def keep_and_compare(folder: Path, catalog: Catalog, namespace: str) -> None:
    """Write and fold a warehouse; the other catalog has the same rows as its own tables."""
    lake = open_warehouse(str(folder)).lake
    try:
        for number in range(4):
            lake.patch("runs", [{"run_id": f"r{number % 3}", "params": {"n": str(number)}}])
            point = {"run_id": f"r{number}", "key": "loss", "step": number, "value": 0.5}
            lake.append("metrics", [point])
            lake.fold()
        lake.write_table("data", pa.table({"a": [1, 2]}))
        lake.write_table("data", pa.table({"a": ["x"], "b": [1.5]}))
        lake.upkeep()
        tables = {name for _, name in catalog.list_tables(namespace)}
        assert tables == {"runs", "metrics", "data"}
        columns = {"runs": ["run_id", "params"], "metrics": ["run_id", "step"], "data": ["a", "b"]}
        for name, wanted in columns.items():
            theirs = catalog.load_table(f"{namespace}.{name}").scan().to_arrow().select(wanted)
            ours = lake.sql(f"select {', '.join(wanted)} from {name}")
            assert sorted(map(str, theirs.to_pylist())) == sorted(map(str, ours.to_pylist()))
        lake.drop_table("data")
        assert not catalog.table_exists(f"{namespace}.data")
    finally:
        close_warehouses()


@pytest.mark.slow
def test_other_writers_keep_tables_of_their_own(tmp_path):
    """pyiceberg makes, fills, changes and drops a table; those of mere stay as they are."""
    token = fill(tmp_path / "lake", role="editor")
    with serving(tmp_path / "lake", MERE_ICEBERG_WRITES="true") as uri:
        one, other = (
            load_catalog(name, type="rest", uri=uri, warehouse="mere", token=token)
            for name in ("one", "other")
        )
        one.create_namespace("sales", {"owner": "ann"})
        rows = pa.table({"id": [1, 2], "name": ["a", "b"]})
        made = one.create_table("sales.orders", schema=rows.schema)
        made.append(rows)
        late = other.load_table("sales.orders")
        made.append(rows)
        assert late.scan().to_arrow().num_rows == 2
        late.append(rows)  # pyiceberg looks again and tries again
        with late.update_schema() as update:
            update.add_column("note", StringType())
        assert one.load_table("sales.orders").scan().to_arrow().num_rows == 6
        with one.create_table_transaction("sales.staged", schema=rows.schema) as staged:
            staged.append(rows)
        assert other.load_table("sales.staged").scan().to_arrow().num_rows == 2
        one.rename_table("sales.orders", "sales.bills")
        assert sorted(other.list_tables("sales")) == [("sales", "bills"), ("sales", "staged")]
        assert other.load_table("sales.bills").scan().to_arrow().num_rows == 6
        with pytest.raises(NamespaceNotEmptyError):
            one.drop_namespace("sales")
        for name in ("bills", "staged"):
            one.purge_table(f"sales.{name}")
        one.drop_namespace("sales")
        assert one.list_namespaces() == [("mere",)]
        with pytest.raises(RESTError):
            one.drop_table("mere.runs")
        with pytest.raises((RESTError, ValueError)):
            one.load_table("mere.runs").append(one.load_table("mere.runs").scan().to_arrow())
        assert one.load_table("mere.runs").scan().to_arrow().num_rows == 3
    files = [path for path in (tmp_path / "lake" / "guests").rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} == {"roots"}
