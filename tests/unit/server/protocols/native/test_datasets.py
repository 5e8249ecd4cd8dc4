"""Datasets and lineage, asked over HTTP: what answers look like, and who gets none."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest
from litestar.testing import TestClient

from mere.entities.actor import Role, Scope
from mere.entities.run import Run
from mere.server.protocols.native.datasets import OPERATIONS as DATASETS
from mere.server.protocols.native.lineage import OPERATIONS as LINEAGE
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse
from tests.unit.server.clients import client_of

OPERATIONS = (*DATASETS, *LINEAGE)
PASSWORD = "correct horse battery"
RUN, HIDDEN = "a" * 32, "b" * 32
NAME = "a/b <i>c</i> & d?"
AT = "/api/v1/datasets"
OF = "/api/v1/dataset-versions"


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A table with two versions, a folder with two, and a run of each of two experiments."""
    opened = open_warehouse(str(tmp_path_factory.mktemp("lake")))
    tables = opened.datasets.tables
    first = tables.write(NAME, pa.table({"x": [1, 2], "y": ["a", "b"]}), run_id=RUN)
    tables.write(NAME, pa.table({"x": [2, 3], "z": [None, 0.5]}), mode="overwrite")
    folder = tmp_path_factory.mktemp("files")
    (folder / "page.html").write_text("<script>alert(1)</script>")
    (folder / "a.txt").write_text("one")
    opened.datasets.files.write("folder", folder)
    (folder / "a.txt").write_text("two")
    opened.datasets.files.write("folder", folder)
    for run, name in ((RUN, "open"), (HIDDEN, "secret")):
        home = opened.experiments.create(name).experiment_id
        opened.runs.create(Run(run_id=run, experiment_id=home, name=name))
        opened.lineage.record(run, "read", f"dataset:{first.dataset_id}")
    for name, role in (("vera", Role.VIEWER), ("ed", Role.EDITOR), ("nina", Role.NONE)):
        opened.access.users.create(name, PASSWORD, role=role)
    secret = opened.experiments.get_or_create("secret").experiment_id
    opened.access.grants.give("user", "vera", Scope.experiment(secret), Role.NONE, by="root")
    yield opened
    close_warehouses()


@pytest.fixture(scope="module")
def client(warehouse: Warehouse) -> Iterator[TestClient]:
    with client_of(warehouse, OPERATIONS) as opened:
        yield opened


@pytest.fixture(scope="module")
def guarded(warehouse: Warehouse) -> Iterator[TestClient]:
    with client_of(warehouse, OPERATIONS, sign_in=True) as opened:
        yield opened


def version(client: TestClient, number: int, name: str = NAME) -> dict:
    return client.get(f"{AT}/version", params={"name": name, "version": number}).json()


def test_versions_are_found_by_any_name(client: TestClient) -> None:
    newest = client.get(f"{AT}/version", params={"name": NAME}).json()
    assert (newest["version"], newest["previous"], newest["next"]) == (2, 1, None)
    assert [one["name"] for one in newest["columns"]] == ["x", "z"]
    assert newest["profile"]["columns"][1]["nulls"] == 1
    assert isinstance(newest["snapshot_id"], str)
    assert client.get(f"{OF}/{newest['dataset_id']}").json() == newest
    page = client.get(f"{AT}/versions", params={"name": NAME, "limit": 1}).json()
    assert (page["total"], page["versions"][0]["version"]) == (2, 2)
    assert client.get(AT, params={"text": "<i>"}).json()["total"] == 1
    for name, number in (("none", 1), (NAME, 9)):
        missing = client.get(f"{AT}/version", params={"name": name, "version": number})
        assert missing.status_code == 404


def test_rows_and_values(client: TestClient) -> None:
    one = version(client, 1)["dataset_id"]
    found = client.get(f"{OF}/{one}/rows", params={"offset": 1, "column": ["y"]}).json()
    assert (found["columns"], found["rows"], found["total"]) == (["y"], [["b"]], 2)
    value = client.get(f"{OF}/{one}/value", params={"row": 0, "column": "y"})
    assert (value.text, value.headers["x-content-type-options"]) == ("a", "nosniff")
    assert value.headers["content-security-policy"].startswith("sandbox")
    for wrong in ("rows?column=none", "rows?limit=501", "value?row=0&column=none"):
        assert client.get(f"{OF}/{one}/{wrong}").status_code == 400
    files = version(client, 1, "folder")["dataset_id"]
    assert client.get(f"{OF}/{files}/rows").status_code == 400


