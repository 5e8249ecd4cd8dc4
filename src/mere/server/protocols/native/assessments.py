"""What people say of traces."""

from __future__ import annotations

from typing import Any

import msgspec

from mere.entities.actor import Action, ActorKind, Scope
from mere.entities.assessment import Assessment
from mere.errors import ErrorCode, InvalidInput
from mere.server.operations import Call, Operation, Permission
from mere.server.protocols.native.wire import operation

__all__ = ["OPERATIONS"]


def _on_trace(action: Action) -> Permission:
    return Permission(action, scope=lambda call: Scope.trace(call.data.trace_id))


class AssessmentsOf(msgspec.Struct):
    """Which trace."""

    trace_id: str = ""


class AssessmentList(msgspec.Struct):
    """What is said of a trace, oldest first."""

    assessments: list[Assessment]


class NewAssessment(msgspec.Struct):
    """What somebody says of a trace or of one of its spans.

    Args:
        trace_id: The trace.
        name: What is judged.
        value: Any JSON value.
        kind: ``feedback``, ``expectation`` or ``issue``.
        rationale: Why.
        span_id: The span it is about, where it is about one.
        overrides: The id of the assessment that it replaces.
    """

    trace_id: str = ""
    name: str = ""
    value: Any = None
    kind: str = "feedback"
    rationale: str | None = None
    span_id: str | None = None
    overrides: str | None = None


class AssessmentChange(msgspec.Struct):
    """What is to be changed of an assessment; what is left out stays."""

    trace_id: str = ""
    assessment_id: str = ""
    name: str | msgspec.UnsetType = msgspec.UNSET
    value: Any = msgspec.UNSET
    rationale: str | msgspec.UnsetType | None = msgspec.UNSET


class AssessmentOf(msgspec.Struct):
    """Which assessment."""

    trace_id: str = ""
    assessment_id: str = ""


class AssessmentDeleted(msgspec.Struct):
    """It is done."""


@operation(
    "GET",
    "/api/v1/traces/{trace_id}/assessments",
    permission=_on_trace(Action.READ),
    request=AssessmentsOf,
    answer=AssessmentList,
)
def list_assessments(call: Call) -> AssessmentList:
    """What is said of a trace, oldest first."""
    trace_id: str = call.data.trace_id
    return AssessmentList(call.warehouse.assessments.of([trace_id])[trace_id])


@operation(
    "POST",
    "/api/v1/traces/{trace_id}/assessments",
    permission=_on_trace(Action.EDIT),
    request=NewAssessment,
    answer=Assessment,
)
def create_assessment(call: Call) -> Assessment:
    """Say something of a trace."""
    data: NewAssessment = call.data
    is_local = call.actor.kind is ActorKind.LOCAL
    said = Assessment(
        **msgspec.structs.asdict(data),
        source_kind="HUMAN",
        source_id="default" if is_local else call.actor.name,
    )
    return call.warehouse.assessments.create(said)


@operation(
    "PATCH",
    "/api/v1/traces/{trace_id}/assessments/{assessment_id}",
    permission=_on_trace(Action.EDIT),
    request=AssessmentChange,
    answer=Assessment,
)
def change_assessment(call: Call) -> Assessment:
    """Change what was said of a trace."""
    data: AssessmentChange = call.data
    changes = {
        name: value
        for name in ("name", "value", "rationale")
        if (value := getattr(data, name)) is not msgspec.UNSET
    }
    if not changes:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, "nothing is to be changed: give a name, value or rationale"
        )
    return call.warehouse.assessments.update(data.trace_id, data.assessment_id, changes)


@operation(
    "DELETE",
    "/api/v1/traces/{trace_id}/assessments/{assessment_id}",
    permission=_on_trace(Action.EDIT),
    request=AssessmentOf,
    answer=AssessmentDeleted,
)
def delete_assessment(call: Call) -> AssessmentDeleted:
    """Take back what was said of a trace; one that it replaced holds again."""
    data: AssessmentOf = call.data
    call.warehouse.assessments.delete(data.trace_id, data.assessment_id)
    return AssessmentDeleted()


OPERATIONS: tuple[Operation, ...] = (
    list_assessments,
    create_assessment,
    change_assessment,
    delete_assessment,
)
