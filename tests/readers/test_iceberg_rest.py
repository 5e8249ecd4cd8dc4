"""A warehouse keeps its tables in Iceberg's own REST catalog; `make test-catalog` fetches that."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyiceberg.catalog import load_catalog

from mere.config import environment
from tests.readers.test_catalog import keep_and_compare

JARS = Path(__file__).parents[2] / ".iceberg-rest"


@pytest.fixture
def uri(tmp_path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        ["java", "-cp", f"{JARS}/*", "org.apache.iceberg.rest.RESTCatalogServer"],
        env={
            **environment(),
            "CATALOG_REST_PORT": str(port),
            "CATALOG_WAREHOUSE": tmp_path.as_uri(),
            "CATALOG_URI": f"jdbc:sqlite:{tmp_path}/catalog.db",
            "CATALOG_CATALOG__IMPL": "org.apache.iceberg.jdbc.JdbcCatalog",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, "the catalog did not start: it needs a Java of 17"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.mark.slow
@pytest.mark.skipif(not JARS.exists(), reason="`make test-catalog` fetches Iceberg's REST catalog")
def test_a_warehouse_keeps_its_tables_in_iceberg_s_own_catalog(tmp_path, monkeypatch, uri):
    monkeypatch.setenv("MERE_CATALOG_URI", uri)
    monkeypatch.setenv("MERE_CATALOG_NAMESPACE", "ml")
    catalog = load_catalog("it", type="rest", uri=uri)
    keep_and_compare(tmp_path / "lake", catalog, "ml")
