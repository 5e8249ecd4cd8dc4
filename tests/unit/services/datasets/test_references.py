"""Data kept elsewhere: Iceberg tables of other catalogs, and addresses."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mere.clock import SystemClock
from mere.errors import InvalidInput, NotFound, Unavailable
from mere.lake import Lake
from mere.lake.foreign import open_foreign, public_address, public_properties
from mere.services.datasets.datasets import Datasets
from mere.services.tables import TABLES

SECRET = "do-not-store-me"


@pytest.fixture
def datasets(tmp_path: Path) -> Iterator[Datasets]:
    with Lake.open(str(tmp_path / "warehouse"), tables=TABLES) as lake:
        yield Datasets(lake, SystemClock())


@pytest.fixture
def metadata(tmp_path: Path) -> Path:
    """The metadata file of a table of another warehouse, with two snapshots."""
    with Lake.open(str(tmp_path / "other")) as lake:
        lake.write_table("sales", pa.table({"n": [1, 2]}))
        lake.write_table("sales", pa.table({"n": [3]}), mode="append")
    folder = tmp_path / "other" / "tables" / "sales" / "metadata"
    return max(folder.glob("*.metadata.json"), key=lambda path: path.stat().st_mtime_ns)


def snapshots(metadata: Path) -> list[int]:
    found = json.loads(metadata.read_text())["snapshots"]
    return [one["snapshot-id"] for one in sorted(found, key=lambda one: one["sequence-number"])]


@pytest.fixture
def catalog(metadata: Path) -> Iterator[str]:
    """The address of an Iceberg REST catalog with that table, for who knows the token."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers = {
                "/v1/config": {"defaults": {}, "overrides": {}},
                "/v1/namespaces/shop/tables/sales": {
                    "metadata-location": metadata.as_uri(),
                    "metadata": json.loads(metadata.read_text()),
                    "config": {},
                },
            }
            answer = answers.get(self.path.partition("?")[0])
            is_known = SECRET in self.headers.get("Authorization", "")
            code = 401 if not is_known else 404 if answer is None else 200
            kind = "NotAuthorizedException" if code == 401 else "NoSuchTableException"
            error = {"error": {"message": "no", "type": kind, "code": code}}
            body = json.dumps(answer if code == 200 else error).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_table_by_its_metadata_file(datasets: Datasets, metadata: Path) -> None:
    written = datasets.references.add("sales", uri=metadata.as_uri())
    assert (written.kind, written.rows, written.source_type) == ("reference", 3, "iceberg")
    assert [(column.name, column.type) for column in written.columns] == [("n", "int64")]
    assert written.snapshot_id == snapshots(metadata)[-1]
    # In which order, Iceberg does not say.
    assert sorted(datasets.read(written).read_all()["n"].to_pylist()) == [1, 2, 3]
    assert datasets.references.add("sales", uri=metadata.as_uri()).version == 1
    older = datasets.references.add(
        "sales", uri=metadata.as_uri(), snapshot_id=snapshots(metadata)[0]
    )
    assert (older.version, older.rows) == (2, 2)
    assert datasets.read(older).read_all().to_pydict() == {"n": [1, 2]}
    found = datasets.diff(older, written)
    assert found.rows is not None
    assert (found.rows.added, found.rows.removed) == (1, 0)
    with pytest.raises(NotFound, match="no snapshot 5"):
        datasets.references.add("sales", uri=metadata.as_uri(), snapshot_id=5)


def test_a_table_of_a_catalog_without_its_credentials(
    datasets: Datasets, metadata: Path, catalog: str
) -> None:
    properties = {"type": "rest", "uri": catalog, "token": SECRET, "s3.region": "eu-central-1"}
    written = datasets.references.add("sales", table="shop.sales", catalog=properties)
    stored = datasets._lake.sql("select * from datasets").to_pylist()
    assert SECRET not in str(stored)
    for path in Path(datasets._lake.store.url.removeprefix("file://")).rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes()
    place = msgspec.json.decode(written.source or "")
    assert place["catalog"] == {"type": "rest", "uri": catalog, "s3.region": "eu-central-1"}
    assert datasets.read(written).read_all().num_rows == 3
    # The catalog has moved on and dropped that metadata file; it keeps the snapshot.
    metadata.rename(metadata.with_name("moved.metadata.json"))
    gone = msgspec.structs.replace(
        written,
        source=json.dumps({**place, "metadata_location": "file:///nowhere/x.metadata.json"}),
    )
    metadata.with_name("moved.metadata.json").rename(metadata)
    with pytest.raises(Unavailable) as raised:
        datasets.read(gone)
    assert SECRET not in str(raised.value)
    assert datasets.read(gone, properties={"token": SECRET}).read_all().num_rows == 3
    with pytest.raises(NotFound, match=r"shop\.none"):
        datasets.references.add("x", table="shop.none", catalog=properties)


def test_what_nobody_answers_for_is_unavailable(datasets: Datasets) -> None:
    nowhere = {"type": "rest", "uri": "http://127.0.0.1:9", "token": SECRET}
    with pytest.raises(Unavailable) as raised:
        datasets.references.add("x", table="a.b", catalog=nowhere)
    assert SECRET not in str(raised.value)
    with pytest.raises(NotFound):
        datasets.references.add("x", uri="file:///nowhere/v1.metadata.json")


def test_addresses(datasets: Datasets, tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": [1], "s": ["x"]}), tmp_path / "t.parquet")
    local = datasets.references.add("local", uri=(tmp_path / "t.parquet").as_uri())
    assert datasets.read(local, ["s"]).read_all().to_pydict() == {"s": ["x"]}
    far = datasets.references.add("far", uri="https://ann:pw@example.org/a/b.zip?sig=x#y")
    assert far.source == "https://example.org/a/b.zip"
    with pytest.raises(InvalidInput, match=r"https://example\.org"):
        datasets.read(far)
    assert datasets.references.add("far", uri="https://example.org/a/b.zip").version == 1
    assert datasets.references.add("far", uri="https://example.org/a/c.zip").version == 2
    assert datasets.diff(far, datasets.find("far", 2)).rows is None


def test_what_is_refused(datasets: Datasets) -> None:
    both: dict[str, Any] = {"table": "a.b", "uri": "s3://x"}
    for wrong in ({}, both):
        with pytest.raises(InvalidInput, match="either"):
            datasets.references.add("x", **wrong)
    for key in ("py-catalog-impl", "py-io-impl"):
        with pytest.raises(InvalidInput, match="code"):
            open_foreign(table="a.b", catalog={key: "os.system"})
    with pytest.raises(InvalidInput, match="name the table"):
        open_foreign()
    datasets.tables.write("t", {"n": [1]})
    with pytest.raises(InvalidInput, match="another name"):
        datasets.references.add("t", uri="https://example.org")


def test_only_places_are_public() -> None:
    given = {
        "type": "sql",
        "uri": "postgresql+psycopg2://ann:pw@host:5432/db?password=pw",
        "warehouse": "s3://bucket/x",
        "s3.access-key-id": "a",
        "s3.secret-access-key": "b",
        "credential": "c",
        "token": "d",
        "py-io-impl": "e",
    }
    assert public_properties(given) == {
        "type": "sql",
        "uri": "postgresql+psycopg2://host:5432/db",
        "warehouse": "s3://bucket/x",
    }
    assert public_address("/plain/path") == "/plain/path"
    assert public_address("file:///a/b") == "file:///a/b"
