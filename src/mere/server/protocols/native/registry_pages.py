"""What the pages of models and deployments show: windows, histories, comparisons and gates."""

from __future__ import annotations

from datetime import datetime

import msgspec

from mere.entities.actor import Action, Scope
from mere.entities.model import GateResult
from mere.server.operations import SIGNED_IN, Call, Permission
from mere.server.protocols.native.wire import operation
from mere.services.registry.catalogue import ModelsWanted, ModelWindow
from mere.services.registry.catalogue import find as find_models
from mere.services.registry.comparison import Comparison, compare
from mere.services.registry.deployment_windows import (
    DatasetUses,
    DeploymentMatrix,
    DeploymentsWanted,
    DeploymentWindow,
    find_deployments,
    find_matrix,
    find_uses,
)
from mere.services.registry.history import HistoryWanted, HistoryWindow, find_history
from mere.services.registry.version_windows import (
    ModelVersionsWanted,
    ModelVersionWindow,
    find_versions_of,
)

__all__ = ["OPERATIONS"]

_ONE = "/api/v1/models/{name}"
_VERSION = f"{_ONE}/versions/{{version}}"
_DEPLOYMENTS = "/api/v1/deployments"
_READ = Permission(Action.READ, lambda call: Scope.model(call.path["name"]))


class Base(msgspec.Struct):
    """What to compare with: an alias, or the number of a version."""

    base: str = "champion"


class GateTest(msgspec.Struct):
    """A condition to be tried.

    Args:
        condition: As a gate would have it.
        alias: The alias it would guard; deltas are to the version that points at now.
    """

    condition: str
    alias: str | None = None


class UsesWanted(msgspec.Struct):
    """Which dataset, and before when it was trained on."""

    dataset: str
    day: datetime | None = None


@operation(
    "GET",
    "/api/v1/model-catalogue",
    permission=SIGNED_IN,
    request=ModelsWanted,
    answer=ModelWindow,
)
def list_models(call: Call) -> ModelWindow:
    """A stretch of the registered models that may be read, with what is known of each."""
    readable = call.warehouse.access.readable_models(call.actor)
    return find_models(call.warehouse.lake, call.data, readable)


@operation(
    "GET",
    f"{_ONE}/version-window",
    permission=_READ,
    request=ModelVersionsWanted,
    answer=ModelVersionWindow,
)
def list_versions(call: Call) -> ModelVersionWindow:
    """A stretch of the versions of a model, with metrics of the runs that may be read."""
    warehouse, name = call.warehouse, call.path["name"]
    experiments = warehouse.access.readable_experiments(call.actor)
    first = warehouse.models.gates.metrics(name)
    return find_versions_of(warehouse.lake, name, call.data, experiments, first)


@operation("GET", f"{_ONE}/history", permission=_READ, request=HistoryWanted, answer=HistoryWindow)
def list_history(call: Call) -> HistoryWindow:
    """What happened to a model or one of its versions, the newest first."""
    return find_history(call.warehouse.lake, call.path["name"], call.data)


@operation("GET", f"{_VERSION}/comparison", permission=_READ, request=Base, answer=Comparison)
def compare_version(call: Call) -> Comparison:
    """A version beside the one that an alias points at, or beside any other."""
    data: Base = call.data
    experiments = call.warehouse.access.readable_experiments(call.actor)
    name, version = call.path["name"], call.path["version"]
    return compare(call.warehouse.lake, name, version, data.base, experiments)


@operation("POST", f"{_VERSION}/gate-tests", permission=_READ, request=GateTest, answer=GateResult)
def try_gate(call: Call) -> GateResult:
    """What a condition would say of a version; nothing is set and nothing is moved.

    Whoever tries conditions learns values, so they must be allowed to read the runs.
    """
    data: GateTest = call.data
    models, access = call.warehouse.models, call.warehouse.access
    name, version = call.path["name"], call.path["version"]
    asked = [models.versions.get(name, version)]
    current = models.get(name).aliases.get(data.alias or "")
    if current is not None:
        asked.append(models.versions.get(name, current))
    for one in asked:
        if one.run_id:
            access.authorize(call.actor, Action.READ, Scope.run(one.run_id))
    return models.gates.test(name, version, data.condition, data.alias)


@operation(
    "GET",
    f"{_DEPLOYMENTS}/window",
    permission=SIGNED_IN,
    request=DeploymentsWanted,
    answer=DeploymentWindow,
)
def list_deployment_window(call: Call) -> DeploymentWindow:
    """A stretch of the deployments of models that may be read, with what is of concern."""
    readable = call.warehouse.access.readable_models(call.actor)
    return find_deployments(call.warehouse.lake, call.data, readable)


@operation(
    "GET",
    f"{_DEPLOYMENTS}/matrix",
    permission=SIGNED_IN,
    request=DeploymentsWanted,
    answer=DeploymentMatrix,
)
def show_deployment_matrix(call: Call) -> DeploymentMatrix:
    """A stretch of the applications, with what runs of each in each environment."""
    readable = call.warehouse.access.readable_models(call.actor)
    return find_matrix(call.warehouse.lake, call.data, readable)


@operation(
    "GET",
    f"{_DEPLOYMENTS}/uses",
    permission=SIGNED_IN,
    request=UsesWanted,
    answer=DatasetUses,
)
def list_dataset_uses(call: Call) -> DatasetUses:
    """The live deployments of models that were trained on a dataset, before some day."""
    data: UsesWanted = call.data
    access = call.warehouse.access
    return find_uses(
        call.warehouse.lake,
        data.dataset,
        data.day,
        access.readable_models(call.actor),
        access.readable_experiments(call.actor),
    )


OPERATIONS = (
    list_models,
    list_versions,
    list_history,
    compare_version,
    try_gate,
    list_deployment_window,
    show_deployment_matrix,
    list_dataset_uses,
)
