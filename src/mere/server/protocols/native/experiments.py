"""Experiments for the portal: the list, and one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from mere.entities.actor import Action, Scope
from mere.server.operations import Call, Permission
from mere.server.protocols.native.wire import operation

__all__ = ["OPERATIONS"]


class ExperimentQuery(msgspec.Struct):
    """Which experiments."""

    filter: str = ""
    order: str = ""
    view: str = "active"
    limit: int = 1_000


class ExperimentId(msgspec.Struct):
    """Which experiment."""

    experiment_id: str = ""


class ExperimentEntry(msgspec.Struct):
    """One experiment with the number of its active runs."""

    experiment_id: str
    name: str
    lifecycle: str = "active"
    artifact_location: str | None = None
    tags: dict[str, str] = {}
    created_by: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    runs: int = 0
    last_run_at: datetime | None = None


class ExperimentList(msgspec.Struct):
    """Experiments, newest first unless another order was asked for."""

    experiments: list[ExperimentEntry]


@operation(
    "GET",
    "/api/v1/experiments",
    permission=Permission(Action.READ, lambda call: Scope.anything()),  # noqa: ARG005
    request=ExperimentQuery,
    answer=ExperimentList,
)
def list_experiments(call: Call) -> ExperimentList:
    """The experiments that may be read, with how many runs each has and when the last began."""
    data: ExperimentQuery = call.data
    readable = call.warehouse.access.readable_experiments(call.actor)
    found = call.warehouse.experiments.search(
        filter=data.filter or None,
        order=data.order or None,
        view=data.view,
        limit=None if readable is not None else data.limit,
    )
    rows = found.to_pylist(maps_as_pydicts="lossy")
    if readable is not None:
        rows = [row for row in rows if row["experiment_id"] in readable]
    return ExperimentList([_entry(row) for row in rows[: max(0, data.limit)]])


@operation(
    "GET",
    "/api/v1/experiments/{experiment_id}",
    permission=Permission(Action.READ, lambda call: Scope.experiment(call.data.experiment_id)),
    request=ExperimentId,
    answer=ExperimentEntry,
)
def get_experiment(call: Call) -> ExperimentEntry:
    """One experiment."""
    wanted: str = call.data.experiment_id
    found = call.warehouse.experiments.get(wanted)
    return msgspec.convert(found, ExperimentEntry, from_attributes=True)


def _entry(row: dict[str, Any]) -> ExperimentEntry:
    known = {name: value for name, value in row.items() if value is not None}
    return msgspec.convert(known, ExperimentEntry)


OPERATIONS = (list_experiments, get_experiment)
