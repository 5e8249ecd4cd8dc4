"""Assessments in MLflow's protocol."""

from __future__ import annotations

import re
from typing import Any

from msgspec import field

from mere.server.operations import Call, Operation
from mere.server.protocols.mlflow.assessment_messages import (
    assessment_from,
    assessment_message,
    value_of,
)
from mere.server.protocols.mlflow.errors import invalid, missing
from mere.server.protocols.mlflow.traces import on_trace
from mere.server.protocols.mlflow.wire import Request, operation
from mere.services.access.access import Action

__all__ = ["OPERATIONS"]

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class AssessmentOf(Request):
    """An assessment of a trace."""

    trace_id: str = ""
    assessment_id: str = ""
    assessment: dict[str, Any] = field(default_factory=dict)
    update_mask: str | dict[str, Any] = ""

    @property
    def changed(self) -> list[str]:
        """The fields that are to be changed, in snake case."""
        mask = self.update_mask
        paths = mask.get("paths", []) if isinstance(mask, dict) else mask.split(",")
        return [_WORD_START.sub("_", str(path)).lower().strip() for path in paths if path]


@operation(
    "POST",
    "/*/3.0/mlflow/traces/{trace_id}/assessments",
    permission=on_trace(Action.EDIT),
    request=AssessmentOf,
)
def create_assessment(call: Call) -> dict[str, Any]:
    """Say something of a trace."""
    data: AssessmentOf = call.data
    if not data.assessment:
        raise missing("assessment")
    wanted = assessment_from(data.assessment, data.trace_id)
    made = call.warehouse.assessments.create(wanted)
    return {"assessment": assessment_message(made)}


@operation(
    "GET",
    "/*/3.0/mlflow/traces/{trace_id}/assessments/{assessment_id}",
    permission=on_trace(Action.READ),
    request=AssessmentOf,
)
def get_assessment(call: Call) -> dict[str, Any]:
    """One assessment."""
    data: AssessmentOf = call.data
    found = call.warehouse.assessments.get(data.trace_id, data.assessment_id)
    return {"assessment": assessment_message(found)}


@operation(
    "PATCH",
    "/*/3.0/mlflow/traces/{trace_id}/assessments/{assessment_id}",
    permission=on_trace(Action.EDIT),
    request=AssessmentOf,
)
def update_assessment(call: Call) -> dict[str, Any]:
    """Change an assessment, in the fields that the mask names."""
    data: AssessmentOf = call.data
    if not data.assessment:
        raise missing("assessment")
    if not data.changed:
        raise missing("update_mask")
    known = call.warehouse.assessments.get(data.trace_id, data.assessment_id)
    changes: dict[str, Any] = {}
    for path in data.changed:
        said = data.assessment.get(path)
        match path:
            case "assessment_name":
                changes["name"] = str(said or "")
            case "feedback" | "expectation":
                if path != known.kind:
                    raise invalid(f"Cannot update {path} value on a {known.kind} assessment.")
                changes["value"], changes["error"] = value_of(path, said or {})
            case "rationale":
                changes["rationale"] = said
            case "metadata":
                changes["metadata"] = {str(k): str(v) for k, v in (said or {}).items()}
            case "valid":
                changes["is_valid"] = bool(said)
    found = call.warehouse.assessments.update(data.trace_id, data.assessment_id, changes)
    return {"assessment": assessment_message(found)}


@operation(
    "DELETE",
    "/*/3.0/mlflow/traces/{trace_id}/assessments/{assessment_id}",
    permission=on_trace(Action.EDIT),
    request=AssessmentOf,
)
def delete_assessment(call: Call) -> dict[str, Any]:
    """Delete an assessment."""
    data: AssessmentOf = call.data
    call.warehouse.assessments.delete(data.trace_id, data.assessment_id)
    return {}


OPERATIONS: tuple[Operation, ...] = (
    create_assessment,
    get_assessment,
    update_assessment,
    delete_assessment,
)
