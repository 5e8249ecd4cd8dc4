from __future__ import annotations

import gzip
import re

import pytest
from litestar.testing import TestClient

from mere.config import ServerSettings
from mere.server.app import create_app
from mere.server.portal import pages
from mere.services.warehouse import close_warehouses, open_warehouse


@pytest.fixture
def client(tmp_path, monkeypatch):
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / ".vite").mkdir()
    (static / ".vite" / "manifest.json").write_text("{}")
    (static / "index.html").write_text("<!doctype html><head><title>the page</title></head>")
    (static / "pages.json").write_text(
        '{"/": ["assets/home-1.js"], "/p/$experiment/runs/$run": ["assets/run-2.js"]}'
    )
    (static / "assets" / "main-1a2b.js").write_text("say('hello')\n" * 1_000)
    (tmp_path / "secret.txt").write_text("secret")
    monkeypatch.setattr(pages, "_FOLDER", static)
    for kept in (pages._files, pages._packed, pages._needed, pages._index_of):
        kept.cache_clear()
    warehouse = open_warehouse(str(tmp_path / "lake"))
    settings = ServerSettings(warehouse=warehouse.url)
    with TestClient(
        create_app(settings, warehouse=warehouse), base_url="http://127.0.0.1:5000"
    ) as one:
        yield one
    for kept in (pages._files, pages._packed, pages._needed, pages._index_of):
        kept.cache_clear()
    close_warehouses()


@pytest.mark.parametrize("path", ["/", "/experiments", "/p/17/runs/abc/charts?x=1"])
def test_every_page_is_the_one_page(client, path):
    found = client.get(path, headers={"Accept": "text/html,*/*"})
    assert (found.status_code, "the page" in found.text) == (200, True)
    assert found.headers["cache-control"] == "no-cache"
    policy = found.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("/", ["/assets/home-1.js"]),
        ("/p/17/runs/abc", ["/assets/run-2.js"]),
        ("/p/17/runs/abc/", ["/assets/run-2.js"]),
        ("/p/17/runs/abc/charts", []),
        ("/p//runs/%22%3E%3Cscript%3E", ["/assets/run-2.js"]),
        ("/nothing", []),
    ],
)
def test_a_page_names_what_its_address_will_need(client, path, needed):
    found = client.get(path, headers={"Accept": "text/html"}).text
    links = re.findall(r'<link rel="modulepreload" crossorigin href="([^"]*)">', found)
    assert links == needed
    assert "<script" not in found


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/ajax-api/2.0/mlflow/nothing", "/v1/nothing"])
def test_what_programs_ask_for_is_no_page(client, path):
    found = client.get(path, headers={"Accept": "text/html"})
    assert found.status_code == 404
    assert "the page" not in found.text


def test_files_are_kept_for_ever_and_sent_compressed(client):
    found = client.get("/assets/main-1a2b.js", headers={"Accept-Encoding": "gzip"})
    assert found.headers["content-encoding"] == "gzip"
    assert found.headers["content-type"].startswith("text/javascript")
    assert "immutable" in found.headers["cache-control"]
    assert found.text == "say('hello')\n" * 1_000
    plain = client.get("/assets/main-1a2b.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert len(gzip.compress(plain.content)) < len(plain.content)


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../../secret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets//etc/passwd",
        "/assets/%00",
        "/assets/../.vite/manifest.json",
    ],
)
def test_no_path_leads_elsewhere(client, path):
    found = client.get(path)
    assert found.status_code in (400, 404)
    assert "secret" not in found.text.replace("secret.txt", "")
