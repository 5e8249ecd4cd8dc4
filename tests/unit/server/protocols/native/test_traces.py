"""Traces of the portal over HTTP: the list, one with its spans, assessments, and who may."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from litestar.testing import TestClient

from mere.entities.actor import Role, Scope
from mere.server.protocols.native.arrow import ARROW
from mere.server.protocols.native.assessments import OPERATIONS as ASSESSMENTS
from mere.server.protocols.native.evaluation_datasets import OPERATIONS as EVALUATION_DATASETS
from mere.server.protocols.native.trace_list import OPERATIONS as TRACE_LIST
from mere.server.protocols.native.trace_spans import OPERATIONS as TRACE_SPANS
from mere.server.protocols.native.traces import OPERATIONS as TRACES
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse
from tests.portal.made_traces import deep_trace, everyday_traces, trace_id_of
from tests.unit.server.clients import client_of

NOW = 1_700_000_000_000_000_000
DEEP = trace_id_of(5)
PASSWORD = "correct horse battery"
OPERATIONS = (*TRACES, *TRACE_LIST, *TRACE_SPANS, *ASSESSMENTS, *EVALUATION_DATASETS)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    opened = open_warehouse(str(tmp_path_factory.mktemp("traces") / "lake"))
    open_to_all = opened.experiments.create("agent").experiment_id
    hidden = opened.experiments.create("hidden").experiment_id
    opened.traces.receive(list(everyday_traces(30, NOW)), open_to_all)
    opened.traces.receive(deep_trace(5, NOW, depth=20), hidden)
    opened.access.users.create("vera", PASSWORD, role=Role.NONE)
    opened.access.grants.give("user", "vera", Scope.experiment(open_to_all), Role.VIEWER)
    yield opened
    close_warehouses()


@pytest.fixture(scope="module")
def client(warehouse: Warehouse) -> Iterator[TestClient[Any]]:
    with client_of(warehouse, OPERATIONS, fold_s=0.0) as opened:
        yield opened


def posted(client: TestClient[Any], path: str, **body: Any) -> Any:
    answer = client.post(f"/api/v1/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_list_and_what_is_beside_it(client: TestClient[Any]) -> None:
    page = posted(client, "traces/window", limit=10, order="duration DESC")
    assert (page["total"], len(page["traces"]), page["newer"]) == (31, 10, 0)
    latencies = [one["duration_ms"] for one in page["traces"]]
    assert latencies == sorted(latencies, reverse=True)
    found = posted(client, "traces/overview", chosen={"status": ["ERROR"]}, bars=20)
    assert found["totals"]["traces"] == found["totals"]["errors"]
    assert sum(one["traces"] for one in found["facets"]["status"]["values"]) == 31
    assert sum(one["traces"] for one in found["moments"]) == found["totals"]["traces"]
    sessions = posted(client, "traces/sessions", limit=3)
    assert (sessions["total"], len(sessions["sessions"])) == (8, 3)
    wrong = client.post("/api/v1/traces/overview", json={"filter": "x >> 1"})
    assert wrong.status_code == 400


def test_spans_as_arrow_and_as_json(client: TestClient[Any]) -> None:
    answer = client.get(f"/api/v1/traces/{DEEP}/spans", headers={"Accept": ARROW})
    table = pa.ipc.open_stream(answer.content).read_all()
    assert table.num_rows == 20
    assert table["parent"].to_pylist() == list(range(-1, 19))
    told = client.get(f"/api/v1/traces/{DEEP}/spans").json()
    assert told["total"] == 20
    assert told["spans"][1]["name"] == "recurse 1"
    head = client.get(f"/api/v1/traces/{DEEP}?spans=false").json()
    assert (head["spans"], head["trace"]["trace_id"]) == ([], DEEP)


def test_one_span_and_a_text_in_them(client: TestClient[Any]) -> None:
    last = f"{20:016x}"
    one = client.get(f"/api/v1/traces/{DEEP}/spans/{last}").json()
    assert one["status_message"] == "it failed"
    assert one["events"][0]["attributes"]["exception.type"] == "TimeoutError"
    assert client.get(f"/api/v1/traces/{DEEP}/spans/ff").status_code == 404
    found = client.get(f"/api/v1/traces/{DEEP}/matches?text=TIMED OUT").json()
    assert found == {"spans": [last], "total": 1}
    log = client.get(f"/api/v1/traces/{DEEP}/log?offset=18&limit=5").json()
    assert [line["name"] for line in log["spans"]] == ["recurse 18", "recurse 19"]


def test_people_assess_a_trace(client: TestClient[Any]) -> None:
    path = f"/api/v1/traces/{DEEP}/assessments"
    body = {"name": "helpful", "value": False, "rationale": "It *recurses*."}
    made = client.post(path, json=body).json()
    assert (made["source_kind"], made["kind"]) == ("HUMAN", "feedback")
    one = f"{path}/{made['assessment_id']}"
    assert client.patch(one, json={"value": True}).json()["value"] is True
    assert client.patch(one, json={}).status_code == 400
    listed = client.get(path).json()["assessments"]
    assert [(said["value"], said["rationale"]) for said in listed] == [(True, "It *recurses*.")]
    assert client.delete(one).status_code == 200
    assert client.get(path).json()["assessments"] == []


def test_several_are_tagged_deleted_and_kept_as_records(client: TestClient[Any]) -> None:
    page = posted(client, "traces/window", limit=3, chosen={"name": ["answer"]})
    ids = [one["trace_id"] for one in page["traces"]]
    assert posted(client, "traces/tags", traces=ids, tags={"seen": "yes"}) == {"changed": 3}
    assert posted(client, "traces/window", chosen={"tag": ["seen=yes"]})["total"] == 3
    home = page["traces"][0]["experiment_id"]
    made = posted(client, "evaluation-datasets", name="asked", experiment_ids=[home])
    kept = posted(client, "traces/to-dataset", traces=ids, dataset_id=made["dataset_id"])
    assert kept["inserted"] + kept["updated"] == 3
    assert client.get("/api/v1/evaluation-datasets").json()["datasets"][0]["name"] == "asked"
    assert posted(client, "traces/delete", traces=ids) == {"changed": 3}
    assert posted(client, "traces/window", chosen={"tag": ["seen=yes"]})["total"] == 0
    assert posted(client, "traces/restore", traces=ids) == {"changed": 3}
    assert posted(client, "traces/window", chosen={"tag": ["seen=yes"]})["total"] == 3


def test_who_may_read_one_experiment_sees_no_other(warehouse: Warehouse) -> None:
    with client_of(warehouse, OPERATIONS, fold_s=0.0, sign_in=True) as opened:
        opened.auth = ("vera", PASSWORD)
        page = posted(opened, "traces/window", limit=100)
        assert page["total"] == 30
        assert DEEP not in {one["trace_id"] for one in page["traces"]}
        names = posted(opened, "traces/overview")["facets"]["name"]["values"]
        assert "recurse 0" not in {one["value"] for one in names}
        assert opened.get(f"/api/v1/traces/{DEEP}/spans").status_code in (403, 404)
        mine = page["traces"][0]["trace_id"]
        warehouse.evaluation_datasets.create("of all")
        listed = opened.get("/api/v1/evaluation-datasets").json()["datasets"]
        assert "of all" not in {one["name"] for one in listed}
        for path, body in (
            ("traces/delete", {"traces": [mine]}),
            ("traces/tags", {"traces": [mine], "tags": {"a": "b"}}),
            ("traces/restore", {"traces": [DEEP]}),
            (f"traces/{mine}/assessments", {"name": "good", "value": True}),
        ):
            assert opened.post(f"/api/v1/{path}", json=body).status_code in (403, 404), path
