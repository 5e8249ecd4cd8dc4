"""What people say of traces, and datasets that traces are kept in to evaluate programs by."""

from __future__ import annotations

from typing import Any

import msgspec

from mere.entities.actor import Action, ActorKind, Scope
from mere.entities.assessment import Assessment
from mere.errors import ErrorCode, InvalidInput
from mere.server.operations import Call, Operation, Permission
from mere.server.protocols.native.wire import operation
from mere.services.traces.evaluation_datasets import EvaluationDataset

__all__ = ["OPERATIONS"]

_LISTED_MAX = 1_000
_ANYTHING = Permission(Action.READ, lambda call: Scope.anything())  # noqa: ARG005


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


class DatasetsQuery(msgspec.Struct):
    """Which evaluation datasets."""

    experiment_id: list[str] = []


class NewEvaluationDataset(msgspec.Struct):
    """An evaluation dataset to make."""

    name: str = ""
    experiment_ids: list[str] = []


class EvaluationDatasetList(msgspec.Struct):
    """Evaluation datasets, the newest first."""

    datasets: list[EvaluationDataset]


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


@operation(
    "GET",
    "/api/v1/evaluation-datasets",
    permission=_ANYTHING,
    request=DatasetsQuery,
    answer=EvaluationDatasetList,
)
def list_evaluation_datasets(call: Call) -> EvaluationDatasetList:
    """Datasets by which programs are evaluated, the newest first."""
    data: DatasetsQuery = call.data
    readable = call.warehouse.access.readable_experiments(call.actor)
    found, _ = call.warehouse.evaluation_datasets.search(
        experiment_ids=data.experiment_id or None, max_results=_LISTED_MAX
    )
    if readable is not None:  # those of no experiment belong to the warehouse as a whole
        found = [
            one for one in found if one.experiment_ids and readable.issuperset(one.experiment_ids)
        ]
    return EvaluationDatasetList(found)


@operation(
    "POST",
    "/api/v1/evaluation-datasets",
    permission=Permission(
        Action.EDIT,
        scope=lambda call: (
            Scope.all_of(*map(Scope.experiment, call.data.experiment_ids))
            if call.data.experiment_ids
            else Scope.warehouse()
        ),
    ),
    request=NewEvaluationDataset,
    answer=EvaluationDataset,
)
def create_evaluation_dataset(call: Call) -> EvaluationDataset:
    """Make an evaluation dataset without records."""
    data: NewEvaluationDataset = call.data
    for experiment_id in data.experiment_ids:
        call.warehouse.traces.require_experiment(experiment_id)
    return call.warehouse.evaluation_datasets.create(
        data.name, experiment_ids=data.experiment_ids, created_by=call.actor.name or None
    )


OPERATIONS: tuple[Operation, ...] = (
    list_assessments,
    create_assessment,
    change_assessment,
    delete_assessment,
    list_evaluation_datasets,
    create_evaluation_dataset,
)
