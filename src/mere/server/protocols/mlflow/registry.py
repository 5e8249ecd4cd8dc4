"""The model registry in MLflow's protocol: registered models, versions, aliases, stages, tags.

Prompts are registered models with a marker among their tags; MLflow's clients reach them by these
operations too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from mere.entities.actor import Action, Scope
from mere.entities.limits import TAG_CHARS_MAX
from mere.entities.model import ModelVersion, RegisteredModel
from mere.errors import AlreadyExists, NotFound
from mere.server.operations import SIGNED_IN, Call, Permission
from mere.server.protocols.mlflow.addresses import root_of
from mere.server.protocols.mlflow.errors import invalid, refusal
from mere.server.protocols.mlflow.validation import (
    check_model_alias,
    check_model_name,
    check_model_version,
    check_stage,
)
from mere.server.protocols.mlflow.wire import EDIT, Int64, Request, message, operation
from mere.server.protocols.mlflow.words import millis, pairs
from mere.services.registry.source import source_scopes

__all__ = ["OPERATIONS", "on_model"]

_MODELS = "/*/2.0/mlflow/registered-models"
_VERSIONS = "/*/2.0/mlflow/model-versions"
_VERSIONS_TAG = "mlflow.modelVersions"
_MODELS_A_PAGE, _MODELS_A_PAGE_MAX = 100, 1_000
_VERSIONS_A_PAGE, _VERSIONS_A_PAGE_MAX = 10_000, 200_000


class _Tag(Request):
    key: str = ""
    value: str = ""


class _Named(Request):
    required = ("name",)
    name: str = ""


class _CreateModel(Request):
    required = ("name",)
    name: str = ""
    tags: tuple[_Tag, ...] = ()
    description: str | None = None

    def check(self) -> None:
        check_model_name(self.name)


class _UpdateModel(_Named):
    description: str | None = None


class _Rename(Request):
    required = ("name", "new_name")
    name: str = ""
    new_name: str = ""

    def check(self) -> None:
        check_model_name(self.new_name)


class _Search(Request):
    filter: str = ""
    max_results: Int64 | None = None
    order_by: tuple[str, ...] = ()
    page_token: str = ""


class _Latest(_Named):
    stages: tuple[str, ...] = ()

    def check(self) -> None:
        for stage in self.stages:
            check_stage(stage)


class _TagModel(Request):
    required = ("name", "key")
    name: str = ""
    key: str = ""
    value: str = ""


class _Alias(Request):
    required = ("name", "alias")
    name: str = ""
    alias: str = ""


class _SetAlias(Request):
    required = ("name", "alias", "version")
    name: str = ""
    alias: str = ""
    version: str = ""

    def check(self) -> None:
        check_model_alias(self.alias)
        check_model_version(self.name, self.version)


class _CreateVersion(Request):
    required = ("name", "source")
    name: str = ""
    source: str = ""
    run_id: str = ""
    tags: tuple[_Tag, ...] = ()
    run_link: str = ""
    description: str | None = None
    model_id: str = ""


class _Version(Request):
    required: ClassVar[tuple[str, ...]] = ("name", "version")
    name: str = ""
    version: str = ""

    def check(self) -> None:
        check_model_version(self.name, self.version)


class _UpdateVersion(_Version):
    description: str | None = None


class _Stage(_Version):
    required = ("name", "version", "stage")
    stage: str = ""
    archive_existing_versions: bool = False

    def check(self) -> None:
        super().check()
        check_stage(self.stage)


class _TagVersion(_Version):
    required = ("name", "version", "key")
    key: str = ""
    value: str = ""


def on_model(action: Action) -> Permission:
    """To do something with the registered model that the request's ``name`` names."""
    return Permission(action, scope=lambda call: Scope.model(call.data.name))


_READ_MODEL, _EDIT_MODEL = on_model(Action.READ), on_model(Action.EDIT)
_ADMIN_MODEL = on_model(Action.ADMIN)


def _model_message(
    model: RegisteredModel, latest: list[ModelVersion] | None = None
) -> dict[str, Any]:
    """A registered model."""
    return message(
        name=model.name,
        creation_timestamp=millis(model.registered_at),
        last_updated_timestamp=millis(model.changed_at),
        user_id=model.created_by,
        description=model.description or None,
        latest_versions=[_version_message(one) for one in latest or ()],
        tags=pairs(model.tags),
        aliases=[{"alias": key, "version": str(one)} for key, one in model.aliases.items()],
    )


