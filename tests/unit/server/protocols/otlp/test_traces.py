"""OpenTelemetry's protocol: both codings, what is refused, and what is left out."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.testing import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from mere.entities.actor import Role, Scope
from mere.entities.span import Span
from mere.errors import InvalidInput
from mere.server.protocols.otlp.decoding import decode_json, decode_protobuf, unpacked
from mere.server.protocols.otlp.traces import OPERATIONS
from mere.services.traces.traces import Traces
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse
from tests.unit.server.clients import client_of

PROTOBUF = {"content-type": "application/x-protobuf"}
TRACE = bytes(range(1, 17))
TRACE_ID = f"tr-{TRACE.hex()}"


def request(**fields: Any) -> ExportTraceServiceRequest:
    made = ExportTraceServiceRequest()
    part = made.resource_spans.add()
    service = part.resource.attributes.add()
    service.key, service.value.string_value = "service.name", "shop"
    library = part.scope_spans.add()
    library.scope.name = "lib"
    span = library.spans.add()
    span.trace_id, span.span_id = TRACE, b"\1" * 8
    span.name, span.kind = "root", 2
    span.start_time_unix_nano, span.end_time_unix_nano = 10**18, 10**18 + 5_000_000
    span.status.code = 2
    span.status.message = "bad"
    for key, kind, value in (
        ("text", "string_value", "ü"),
        ("whole", "int_value", -(2**63)),
        ("float", "double_value", 0.5),
        ("flag", "bool_value", True),
        ("bytes", "bytes_value", b"\0\xff"),
    ):
        pair = span.attributes.add()
        pair.key = key
        setattr(pair.value, kind, value)
    listed = span.attributes.add()
    listed.key = "list"
    listed.value.array_value.values.add().int_value = 7
    listed.value.array_value.values.add().kvlist_value.values.add().key = "empty"
    event = span.events.add()
    event.name, event.time_unix_nano = "happened", 10**18 + 1
    link = span.links.add()
    link.trace_id, link.span_id = b"\2" * 16, b"\3" * 8
    for name, value in fields.items():
        setattr(span, name, value)
    return made


def as_json(made: ExportTraceServiceRequest) -> dict[str, Any]:
    """The same request as OpenTelemetry writes JSON: ids in hexadecimal, longs as text."""
    span = made.resource_spans[0].scope_spans[0].spans[0]

    def value(one: Any) -> dict[str, Any]:
        kind = one.WhichOneof("value")
        return {
            None: dict,
            "string_value": lambda: {"stringValue": one.string_value},
            "int_value": lambda: {"intValue": str(one.int_value)},
            "double_value": lambda: {"doubleValue": one.double_value},
            "bool_value": lambda: {"boolValue": one.bool_value},
            "bytes_value": lambda: {"bytesValue": base64.b64encode(one.bytes_value).decode()},
            "array_value": lambda: {
                "arrayValue": {"values": [value(item) for item in one.array_value.values]}
            },
            "kvlist_value": lambda: {"kvlistValue": {"values": pairs(one.kvlist_value.values)}},
        }[kind]()

    def pairs(found: Any) -> list[dict[str, Any]]:
        return [{"key": one.key, "value": value(one.value)} for one in found]

    written = {
        "traceId": span.trace_id.hex().upper(),
        "spanId": span.span_id.hex(),
        "parentSpanId": span.parent_span_id.hex(),
        "name": span.name,
        "kind": "SPAN_KIND_SERVER",
        "startTimeUnixNano": str(span.start_time_unix_nano),
        "endTimeUnixNano": span.end_time_unix_nano,
        "attributes": pairs(span.attributes),
        "status": {"code": 2, "message": "bad"},
        "events": [{"name": "happened", "timeUnixNano": str(10**18 + 1)}],
        "links": [{"traceId": "02" * 16, "spanId": "03" * 8}],
    }
    resource = {"attributes": pairs(made.resource_spans[0].resource.attributes)}
    scopes = [{"scope": {"name": "lib"}, "spans": [written]}]
    return {"resourceSpans": [{"resource": resource, "scopeSpans": scopes}]}


def only(decoded: Any) -> Span:
    ((spans,),) = [decoded.spans.values()]
    (span,) = spans
    return span


def test_both_codings_say_the_same() -> None:
    made = request()
    span = only(decode_protobuf(made.SerializeToString()))
    assert span == only(decode_json(json.dumps(as_json(made)).encode()))
    assert (span.trace_id, span.kind, span.status) == (TRACE_ID, "SERVER", "ERROR")
    assert span.attributes == {
        "text": "ü",
        "whole": -(2**63),
        "float": 0.5,
        "flag": True,
        "bytes": b"\0\xff",
        "list": [7, {"empty": None}],
    }
    assert span.resource == {"attributes": {"service.name": "shop"}}


def test_what_can_be_no_span_is_counted_and_left_out() -> None:
    made = request(trace_id=b"short")
    made.resource_spans[0].scope_spans[0].spans.add().CopyFrom(
        request().resource_spans[0].scope_spans[0].spans[0]
    )
    found = decode_protobuf(made.SerializeToString())
    assert (found.rejected, len(only(found).attributes)) == (1, 6)
    assert "trace id" in found.reasons[0]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_refused(body: bytes) -> None:
    for decode in (decode_protobuf, decode_json):
        try:
            decode(body)
        except InvalidInput:
            continue


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["resourceSpans", "scopeSpans", "spans", "traceId", "attributes", "key", "value"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(JSON)
def test_any_json_is_a_request_or_refused(value: object) -> None:
    for body in (value, {"resourceSpans": value}, {"resourceSpans": [{"scopeSpans": value}]}):
        try:
            decode_json(msgspec.json.encode(body))
        except InvalidInput:
            continue


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = gzip.compress(b"\0" * (10 << 20))
    with pytest.raises(InvalidInput, match="unpacked"):
        unpacked(bomb, "gzip", 1 << 20)
    assert unpacked(zlib.compress(b"x"), "deflate", 10) == b"x"
    for body, coding in ((b"x", "gzip"), (gzip.compress(b"x" * 99)[:-9], "gzip"), (b"", "br")):
        with pytest.raises(InvalidInput):
            unpacked(body, coding, 100)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    yield open_warehouse(str(tmp_path / "lake"))
    close_warehouses()


@pytest.fixture
def client(warehouse: Warehouse) -> Iterator[TestClient[Any]]:
    with client_of(warehouse, OPERATIONS, fold_s=0.0) as opened:
        yield opened


def test_spans_are_stored_once_however_often_they_are_sent(
    client: TestClient[Any], warehouse: Warehouse
) -> None:
    body = request().SerializeToString()
    for _ in range(2):
        answer = client.post("/v1/traces", content=body, headers=PROTOBUF)
        assert (answer.status_code, answer.headers["content-type"]) == (
            200,
            "application/x-protobuf",
        )
        assert not ExportTraceServiceResponse.FromString(
            answer.content
        ).partial_success.rejected_spans
    packed = {**PROTOBUF, "content-encoding": "gzip"}
    assert client.post("/v1/traces", content=gzip.compress(body), headers=packed).status_code == 200
    assert client.post("/v1/traces", json=as_json(request())).json() == {}
    (trace,) = warehouse.traces.list()[0]
    assert (trace.trace_id, trace.experiment_id, trace.status) == (TRACE_ID, "0", "ERROR")
    assert len(warehouse.traces.spans(TRACE_ID)) == 1


def test_part_of_a_batch_may_be_refused(client: TestClient[Any]) -> None:
    bad = request(span_id=b"")
    answer = client.post("/v1/traces", content=bad.SerializeToString(), headers=PROTOBUF)
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, partial.rejected_spans) == (200, 1)
    assert "span id" in partial.error_message
    said = client.post("/v1/traces", json=as_json(bad)).json()
    assert said["partialSuccess"]["rejectedSpans"] == "1"


def test_an_empty_request_is_none_to_complain_of(client: TestClient[Any]) -> None:
    assert client.post("/v1/traces", content=b"", headers=PROTOBUF).status_code == 200
    assert client.post("/v1/traces", json={}).json() == {}


def test_experiments_are_named_by_header_or_resource(
    client: TestClient[Any], warehouse: Warehouse
) -> None:
    first = warehouse.experiments.create("one").experiment_id
    second = warehouse.experiments.create("two").experiment_id
    named = request(trace_id=b"\5" * 16)
    pair = named.resource_spans[0].resource.attributes.add()
    pair.key, pair.value.string_value = "mere.experiment_id", second
    for made, headers in (
        (request(), {"x-mlflow-experiment-id": first}),
        (named, {}),
        (request(trace_id=b"\6" * 16), {}),
    ):
        answer = client.post(
            "/v1/traces", content=made.SerializeToString(), headers={**PROTOBUF, **headers}
        )
        assert answer.status_code == 200
    found = {one.trace_id: one.experiment_id for one in warehouse.traces.list()[0]}
    assert found == {TRACE_ID: first, f"tr-{'05' * 16}": second, f"tr-{'06' * 16}": "0"}
    lost = client.post(
        "/v1/traces",
        content=request().SerializeToString(),
        headers={**PROTOBUF, "x-mlflow-experiment-id": "77"},
    )
    assert lost.status_code == 404
    assert b"no experiment with id '77'" in lost.content
    warehouse.experiments.delete(second)
    warehouse.traces._seen.clear()
    again = client.post("/v1/traces", content=named.SerializeToString(), headers=PROTOBUF)
    assert (again.status_code, again.content[:2]) == (400, b"\x08\x03")


def test_traces_are_linked_to_the_run_that_a_header_names(
    client: TestClient[Any], warehouse: Warehouse
) -> None:
    run = "0198" + "a" * 28
    headers = {**PROTOBUF, "x-mlflow-run-id": run}
    body = request().SerializeToString()
    assert client.post("/v1/traces", content=body, headers=headers).status_code == 200
    assert warehouse.traces.get(TRACE_ID).linked_to == [run]
    headers["x-mlflow-run-id"] = "../x"
    assert client.post("/v1/traces", content=body, headers=headers).status_code == 400


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-type": "text/plain"}, b"x"),
        ({}, b"x"),
        ({"content-type": "application/json"}, b"{"),
        ({"content-type": "application/json"}, b"[]"),
        ({"content-type": "application/json"}, b'{"resourceSpans": 5}'),
        (PROTOBUF, b"\xff\xff\xff"),
        ({**PROTOBUF, "content-encoding": "gzip"}, b"no gzip"),
        ({**PROTOBUF, "content-encoding": "snappy"}, b""),
    ],
)
def test_what_is_no_request_is_refused_in_the_same_coding(
    client: TestClient[Any], headers: dict[str, str], body: bytes
) -> None:
    answer = client.post("/v1/traces", content=body, headers=headers)
    assert answer.status_code == 400
    if "protobuf" in headers.get("content-type", ""):
        assert answer.headers["content-type"] == "application/x-protobuf"
        assert answer.content.startswith(b"\x08\x03\x12")
    else:
        assert answer.json()["code"] == 3
        assert answer.json()["message"]


def test_each_experiment_that_a_resource_names_is_asked_for(warehouse: Warehouse) -> None:
    password = "correct horse battery"
    warehouse.access.users.create("ada", password, role=Role.NONE)
    mine, other = (warehouse.experiments.create(name).experiment_id for name in ("mine", "other"))
    warehouse.access.grants.give("user", "ada", Scope.experiment(mine), Role.EDITOR)
    shown = base64.b64encode(f"ada:{password}".encode()).decode()
    signed = {"authorization": f"Basic {shown}"}
    with client_of(warehouse, OPERATIONS, sign_in=True, fold_s=0.0) as client:

        def send(experiment: str | None, user: str | None = "ada", **headers: str) -> int:
            made = request()
            if experiment is not None:
                pair = made.resource_spans[0].resource.attributes.add()
                pair.key, pair.value.string_value = "mere.experiment_id", experiment
            answer = client.post(
                "/v1/traces",
                content=made.SerializeToString(),
                headers={**PROTOBUF, **headers, **({} if user is None else signed)},
            )
            return answer.status_code

        assert send(mine, user=None) == 401
        assert send(mine) == 200
        assert send(other) == 403
        assert send(None) == 403
        assert send(mine, **{"x-mlflow-experiment-id": other}) == 403
        assert send(other, **{"x-mlflow-experiment-id": mine}) == 200
        # Nobody draws a trace out of an experiment that they may not change.
        theirs = Span(trace_id=f"tr-{'07' * 16}", span_id="07" * 8, start_ns=1)
        for process in (warehouse.traces, Traces(warehouse.lake, warehouse.clock)):
            process.receive([theirs], other)
            body = request(trace_id=b"\7" * 16).SerializeToString()
            headers = {**PROTOBUF, **signed, "x-mlflow-experiment-id": mine}
            drawn = client.post("/v1/traces", content=body, headers=headers)
            assert drawn.status_code == 403
            warehouse.traces._received.clear()
    found = {one.trace_id: one.experiment_id for one in warehouse.traces.list()[0]}
    assert found == {TRACE_ID: mine, theirs.trace_id: other}
