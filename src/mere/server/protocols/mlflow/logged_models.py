"""Logged models: created when a client begins to log one, ready when its files are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mere.entities.limits import PARAM_CHARS_MAX, TAG_CHARS_MAX
from mere.entities.logged_model import LoggedModel, LoggedModelStatus, Measurement
from mere.server.operations import Call, Permission
from mere.server.protocols.mlflow.addresses import root_of
from mere.server.protocols.mlflow.errors import invalid, invalid_value, missing
from mere.server.protocols.mlflow.experiments import Tag, actor_name, ensure_default
from mere.server.protocols.mlflow.validation import check_experiment_id, check_given
from mere.server.protocols.mlflow.wire import Request, double, message, on_experiment, operation
from mere.server.protocols.mlflow.words import millis, pairs
from mere.services.access.access import Action, Scope
from mere.services.runs.logged_models import DatasetChoice, ModelOrder
from mere.services.runs.search import PAGE_ROWS_MAX

__all__ = ["OPERATIONS", "logged_model_message", "on_logged_model"]

_PAGE_ROWS = 100
_STATUSES: Mapping[str | int, LoggedModelStatus] = {
    1: LoggedModelStatus.PENDING,
    2: LoggedModelStatus.READY,
    3: LoggedModelStatus.FAILED,
    "LOGGED_MODEL_PENDING": LoggedModelStatus.PENDING,
    "LOGGED_MODEL_READY": LoggedModelStatus.READY,
    "LOGGED_MODEL_UPLOAD_FAILED": LoggedModelStatus.FAILED,
}
_SHOWN = {status: name for name, status in _STATUSES.items() if isinstance(name, str)}
_BAD_IN_NAMES = ("/", ":", ".", "%", '"', "'")


class _Create(Request):
    required = ("experiment_id",)
    experiment_id: str = ""
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    params: tuple[Tag, ...] = ()
    tags: tuple[Tag, ...] = ()


class _One(Request):
    required = ("model_id",)
    model_id: str = ""
    allow_deleted: bool = False


class _Finalize(Request):
    required = ("model_id", "status")
    model_id: str = ""
    status: str | int | None = None


class _Params(Request):
    required = ("model_id",)
    model_id: str = ""
    params: tuple[Tag, ...] = ()


class _Tags(Request):
    required = ("model_id",)
    model_id: str = ""
    tags: tuple[Tag, ...] = ()


class _DeleteTag(Request):
    required = ("model_id", "tag_key")
    model_id: str = ""
    tag_key: str = ""


class _Dataset(msgspec.Struct):
    dataset_name: str = ""
    dataset_digest: str = ""


class _OrderBy(msgspec.Struct):
    field_name: str = ""
    ascending: bool = True
    dataset_name: str = ""
    dataset_digest: str = ""


class _Search(Request):
    experiment_ids: tuple[str, ...] = ()
    filter: str = ""
    datasets: tuple[_Dataset, ...] = ()
    max_results: int = 0
    order_by: tuple[_OrderBy, ...] = ()
    page_token: str = ""


def on_logged_model(action: Action) -> Permission:
    """To do something with the logged model that the request's ``model_id`` names."""
    return Permission(action, scope=lambda call: Scope.logged_model(call.data.model_id))


def _on_searched(call: Call) -> Scope:
    return Scope.all_of(*(Scope.experiment(one) for one in call.data.experiment_ids))


@operation(
    "POST", "/*/2.0/mlflow/logged-models", permission=on_experiment(Action.EDIT), request=_Create
)
def create_logged_model(call: Call) -> dict[str, Any]:
    """Create a logged model, whose files are to come."""
    data: _Create = call.data
    experiment_id = check_experiment_id(data.experiment_id)
    if any(bad in data.name for bad in _BAD_IN_NAMES):
        raise invalid(
            f"Invalid model name ({data.name!r}) provided. Model name must be a non-empty string "
            f"and cannot contain the following characters: {_BAD_IN_NAMES}"
        )
    ensure_default(call)
    made = call.warehouse.logged_models.create(
        experiment_id,
        name=data.name or None,
        run_id=data.source_run_id or None,
        model_type=data.model_type or None,
        params=_entries(data.params, "params", PARAM_CHARS_MAX),
        tags=_entries(data.tags, "tags", TAG_CHARS_MAX),
        created_by=actor_name(call),
    )
    scope = Scope.logged_model(made.model_id)
    call.warehouse.access.learn_home(scope, made.experiment_id)
    return {"model": logged_model_message(made)}


@operation(
    "GET",
    "/*/2.0/mlflow/logged-models/{model_id}",
    permission=on_logged_model(Action.READ),
    request=_One,
)
def get_logged_model(call: Call) -> dict[str, Any]:
    """Get a logged model."""
    data: _One = call.data
    found = call.warehouse.logged_models.get(data.model_id, with_deleted=data.allow_deleted)
    return {"model": logged_model_message(found)}


@operation(
    "PATCH",
    "/*/2.0/mlflow/logged-models/{model_id}",
    permission=on_logged_model(Action.EDIT),
    request=_Finalize,
)
def finalize_logged_model(call: Call) -> dict[str, Any]:
    """Say that a logged model's files are all there, or will not come."""
    data: _Finalize = call.data
    given = data.status
    if isinstance(given, str) and given.isdigit():
        given = int(given)
    status = _STATUSES.get(given or 0)
    if status is None:
        raise invalid_value("status", data.status)
    made = call.warehouse.logged_models.finalize(data.model_id, status)
    return {"model": logged_model_message(made)}


