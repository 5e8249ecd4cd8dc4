"""Evaluation datasets: found, looked through, described, and what is in them removed."""

from __future__ import annotations

import msgspec

from mere.entities.actor import Action, Scope
from mere.server.operations import Call, Operation, Permission
from mere.server.protocols.native.wire import operation
from mere.services.traces.evaluation_datasets import EvaluationDataset, EvaluationRecord
from mere.services.traces.evaluation_windows import EvaluationDatasetPage, EvaluationRecordPage

__all__ = ["OPERATIONS"]

_PATH = "/api/v1/evaluation-datasets"
_ONE = f"{_PATH}/{{dataset_id}}"
_ANYTHING = Permission(Action.READ, lambda call: Scope.anything())  # noqa: ARG005


class EvaluationDatasetsQuery(msgspec.Struct):
    """Which evaluation datasets.

    Args:
        experiment_id: Only those that belong to one of these experiments.
        text: Words that a name or a tag (``key=value``) holds.
        order: ``name``, ``records``, ``made`` or ``changed``.
        is_descending: Whether the largest come first.
        offset: Leave out so many.
        limit: At most so many.
    """

    experiment_id: list[str] = []
    text: str = ""
    order: str = "made"
    is_descending: bool = True
    offset: int = 0
    limit: int = 100


class NewEvaluationDataset(msgspec.Struct):
    """An evaluation dataset to make."""

    name: str = ""
    experiment_ids: list[str] = []


class EvaluationDatasetOf(msgspec.Struct):
    """Which evaluation dataset."""

    dataset_id: str = ""


class EvaluationDatasetChange(msgspec.Struct):
    """What is to be changed; what is left out stays.

    Args:
        dataset_id: The dataset.
        tags: Tags to set; one of null is removed.
        experiments: Experiments that it comes to belong to (true), or is taken out of (false).
    """

    dataset_id: str = ""
    tags: dict[str, str | None] = {}
    experiments: dict[str, bool] = {}


class EvaluationDatasetDeleted(msgspec.Struct):
    """It is done."""


class EvaluationRecordsQuery(msgspec.Struct):
    """Which records of an evaluation dataset.

    Args:
        dataset_id: The dataset.
        text: Words that a record holds, or the whole id of a record or trace.
        order: ``made`` or ``changed``.
        is_descending: Whether the newest come first.
        offset: Leave out so many.
        limit: At most so many.
    """

    dataset_id: str = ""
    text: str = ""
    order: str = "made"
    is_descending: bool = False
    offset: int = 0
    limit: int = 100


class EvaluationRecordOf(msgspec.Struct):
    """Which record."""

    dataset_id: str = ""
    record_id: str = ""


class EvaluationRecordsToRemove(msgspec.Struct):
    """Records of an evaluation dataset by their ids."""

    dataset_id: str = ""
    records: list[str] = []


class EvaluationRecordsRemoved(msgspec.Struct):
    """How many records were removed."""

    removed: int


def _scope(call: Call) -> Scope:
    return call.warehouse.evaluation_datasets.get(call.data.dataset_id).scope


def _scope_and_more(call: Call) -> Scope:
    """What it belongs to, and what it is to belong to."""
    more = [one for one, is_in in call.data.experiments.items() if is_in]
    return Scope.all_of(_scope(call), *map(Scope.experiment, more))


def _scope_of_new(call: Call) -> Scope:
    return EvaluationDataset(dataset_id="", name="", experiment_ids=call.data.experiment_ids).scope


_READ = Permission(Action.READ, scope=_scope)
_EDIT = Permission(Action.EDIT, scope=_scope)


