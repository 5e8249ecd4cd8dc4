"""Evaluation datasets in MLflow's protocol; records and tags travel as JSON within JSON."""

from __future__ import annotations

import json
from typing import Any

from msgspec import field

from mere.server.operations import Call, Operation, Permission
from mere.server.protocols.mlflow.errors import invalid, missing, not_there
from mere.server.protocols.mlflow.times import millis
from mere.server.protocols.mlflow.traces import all_of, experiments_of
from mere.server.protocols.mlflow.wire import Int64, Request, message, operation
from mere.services.access.access import Action, Scope
from mere.services.traces.evaluation_datasets import EvaluationDataset, EvaluationRecord

__all__ = ["OPERATIONS"]

_SOURCE_IDS = {"TRACE": "trace_id"}


class DatasetOf(Request):
    """What is asked of one dataset."""

    dataset_id: str = ""
    key: str = ""
    tags: str = ""
    records: str = ""
    updated_by: str = ""
    experiment_ids: list[str] = field(default_factory=list)
    dataset_record_ids: list[str] = field(default_factory=list)
    max_results: Int64 = 0
    page_token: str = ""


class NewDataset(Request):
    """A dataset to make."""

    required = ("name",)
    name: str = ""
    experiment_ids: list[str] = field(default_factory=list)
    tags: str = ""
    created_by: str = ""


class Search(Request):
    """Which datasets to find."""

    experiment_ids: list[str] = field(default_factory=list)
    filter_string: str = ""
    max_results: Int64 = 0
    order_by: list[str] = field(default_factory=list)
    page_token: str = ""


def _scope(call: Call) -> Scope:
    """All experiments that a dataset belongs to; the warehouse where it belongs to none."""
    return call.warehouse.evaluation_datasets.get(call.data.dataset_id).scope


def _scope_and_more(call: Call) -> Scope:
    more = [Scope.experiment(one) for one in call.data.experiment_ids]
    return Scope.all_of(_scope(call), *more) if more else _scope(call)


def _scope_of_new(call: Call) -> Scope:
    ids = call.data.experiment_ids
    return all_of(ids) if ids else Scope.warehouse()


_READ = Permission(Action.READ, scope=_scope)
_EDIT = Permission(Action.EDIT, scope=_scope)


def _message(one: EvaluationDataset) -> dict[str, Any]:
    return message(
        dataset_id=one.dataset_id,
        name=one.name,
        tags=json.dumps(one.tags) if one.tags else None,
        schema=json.dumps(one.schema) if one.schema else None,
        profile=json.dumps({"num_records": one.records}) if one.records else None,
        digest=one.digest,
        created_time=millis(one.made_at),
        last_update_time=millis(one.changed_at),
        created_by=one.created_by,
        last_updated_by=one.changed_by,
        experiment_ids=one.experiment_ids,
    )


def _record_message(dataset_id: str, one: EvaluationRecord) -> dict[str, Any]:
    kind = (one.source or {}).get("source_type")
    data = (one.source or {}).get("source_data") or {}
    return message(
        dataset_record_id=one.record_id,
        dataset_id=dataset_id,
        inputs=one.inputs if one.inputs != {} else None,
        outputs=one.outputs,
        expectations=one.expectations,
        tags=one.tags,
        source=one.source,
        source_id=data.get(_SOURCE_IDS.get(str(kind), "source_id")),
        source_type=kind,
        created_time=millis(one.made_at),
        last_update_time=millis(one.changed_at),
        created_by=one.created_by,
        last_updated_by=one.changed_by,
    ) | {"inputs": one.inputs}


def _opened(text: str, name: str, kind: type[Any]) -> Any:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid(f"parameter '{name}' is no JSON: {error}") from error
    if not isinstance(found, kind):
        raise invalid(f"parameter '{name}' must hold a JSON {kind.__name__}")
    return found


@operation(
    "POST",
    "/*/3.0/mlflow/datasets/create",
    permission=Permission(Action.EDIT, scope=_scope_of_new),
    request=NewDataset,
)
def create_dataset(call: Call) -> dict[str, Any]:
    """Make an evaluation dataset."""
    data: NewDataset = call.data
    for experiment_id in data.experiment_ids:
        call.warehouse.traces.require_experiment(experiment_id)
    made = call.warehouse.evaluation_datasets.create(
        data.name,
        experiment_ids=data.experiment_ids,
        tags=_opened(data.tags, "tags", dict) if data.tags else None,
        created_by=data.created_by or call.actor.name or None,
    )
    return {"dataset": _message(made)}


@operation("GET", "/*/3.0/mlflow/datasets/{dataset_id}", permission=_READ, request=DatasetOf)
def get_dataset(call: Call) -> dict[str, Any]:
    """One evaluation dataset, without its records."""
    found = call.warehouse.evaluation_datasets.get(call.data.dataset_id)
    return {"dataset": _message(found)}


@operation("DELETE", "/*/3.0/mlflow/datasets/{dataset_id}", permission=_EDIT, request=DatasetOf)
def delete_dataset(call: Call) -> dict[str, Any]:
    """Delete an evaluation dataset."""
    call.warehouse.evaluation_datasets.delete(call.data.dataset_id)
    return {}


_SEARCH = Permission(Action.READ, scope=lambda call: all_of(call.data.experiment_ids))