def _version_message(version: ModelVersion) -> dict[str, Any]:
    """A version of a registered model."""
    return message(
        name=version.name,
        version=str(version.version),
        creation_timestamp=millis(version.registered_at),
        last_updated_timestamp=millis(version.changed_at),
        user_id=version.created_by,
        current_stage=version.stage,
        description=version.description,
        source=version.source,
        run_id=version.run_id or "",
        run_link=version.run_link or "",
        status=version.status,
        status_message=version.status_message,
        tags=pairs(version.tags),
        aliases=version.aliases,
        model_id=version.model_id,
    )


@operation("POST", f"{_MODELS}/create", permission=EDIT, request=_CreateModel)
def create_registered_model(call: Call) -> dict[str, Any]:
    """Register a name for a model or a prompt."""
    data: _CreateModel = call.data
    models = call.warehouse.models
    try:
        made = models.create(
            data.name,
            description=data.description,
            tags=_map(data.tags),
            created_by=call.actor.name,
        )
    except AlreadyExists as error:
        raise _taken(call, data.name, _map(data.tags)) from error
    call.warehouse.access.own(call.actor, Scope.model(made.name))
    return {"registered_model": _model_message(made)}


@operation("GET", f"{_MODELS}/get", permission=_READ_MODEL, request=_Named)
def get_registered_model(call: Call) -> dict[str, Any]:
    """One registered model, with the newest version of each stage."""
    return {"registered_model": _whole(call, call.data.name)}


@operation("PATCH", f"{_MODELS}/update", permission=_EDIT_MODEL, request=_UpdateModel)
def update_registered_model(call: Call) -> dict[str, Any]:
    """Set the description of a registered model."""
    call.warehouse.models.describe(call.data.name, call.data.description)
    return {"registered_model": _whole(call, call.data.name)}


def _both_names(call: Call) -> Scope:
    """A new name is a new model to those who ask who may read it, so both rights are needed."""
    return Scope.all_of(Scope.model(call.data.name), Scope.warehouse())


@operation(
    "POST", f"{_MODELS}/rename", permission=Permission(Action.EDIT, _both_names), request=_Rename
)
def rename_registered_model(call: Call) -> dict[str, Any]:
    """Give a registered model another name; its versions go with it."""
    data: _Rename = call.data
    try:
        call.warehouse.models.rename(data.name, data.new_name)
    except AlreadyExists as error:
        raise refusal(
            "RESOURCE_ALREADY_EXISTS",
            f"Registered Model (name={data.new_name}) already exists: {error.message}",
        ) from error
    return {"registered_model": _whole(call, data.new_name)}


@operation("DELETE", f"{_MODELS}/delete", permission=_ADMIN_MODEL, request=_Named)
def delete_registered_model(call: Call) -> dict[str, Any]:
    """Delete a registered model with its versions."""
    call.warehouse.models.delete(call.data.name)
    return {}


@operation("GET", f"{_MODELS}/search", permission=SIGNED_IN, request=_Search)
def search_registered_models(call: Call) -> dict[str, Any]:
    """Search registered models; prompts are shown where the filter asks for them."""
    data: _Search = call.data
    models = call.warehouse.models
    page = models.search(
        filter=data.filter or None,
        order=_order(data.order_by),
        limit=_limit(data.max_results, _MODELS_A_PAGE, _MODELS_A_PAGE_MAX),
        page_token=data.page_token or None,
    )
    shown = call.warehouse.access.readable_models(call.actor)
    found = [one for one in page.items if shown is None or one.name in shown]
    latest = models.latest([one.name for one in found])
    return message(
        registered_models=[_model_message(one, latest[one.name]) for one in found],
        next_page_token=page.next_page_token,
    )


def _latest(call: Call) -> dict[str, Any]:
    name = call.warehouse.models.get(call.data.name).name
    found = call.warehouse.models.latest([name], call.data.stages)[name]
    return message(model_versions=[_version_message(one) for one in found])


@operation("GET", f"{_MODELS}/get-latest-versions", permission=_READ_MODEL, request=_Latest)
def get_latest_versions(call: Call) -> dict[str, Any]:
    """The newest version of each stage, asked in the query."""
    return _latest(call)


@operation("POST", f"{_MODELS}/get-latest-versions", permission=_READ_MODEL, request=_Latest)
def post_latest_versions(call: Call) -> dict[str, Any]:
    """The newest version of each stage."""
    return _latest(call)


