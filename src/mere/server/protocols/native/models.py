"""The model registry as our own protocol has it: with files, reviews and gates."""

from __future__ import annotations

from typing import Any

import msgspec

from mere.entities.actor import Action, Scope
from mere.entities.artifact import Artifact
from mere.entities.comment import Subject
from mere.entities.model import Gate, GateResult, ModelVersion, RegisteredModel, Review
from mere.server.operations import SIGNED_IN, Call, Permission
from mere.server.protocols.native.wire import EDIT, operation
from mere.server.transfers import FILE, send_artifact
from mere.services.registry.source import source_scopes

__all__ = ["OPERATIONS"]

_MODELS = "/api/v1/models"
_ONE = f"{_MODELS}/{{name}}"
_VERSIONS = f"{_ONE}/versions"
_VERSION = f"{_VERSIONS}/{{version}}"
_PAGE = 100


class ModelSearch(msgspec.Struct):
    """Which models or versions are searched for."""

    filter: str | None = None
    order: list[str] = []
    limit: int = _PAGE
    page_token: str | None = None
    with_prompts: bool = False


class NewModel(msgspec.Struct):
    """A name to be registered."""

    name: str
    description: str | None = None
    tags: dict[str, str] = {}


class ModelChange(msgspec.Struct):
    """What to change of a model or a version; a tag of null is removed.

    Args:
        description: What it is, as Markdown; null removes it.
        was: The description that was changed: where it is another by now, nothing is written.
        tags: Those to set.
        new_name: What the model is to be called.
    """

    description: str | msgspec.UnsetType | None = msgspec.UNSET
    was: str | None = None
    tags: dict[str, str | None] = {}
    new_name: str | None = None


class NewVersion(msgspec.Struct):
    """A version to be made of files that are stored already."""

    source: str
    run_id: str | None = None
    model_id: str | None = None
    description: str | None = None
    tags: dict[str, str] = {}


class AliasMove(msgspec.Struct):
    """Where an alias shall point."""

    version: int


class GateChange(msgspec.Struct):
    """A gate to be set."""

    condition: str
    alias: str | None = None
    description: str | None = None


class NewReview(msgspec.Struct):
    """What somebody says of a version; a request may name users and groups whom it asks."""

    state: str
    comment: str | None = None
    reviewers: list[str] = []


class Models(msgspec.Struct):
    """Some registered models."""

    models: list[RegisteredModel]
    next_page_token: str | None = None


class Versions(msgspec.Struct):
    """Some versions."""

    versions: list[ModelVersion]
    next_page_token: str | None = None


class VersionDetail(msgspec.Struct):
    """A version with its files and what was said of it."""

    version: ModelVersion
    files: list[Artifact]
    reviews: list[Review]


class GateAnswer(msgspec.Struct):
    """What the gates before an alias say of a version."""

    gates: list[GateResult]


def _on(action: Action) -> Permission:
    return Permission(action, scope=lambda call: Scope.model(call.path["name"]))


_READ, _EDIT, _ADMIN = _on(Action.READ), _on(Action.EDIT), _on(Action.ADMIN)


@operation("GET", _MODELS, permission=SIGNED_IN, request=ModelSearch, answer=Models)
def search_models(call: Call) -> Models:
    """Search registered models."""
    data: ModelSearch = call.data
    page = call.warehouse.models.search(**_query(data))
    shown = call.warehouse.access.readable_models(call.actor)
    found = [one for one in page.items if shown is None or one.name in shown]
    return Models(found, page.next_page_token)


@operation("POST", _MODELS, permission=EDIT, request=NewModel, answer=RegisteredModel, status=201)
def create_model(call: Call) -> RegisteredModel:
    """Register a name."""
    data: NewModel = call.data
    made = call.warehouse.models.create(
        data.name, description=data.description, tags=data.tags, created_by=call.actor.name
    )
    call.warehouse.access.own(call.actor, Scope.model(made.name))
    return made


