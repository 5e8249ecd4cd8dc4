"""What the portal stands on, asked over HTTP: series, windows, changes, consoles, files, ticks."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pyarrow as pa
import pytest
from litestar.testing import TestClient

from mere.entities.artifact import Artifact
from mere.entities.run import Run
from mere.server.protocols.native.arrow import ARROW
from mere.server.protocols.native.artifacts import OPERATIONS as ARTIFACTS
from mere.server.protocols.native.artifacts import safe_headers
from mere.server.protocols.native.console import OPERATIONS as CONSOLE
from mere.server.protocols.native.experiments import OPERATIONS as EXPERIMENTS
from mere.server.protocols.native.runs import OPERATIONS as RUNS
from mere.server.protocols.native.series import OPERATIONS as SERIES
from mere.server.protocols.native.suggest import OPERATIONS as SUGGEST
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse
from tests.unit.server.clients import client_of

OPERATIONS = (*ARTIFACTS, *CONSOLE, *EXPERIMENTS, *RUNS, *SERIES, *SUGGEST)
RUN, CHILD = "a" * 32, "b" * 32


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory) -> Iterator[Warehouse]:
    opened = open_warehouse(str(tmp_path_factory.mktemp("lake")))
    home = opened.experiments.create("digits", tags={"team": "x"}).experiment_id
    made = Run(run_id=RUN, experiment_id=home, name="parent", params={"lr": "0.1"})
    opened.runs.create(made)
    opened.runs.create(Run(run_id=CHILD, experiment_id=home, name="child", parent_run_id=RUN))
    points = [
        {"run_id": RUN, "key": "loss", "step": n, "timestamp": 1_000_000 * n, "value": 1 / (n + 1)}
        for n in range(1_000)
    ]
    opened.lake.append("metrics", points)
    tally = {"step": 999, "timestamp": 0, "value": 0.001, "min": 0.001, "max": 1.0, "count": 1_000}
    opened.lake.patch("runs", [{"run_id": RUN, "metric_summary": {"loss": tally}}])
    lines = [
        {"run_id": RUN, "process": 0, "line": n, "stream": "stdout", "text": f"Epoch {n}"}
        for n in range(2_000)
    ]
    opened.lake.append("console", lines)
    for path, content in {
        "page.html": b"<script>alert(1)</script>",
        "plots/a.svg": b"<svg/>",
        "plots/b.png": b"\x89PNG",
        "data/t.csv": b"a,b\n1,x\n2,y\n",
        "notes.md": "größe\n".encode() * 3,
        "model.pkl": b"\x80\x04.",
    }.items():
        opened.artifacts.put_bytes(RUN, path, content)
    yield opened
    close_warehouses()


@pytest.fixture(scope="module")
def client(warehouse) -> Iterator[TestClient]:
    with client_of(warehouse, OPERATIONS) as opened:
        yield opened


def table(response) -> pa.Table:
    assert response.headers["content-type"] == ARROW
    return pa.ipc.open_stream(response.content).read_all()


# Series


def test_series_come_as_arrow_and_only_what_is_new(client, warehouse):
    asked = {"panels": [{"runs": [RUN], "keys": ["loss"]}]}
    answer = client.post("/api/v1/series", json=asked)
    rows = table(answer)
    said = rows.schema.metadata
    (panel,) = json.loads(said[b"panels"])
    assert (panel["width"], panel["points"], panel["is_reset"]) == (2, 1_000, True)
    assert max(rows["hi"].to_pylist()[0]) == 1.0
    assert len(answer.content) <= 16 << 10
    again = client.post("/api/v1/series", json={**asked, "since": said[b"cursor"].decode()})
    assert (again.status_code, again.content) == (204, b"")
    warehouse.lake.append(
        "metrics", [{"run_id": RUN, "key": "loss", "step": 1, "timestamp": 0, "value": 9.0}]
    )
    since = again.headers["mere-cursor"]
    change = client.post(
        "/api/v1/series", json={**asked, "since": since}, headers={"accept": "application/json"}
    ).json()
    (series,) = change["series"]
    assert (series["run_id"], series["at"], series["hi"]) == (RUN, [0], [9.0])


def test_wrong_series_are_refused(client):
    assert client.post("/api/v1/series", json={}).status_code == 400
    wrong = {"panels": [{"runs": [RUN], "keys": ["loss"], "x": "nothing"}]}
    assert client.post("/api/v1/series", json=wrong).status_code == 400


# Runs


def test_windows_come_as_json_or_arrow_and_not_twice(client):
    asked = {"columns": ["name", "params.lr", "metrics.loss"], "order": ["name"]}
    page = client.post("/api/v1/runs/window", json=asked).json()
    assert (page["total"], page["is_grouped"]) == (2, False)
    assert page["rows"][1] == {
        "run_id": RUN,
        "name": "parent",
        "params.lr": "0.1",
        "metrics.loss": 0.001,
    }
    arrow = table(client.post("/api/v1/runs/window", json=asked, headers={"accept": ARROW}))
    assert json.loads(arrow.schema.metadata[b"window"])["total"] == 2
    again = client.post("/api/v1/runs/window", json={**asked, "since": page["tag"]})
    assert (again.status_code, again.content) == (204, b"")


def test_a_filter_that_is_wrong_says_where(client):
    answer = client.post("/api/v1/runs/window", json={"filter": "name == "})
    assert answer.status_code == 400
    assert {"start", "end"} <= answer.json()["error"]["details"].keys()


def test_one_run_with_all_it_has(client):
    page = client.get(f"/api/v1/runs/{RUN}").json()
    assert (page["run"]["name"], page["experiment"], page["metrics"]) == ("parent", "digits", 1)
    assert "metric_summary" not in page["run"]
    assert [child["run_id"] for child in page["children"]] == [CHILD]
    found = client.get(f"/api/v1/runs/{RUN}/metrics?key=loss&key=none").json()
    assert found["metrics"]["loss"]["max"] == 1.0
    assert client.get(f"/api/v1/runs/{'c' * 32}").status_code == 404


def test_keys_of_a_run_and_of_all(client):
    assert client.get(f"/api/v1/runs/{RUN}/keys/params").json()["nodes"][0]["path"] == "lr"
    assert client.get("/api/v1/keys/metrics?search=LO").json()["total"] == 1
    assert client.get("/api/v1/keys/nothing").status_code == 400


def test_runs_are_changed_and_changed_back(client):
    named = {"filter": "name = 'child'"}
    change = client.post(
        "/api/v1/runs/changes", json={"action": "tag", "window": named, "tags": {"good": "yes"}}
    ).json()
    assert change["changed"] == 1
    tagged = {"filter": "tags.good = 'yes'"}
    assert client.post("/api/v1/runs/window", json=tagged).json()["total"] == 1
    assert client.post(f"/api/v1/runs/changes/{change['undo']}/undo").json()["changed"] == 1
    assert client.post("/api/v1/runs/window", json=tagged).json()["total"] == 0
    for wrong in ({"action": "tag"}, {"action": "x", "runs": [RUN]}):
        assert client.post("/api/v1/runs/changes", json=wrong).status_code == 400
    assert client.post("/api/v1/runs/changes/0/undo").status_code == 404


def test_experiments_and_suggestions(client):
    listed = client.get("/api/v1/experiments").json()["experiments"]
    (digits,) = [one for one in listed if one["name"] == "digits"]
    assert (digits["runs"], digits["tags"]) == (2, {"team": "x"})
    one = client.get(f"/api/v1/experiments/{digits['experiment_id']}").json()
    assert one["name"] == "digits"
    page = client.post("/api/v1/suggest", json={"text": "params."}).json()
    assert [item["text"] for item in page["items"]] == ["params.lr"]


# Consoles


def test_a_console_is_read_from_anywhere(client):
    at = f"/api/v1/runs/{RUN}/console"
    page = client.get(f"{at}?first=1500&limit=2").json()
    assert [line["text"] for line in page["lines"]] == ["Epoch 1500", "Epoch 1501"]
    assert (page["total"], page["processes"]) == (2_000, {"0": 2_000})
    end = client.get(f"{at}?first=-2").json()
    assert [line["line"] for line in end["lines"]] == [1998, 1999]
    assert client.get(f"{at}?process=7").json() == {
        "lines": [],
        "total": 0,
        "processes": {"0": 2_000},
    }
    assert client.get(f"{at}?limit=5001").status_code == 400
    quick = client.get(at, params={"first": 100, "limit": 2, "is_counted": "false"}).json()
    assert [line["line"] for line in quick["lines"]] == [100, 101]
    assert (quick["total"], quick["processes"]) == (None, None)


def test_a_console_is_searched(client):
    at = f"/api/v1/runs/{RUN}/console/search"
    found = client.get(at, params={"text": "epoch 19", "limit": 3}).json()
    assert [line["line"] for line in found["lines"]] == [19, 190, 191]
    behind = client.get(at, params={"text": "epoch 19", "after": found["next_after"]}).json()
    assert behind["lines"][0]["line"] == 192
    regex = client.get(at, params={"text": "h 1?99$", "is_regex": "true"}).json()
    assert [line["line"] for line in regex["lines"]] == [99, 199]
    for wrong in ({"text": ""}, {"text": "(", "is_regex": "true"}):
        assert client.get(at, params=wrong).status_code == 400


# Files


def test_folders_are_listed_and_files_previewed(client):
    at = f"/api/v1/artifacts/{RUN}"
    top = client.get(at).json()
    assert [(e["name"], e["is_folder"], e["files"]) for e in top["entries"][:3]] == [
        ("data", True, 1),
        ("plots", True, 2),
        ("model.pkl", False, 1),
    ]
    inside = client.get(f"{at}?path=plots").json()
    assert [entry["path"] for entry in inside["entries"]] == ["plots/a.svg", "plots/b.png"]
    csv = client.get(f"{at}/preview/data/t.csv?rows=1").json()
    assert (csv["kind"], csv["columns"], csv["rows"], csv["is_cut"]) == (
        "table",
        ["a", "b"],
        [["1", "x"]],
        True,
    )
    text = client.get(f"{at}/preview/notes.md").json()
    assert (text["kind"], text["text"]) == ("text", "größe\n" * 3)
    assert client.get(f"{at}/preview/model.pkl").json()["kind"] == "binary"
    assert client.get(f"{at}/preview/page.html").json()["kind"] == "html"
    assert client.get(f"{at}/preview/none").status_code == 404


def test_files_are_given_out_whole_and_in_parts(client):
    at = f"/api/v1/artifacts/{RUN}/files/data/t.csv"
    whole = client.get(at)
    assert whole.content == b"a,b\n1,x\n2,y\n"
    assert client.get(at, headers={"if-none-match": whole.headers["etag"]}).status_code == 304
    part = client.get(at, headers={"range": "bytes=4-6"})
    assert (part.status_code, part.content) == (206, b"1,x")
    assert part.headers["content-range"] == "bytes 4-6/12"
    assert client.get(at, headers={"range": "bytes=-4"}).content == b"2,y\n"
    assert client.get(at, headers={"range": "bytes=99-"}).status_code == 400
    assert client.get(at, headers={"range": "lines=1-2"}).status_code == 200


@pytest.mark.parametrize(
    "path", ["page.html", "plots/a.svg", "model.pkl", "notes.md", "data/t.csv"]
)
def test_no_file_is_a_page_of_this_site(client, path):
    for query in ("", "?inline=true"):
        headers = client.get(f"/api/v1/artifacts/{RUN}/files/{path}{query}").headers
        assert headers["content-security-policy"].startswith("sandbox")
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "allow-same-origin" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        if not query or path == "model.pkl":
            assert headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    "path", ["..%2F..%2Fmere.json", "../mere.json", "/etc/passwd", "data%2F..%2Fpage.html", "data"]
)
def test_paths_lead_nowhere_else(client, path):
    assert client.get(f"/api/v1/artifacts/{RUN}/files/{path}").status_code in (400, 404)


def test_a_name_cannot_add_headers():
    hostile = 'x/a"; filename=evil.exe\r\nSet-Cookie: a=b\u202egnp.html'
    artifact = Artifact(
        owner=RUN, path=hostile, size=1, digest="0" * 64, media_type="text/html", location="x"
    )
    headers = safe_headers(artifact, inline=True)
    shown = headers["Content-Disposition"]
    assert shown.isascii()
    assert not set("\r\n") & set(shown)
    assert shown.count('"') == 2