def _search(call: Call) -> dict[str, Any]:
    data: Search = call.data
    found, token = call.warehouse.evaluation_datasets.search(
        experiment_ids=experiments_of(call, data.experiment_ids),
        filter=data.filter_string or None,
        order=data.order_by or None,
        max_results=data.max_results or 1_000,
        page_token=data.page_token or None,
    )
    return message(datasets=[_message(one) for one in found], next_page_token=token)


@operation("POST", "/*/3.0/mlflow/datasets/search", permission=_SEARCH, request=Search)
def search_datasets(call: Call) -> dict[str, Any]:
    """Find evaluation datasets."""
    return _search(call)


@operation("GET", "/*/3.0/mlflow/datasets/search", permission=_SEARCH, request=Search)
def search_datasets_by_query(call: Call) -> dict[str, Any]:
    """Find evaluation datasets."""
    return _search(call)


@operation("PATCH", "/*/3.0/mlflow/datasets/{dataset_id}/tags", permission=_EDIT, request=DatasetOf)
def set_dataset_tags(call: Call) -> dict[str, Any]:
    """Set tags of an evaluation dataset."""
    data: DatasetOf = call.data
    if not data.tags:
        raise missing("tags")
    said = {key: value for key, value in _opened(data.tags, "tags", dict).items() if value}
    found = call.warehouse.evaluation_datasets.set_tags(data.dataset_id, said)
    return {"dataset": _message(found)}


@operation(
    "DELETE",
    "/*/3.0/mlflow/datasets/{dataset_id}/tags/{key}",
    permission=_EDIT,
    request=DatasetOf,
)
def delete_dataset_tag(call: Call) -> dict[str, Any]:
    """Remove a tag of an evaluation dataset."""
    data: DatasetOf = call.data
    call.warehouse.evaluation_datasets.set_tags(data.dataset_id, {data.key: None})
    return {}


@operation(
    "POST",
    "/*/3.0/mlflow/datasets/{dataset_id}/records",
    permission=_EDIT,
    request=DatasetOf,
    body_max=64 << 20,
)
def upsert_records(call: Call) -> dict[str, Any]:
    """Add records, or merge them with those of the same inputs."""
    data: DatasetOf = call.data
    if not data.records:
        raise missing("records")
    records = _opened(data.records, "records", list)
    by = data.updated_by or call.actor.name or None
    inserted, updated = call.warehouse.evaluation_datasets.upsert_records(
        data.dataset_id, records, by=by
    )
    return {"inserted_count": inserted, "updated_count": updated}


@operation(
    "GET", "/*/3.0/mlflow/datasets/{dataset_id}/records", permission=_READ, request=DatasetOf
)
def get_records(call: Call) -> dict[str, Any]:
    """One page of the records of an evaluation dataset."""
    data: DatasetOf = call.data
    found, token = call.warehouse.evaluation_datasets.records(
        data.dataset_id, limit=data.max_results or 1_000, page_token=data.page_token or None
    )
    shown = json.dumps([_record_message(data.dataset_id, one) for one in found])
    return message(records=shown, next_page_token=token)


@operation(
    "DELETE", "/*/3.0/mlflow/datasets/{dataset_id}/records", permission=_EDIT, request=DatasetOf
)
def delete_records(call: Call) -> dict[str, Any]:
    """Delete records of an evaluation dataset."""
    data: DatasetOf = call.data
    count = call.warehouse.evaluation_datasets.delete_records(
        data.dataset_id, data.dataset_record_ids, by=call.actor.name or None
    )
    return {"deleted_count": count}


@operation(
    "GET",
    "/*/3.0/mlflow/datasets/{dataset_id}/experiment-ids",
    permission=_READ,
    request=DatasetOf,
)
def get_experiment_ids(call: Call) -> dict[str, Any]:
    """The experiments that an evaluation dataset belongs to."""
    found = call.warehouse.evaluation_datasets.get(call.data.dataset_id)
    return message(experiment_ids=found.experiment_ids)


@operation(
    "POST",
    "/*/3.0/mlflow/datasets/{dataset_id}/add-experiments",
    permission=Permission(Action.EDIT, scope=_scope_and_more),
    request=DatasetOf,
)
def add_experiments(call: Call) -> dict[str, Any]:
    """Make an evaluation dataset belong to further experiments."""
    data: DatasetOf = call.data
    for experiment_id in data.experiment_ids:
        if call.warehouse.lake.get("experiments", experiment_id) is None:
            raise not_there(f"No Experiment with id={experiment_id}")
    return _changed(call, is_in=True)


@operation(
    "POST",
    "/*/3.0/mlflow/datasets/{dataset_id}/remove-experiments",
    permission=_EDIT,
    request=DatasetOf,
)
def remove_experiments(call: Call) -> dict[str, Any]:
    """Take an evaluation dataset out of experiments."""
    return _changed(call, is_in=False)


def _changed(call: Call, *, is_in: bool) -> dict[str, Any]:
    data: DatasetOf = call.data
    found = call.warehouse.evaluation_datasets.set_experiments(
        data.dataset_id, dict.fromkeys(data.experiment_ids, is_in)
    )
    return {"dataset": _message(found)}


OPERATIONS: tuple[Operation, ...] = (
    create_dataset,
    get_dataset,
    delete_dataset,
    search_datasets,
    search_datasets_by_query,
    set_dataset_tags,
    delete_dataset_tag,
    upsert_records,
    get_records,
    delete_records,
    get_experiment_ids,
    add_experiments,
    remove_experiments,
)
