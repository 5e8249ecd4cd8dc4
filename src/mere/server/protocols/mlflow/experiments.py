"""Experiments: create, read, rename, delete, restore, tags."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import msgspec

from mere.entities.experiment import DEFAULT_NAME
from mere.entities.limits import NAME_CHARS_MAX
from mere.errors import ErrorCode, MereError, NotFound
from mere.server.operations import SIGNED_IN, Call
from mere.server.protocols.mlflow.errors import invalid, not_there, refusal
from mere.server.protocols.mlflow.validation import check_experiment_id, check_experiment_tag
from mere.server.protocols.mlflow.wire import (
    EDIT,
    Request,
    on_experiment,
    operation,
)
from mere.server.protocols.mlflow.words import experiment_message
from mere.services.access.access import Action, Scope

__all__ = ["OPERATIONS", "Tag", "actor_name", "ensure_default", "experiment_by_id"]

_LOCATION_CHARS_MAX = 2_048


class Tag(msgspec.Struct):
    """A tag as it comes in requests."""

    key: str = ""
    value: str = ""


class _Create(Request):
    required = ("name",)
    name: str = ""
    artifact_location: str = ""
    tags: tuple[Tag, ...] = ()


class _One(Request):
    required = ("experiment_id",)
    experiment_id: str = ""


class _ByName(Request):
    required = ("experiment_name",)
    experiment_name: str = ""


class _Update(Request):
    required = ("experiment_id", "new_name")
    experiment_id: str = ""
    new_name: str = ""


class _SetTag(Request):
    required = ("experiment_id", "key")
    experiment_id: str = ""
    key: str = ""
    value: str = ""


class _DeleteTag(Request):
    required = ("experiment_id", "key")
    experiment_id: str = ""
    key: str = ""


def actor_name(call: Call, given: str = "") -> str | None:
    """Whom something is created by: who has signed in, else whom the client names."""
    return call.actor.name if call.actor.kind in ("user", "token") else given or None


def ensure_default(call: Call) -> None:
    """Make sure that the experiment with the id 0 is there, as MLflow's clients expect."""
    # It is claimed once a process; who deleted it meanwhile is not overruled.
    call.warehouse.experiments.get_or_create(DEFAULT_NAME)


@operation("POST", "/*/2.0/mlflow/experiments/create", permission=EDIT, request=_Create)
def create_experiment(call: Call) -> dict[str, Any]:
    """Create an experiment."""
    data: _Create = call.data
    _check_name(data.name)
    tags = dict(check_experiment_tag(tag.key, tag.value) for tag in data.tags)
    location = _checked_location(data.artifact_location)
    made = call.warehouse.experiments.create(
        data.name, tags=tags, created_by=actor_name(call), artifact_location=location
    )
    call.warehouse.access.own(call.actor, Scope.experiment(made.experiment_id))
    return {"experiment_id": made.experiment_id}


@operation(
    "GET", "/*/2.0/mlflow/experiments/get", permission=on_experiment(Action.READ), request=_One
)
def get_experiment(call: Call) -> dict[str, Any]:
    """Get an experiment by id."""
    return {"experiment": experiment_by_id(call, call.data.experiment_id)}


@operation("GET", "/*/2.0/mlflow/experiments/get-by-name", permission=SIGNED_IN, request=_ByName)
def get_experiment_by_name(call: Call) -> dict[str, Any]:
    """Get an experiment by name, deleted ones included."""
    name = call.data.experiment_name
    ensure_default(call)
    try:
        found = call.warehouse.experiments.find(name)
    except NotFound as error:
        raise not_there(f"Could not find experiment with name '{name}'") from error
    call.warehouse.access.authorize(call.actor, Action.READ, Scope.experiment(found.experiment_id))
    return {"experiment": experiment_message(msgspec.structs.asdict(found))}