def test_files_are_listed_and_never_run(client: TestClient) -> None:
    one = version(client, 2, "folder")["dataset_id"]
    page = client.get(f"{OF}/{one}/files", params={"text": "PAGE"}).json()
    assert ([file["path"] for file in page["files"]], page["total"]) == (["page.html"], 1)
    for inline in ("true", "false"):
        shown = client.get(f"{OF}/{one}/file", params={"path": "page.html", "inline": inline})
        assert shown.text == "<script>alert(1)</script>"
        assert "sandbox" in shown.headers["content-security-policy"]
    assert client.get(f"{OF}/{one}/file", params={"path": "../x"}).status_code == 404


def test_versions_are_compared(client: TestClient) -> None:
    before, after = version(client, 1)["dataset_id"], version(client, 2)["dataset_id"]
    found = client.get(f"{OF}/{after}/diff", params={"before": before}).json()
    assert [one["name"] for one in found["columns_added"]] == ["z"]
    assert (found["rows"]["added"], found["rows"]["removed"]) == (1, 1)
    files = [version(client, number, "folder")["dataset_id"] for number in (1, 2)]
    found = client.get(f"{OF}/{files[1]}/diff", params={"before": files[0]}).json()
    assert [one["path"] for one in found["files"]["changed"]] == ["a.txt"]
    mixed = client.get(f"{OF}/{files[1]}/diff", params={"before": before})
    assert mixed.status_code == 400


def test_what_people_say_can_be_changed(client: TestClient) -> None:
    change = {"name": "folder", "notes": "# Folder", "was": ""}
    assert client.patch(f"{AT}/card", json=change).json()["notes"] == "# Folder"
    assert client.patch(f"{AT}/card", json=change).status_code == 409
    one = version(client, 1, "folder")["dataset_id"]
    assert client.patch(f"{OF}/{one}", json={"tags": {"a": "b"}}).json()["tags"] == {"a": "b"}
    assert client.patch(f"{OF}/{one}", json={"tags": {"a": None}}).json()["tags"] == {}
    assert client.delete(f"{OF}/{one}").status_code == 204
    assert version(client, 1, "folder")["lifecycle"] == "deleted"
    assert client.post(f"{OF}/{one}/restore").status_code == 204
    assert version(client, 1, "folder")["lifecycle"] == "active"


def test_usage_and_lineage_show_what_one_may_read(guarded: TestClient) -> None:
    def get(who: str, path: str, **params: str):
        return guarded.get(path, params=params, auth=(who, PASSWORD))

    everything = get("ed", f"{AT}/usage", name=NAME).json()
    assert {run["name"] for run in everything["runs"]} == {"open", "secret"}
    some = get("vera", f"{AT}/usage", name=NAME).json()
    assert ([run["name"] for run in some["runs"]], some["runs_total"]) == (["open"], 1)
    graph = get("vera", "/api/v1/lineage/map", node=f"datasets:{NAME}").json()
    assert {one["label"] for one in graph["nodes"]} == {f"{NAME}@1", f"{NAME}@2", "open"}
    assert get("vera", "/api/v1/lineage/map", node=f"run:{HIDDEN}").status_code == 403
    assert get("nina", AT).status_code == 403
    assert get("nina", "/api/v1/lineage/map", node=f"datasets:{NAME}").status_code == 403
    assert {one["label"] for one in get("vera", "/api/v1/lineage/search").json()["nodes"]} == {
        f"{NAME}@1",
        "open",
    }
    for wrong in ("run:abc", "x", "model:m", "table:runs", "run:"):
        assert get("vera", "/api/v1/lineage/map", node=wrong).status_code == 404
    card = {"name": "folder", "notes": "x"}
    refused = guarded.patch(f"{AT}/card", json=card, auth=("vera", PASSWORD))
    assert refused.status_code == 403
