"""Comparing runs over HTTP: windows, what is left out, CSV, and who may not look."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from litestar.testing import TestClient

from mere.entities.run import Run
from mere.server.protocols.native.compare import OPERATIONS
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse
from tests.unit.server.clients import client_of

IDS = [f"{n:032x}" for n in range(1, 5)]
AT = "/api/v1/compare"


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory) -> Iterator[Warehouse]:
    opened = open_warehouse(str(tmp_path_factory.mktemp("lake")))
    home = opened.experiments.create("digits").experiment_id
    for n, run_id in enumerate(IDS):
        opened.runs.create(
            Run(run_id=run_id, experiment_id=home, name=f"run {n}", params={"n": str(n), "k": "1"})
        )
        tally = {"step": 0, "timestamp": 0, "value": float("nan"), "min": 0.0, "max": 1.0}
        opened.lake.patch(
            "runs", [{"run_id": run_id, "metric_summary": {"loss": {**tally, "count": 3}}}]
        )
    yield opened
    close_warehouses()


@pytest.fixture(scope="module")
def client(warehouse) -> Iterator[TestClient]:
    with client_of(warehouse, OPERATIONS) as opened:
        yield opened


def ask(client: TestClient, path: str, **body):
    answer = client.post(f"{AT}/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_runs_come_as_a_window_with_a_tag_and_what_is_left_out(client):
    found = ask(client, "runs", of={"runs": [*IDS, "f" * 32]}, offset=1, limit=2)
    assert [one["name"] for one in found["runs"]] == ["run 1", "run 2"]
    assert (found["total"], found["left_out"]) == (4, ["f" * 32])
    again = ask(client, "runs", of={"runs": IDS, "tag": found["tag"]}, limit=0)
    assert again["runs"] == []
    assert ask(client, "points", of={"runs": IDS}) == {"points": 12}


def test_a_sheet_is_a_window_and_nan_has_a_name(client):
    found = ask(
        client,
        "sheet",
        of={"filter": "params.k = '1'", "order": ["name ASC"]},
        family="params",
        rows={"baseline": IDS[0], "column_offset": 1, "column_limit": 2},
    )
    (row,) = found["rows"]
    assert (row["key"], row["cells"], row["others"], row["base"]) == (
        "n",
        ["1", "2"],
        [True, True],
        "0",
    )
    loss = ask(
        client, "sheet", of={"runs": IDS}, family="metrics", rows={"is_all": True, "take": "last"}
    )
    assert loss["rows"][0]["cells"] == ["nan"] * 4


def test_csv_is_a_download(client):
    answer = client.post(f"{AT}/csv", json={"of": {"runs": IDS}, "family": "params"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="params.csv"'
    assert answer.text.splitlines()[-1] == "params,n,0,1,2,3"


def test_why_and_media_and_code(client):
    found = ask(client, "why", of={"runs": IDS}, target={"metric": "loss", "take": "max"})
    assert (found["runs"], found["is_enough"]) == (4, False)
    assert ask(client, "media", of={"runs": IDS})["total"] == 0
    diff = client.get(f"{AT}/code", params={"first": IDS[0], "second": IDS[1]}).json()
    assert "no files were stored" in diff["problem"]


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("runs", {}, "invalid_value"),
        ("runs", {"of": {"runs": []}, "limit": 1001}, "limit_exceeded"),
        ("sheet", {"of": {"runs": IDS}, "family": "none"}, "invalid_value"),
        ("sheet", {"of": {"filter": "((("}}, "invalid_query"),
        ("sheet", {"of": {"runs": IDS}, "rows": {"limit": 10**6}}, "limit_exceeded"),
        ("media", {"of": {"runs": IDS}, "media": {"limit": -1}}, "limit_exceeded"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(client, path, body, code):
    answer = client.post(f"{AT}/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code