@operation("GET", _ONE, permission=_READ, answer=RegisteredModel)
def get_model(call: Call) -> RegisteredModel:
    """One registered model with its aliases."""
    return call.warehouse.models.get(call.path["name"])


def _renames(call: Call) -> Scope:
    mine = Scope.model(call.path["name"])
    return Scope.all_of(mine, Scope.warehouse()) if call.data.new_name else mine


@operation(
    "PATCH",
    _ONE,
    permission=Permission(Action.EDIT, _renames),
    request=ModelChange,
    answer=RegisteredModel,
)
def change_model(call: Call) -> RegisteredModel:
    """Change a registered model: its description, tags or name."""
    data: ModelChange = call.data
    models, name = call.warehouse.models, call.path["name"]
    if data.description is not msgspec.UNSET:
        models.describe(name, data.description, expected=data.was)
    if data.tags:
        models.set_tags(name, data.tags)
    if data.new_name:
        return models.rename(name, data.new_name)
    return models.get(name)


@operation("DELETE", _ONE, permission=_ADMIN, status=204)
def delete_model(call: Call) -> None:
    """Delete a registered model with its versions; what is live is not deleted."""
    call.warehouse.models.delete(call.path["name"])


@operation(
    "GET", "/api/v1/model-versions", permission=SIGNED_IN, request=ModelSearch, answer=Versions
)
def search_versions(call: Call) -> Versions:
    """Search versions of all registered models."""
    data: ModelSearch = call.data
    page = call.warehouse.models.versions.search(**_query(data))
    shown = call.warehouse.access.readable_models(call.actor)
    found = [one for one in page.items if shown is None or one.name in shown]
    return Versions(found, page.next_page_token)


@operation("POST", _VERSIONS, permission=_EDIT, request=NewVersion, answer=ModelVersion, status=201)
def create_version(call: Call) -> ModelVersion:
    """Make a version of files that are stored already."""
    data: NewVersion = call.data
    for scope in source_scopes(data.source, data.run_id, data.model_id):
        call.warehouse.access.authorize(call.actor, Action.READ, scope)
    return call.warehouse.models.versions.create(
        call.path["name"],
        data.source,
        run_id=data.run_id,
        model_id=data.model_id,
        description=data.description,
        tags=data.tags,
        created_by=call.actor.name,
    )


@operation("GET", _VERSION, permission=_READ, answer=VersionDetail)
def get_version(call: Call) -> VersionDetail:
    """One version with its files and reviews."""
    models, key = call.warehouse.models, _key(call)
    found = models.versions.get(*key)
    return VersionDetail(found, models.versions.files(*key), models.reviews.of(*key))


@operation("GET", f"{_VERSION}/files/{{path:path}}", permission=_READ, is_stream=True, sends=FILE)
async def get_version_file(call: Call) -> Any:
    """One file of a version, as it was when the version was made."""
    found = await call.in_thread(
        call.warehouse.models.versions.file, *_key(call), call.path["path"]
    )
    return await send_artifact(call, found)


@operation("PATCH", _VERSION, permission=_EDIT, request=ModelChange, answer=ModelVersion)
def change_version(call: Call) -> ModelVersion:
    """Change a version's description or tags."""
    data: ModelChange = call.data
    versions, key = call.warehouse.models.versions, _key(call)
    if data.description is not msgspec.UNSET:
        versions.describe(*key, data.description, expected=data.was)
    if data.tags:
        versions.set_tags(*key, data.tags)
    return versions.get(*key)


@operation("DELETE", _VERSION, permission=_ADMIN, status=204)
def delete_version(call: Call) -> None:
    """Delete a version; its number is not given again."""
    call.warehouse.models.versions.delete(*_key(call))