@operation("POST", f"{_MODELS}/set-tag", permission=_EDIT_MODEL, request=_TagModel)
def set_registered_model_tag(call: Call) -> dict[str, Any]:
    """Set a tag of a registered model."""
    call.warehouse.models.set_tags(call.data.name, {call.data.key: call.data.value})
    return {}


@operation("DELETE", f"{_MODELS}/delete-tag", permission=_EDIT_MODEL, request=_TagModel)
def delete_registered_model_tag(call: Call) -> dict[str, Any]:
    """Remove a tag of a registered model; one that is not there is no error."""
    call.warehouse.models.set_tags(call.data.name, {call.data.key: None})
    return {}


@operation("POST", f"{_MODELS}/alias", permission=_EDIT_MODEL, request=_SetAlias)
def set_registered_model_alias(call: Call) -> dict[str, Any]:
    """Point an alias at a version, if its gates let it."""
    data: _SetAlias = call.data
    by = call.actor.name
    call.warehouse.models.aliases.set(data.name, data.alias, data.version, moved_by=by)
    return {}


@operation("DELETE", f"{_MODELS}/alias", permission=_EDIT_MODEL, request=_Alias)
def delete_registered_model_alias(call: Call) -> dict[str, Any]:
    """Take an alias away; one that is not there is no error."""
    data: _Alias = call.data
    call.warehouse.models.aliases.remove(data.name, data.alias, moved_by=call.actor.name)
    return {}


@operation("GET", f"{_MODELS}/alias", permission=_READ_MODEL, request=_Alias)
def get_model_version_by_alias(call: Call) -> dict[str, Any]:
    """The version that an alias points at."""
    data: _Alias = call.data
    try:
        found = call.warehouse.models.aliases.get(data.name, data.alias)
    except NotFound as error:
        if error.code != "alias_not_found" or data.alias.lower() == "latest":
            raise
        raise invalid(f"Registered model alias {data.alias} not found.") from error
    return {"model_version": _version_message(found)}


@operation("POST", f"{_VERSIONS}/create", permission=_EDIT_MODEL, request=_CreateVersion)
def create_model_version(call: Call) -> dict[str, Any]:
    """Make a version of files that are stored already."""
    data: _CreateVersion = call.data
    for scope in source_scopes(data.source, data.run_id, data.model_id):
        call.warehouse.access.authorize(call.actor, Action.READ, scope)
    made = call.warehouse.models.versions.create(
        data.name,
        data.source,
        run_id=data.run_id or None,
        model_id=data.model_id or None,
        run_link=data.run_link or None,
        description=data.description or None,
        tags=_map(data.tags),
        created_by=call.actor.name,
    )
    if made.model_id is not None:
        _note_on_logged_model(call, made)
    return {"model_version": _version_message(made)}


@operation("GET", f"{_VERSIONS}/get", permission=_READ_MODEL, request=_Version)
def get_model_version(call: Call) -> dict[str, Any]:
    """One version."""
    found = call.warehouse.models.versions.get(call.data.name, call.data.version)
    return {"model_version": _version_message(found)}


@operation("PATCH", f"{_VERSIONS}/update", permission=_EDIT_MODEL, request=_UpdateVersion)
def update_model_version(call: Call) -> dict[str, Any]:
    """Set the description of a version."""
    data: _UpdateVersion = call.data
    changed = call.warehouse.models.versions.describe(data.name, data.version, data.description)
    return {"model_version": _version_message(changed)}


@operation("POST", f"{_VERSIONS}/transition-stage", permission=_EDIT_MODEL, request=_Stage)
def transition_stage(call: Call) -> dict[str, Any]:
    """Move a version to a stage."""
    data: _Stage = call.data
    moved = call.warehouse.models.versions.move_to_stage(
        data.name, data.version, data.stage, archive_others=data.archive_existing_versions
    )
    return {"model_version": _version_message(moved)}


@operation("DELETE", f"{_VERSIONS}/delete", permission=_ADMIN_MODEL, request=_Version)
def delete_model_version(call: Call) -> dict[str, Any]:
    """Delete a version; its number is not given again."""
    call.warehouse.models.versions.delete(call.data.name, call.data.version)
    return {}


@operation("GET", f"{_VERSIONS}/search", permission=SIGNED_IN, request=_Search)
def search_model_versions(call: Call) -> dict[str, Any]:
    """Search versions of all registered models."""
    data: _Search = call.data
    page = call.warehouse.models.versions.search(
        filter=data.filter or None,
        order=_order(data.order_by),
        limit=_limit(data.max_results, _VERSIONS_A_PAGE, _VERSIONS_A_PAGE_MAX),
        page_token=data.page_token or None,
    )
    shown = call.warehouse.access.readable_models(call.actor)
    found = [one for one in page.items if shown is None or one.name in shown]
    return message(
        model_versions=[_version_message(one) for one in found],
        next_page_token=page.next_page_token,
    )


