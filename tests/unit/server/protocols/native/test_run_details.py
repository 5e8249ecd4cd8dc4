"""The page of one run, asked over HTTP: notes, metrics, code, environment, repeats, activity."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from litestar.testing import TestClient

from mere.entities.code import BundleInfo, Environment
from mere.entities.run import Run, RunSource
from mere.server.protocols.native.run_details import OPERATIONS
from mere.services.provenance.bundle import BundledFile, BundleWriter
from mere.services.provenance.code import encode_environment
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse
from tests.unit.server.clients import client_of

RUN, CHILD, AGAIN, BARE = "a" * 32, "b" * 32, "c" * 32, "d" * 32
DIFF = b"diff --git a/train.py b/train.py\n--- a/train.py\n+++ b/train.py\n@@ -1 +1 @@\n-a\n+b\n"


def bundle() -> bytes:
    writer = BundleWriter()
    writer.add(BundledFile("lib/data.bin", b"\0\1"))
    writer.add(BundledFile("link", b"", link="train.py"))
    writer.add(BundledFile("train.py", "print('größe')\n".encode()))
    return writer.finish(BundleInfo(kind="tree"))


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory) -> Iterator[Warehouse]:
    opened = open_warehouse(str(tmp_path_factory.mktemp("lake")))
    home = opened.experiments.create("digits").experiment_id
    environment = opened.code.put(encode_environment(Environment(python="3.12.1")))
    source = RunSource(
        git_commit="1234", git_dirty=True, diff_digest=opened.code.put(DIFF), host="box"
    )
    opened.runs.create(
        Run(run_id=RUN, experiment_id=home, name="parent", source=source, notes="old")
    )
    digest = opened.code.put(bundle())
    command = {"entrypoint": "train.py", "git_branch": "main", "code_digest": digest}
    tally = {"step": 9, "timestamp": 0, "value": 0.5, "min": 0.1, "max": 1.0, "count": 10}
    summary = {f"layer/{n:03}": {**tally, "value": float(n % 10)} for n in range(300)}
    summary["layer/000"] = {**tally, "value": float("nan")}
    opened.lake.patch(
        "runs",
        [
            {
                "run_id": RUN,
                "command": command,
                "metric_summary": summary,
                "started_at": 1_000_000,
                "source": {"environment_digest": environment, "git_commit": "1234"}
                | {"git_dirty": True, "diff_digest": opened.code.put(DIFF)},
            },
        ],
    )
    for run_id, parent, repeats in ((CHILD, RUN, None), (AGAIN, None, RUN), (BARE, None, None)):
        opened.runs.create(
            Run(run_id=run_id, experiment_id=home, parent_run_id=parent, repeats=repeats)
        )
    opened.lake.patch("runs", [{"run_id": one, "started_at": 2_000_000} for one in (CHILD, AGAIN)])
    opened.runs.set_tags(AGAIN, {"mere.verdict": "equal", "mere.verdict.metrics": "1 equal"})
    opened.artifacts.put_bytes(RUN, "a.txt", b"abc")
    opened.artifacts.put_bytes(RUN, "b.txt", b"abcd")
    opened.lake.patch(
        "lineage",
        [{"run_id": RUN, "direction": "write", "asset": "model:m/1", "logged_at": 3_000_000}],
    )
    yield opened
    close_warehouses()


@pytest.fixture(scope="module")
def client(warehouse) -> Iterator[TestClient]:
    with client_of(warehouse, OPERATIONS) as opened:
        yield opened


AT = f"/api/v1/runs/{RUN}"


def test_notes_are_written_unless_others_wrote_them(client):
    written = client.patch(AT, json={"notes": "# New", "was": "old"})
    assert written.json() == {"name": "parent", "notes": "# New"}
    late = client.patch(AT, json={"notes": "mine", "was": "old"})
    assert (late.status_code, late.json()["error"]["code"]) == (409, "changed_meanwhile")
    assert client.patch(AT, json={"name": "heron"}).json() == {"name": "heron", "notes": "# New"}
    assert client.patch(AT, json={"notes": None}).json()["notes"] is None
    for wrong in ({"name": " "}, {"notes": "x" * 1_000_001}, {"notes": 3}):
        assert client.patch(AT, json=wrong).status_code == 400
    assert client.patch(f"/api/v1/runs/{'e' * 32}", json={"notes": ""}).status_code == 404


def test_metrics_are_searched_and_sorted(client):
    page = client.get(f"{AT}/metrics/list", params={"offset": 299}).json()
    assert (page["total"], [one["key"] for one in page["metrics"]]) == (300, ["layer/299"])
    assert client.get(f"{AT}/metrics/list?search=LAYER 29").json()["total"] == 13
    down = client.get(f"{AT}/metrics/list?order=last&is_descending=true&limit=300").json()
    assert down["metrics"][0]["summary"]["value"] == 9.0
    assert (down["metrics"][-1]["key"], down["metrics"][-1]["odd"]) == (
        "layer/000",
        {"value": "nan"},
    )
    for wrong in ("limit=0", "limit=1001", "offset=-1", "order=x"):
        assert client.get(f"{AT}/metrics/list?{wrong}").status_code == 400


def test_code_is_listed_and_shown(client):
    page = client.get(f"{AT}/code").json()
    assert page["git"]["commit"] == "1234"
    assert (page["git"]["branch"], page["kind"], page["has_diff"]) == ("main", "tree", True)
    assert [one["path"] for one in page["files"]] == ["lib/data.bin", "link", "train.py"]
    text = client.get(f"{AT}/code/file?path=train.py").json()
    assert (text["text"], text["is_cut"]) == ("print('größe')\n", False)
    for path in ("lib/data.bin", "link"):
        answer = client.get(f"{AT}/code/file?path={path}").json()
        assert answer["text"] is None
        assert answer["problem"]
    for path in ("none", "../mere.json", ""):
        assert client.get(f"{AT}/code/file", params={"path": path}).status_code == 404
    assert client.get(f"{AT}/code/diff").json()["text"].encode() == DIFF


def test_what_is_missing_is_named(client, warehouse):
    at = f"/api/v1/runs/{BARE}"
    assert "MERE_CAPTURE" in client.get(f"{at}/code").json()["problem"]
    assert client.get(f"{at}/code/diff").json()["text"] is None
    assert client.get(f"{at}/environment").json()["environment"] is None
    gone = {"entrypoint": "x.py", "code_digest": "0" * 64}
    warehouse.lake.patch("runs", [{"run_id": BARE, "command": gone}])
    assert "not in the warehouse" in client.get(f"{at}/code").json()["problem"]


def test_environment_repeats_and_activity(client):
    known = client.get(f"{AT}/environment").json()
    assert known["environment"] == {"python": "3.12.1"}
    (again,) = client.get(f"{AT}/repeats").json()["repeats"]
    assert (again["run_id"], again["verdict"], again["metrics"]) == (AGAIN, "equal", "1 equal")
    events = client.get(f"{AT}/activity").json()["events"]
    kinds = [event["kind"] for event in events]
    assert kinds[0] == "files"
    assert set(kinds) == {"files", "write", "child", "repeat", "started"}
    files = [event for event in events if event["kind"] == "files"]
    assert sum(event["count"] for event in files) == 2
    assert sum(event["bytes"] for event in files) == 7


def test_lineage_has_names(client):
    graph = client.get(f"{AT}/lineage").json()
    assert {node["label"] for node in graph["nodes"]} >= {"m/1"}
