"""Deployments: what runs where, since when, and what ran there before."""

from __future__ import annotations

import msgspec

from mere.entities.actor import Action, Scope
from mere.entities.deployment import Deployment
from mere.server.operations import SIGNED_IN, Call, Permission
from mere.server.protocols.native.wire import operation

__all__ = ["OPERATIONS"]

_PATH = "/api/v1/deployments"
_PAGE_MAX = 10_000


class Which(msgspec.Struct):
    """Which deployments; by default, all that are live."""

    environment: str | None = None
    application: str | None = None
    model: str | None = None
    version: int | None = None
    live_only: bool = True
    limit: int = _PAGE_MAX


class NewDeployment(msgspec.Struct):
    """What goes live."""

    model: str
    version: int
    environment: str
    application: str
    application_version: str | None = None
    image_digest: str | None = None
    endpoint: str | None = None
    traffic: float = 1.0
    tags: dict[str, str] = {}
    keep_others: bool = False


class End(msgspec.Struct):
    """Why a deployment ends."""

    reason: str | None = None


class Deployments(msgspec.Struct):
    """Some deployments, newest first."""

    deployments: list[Deployment]


@operation("GET", _PATH, permission=SIGNED_IN, request=Which, answer=Deployments)
def list_deployments(call: Call) -> Deployments:
    """List deployments of models that may be read, newest first."""
    data: Which = call.data
    found = call.warehouse.deployments.list(
        environment=data.environment,
        application=data.application,
        model=data.model,
        version=data.version,
        live_only=data.live_only,
        limit=max(0, min(data.limit, _PAGE_MAX)),
    )
    shown = call.warehouse.access.readable_models(call.actor)
    return Deployments([one for one in found if shown is None or one.model_name in shown])


@operation(
    "POST",
    _PATH,
    permission=Permission(Action.EDIT, lambda call: Scope.model(call.data.model)),
    request=NewDeployment,
    answer=Deployment,
    status=201,
)
def deploy(call: Call) -> Deployment:
    """Say that a version of a model is live from now on."""
    data: NewDeployment = call.data
    return call.warehouse.deployments.deploy(
        data.model,
        data.version,
        environment=data.environment,
        application=data.application,
        application_version=data.application_version,
        image_digest=data.image_digest,
        endpoint=data.endpoint,
        traffic=data.traffic,
        tags=data.tags,
        deployed_by=call.actor.name,
        keep_others=data.keep_others,
    )


def _require(call: Call, action: Action) -> str:
    """Which deployment is meant, if the caller may do this to its model: that has to be looked up.

    Raises:
        NotFound: There is none.
        PermissionDenied: They may not.
    """
    deployment_id = call.path["deployment_id"]
    scope = Scope.model(call.warehouse.deployments.model_of(deployment_id))
    call.warehouse.access.authorize(call.actor, action, scope)
    return deployment_id


def _on_something(action: Action) -> Permission:
    return Permission(action, scope=lambda _: Scope.anything())


@operation(
    "GET",
    f"{_PATH}/{{deployment_id}}",
    permission=_on_something(Action.READ),
    answer=Deployment,
)
def get_deployment(call: Call) -> Deployment:
    """One deployment, live or not."""
    return call.warehouse.deployments.get(_require(call, Action.READ))


@operation(
    "POST",
    f"{_PATH}/{{deployment_id}}/retire",
    permission=_on_something(Action.EDIT),
    request=End,
    answer=Deployment,
)
def retire(call: Call) -> Deployment:
    """Say that a deployment is not live any more."""
    data: End = call.data
    return call.warehouse.deployments.retire(
        _require(call, Action.EDIT), retired_by=call.actor.name, reason=data.reason
    )


OPERATIONS = (list_deployments, deploy, get_deployment, retire)