@operation(
    "DELETE",
    "/*/2.0/mlflow/logged-models/{model_id}",
    permission=on_logged_model(Action.EDIT),
    request=_One,
)
def delete_logged_model(call: Call) -> dict[str, Any]:
    """Delete a logged model."""
    call.warehouse.logged_models.delete(call.data.model_id)
    return {}


@operation(
    "POST",
    "/*/2.0/mlflow/logged-models/{model_id}/params",
    permission=on_logged_model(Action.EDIT),
    request=_Params,
)
def log_logged_model_params(call: Call) -> dict[str, Any]:
    """Add params to a logged model; a param never changes."""
    data: _Params = call.data
    params = _entries(data.params, "params", PARAM_CHARS_MAX)
    call.warehouse.logged_models.log_params(data.model_id, params)
    return {}


@operation(
    "PATCH",
    "/*/2.0/mlflow/logged-models/{model_id}/tags",
    permission=on_logged_model(Action.EDIT),
    request=_Tags,
)
def set_logged_model_tags(call: Call) -> dict[str, Any]:
    """Set tags of a logged model."""
    data: _Tags = call.data
    tags = _entries(data.tags, "tags", TAG_CHARS_MAX)
    call.warehouse.logged_models.set_tags(data.model_id, tags)
    return {}


@operation(
    "DELETE",
    "/*/2.0/mlflow/logged-models/{model_id}/tags/{tag_key:path}",
    permission=on_logged_model(Action.EDIT),
    request=_DeleteTag,
)
def delete_logged_model_tag(call: Call) -> dict[str, Any]:
    """Remove a tag of a logged model."""
    call.warehouse.logged_models.delete_tag(call.data.model_id, call.data.tag_key)
    return {}


@operation(
    "POST",
    "/*/2.0/mlflow/logged-models/search",
    permission=Permission(Action.READ, scope=_on_searched),
    request=_Search,
)
def search_logged_models(call: Call) -> dict[str, Any]:
    """Find logged models by what they are and what was measured of them."""
    data: _Search = call.data
    if not data.experiment_ids:
        raise missing("experiment_ids")
    if not all(one.dataset_name for one in data.datasets):
        raise invalid("`dataset_name` in the `datasets` clause must be specified.")
    if not 0 <= data.max_results <= PAGE_ROWS_MAX:
        raise invalid_value("max_results", data.max_results, f": give 1 to {PAGE_ROWS_MAX}")
    page = call.warehouse.logged_models.search(
        data.experiment_ids,
        filter=data.filter,
        datasets=[_choice(one) for one in data.datasets],
        order=[_order(one) for one in data.order_by],
        max_results=data.max_results or _PAGE_ROWS,
        page_token=data.page_token or None,
    )
    return message(
        models=[logged_model_message(one) for one in page.models],
        next_page_token=page.next_page_token,
    )


def logged_model_message(model: LoggedModel) -> dict[str, Any]:
    """A logged model in MLflow's words."""
    uri = root_of("logged_model", model.model_id, model.experiment_id, model.artifact_location)
    info = message(
        model_id=model.model_id,
        experiment_id=model.experiment_id,
        name=model.name,
        creation_timestamp_ms=millis(model.logged_at),
        last_updated_timestamp_ms=millis(model.changed_at),
        artifact_uri=uri,
        status=_SHOWN.get(LoggedModelStatus.of(model.status)),
        model_type=model.model_type,
        source_run_id=model.run_id,
        tags=pairs(model.tags),
    )
    metrics = [_metric(model.model_id, one) for one in model.measurements]
    return {"info": info, "data": message(params=pairs(model.params), metrics=metrics)}


def _metric(model_id: str, one: Measurement) -> dict[str, Any]:
    return message(
        key=one.key,
        value=double(one.value),
        timestamp=millis(one.timestamp),
        step=one.step,
        dataset_name=one.dataset_name,
        dataset_digest=one.dataset_digest,
        model_id=model_id,
        run_id=one.run_id,
    )


def _entries(given: tuple[Tag, ...], what: str, chars_max: int) -> dict[str, str]:
    """Params or tags, values cut off where they are too long, as runs' are."""
    for index, one in enumerate(given):
        check_given(one.key, f"{what}[{index}].key")
    return {one.key: one.value[:chars_max] for one in given}


def _choice(given: _Dataset | _OrderBy) -> DatasetChoice:
    return DatasetChoice(given.dataset_name, given.dataset_digest or None)


def _order(given: _OrderBy) -> ModelOrder:
    check_given(given.field_name, "order_by.field_name")
    prefix, dot, _ = given.field_name.partition(".")
    if dot and prefix != "metrics":
        raise invalid(
            f"Invalid order by field name: {given.field_name}. Only metrics are supported."
        )
    dataset = _choice(given) if given.dataset_name else None
    return ModelOrder(given.field_name, not given.ascending, dataset)


OPERATIONS = (
    create_logged_model,
    get_logged_model,
    finalize_logged_model,
    delete_logged_model,
    log_logged_model_params,
    set_logged_model_tags,
    delete_logged_model_tag,
    search_logged_models,
)