@operation(
    "GET",
    _PATH,
    permission=_ANYTHING,
    request=EvaluationDatasetsQuery,
    answer=EvaluationDatasetPage,
)
def list_evaluation_datasets(call: Call) -> EvaluationDatasetPage:
    """Datasets by which programs are evaluated, by words, the newest first; how many there are."""
    data: EvaluationDatasetsQuery = call.data
    return call.warehouse.evaluation_windows.datasets(
        data.text,
        experiment_ids=data.experiment_id,
        order=data.order,
        is_descending=data.is_descending,
        offset=data.offset,
        limit=data.limit,
        readable=call.warehouse.access.readable_experiments(call.actor),
    )


@operation(
    "POST",
    _PATH,
    permission=Permission(Action.EDIT, scope=_scope_of_new),
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


@operation("GET", _ONE, permission=_READ, request=EvaluationDatasetOf, answer=EvaluationDataset)
def read_evaluation_dataset(call: Call) -> EvaluationDataset:
    """One evaluation dataset, without its records."""
    return call.warehouse.evaluation_datasets.get(call.data.dataset_id)


@operation(
    "PATCH",
    _ONE,
    permission=Permission(Action.EDIT, scope=_scope_and_more),
    request=EvaluationDatasetChange,
    answer=EvaluationDataset,
)
def change_evaluation_dataset(call: Call) -> EvaluationDataset:
    """Set tags of an evaluation dataset, and what experiments it belongs to."""
    data: EvaluationDatasetChange = call.data
    datasets = call.warehouse.evaluation_datasets
    for experiment_id, is_in in data.experiments.items():
        if is_in:
            call.warehouse.traces.require_experiment(experiment_id)
    if data.tags:
        datasets.set_tags(data.dataset_id, data.tags)
    if data.experiments:
        datasets.set_experiments(data.dataset_id, data.experiments)
    return datasets.get(data.dataset_id)


@operation(
    "DELETE",
    _ONE,
    permission=_EDIT,
    request=EvaluationDatasetOf,
    answer=EvaluationDatasetDeleted,
)
def delete_evaluation_dataset(call: Call) -> EvaluationDatasetDeleted:
    """Delete an evaluation dataset with its records, for good."""
    call.warehouse.evaluation_datasets.delete(call.data.dataset_id)
    return EvaluationDatasetDeleted()


@operation(
    "GET",
    f"{_ONE}/records",
    permission=_READ,
    request=EvaluationRecordsQuery,
    answer=EvaluationRecordPage,
)
def list_evaluation_records(call: Call) -> EvaluationRecordPage:
    """Records of an evaluation dataset by words, with the beginnings of what they hold."""
    data: EvaluationRecordsQuery = call.data
    return call.warehouse.evaluation_windows.records(
        data.dataset_id,
        data.text,
        order=data.order,
        is_descending=data.is_descending,
        offset=data.offset,
        limit=data.limit,
    )


@operation(
    "GET",
    f"{_ONE}/records/{{record_id}}",
    permission=_READ,
    request=EvaluationRecordOf,
    answer=EvaluationRecord,
)
def read_evaluation_record(call: Call) -> EvaluationRecord:
    """One record of an evaluation dataset, whole."""
    data: EvaluationRecordOf = call.data
    return call.warehouse.evaluation_datasets.record(data.dataset_id, data.record_id)


@operation(
    "POST",
    f"{_ONE}/records/remove",
    permission=_EDIT,
    request=EvaluationRecordsToRemove,
    answer=EvaluationRecordsRemoved,
)
def remove_evaluation_records(call: Call) -> EvaluationRecordsRemoved:
    """Remove records of an evaluation dataset, for good."""
    data: EvaluationRecordsToRemove = call.data
    return EvaluationRecordsRemoved(
        call.warehouse.evaluation_datasets.delete_records(
            data.dataset_id, data.records, by=call.actor.name or None
        )
    )


OPERATIONS: tuple[Operation, ...] = (
    list_evaluation_datasets,
    create_evaluation_dataset,
    read_evaluation_dataset,
    change_evaluation_dataset,
    delete_evaluation_dataset,
    list_evaluation_records,
    read_evaluation_record,
    remove_evaluation_records,
)
