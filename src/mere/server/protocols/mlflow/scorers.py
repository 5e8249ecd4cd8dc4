"""Registered scorers in MLflow's protocol. Definitions are kept and given back, never run here."""

from __future__ import annotations

from typing import Any

from msgspec import field

from mere.server.operations import Call, Operation, Permission
from mere.server.protocols.mlflow.errors import invalid
from mere.server.protocols.mlflow.times import millis
from mere.server.protocols.mlflow.traces import all_of, experiments_of
from mere.server.protocols.mlflow.wire import Int64, Request, message, on_experiment, operation
from mere.services.access.access import Action
from mere.services.traces.scorers import Scorer

__all__ = ["OPERATIONS"]


class ScorerOf(Request):
    """A scorer of an experiment."""

    required = ("experiment_id", "name")
    experiment_id: str = ""
    name: str = ""
    version: Int64 | None = None


class NewScorer(Request):
    """A scorer to register."""

    required = ("experiment_id", "name", "serialized_scorer")
    experiment_id: str = ""
    name: str = ""
    serialized_scorer: str = ""


class Scorers(Request):
    """Whose scorers."""

    experiment_id: str = ""
    experiment_ids: list[str] = field(default_factory=list)


def _message(scorer: Scorer) -> dict[str, Any]:
    number = scorer.experiment_id
    return message(
        # It is an int32 there, which our longer ids are beyond.
        experiment_id=int(number) if number.isdigit() and int(number) < 2**31 else None,
        scorer_name=scorer.name,
        scorer_version=scorer.version,
        serialized_scorer=scorer.definition,
        creation_time=millis(scorer.registered_at),
        scorer_id=scorer.scorer_id,
    )


@operation(
    "POST",
    "/*/3.0/mlflow/scorers/register",
    permission=on_experiment(Action.EDIT),
    request=NewScorer,
)
def register_scorer(call: Call) -> dict[str, Any]:
    """Register a further version of a scorer."""
    data: NewScorer = call.data
    call.warehouse.traces.require_experiment(data.experiment_id)
    made = call.warehouse.scorers.register(
        data.experiment_id, data.name, data.serialized_scorer, created_by=call.actor.name or None
    )
    return message(
        version=made.version,
        scorer_id=made.scorer_id,
        experiment_id=made.experiment_id,
        name=made.name,
        serialized_scorer=made.definition,
        creation_time=millis(made.registered_at),
    )


@operation(
    "GET",
    "/*/3.0/mlflow/scorers/list",
    permission=Permission(
        Action.READ,
        scope=lambda call: all_of([call.data.experiment_id, *call.data.experiment_ids]),
    ),
    request=Scorers,
)
def list_scorers(call: Call) -> dict[str, Any]:
    """The newest version of each scorer."""
    data: Scorers = call.data
    if data.experiment_id and data.experiment_ids:
        raise invalid("Cannot specify both 'experiment_id' and 'experiment_ids'.")
    named = data.experiment_ids or [data.experiment_id]
    wanted = experiments_of(call, list(filter(None, named)))
    return message(scorers=[_message(one) for one in call.warehouse.scorers.list(wanted)])


@operation(
    "GET",
    "/*/3.0/mlflow/scorers/versions",
    permission=on_experiment(Action.READ),
    request=ScorerOf,
)
def list_scorer_versions(call: Call) -> dict[str, Any]:
    """All versions of a scorer."""
    data: ScorerOf = call.data
    found = call.warehouse.scorers.versions(data.experiment_id, data.name)
    return message(scorers=[_message(one) for one in found])


@operation(
    "GET", "/*/3.0/mlflow/scorers/get", permission=on_experiment(Action.READ), request=ScorerOf
)
def get_scorer(call: Call) -> dict[str, Any]:
    """One version of a scorer, by default the newest."""
    data: ScorerOf = call.data
    found = call.warehouse.scorers.get(data.experiment_id, data.name, data.version)
    return {"scorer": _message(found)}


@operation(
    "DELETE",
    "/*/3.0/mlflow/scorers/delete",
    permission=on_experiment(Action.EDIT),
    request=ScorerOf,
)
def delete_scorer(call: Call) -> dict[str, Any]:
    """Delete a version of a scorer, or all of them."""
    data: ScorerOf = call.data
    call.warehouse.scorers.delete(data.experiment_id, data.name, data.version)
    return {}


class ScorerIds(Request):
    """Which scorers."""

    scorer_ids: list[str] = field(default_factory=list)


@operation(
    "GET",
    "/*/3.0/mlflow/scorers/online-configs",
    permission=Permission(Action.READ, scope=lambda _: all_of([])),
    request=ScorerIds,
)
def list_online_configs(call: Call) -> dict[str, Any]:
    """Which scorers run on the server: none does."""
    del call
    return {"configs": []}  # clients look for it, empty as it is


OPERATIONS: tuple[Operation, ...] = (
    register_scorer,
    list_scorers,
    list_scorer_versions,
    get_scorer,
    delete_scorer,
    list_online_configs,
)