@operation(
    "POST", f"{_VERSION}/reviews", permission=_EDIT, request=NewReview, answer=Review, status=201
)
def add_review(call: Call) -> Review:
    """Request, approve or reject a version, or comment on it."""
    data: NewReview = call.data
    name, version = _key(call)
    place = call.warehouse.subjects.find(call.actor, Subject("model", f"{name}/{version}"))
    return call.warehouse.models.reviews.add(
        name,
        version,
        data.state,
        comment=data.comment,
        reviewers=call.warehouse.people.asked(place, data.reviewers),
        by=call.actor.name,
    )


@operation(
    "PUT", f"{_ONE}/aliases/{{alias}}", permission=_EDIT, request=AliasMove, answer=ModelVersion
)
def move_alias(call: Call) -> ModelVersion:
    """Point an alias at a version, if its gates let it."""
    data: AliasMove = call.data
    name, alias = call.path["name"], call.path["alias"]
    call.warehouse.models.aliases.set(name, alias, data.version, moved_by=call.actor.name)
    return call.warehouse.models.versions.get(name, data.version)


@operation("GET", f"{_ONE}/aliases/{{alias}}", permission=_READ, answer=ModelVersion)
def get_alias(call: Call) -> ModelVersion:
    """The version that an alias points at."""
    return call.warehouse.models.aliases.get(call.path["name"], call.path["alias"])


@operation("DELETE", f"{_ONE}/aliases/{{alias}}", permission=_EDIT, status=204)
def remove_alias(call: Call) -> None:
    """Take an alias away."""
    name, alias = call.path["name"], call.path["alias"]
    call.warehouse.models.aliases.remove(name, alias, moved_by=call.actor.name)


@operation("GET", f"{_ONE}/gates", permission=_READ, answer=list[Gate])
def list_gates(call: Call) -> list[Gate]:
    """The gates of a registered model."""
    return call.warehouse.models.gates.list(call.warehouse.models.get(call.path["name"]).name)


@operation("PUT", f"{_ONE}/gates/{{gate}}", permission=_ADMIN, request=GateChange, answer=Gate)
def set_gate(call: Call) -> Gate:
    """Put a gate before an alias of a model."""
    data: GateChange = call.data
    return call.warehouse.models.gates.set(
        call.path["name"],
        call.path["gate"],
        data.condition,
        alias=data.alias,
        description=data.description,
        created_by=call.actor.name,
    )


@operation("DELETE", f"{_ONE}/gates/{{gate}}", permission=_ADMIN, status=204)
def remove_gate(call: Call) -> None:
    """Take a gate away."""
    call.warehouse.models.gates.remove(call.path["name"], call.path["gate"])


@operation("GET", f"{_VERSION}/gates/{{alias}}", permission=_READ, answer=GateAnswer)
def check_gates(call: Call) -> GateAnswer:
    """What the gates before an alias say of a version; nothing is moved."""
    models, key = call.warehouse.models, _key(call)
    results = models.gates.check(*key, call.path["alias"])
    current = models.get(key[0]).aliases.get(call.path["alias"])
    runs = {models.versions.get(key[0], one).run_id for one in (key[1], current) if one}
    if not all(_reads_run(call, run) for run in runs if run):
        results = [msgspec.structs.replace(one, parts=[]) for one in results]
    return GateAnswer(results)


def _reads_run(call: Call, run_id: str) -> bool:
    """Whether the caller may see what a gate found in a run, and not only whether it holds."""
    return call.warehouse.access.role_on(call.actor, Scope.run(run_id)).allows(Action.READ)


def _key(call: Call) -> tuple[str, str]:
    return call.path["name"], call.path["version"]


def _query(data: ModelSearch) -> dict[str, Any]:
    return {
        "filter": data.filter,
        "order": data.order or None,
        "limit": data.limit,
        "page_token": data.page_token,
        "with_prompts": data.with_prompts,
    }


OPERATIONS = (
    search_models,
    create_model,
    get_model,
    change_model,
    delete_model,
    search_versions,
    create_version,
    get_version,
    get_version_file,
    change_version,
    delete_version,
    add_review,
    move_alias,
    get_alias,
    remove_alias,
    list_gates,
    set_gate,
    remove_gate,
    check_gates,
)
