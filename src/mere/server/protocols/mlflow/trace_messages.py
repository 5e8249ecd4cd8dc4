"""Traces and spans as MLflow's messages, and back.

What MLflow keeps among a trace's tags and metadata and we keep in columns is written there for
its clients: the name, where files and spans are, the session, the user, the run, token counts and
cost. What a span says in other conventions than MLflow's is added in MLflow's words, as its own
server does when it stores a span; here it is done when one is read.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from mere.entities.assessment import Assessment
from mere.entities.span import Span, SpanEvent, otel_id
from mere.entities.trace import Trace, TraceStatus
from mere.server.protocols.mlflow.assessment_messages import assessment_message
from mere.server.protocols.mlflow.errors import invalid
from mere.server.protocols.mlflow.times import duration_ms, millis, moment, seconds, stamp
from mere.server.protocols.mlflow.wire import double, message
from mere.services.traces.plan import NAME_TAG
from mere.services.traces.span_meaning import (
    inputs_of,
    model_of,
    outputs_of,
    provider_of,
    type_of,
    usage_of,
)
from mere.services.traces.span_values import encode, plain

__all__ = [
    "LOCATION_TAG",
    "RUN_KEY",
    "SIZE_KEY",
    "SPANS_TAG",
    "info_message",
    "info_v2_message",
    "span_file_entry",
    "span_message",
    "trace_from_info",
    "trace_message",
]

LOCATION_TAG = "mlflow.artifactLocation"
SPANS_TAG = "mlflow.trace.spansLocation"
RUN_KEY = "mlflow.sourceRun"
SIZE_KEY = "mlflow.trace.sizeStats"
_USAGE_KEY = "mlflow.trace.tokenUsage"
_COST_KEY = "mlflow.trace.cost"
_SESSION_KEY = "mlflow.trace.session"
_USER_KEY = "mlflow.trace.user"
_SCHEMA_KEY = "mlflow.trace_schema.version"
_REQUEST_ID = "mlflow.traceRequestId"


def _metadata_of(trace: Trace) -> dict[str, str]:
    """A trace's metadata as MLflow's clients look for it."""
    usage = {
        "input_tokens": trace.input_tokens,
        "output_tokens": trace.output_tokens,
        "total_tokens": trace.total_tokens,
    }
    told: dict[str, str | None] = {
        _SCHEMA_KEY: "3",
        _SESSION_KEY: trace.session_id,
        _USER_KEY: trace.user_id,
        RUN_KEY: trace.run_id,
        _USAGE_KEY: json.dumps({name: count or 0 for name, count in usage.items()})
        if any(count is not None for count in usage.values())
        else None,
        _COST_KEY: None if trace.cost is None else json.dumps({"total_cost": trace.cost}),
    }
    known = {name: value for name, value in told.items() if value is not None}
    return {**known, **trace.metadata}


def _tags_of(trace: Trace) -> dict[str, str]:
    """A trace's tags as MLflow's clients look for them."""
    tags = {
        LOCATION_TAG: f"mlflow-artifacts:/{trace.experiment_id}/traces/{trace.trace_id}/artifacts"
    }
    if trace.name:
        tags[NAME_TAG] = trace.name
    tags |= trace.tags
    if trace.is_recorded:
        tags[SPANS_TAG] = "TRACKING_STORE"
    return tags


def info_message(trace: Trace, assessments: Sequence[Assessment] = ()) -> dict[str, Any]:
    """A trace without spans, in version 3."""
    return message(
        trace_id=trace.trace_id,
        client_request_id=trace.client_request_id,
        trace_location={
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": trace.experiment_id},
        },
        request_preview=trace.request_preview,
        response_preview=trace.response_preview,
        request_time=stamp(trace.started_at or trace.created_at),
        execution_duration=seconds(trace.duration_ms),
        state=trace.status,
        trace_metadata=_metadata_of(trace),
        tags=_tags_of(trace),
        assessments=[assessment_message(one) for one in assessments],
    )


def trace_message(
    trace: Trace, spans: Sequence[Span], assessments: Sequence[Assessment] = ()
) -> dict[str, Any]:
    """A whole trace, in version 3."""
    return message(
        trace_info=info_message(trace, assessments),
        spans=[span_message(span) for span in _roots_first(spans)],
    )


def _roots_first(spans: Sequence[Span]) -> list[Span]:
    return sorted(spans, key=lambda span: (span.parent_span_id is not None, span.start_ns))


def info_v2_message(trace: Trace) -> dict[str, Any]:
    """A trace without spans, in version 2."""
    return message(
        request_id=trace.trace_id,
        experiment_id=trace.experiment_id,
        timestamp_ms=millis(trace.started_at or trace.created_at),
        execution_time_ms=None if trace.duration_ms is None else int(trace.duration_ms),
        status=_V2_STATUSES.get(trace.status, trace.status),
        request_metadata=[{"key": k, "value": v} for k, v in _metadata_of(trace).items()],
        tags=[{"key": k, "value": v} for k, v in _tags_of(trace).items()],
    )


_V2_STATUSES = {str(TraceStatus.UNSPECIFIED): "TRACE_STATUS_UNSPECIFIED"}


def trace_from_info(info: Mapping[str, Any]) -> Trace:
    """A trace from a version 3 message.

    Raises:
        InvalidInput: It is none.
    """
    location = info.get("trace_location") or {}
    experiment = (location.get("mlflow_experiment") or {}).get("experiment_id")
    if not info.get("trace_id") or not experiment:
        raise invalid(
            "a trace needs a trace_id, and a trace_location with the id of an MLflow experiment"
        )
    metadata = {str(k): str(v) for k, v in (info.get("trace_metadata") or {}).items()}
    usage, cost = _told(metadata.get(_USAGE_KEY)), _told(metadata.get(_COST_KEY))
    tags = {str(key): str(value) for key, value in (info.get("tags") or {}).items()}
    for name in (SPANS_TAG, LOCATION_TAG):
        tags.pop(name, None)  # for us to say
    return Trace(
        trace_id=str(info["trace_id"]),
        experiment_id=str(experiment),
        status=str(info.get("state") or TraceStatus.UNSPECIFIED),
        started_at=moment(info.get("request_time")),
        duration_ms=duration_ms(info.get("execution_duration")),
        request_preview=info.get("request_preview") or info.get("request"),
        response_preview=info.get("response_preview") or info.get("response"),
        client_request_id=info.get("client_request_id"),
        session_id=metadata.get(_SESSION_KEY),
        user_id=metadata.get(_USER_KEY),
        run_id=metadata.get(RUN_KEY),
        metadata=metadata,
        tags=tags,
        input_tokens=_count(usage.get("input_tokens")),
        output_tokens=_count(usage.get("output_tokens")),
        total_tokens=_count(usage.get("total_tokens")),
        cost=_amount(cost.get("total_cost")),
    )


def _told(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _count(value: Any) -> int | None:
    return value if type(value) is int and abs(value) < 2**53 else None


def _amount(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and abs(value) < 1e300 else None


def _meant(span: Span) -> dict[str, Any]:
    """A span's attributes, with what they mean in MLflow's words."""
    usage = usage_of(span.attributes)
    said: dict[str, Any] = {
        "mlflow.spanType": type_of(span.attributes),
        "mlflow.spanInputs": inputs_of(span.attributes, span.events),
        "mlflow.spanOutputs": outputs_of(span.attributes, span.events),
        "mlflow.llm.model": model_of(span.attributes),
        "mlflow.llm.provider": provider_of(span.attributes),
    }
    if usage is not None and usage.total_tokens is not None:
        said["mlflow.chat.tokenUsage"] = {
            "input_tokens": usage.input_tokens or 0,
            "output_tokens": usage.output_tokens or 0,
            "total_tokens": usage.total_tokens,
        }
    if usage is not None and usage.cost is not None:
        said["mlflow.llm.cost"] = {
            "input_cost": usage.input_cost or 0.0,
            "output_cost": usage.output_cost or 0.0,
            "total_cost": usage.cost,
        }
    added = {key: value for key, value in said.items() if value is not None}
    return {**added, **span.attributes, _REQUEST_ID: span.trace_id}


def span_message(span: Span) -> dict[str, Any]:
    """A span as OpenTelemetry's message in protobuf's JSON."""
    return message(
        trace_id=_b64(otel_id(span.trace_id)),
        span_id=_b64(span.span_id),
        parent_span_id=_b64(span.parent_span_id or ""),
        name=span.name,
        trace_state=span.trace_state or None,
        kind=f"SPAN_KIND_{span.kind}",
        start_time_unix_nano=span.start_ns,
        end_time_unix_nano=span.end_ns,
        attributes=_pairs(_meant(span)),
        events=[
            message(
                time_unix_nano=event.time_ns, name=event.name, attributes=_pairs(event.attributes)
            )
            for event in span.events
        ],
        links=[
            message(
                trace_id=_b64(otel_id(link.trace_id)),
                span_id=_b64(link.span_id),
                attributes=_pairs(link.attributes),
            )
            for link in span.links
        ],
        status=message(code=f"STATUS_CODE_{span.status}", message=span.status_message),
    )


def _b64(digits: str) -> str:
    return base64.b64encode(bytes.fromhex(digits)).decode()


def _pairs(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _any_value(value)} for key, value in values.items()]


def _any_value(value: Any) -> dict[str, Any]:
    match value:
        case None:
            return {}
        case bool():
            return {"bool_value": value}
        case str():
            return {"string_value": value}
        case int() if -(2**63) <= value < 2**63:
            return {"int_value": value}
        case int() | float():
            return {"double_value": double(float(value))}
        case bytes():
            return {"bytes_value": base64.b64encode(value).decode()}
        case Mapping():
            return {"kvlist_value": {"values": _pairs(value)}}
    return {"array_value": {"values": [_any_value(item) for item in value]}}


def span_file_entry(span: Span) -> dict[str, Any]:
    """A span as it stands in the files that MLflow keeps spans in."""
    return {
        "trace_id": _b64(otel_id(span.trace_id)),
        "span_id": _b64(span.span_id),
        "parent_span_id": _b64(span.parent_span_id) if span.parent_span_id else None,
        "name": span.name,
        "start_time_unix_nano": span.start_ns,
        "end_time_unix_nano": span.end_ns,
        "events": [_event_entry(event) for event in span.events],
        "status": {"code": f"STATUS_CODE_{span.status}", "message": span.status_message or ""},
        "attributes": {key: encode(value) for key, value in _meant(span).items()},
        "links": [
            {
                "trace_id": link.trace_id,
                "span_id": link.span_id,
                "attributes": plain(link.attributes),
            }
            for link in span.links
        ],
    }


def _event_entry(event: SpanEvent) -> dict[str, Any]:
    return {
        "name": event.name,
        "time_unix_nano": event.time_ns,
        "attributes": plain(event.attributes),
    }
