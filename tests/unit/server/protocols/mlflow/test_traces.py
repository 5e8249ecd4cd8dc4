"""MLflow's trace operations: shapes, refusals, and what is not offered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient

from mere.entities.assessment import Assessment
from mere.entities.span import Span
from mere.server.protocols.mlflow import (
    assessments,
    not_offered,
    trace_metrics,
    traces,
    traces_v2,
)
from mere.server.protocols.mlflow.not_offered import LISTS, REFUSED
from mere.server.protocols.native import traces as native
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse
from tests.unit.server.clients import client_of

V3 = "/api/3.0/mlflow/traces"
V2 = "/ajax-api/2.0/mlflow/traces"
TRACE = f"tr-{7:032x}"
MODULES = (assessments, not_offered, trace_metrics, traces, traces_v2, native)
OPERATIONS = [one for module in MODULES for one in module.OPERATIONS]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    yield open_warehouse(str(tmp_path_factory.mktemp("traces") / "lake"))
    close_warehouses()


@pytest.fixture(scope="module")
def client(warehouse: Warehouse) -> Iterator[TestClient[Any]]:
    with client_of(warehouse, OPERATIONS, fold_s=0.0) as opened:
        yield opened


@pytest.fixture(scope="module")
def trace(warehouse: Warehouse) -> str:
    root = Span(
        trace_id=TRACE,
        span_id=f"{1:016x}",
        name="root",
        start_ns=1_700_000_000_123_456_789,
        end_ns=1_700_000_001_623_456_789,
        attributes={"input.value": "asked", "nan": float("nan"), "session.id": "s"},
    )
    call = Span(
        trace_id=TRACE,
        span_id=f"{2:016x}",
        parent_span_id=f"{1:016x}",
        name="call",
        start_ns=1_700_000_000_200_000_000,
        end_ns=1_700_000_000_300_000_000,
        status="ERROR",
        attributes={"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 3},
    )
    warehouse.traces.receive([root, call], "0")
    return TRACE


def info(**fields: Any) -> dict[str, Any]:
    location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}
    return {"trace": {"trace_info": {"trace_id": "tr-x", "trace_location": location, **fields}}}


def error(answer: Any, status: int = 400, code: str = "INVALID_PARAMETER_VALUE") -> str:
    assert (answer.status_code, answer.json().get("error_code")) == (status, code), answer.text
    message: str = answer.json()["message"]
    return message


def test_a_trace_has_protobuf_s_shape(client: TestClient[Any], trace: str) -> None:
    found = client.get(f"{V3}/get", params={"trace_id": trace}).json()["trace"]
    shown = found["trace_info"]
    assert shown["request_time"] == "2023-11-14T22:13:20.123Z"
    assert shown["execution_duration"] == "1.500s"
    assert shown["state"] == "OK"
    assert shown["tags"]["mlflow.trace.spansLocation"] == "TRACKING_STORE"
    assert shown["tags"]["mlflow.traceName"] == "root"
    assert shown["trace_metadata"]["mlflow.trace.session"] == "s"
    root, call = found["spans"]
    assert (root["span_id"], root["parent_span_id"]) == ("AAAAAAAAAAE=", "")
    assert root["start_time_unix_nano"] == 1_700_000_000_123_456_789
    values = {one["key"]: one["value"] for one in root["attributes"]}
    assert values["nan"] == {"double_value": "NaN"}
    assert values["mlflow.spanInputs"] == {"string_value": "asked"}
    assert values["mlflow.traceRequestId"] == {"string_value": trace}
    assert call["status"]["code"] == "STATUS_CODE_ERROR"
    kinds = {one["key"]: one["value"] for one in call["attributes"]}
    assert kinds["mlflow.spanType"] == {"string_value": "CHAT_MODEL"}


def test_a_trace_by_every_road(client: TestClient[Any], trace: str) -> None:
    by_id = client.get(f"{V3}/{trace}").json()["trace"]["trace_info"]
    batch = client.get(f"{V3}/batchGet?trace_ids={trace}&trace_ids=tr-none").json()["traces"]
    infos = client.post(f"{V3}/batchGetInfos", json={"trace_ids": [trace]}).json()["trace_infos"]
    old = client.get(f"{V2}/{trace}/info").json()["trace_info"]
    file = client.get(f"/ajax-api/2.0/mlflow/get-trace-artifact?request_id={trace}")
    assert by_id == infos[0] == batch[0]["trace_info"]
    assert len(batch) == 1
    assert (old["request_id"], old["timestamp_ms"]) == (trace, 1_700_000_000_123)
    assert (old["status"], old["execution_time_ms"]) == ("OK", 1500)
    assert file.headers["content-disposition"].endswith("traces.json")
    assert file.json()["spans"][1]["attributes"]["mlflow.spanType"] == '"CHAT_MODEL"'
    wrong = {"trace_ids": [trace], "experiment_ids": ["5"]}
    assert client.post(f"{V3}/batchGetInfos", json=wrong).json() == {}


def test_search_of_both_versions(client: TestClient[Any], trace: str) -> None:
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}
    asked = {"locations": [place], "filter": "span.type = 'CHAT_MODEL'", "max_results": "5"}
    found = client.post(f"{V3}/search", json=asked).json()["traces"]
    assert [one["trace_id"] for one in found] == [trace]
    old = client.get(f"{V2}?experiment_ids=0&filter=name='root'&order_by=timestamp_ms DESC")
    assert [one["request_id"] for one in old.json()["traces"]] == [trace]
    for bad in ({"max_results": 501}, {"max_results": 0}, {"filter": "colour = 1"}):
        error(client.post(f"{V3}/search", json={**asked, **bad}))
    assert "locations" in error(client.post(f"{V3}/search", json={}))
    assert "experiment_ids" in error(client.get(V2))


def test_what_is_not_there(client: TestClient[Any], trace: str) -> None:
    missing = (404, "RESOURCE_DOES_NOT_EXIST")
    assert "not found" in error(client.get(f"{V3}/tr-none"), *missing)
    error(client.get(f"{V3}/get?trace_id=tr-none"), *missing)
    error(client.get(f"{V2}/tr-none/info"), *missing)
    error(client.patch(f"{V3}/tr-none/tags", json={"key": "a", "value": "b"}), *missing)
    error(client.request("DELETE", f"{V3}/{trace}/tags", json={"key": "none"}), *missing)
    error(client.get(f"{V3}/{trace}/assessments/a-none"), *missing)
    lost = info()
    lost["trace"]["trace_info"]["trace_location"]["mlflow_experiment"]["experiment_id"] = "77"
    error(client.post(V3, json=lost), *missing)


@pytest.mark.parametrize(
    "bad",
    [
        {"request_time": "yesterday"},
        {"execution_duration": "long"},
        {"state": "GREAT"},
        {"trace_id": ""},
        {"trace_id": "../../x"},
        {"trace_location": {}},
        {"assessments": [{"assessment_name": "x"}]},
        {"tags": {"k" * 300: "v"}},
    ],
)
def test_what_is_no_trace_is_refused(client: TestClient[Any], bad: dict[str, Any]) -> None:
    error(client.post(V3, json=info(**bad)))


def test_assessments_of_a_started_trace_are_kept(client: TestClient[Any]) -> None:
    said = {"assessment_name": "good", "feedback": {"value": 1}, "source": {"source_type": "CODE"}}
    words = info(trace_id="tr-said", state="OK", assessments=[said])
    made = client.post(V3, json=words).json()["trace"]["trace_info"]
    assert made["assessments"][0]["assessment_id"].startswith("a-")
    assert "mlflow.trace.spansLocation" not in made["tags"]
    found = client.get(f"{V3}/tr-said").json()["trace"]["trace_info"]
    assert [one["assessment_name"] for one in found["assessments"]] == ["good"]


def test_the_mask_of_an_update_decides(client: TestClient[Any], trace: str) -> None:
    path = f"{V3}/{trace}/assessments"
    said = {"assessment_name": "a", "expectation": {"value": 1}}
    made = client.post(path, json={"assessment": said}).json()["assessment"]
    one = f"{path}/{made['assessment_id']}"
    change = {"assessment_name": "b", "expectation": {"value": 2}, "metadata": {"k": "v"}}
    body = {"assessment": change, "update_mask": "assessmentName,metadata"}
    changed = client.patch(one, json=body).json()["assessment"]
    assert changed["assessment_name"] == "b"
    assert changed["expectation"] == {"value": 1}
    assert changed["metadata"] == {"k": "v"}
    wrong = {"assessment": {"feedback": {"value": 1}}, "update_mask": "feedback"}
    assert "feedback" in error(client.patch(one, json=wrong))
    assert "update_mask" in error(client.patch(one, json={"assessment": change}))
    two = {"feedback": {"value": 1}, "expectation": {"value": 1}}
    error(client.post(path, json={"assessment": two}))


def test_version_2_begins_and_ends_a_trace(client: TestClient[Any]) -> None:
    begin = {
        "experiment_id": "0",
        "timestamp_ms": 1_000,
        "request_metadata": [{"key": "m", "value": "1"}],
        "tags": [{"key": "t", "value": "2"}],
    }
    made = client.post(V2, json=begin).json()["trace_info"]
    assert made["status"] == "IN_PROGRESS"
    assert {"key": "t", "value": "2"} in made["tags"]
    end = {"timestamp_ms": 1_250, "status": "ERROR", "tags": [{"key": "u", "value": "3"}]}
    done = client.patch(f"{V2}/{made['request_id']}", json=end).json()["trace_info"]
    assert (done["status"], done["execution_time_ms"], done["timestamp_ms"]) == ("ERROR", 250, 1000)
    assert {"key": "u", "value": "3"} in done["tags"]


def test_deletion_says_which_and_by_what(client: TestClient[Any]) -> None:
    both = {"experiment_id": "0", "request_ids": ["x"], "max_timestamp_millis": 5}
    error(client.post(f"{V3}/delete-traces", json=both))
    error(client.post(f"{V3}/delete-traces", json={"experiment_id": "0"}))
    none = {"experiment_id": "0", "max_timestamp_millis": 5, "max_traces": 0}
    error(client.post(f"{V3}/delete-traces", json=none))
    one = {"experiment_id": "0", "request_ids": ["tr-none"]}
    assert client.post(f"{V3}/delete-traces", json=one).json() == {"traces_deleted": 0}


def test_what_the_server_keeps_cannot_be_set(client: TestClient[Any], trace: str) -> None:
    for key in ("mlflow.trace.spansLocation", "mlflow.artifactLocation"):
        error(client.patch(f"{V3}/{trace}/tags", json={"key": key, "value": "x"}))


def test_prompts_are_linked_once(client: TestClient[Any], trace: str) -> None:
    body = {"trace_id": trace, "prompt_versions": [{"name": "p", "version": "1"}]}
    for _ in range(2):
        assert client.post("/api/2.0/mlflow/traces/link-prompts", json=body).json() == {}
    tags = client.get(f"{V3}/{trace}").json()["trace"]["trace_info"]["tags"]
    assert tags["mlflow.linkedPrompts"] == '[{"name": "p", "version": "1"}]'
    place = {"mlflow_experiment": {"experiment_id": "0"}}
    asked = {"locations": [place], "filter": "prompt = 'p/1'"}
    assert len(client.post(f"{V3}/search", json=asked).json()["traces"]) == 1


def paths(rows: tuple[tuple[str, str, str], ...]) -> list[tuple[str, str]]:
    roots = {"ajax+api": "/api/", "ajax": "/ajax-api/", "api": "/api/"}
    found = []
    for verb, path, forms in rows:
        full = path.replace("/*/", roots[forms], 1)
        for name in ("family", "call:path", "endpoint_name", "issue_id", "job_id"):
            full = full.replace(f"{{{name}}}", "x")
        found.append((verb, full))
    return found


def test_what_is_not_offered_says_so(client: TestClient[Any]) -> None:
    for verb, path in paths(REFUSED):
        error(client.request(verb, path), 501, "NOT_IMPLEMENTED")
    for verb, path in paths(LISTS):
        assert client.request(verb, path).json() == {}, path


def test_pages_of_the_portal(client: TestClient[Any], trace: str) -> None:
    listed = client.get("/api/v1/traces?filter=name='root'&facets=all").json()
    assert [one["trace_id"] for one in listed["traces"]] == [trace]
    assert listed["sums"]["facets"]["status"] == [{"value": "OK", "traces": 1}]
    one = client.get(f"/api/v1/traces/{trace}").json()
    assert one["spans"][0]["start_ns"] == "1700000000123456789"
    assert one["spans"][0]["attributes"]["nan"] == {"doubleValue": "NaN"}
    assert one["spans"][1]["meaning"]["type"] == "CHAT_MODEL"
    assert one["spans"][1]["meaning"]["usage"]["total_tokens"] == 3
    sessions = client.get("/api/v1/traces/sessions").json()["sessions"]
    assert [one["session_id"] for one in sessions] == ["s"]
    assert client.get("/api/v1/traces/sums?filter=name='root'").json()["total_tokens"] == 3
    assert client.get("/api/v1/traces?limit=0").json()["error"]["code"] == "limit_exceeded"
    assert client.get("/api/v1/traces/tr-none").json()["error"]["code"] == "trace_not_found"


@pytest.fixture(scope="module")
def figures(warehouse: Warehouse, client: TestClient[Any]) -> Any:
    """Ask for figures over ten traces, of which three failed, in an experiment of their own."""
    experiment = warehouse.experiments.create("figures").experiment_id
    for number in range(10):
        root = Span(
            trace_id=f"tr-{100 + number:032x}",
            span_id=f"{1:016x}",
            name="even" if number % 2 == 0 else "odd",
            start_ns=number * 3_600_000_000_000,
            end_ns=number * 3_600_000_000_000 + number * 1_000_000,
            status="ERROR" if number < 3 else "OK",
            attributes={
                "gen_ai.usage.input_tokens": number,
                "gen_ai.request.model": "m",
                "llm.cost.total": 0.5,
                "mlflow.spanType": "LLM",
            },
        )
        warehouse.traces.receive([root], experiment)

    def ask(view: str, metric: str, *kinds: Any, **more: Any) -> list[dict[str, Any]]:
        said = [
            {"aggregation_type": "PERCENTILE", "percentile_value": kind}
            if isinstance(kind, int)
            else {"aggregation_type": kind}
            for kind in kinds
        ]
        body = {
            "experiment_ids": [experiment],
            "view_type": view,
            "metric_name": metric,
            "aggregations": said,
            **more,
        }
        answer = client.post(f"{V3}/metrics", json=body)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json().get("data_points", [])
        return found

    ask.experiment = experiment  # type: ignore[attr-defined]
    return ask


def test_figures_over_traces(figures: Any) -> None:
    (all_of_them,) = figures("TRACES", "trace_count", "COUNT")
    assert all_of_them == {"metric_name": "trace_count", "values": {"COUNT": 10.0}}
    by_status = figures("TRACES", "trace_count", "COUNT", dimensions=["trace_status"])
    assert {p["dimensions"]["trace_status"]: p["values"]["COUNT"] for p in by_status} == {
        "ERROR": 3.0,
        "OK": 7.0,
    }
    (latency,) = figures("TRACES", "latency", "AVG", "MAX", 50)
    assert latency["values"] == {"AVG": 4.5, "MAX": 9.0, "P50.0": 4.5}
    (tokens,) = figures("TRACES", "total_tokens", "SUM", filters=["trace.status = 'OK'"])
    assert tokens["values"] == {"SUM": 42.0}
    buckets = figures(
        "TRACES",
        "trace_count",
        "COUNT",
        time_interval_seconds=4 * 3600,
        start_time_ms=0,
        end_time_ms=8 * 3_600_000,
    )
    assert [p["values"]["COUNT"] for p in buckets] == [4.0, 4.0, 1.0]
    assert buckets[1]["dimensions"] == {"time_bucket": "1970-01-01T04:00:00+00:00"}


def test_figures_over_spans_and_assessments(figures: Any, warehouse: Warehouse) -> None:
    by_type = figures("SPANS", "span_count", "COUNT", dimensions=["span_type", "span_model_name"])
    assert [p["dimensions"] for p in by_type] == [{"span_type": "LLM", "span_model_name": "m"}]
    assert by_type[0]["values"] == {"COUNT": 10.0}
    (odd,) = figures("SPANS", "latency", "MAX", filters=['span.name = "even"'])
    assert odd["values"] == {"MAX": 8.0}
    (cost,) = figures("SPANS", "total_cost", "SUM", dimensions=["span_model_name"])
    assert (cost["dimensions"], cost["values"]) == ({"span_model_name": "m"}, {"SUM": 5.0})
    for number, value in enumerate((True, False, 0.5, "yes", "text")):
        said = Assessment(trace_id=f"tr-{100 + number:032x}", name="good", value=value)
        warehouse.assessments.create(said)
    (good,) = figures(
        "ASSESSMENTS", "assessment_value", "AVG", filters=["assessment.name = 'good'"]
    )
    assert good["values"] == {"AVG": 0.625}
    counts = figures("ASSESSMENTS", "assessment_count", "COUNT", dimensions=["assessment_value"])
    assert len(counts) == 5


@pytest.mark.parametrize(
    "bad",
    [
        {"view_type": "RUNS"},
        {"view_type": "COSTS"},
        {"metric_name": "colour"},
        {"dimensions": ["colour; drop table traces"]},
        {"filters": ["trace.status > 'OK'"]},
        {"filters": ["trace.colour = 'x'"]},
        {"filters": ["span.type = 'x'"]},
        {"aggregations": [{"aggregation_type": "MEDIAN"}]},
        {"aggregations": [{"aggregation_type": "PERCENTILE", "percentile_value": 101}]},
        {"aggregations": [{"aggregation_type": "PERCENTILE"}]},
        {"aggregations": []},
        {"time_interval_seconds": 60},
    ],
)
def test_figures_that_there_are_none_of(client: TestClient[Any], bad: dict[str, Any]) -> None:
    body = {
        "experiment_ids": ["0"],
        "view_type": "TRACES",
        "metric_name": "trace_count",
        "aggregations": [{"aggregation_type": "COUNT"}],
    }
    error(client.post(f"{V3}/metrics", json={**body, **bad}))


def test_how_filters_go_together(client: TestClient[Any], figures: Any) -> None:
    def ask(first: str, second: str, **more: str) -> dict[str, Any]:
        body = {"filter_string1": first, "filter_string2": second, **more}
        found = client.post(
            f"{V3}/calculate-filter-correlation",
            json={"experiment_ids": [figures.experiment], **body},
        )
        assert found.status_code == 200, found.text
        answer: dict[str, Any] = found.json()
        return answer

    same = ask("status = 'ERROR'", "execution_time_ms < 3")
    assert (same["filter1_count"], same["joint_count"], same["total_count"]) == (3, 3, 10)
    assert same["npmi"] == pytest.approx(1.0)
    assert ask("name = 'odd'", "name = 'even'")["npmi"] == -1.0
    assert ask("name = 'odd'", "name = 'none'")["npmi"] == "NaN"
    assert ask("name = 'odd'", "status = 'OK'", base_filter="status = 'OK'")["total_count"] == 7
