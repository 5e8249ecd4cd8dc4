"""Assessments as MLflow's messages, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mere.entities.assessment import Assessment, AssessmentError
from mere.server.protocols.mlflow.errors import invalid
from mere.server.protocols.mlflow.times import moment, stamp
from mere.server.protocols.mlflow.wire import double, message
from mere.services.traces.span_values import encode, plain

__all__ = ["assessment_from", "assessment_message", "value_of"]

_RUN_OF_ASSESSMENT = "mlflow.assessment.sourceRunId"
_JSON_FORMAT = "JSON_FORMAT"


def assessment_message(one: Assessment) -> dict[str, Any]:
    """An assessment."""
    value: dict[str, Any] = {}
    if one.kind == "expectation":
        is_simple = one.value is None or isinstance(one.value, int | float | bool | str)
        value["expectation"] = (
            {"value": _json(one.value)}
            if is_simple
            else {
                "serialized_value": {
                    "serialization_format": _JSON_FORMAT,
                    "value": encode(one.value),
                }
            }
        )
    elif one.kind == "issue":
        value["issue"] = {"issue_name": one.value or ""}
    else:
        value["feedback"] = {"value": _json(one.value)}
        if one.error is not None:
            value["feedback"]["error"] = message(
                error_code=one.error.code,
                error_message=one.error.message,
                stack_trace=one.error.stack_trace,
            )
    return message(
        assessment_id=one.assessment_id,
        assessment_name=one.name,
        trace_id=one.trace_id,
        span_id=one.span_id,
        source={"source_type": one.source_kind, "source_id": one.source_id},
        create_time=stamp(one.created_at),
        last_update_time=stamp(one.changed_at),
        rationale=one.rationale,
        metadata=one.metadata,
        overrides=one.overrides,
        valid=one.is_valid,
        **value,
    )


def _json(value: Any) -> Any:
    return double(value) if isinstance(value, float) else plain(value)


def assessment_from(said: Mapping[str, Any], trace_id: str) -> Assessment:
    """An assessment from its message.

    Raises:
        InvalidInput: It is none.
    """
    kinds = [kind for kind in ("feedback", "expectation", "issue") if said.get(kind) is not None]
    if len(kinds) != 1:
        raise invalid("an assessment has either feedback, or an expectation, or an issue")
    source = said.get("source") or {}
    metadata = {str(key): str(value) for key, value in (said.get("metadata") or {}).items()}
    value, error = value_of(kinds[0], said[kinds[0]])
    return Assessment(
        assessment_id=str(said.get("assessment_id") or ""),
        trace_id=trace_id,
        span_id=said.get("span_id") or None,
        name=str(said.get("assessment_name") or kinds[0]),
        kind=kinds[0],
        value=value,
        source_kind=_source(source.get("source_type")),
        source_id=str(source.get("source_id") or "default"),
        rationale=said.get("rationale") or None,
        error=error,
        metadata=metadata,
        overrides=said.get("overrides") or None,
        is_valid=said.get("valid", True) is not False,
        run_id=metadata.get(_RUN_OF_ASSESSMENT),
        created_at=moment(said.get("create_time")),
        changed_at=moment(said.get("last_update_time")),
    )


def _source(value: Any) -> str:
    name = str(value or "CODE").upper()
    return "LLM_JUDGE" if name == "AI_JUDGE" else name  # as it was called once


def value_of(kind: str, said: Any) -> tuple[Any, AssessmentError | None]:
    """What an assessment says, and why it says nothing.

    Raises:
        InvalidInput: It is written in a way that is not known.
    """
    if not isinstance(said, Mapping):
        raise invalid(f"{kind} is a {type(said).__name__}: send an object")
    if kind == "issue":
        return said.get("issue_name"), None
    packed = said.get("serialized_value")
    if packed is not None:
        if packed.get("serialization_format") != _JSON_FORMAT:
            raise invalid(f"a serialized value must be in {_JSON_FORMAT}")
        try:
            return json.loads(packed.get("value") or "null"), None
        except (ValueError, RecursionError) as error:
            raise invalid(f"a serialized value is no JSON: {error}") from error
    problem = said.get("error")
    if not problem:
        return said.get("value"), None
    return said.get("value"), AssessmentError(
        problem.get("error_code"), problem.get("error_message"), problem.get("stack_trace")
    )