@operation(
    "POST",
    "/*/2.0/mlflow/experiments/update",
    permission=on_experiment(Action.EDIT),
    request=_Update,
)
def update_experiment(call: Call) -> dict[str, Any]:
    """Rename an experiment."""
    data: _Update = call.data
    _check_name(data.new_name)
    experiment_id = check_experiment_id(data.experiment_id)
    ensure_default(call)
    try:
        call.warehouse.experiments.rename(experiment_id, data.new_name)
    except MereError as error:
        if error.code is ErrorCode.EXPERIMENT_DELETED:
            raise refusal("INVALID_STATE", "Cannot rename a non-active experiment.") from error
        raise
    return {}


@operation(
    "POST", "/*/2.0/mlflow/experiments/delete", permission=on_experiment(Action.ADMIN), request=_One
)
def delete_experiment(call: Call) -> dict[str, Any]:
    """Delete an experiment with its runs; they can be restored."""
    return _move(call, "active", call.warehouse.experiments.delete)


@operation(
    "POST",
    "/*/2.0/mlflow/experiments/restore",
    permission=on_experiment(Action.ADMIN),
    request=_One,
)
def restore_experiment(call: Call) -> dict[str, Any]:
    """Restore a deleted experiment with its runs."""
    return _move(call, "deleted", call.warehouse.experiments.restore)


@operation(
    "POST",
    "/*/2.0/mlflow/experiments/set-experiment-tag",
    permission=on_experiment(Action.EDIT),
    request=_SetTag,
)
def set_experiment_tag(call: Call) -> dict[str, Any]:
    """Set a tag of an experiment."""
    data: _SetTag = call.data
    key, value = check_experiment_tag(data.key, data.value)
    experiment_id = check_experiment_id(data.experiment_id)
    ensure_default(call)
    call.warehouse.experiments.set_tags(experiment_id, {key: value})
    return {}


@operation(
    "POST",
    "/*/2.0/mlflow/experiments/delete-experiment-tag",
    permission=on_experiment(Action.EDIT),
    request=_DeleteTag,
)
def delete_experiment_tag(call: Call) -> dict[str, Any]:
    """Remove a tag of an experiment."""
    data: _DeleteTag = call.data
    experiment_id = check_experiment_id(data.experiment_id)
    ensure_default(call)
    call.warehouse.experiments.remove_tag(experiment_id, data.key)
    return {}


def experiment_by_id(call: Call, experiment_id: str) -> dict[str, Any]:
    """The message of an experiment."""
    wanted = check_experiment_id(experiment_id)
    ensure_default(call)
    return experiment_message(msgspec.structs.asdict(call.warehouse.experiments.get(wanted)))


def _move(call: Call, source: str, move: Any) -> dict[str, Any]:
    experiment_id = check_experiment_id(call.data.experiment_id)
    ensure_default(call)
    if call.warehouse.experiments.get(experiment_id).lifecycle != source:
        raise not_there(f"No Experiment with id={experiment_id} exists")
    move(experiment_id)
    call.warehouse.logging.gate.forget_experiment(experiment_id)
    return {}


def _check_name(name: str) -> None:
    if len(name) > NAME_CHARS_MAX:
        raise invalid(f"'name' exceeds the maximum length of {NAME_CHARS_MAX} characters")


def _checked_location(location: str) -> str | None:
    """Where runs are to put their files; as a URL, or a folder of the machines they run on."""
    if not location:
        return None
    parts = urlsplit(location)
    if parts.fragment or ";" in parts.path:
        raise invalid("'artifact_location' URL can't include fragments or params.")
    if len(location) > _LOCATION_CHARS_MAX:
        raise invalid(
            f"'artifact_location' exceeds the maximum length of {_LOCATION_CHARS_MAX} characters"
        )
    if ".." in parts.path.split("/") or ".." in parts.query:
        raise invalid(f"Invalid artifact location '{location}': it may not hold '..'")
    return location if parts.scheme else os.path.abspath(location)


OPERATIONS = (
    create_experiment,
    get_experiment,
    get_experiment_by_name,
    update_experiment,
    delete_experiment,
    restore_experiment,
    set_experiment_tag,
    delete_experiment_tag,
)