@operation("GET", f"{_VERSIONS}/get-download-uri", permission=_READ_MODEL, request=_Version)
def get_download_uri(call: Call) -> dict[str, Any]:
    """Where the files of a version can be fetched."""
    found = call.warehouse.models.versions.get(call.data.name, call.data.version)
    return {"artifact_uri": _location(call, found)}


@operation("POST", f"{_VERSIONS}/set-tag", permission=_EDIT_MODEL, request=_TagVersion)
def set_model_version_tag(call: Call) -> dict[str, Any]:
    """Set a tag of a version."""
    data: _TagVersion = call.data
    call.warehouse.models.versions.set_tags(data.name, data.version, {data.key: data.value})
    return {}


@operation("DELETE", f"{_VERSIONS}/delete-tag", permission=_EDIT_MODEL, request=_TagVersion)
def delete_model_version_tag(call: Call) -> dict[str, Any]:
    """Remove a tag of a version; one that is not there is no error."""
    data: _TagVersion = call.data
    call.warehouse.models.versions.set_tags(data.name, data.version, {data.key: None})
    return {}


def _whole(call: Call, name: str) -> dict[str, Any]:
    models = call.warehouse.models
    return _model_message(models.get(name), models.latest([name])[name])


def _map(tags: tuple[_Tag, ...]) -> dict[str, str]:
    return {tag.key: tag.value for tag in tags}


def _order(order_by: tuple[str, ...]) -> list[str] | None:
    return list(order_by) or None


def _limit(asked: int | None, default: int, limit: int) -> int:
    number = default if asked is None else asked
    if not 1 <= number <= limit:
        raise invalid(
            f"Invalid value {number} for parameter 'max_results' supplied. It must be a positive "
            f"integer of at most {limit}"
        )
    return number


def _taken(call: Call, name: str, tags: Mapping[str, str]) -> Exception:
    """The words by which clients tell whether a model or a prompt has the name."""
    wanted = RegisteredModel(name=name, tags=dict(tags)).is_prompt
    here = call.warehouse.models.get(name).is_prompt
    nouns = {True: "Prompt", False: "Registered Model"}
    if here != wanted:
        text = (
            f"Tried to create a {nouns[wanted].lower()} with name {name!r}, but the name is "
            f"already taken by a {nouns[here].lower()}."
        )
    else:
        text = f"{nouns[here]} (name={name}) already exists."
    return refusal("RESOURCE_ALREADY_EXISTS", text)


def _note_on_logged_model(call: Call, version: ModelVersion) -> None:
    """Say on the logged model which versions were made of it: web pages read it there."""
    logged_models, model_id = call.warehouse.logged_models, str(version.model_id)
    known = logged_models.get(model_id).tags.get(_VERSIONS_TAG)
    listed = [*_listed(known), {"name": version.name, "version": str(version.version)}]
    text = msgspec.json.encode(listed).decode()
    if len(text) <= TAG_CHARS_MAX:
        logged_models.set_tags(model_id, {_VERSIONS_TAG: text})


def _listed(known: str | None) -> list[Any]:
    try:
        found = msgspec.json.decode(known or "[]")
    except msgspec.DecodeError:
        return []
    return found if isinstance(found, list) else []


def _location(call: Call, version: ModelVersion) -> str:
    if version.files and version.version_id:
        # Its own, which stay as they are, whatever its run logs to those paths later.
        return f"mlflow-artifacts:/versions/{version.version_id}/artifacts"
    location = version.location or version.source or ""
    if version.model_id is None or not location.startswith("artifacts/"):
        return location
    model = call.warehouse.logged_models.get(version.model_id)
    return root_of("logged_model", model.model_id, model.experiment_id, None)


OPERATIONS = (
    create_registered_model,
    get_registered_model,
    update_registered_model,
    rename_registered_model,
    delete_registered_model,
    search_registered_models,
    get_latest_versions,
    post_latest_versions,
    set_registered_model_tag,
    delete_registered_model_tag,
    set_registered_model_alias,
    delete_registered_model_alias,
    get_model_version_by_alias,
    create_model_version,
    get_model_version,
    update_model_version,
    transition_stage,
    delete_model_version,
    search_model_versions,
    get_download_uri,
    set_model_version_tag,
    delete_model_version_tag,
)
