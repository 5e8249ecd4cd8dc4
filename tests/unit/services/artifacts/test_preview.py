"""What is shown of a file that somebody logged, and what a hostile one costs."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mere.services.artifacts.preview import Preview, preview
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse

MB = 1 << 20
RUN = "a" * 32


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    yield open_warehouse(str(tmp_path / "lake"))
    close_warehouses()


def shown(warehouse: Warehouse, name: str, content: bytes, rows: int = 100) -> Preview:
    warehouse.artifacts.put_bytes(RUN, name, content)
    return preview(warehouse.artifacts, RUN, name, rows=rows)


def parquet(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", store_schema=False, **options)
    return sink.getvalue()


def test_tables_are_shown_by_their_first_rows(warehouse: Warehouse) -> None:
    table = pa.table({"a": range(5000), "b": [[1, None]] * 5000, "c": [b"xy"] * 5000})
    found = shown(warehouse, "t.parquet", parquet(table, row_group_size=700), rows=2)
    assert (found.columns, found.types) == (
        ["a", "b", "c"],
        ["int64", "list<element: int64>", "binary"],
    )
    assert found.rows == [[0, "[1, null]", "2 bytes"], [1, "[1, null]", "2 bytes"]]
    assert (found.total, found.is_cut, found.problem) == (5000, True, None)
    found = shown(warehouse, "t.csv", b"a,b\n1,x\n2," + b"y" * 2000)
    assert (found.columns, found.rows[0], len(found.rows[1][1])) == (["a", "b"], ["1", "x"], 1000)
    assert preview(warehouse.artifacts, RUN, "t.parquet", rows=0).rows == []


@pytest.mark.parametrize(
    "content",
    [b"", b"PAR1", b"PAR1" + b"\xff" * 200 + b"PAR1", b"PAR1" + b"\xff\xff\xff\x7fPAR1"],
)
def test_what_is_no_table_is_said(warehouse: Warehouse, content: bytes) -> None:
    assert "cannot be read" in str(shown(warehouse, "t.parquet", content).problem)


def test_a_table_that_unpacks_to_gigabytes_costs_this_process_nothing(
    warehouse: Warehouse,
) -> None:
    """One megabyte that is meant a thousand times, in forty columns, by ten kilobytes."""
    same = pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), pa.array(["x" * MB]))
    bomb = parquet(pa.table({f"c{number}": same for number in range(40)}))
    assert len(bomb) < 50_000
    before = psutil.Process().memory_info().rss
    children = set(psutil.Process().children())  # a server of S3, perhaps
    found = shown(warehouse, "bomb.parquet", bomb)
    assert found.problem == "the first rows take too much memory to be shown"
    assert found.rows == []
    assert psutil.Process().memory_info().rss - before < 100 * MB
    assert set(psutil.Process().children()) <= children


def test_pickles_are_bytes(warehouse: Warehouse, tmp_path: Path) -> None:
    """They are code; looking at one must not run it."""
    told = tmp_path / "told"
    code = f"cos\nsystem\n(S'touch {told}'\ntR.".encode()
    for name in ("model.pkl", "model.pickle", "model.joblib", "data.npy", "weights.pt"):
        found = shown(warehouse, name, code)
        assert (found.kind, found.text, found.rows) == ("binary", None, []), name
    assert not told.exists()
