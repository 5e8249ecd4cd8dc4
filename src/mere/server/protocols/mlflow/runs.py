"""Runs: create, read, end, rename, delete, restore."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from mere import clock as clocks
from mere.entities.naming import name_of
from mere.entities.run import Run, RunStatus
from mere.lake.records import Batch
from mere.server.operations import Call
from mere.server.protocols.mlflow.errors import invalid, invalid_value
from mere.server.protocols.mlflow.experiments import Tag, actor_name, ensure_default
from mere.server.protocols.mlflow.run_links import links_of
from mere.server.protocols.mlflow.validation import (
    check_experiment_id,
    check_run_id,
    check_tag,
)
from mere.server.protocols.mlflow.wire import Int64, Request, on_experiment, on_run, operation
from mere.server.protocols.mlflow.words import (
    RUN_NAME,
    columns_of,
    run_info,
    run_message,
)
from mere.services.access.access import Action, Scope
from mere.services.runs.gate import KnownExperiment
from mere.services.runs.logging import TIME_US_MAX
from mere.services.runs.runs import run_row
from mere.services.tables import RUNS

__all__ = ["OPERATIONS"]

_STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Create(Request):
    experiment_id: str = ""
    user_id: str = ""
    run_name: str = ""
    start_time: Int64 | None = None
    tags: tuple[Tag, ...] = ()


class _Update(Request):
    required = ("run_id",)
    run_id: str = ""
    run_uuid: str = ""
    status: str | int | None = None
    end_time: Int64 | None = None
    run_name: str | None = None


class _One(Request):
    required = ("run_id",)
    run_id: str = ""
    run_uuid: str = ""


@operation(
    "POST", "/*/2.0/mlflow/runs/create", permission=on_experiment(Action.EDIT), request=_Create
)
async def create_run(call: Call) -> dict[str, Any]:
    """Create a run in an experiment."""
    data: _Create = call.data
    experiment_id = check_experiment_id(data.experiment_id)
    gate = call.warehouse.logging.gate
    experiment = gate.peek_experiment(experiment_id)
    if experiment is None:
        experiment = await call.in_thread(_look, call, experiment_id)
    run, changes = _new_run(call, data, experiment_id, experiment)
    row = {**run_row(run.checked()), **changes}
    batch = Batch()
    batch.patch(RUNS, [row])
    # Nobody else knows its id yet, so nothing can happen to it before it is known here.
    gate.expect(run.run_id, experiment_id, {})
    try:
        await call.commit(batch)
    except BaseException:
        gate.forget(run.run_id)
        raise
    call.warehouse.access.learn_home(Scope.run(run.run_id), experiment_id)
    return {"run": run_message({**row, "started_at": run.started_at, "tags": run.tags})}


@operation("GET", "/*/2.0/mlflow/runs/get", permission=on_run(Action.READ), request=_One)
def get_run(call: Call) -> dict[str, Any]:
    """Get a run with the latest values of its metrics, its params, tags, inputs and outputs."""
    row = call.warehouse.runs.row(call.data.run_id)
    inputs, outputs = links_of(call.warehouse, [row["run_id"]]).get(row["run_id"], ({}, {}))
    return {"run": run_message(row, inputs, outputs)}


@operation("POST", "/*/2.0/mlflow/runs/update", permission=on_run(Action.EDIT), request=_Update)
def update_run(call: Call) -> dict[str, Any]:
    """Set the status, end or name of a run."""
    data: _Update = call.data
    check_run_id(data.run_id)
    changes: dict[str, Any] = {}
    if data.status is not None:
        changes["status"] = _status(data.status)
    if data.end_time is not None:
        changes["ended_at"] = _micros("end_time", data.end_time)
    tags: dict[str, str] = {}
    if data.run_name:
        key, name = check_tag(RUN_NAME, data.run_name, "run_name")
        changes["name"], tags[key] = name, name
    warehouse = call.warehouse
    run = warehouse.logging.gate.look(data.run_id)
    batch = warehouse.logging.plan(run, tags=tags, changes=changes)
    with warehouse.lake.batch() as writing:
        writing.records.extend(batch)
    return {"run_info": run_info(warehouse.runs.row(data.run_id))}


@operation("POST", "/*/2.0/mlflow/runs/delete", permission=on_run(Action.EDIT), request=_One)
def delete_run(call: Call) -> dict[str, Any]:
    """Delete a run; it can be restored."""
    call.warehouse.runs.delete([call.data.run_id])
    call.warehouse.logging.gate.forget(call.data.run_id)
    return {}


@operation("POST", "/*/2.0/mlflow/runs/restore", permission=on_run(Action.EDIT), request=_One)
def restore_run(call: Call) -> dict[str, Any]:
    """Restore a deleted run."""
    call.warehouse.runs.restore([call.data.run_id])
    call.warehouse.logging.gate.forget(call.data.run_id)
    return {}


def _look(call: Call, experiment_id: str) -> KnownExperiment:
    ensure_default(call)
    return call.warehouse.logging.gate.look_experiment(experiment_id)


def _new_run(
    call: Call, data: _Create, experiment_id: str, experiment: KnownExperiment
) -> tuple[Run, dict[str, Any]]:
    """The run that is asked for, and columns of it that its tags mean."""
    run_id = clocks.run_id(call.clock)
    given = [check_tag(t.key, t.value, f"tags[{i}]") for i, t in enumerate(data.tags)]
    tags = dict(given)
    tagged = tags.get(RUN_NAME)
    if data.run_name and tagged and data.run_name != tagged:
        raise invalid(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different "
            f"values (run_name='{data.run_name}', mlflow.runName='{tagged}')."
        )
    name = data.run_name or tagged or name_of(run_id)
    if not tagged:
        tags[RUN_NAME] = check_tag(RUN_NAME, name, "run_name")[1]
    location = f"artifacts/{run_id}"
    if experiment.artifact_location != "artifacts":
        location = f"{experiment.artifact_location.rstrip('/')}/{run_id}/artifacts"
    changes = columns_of(tags.items())
    started = call.clock.now_us()
    if data.start_time is not None:
        started = _micros("start_time", data.start_time)
    run = Run(
        run_id=run_id,
        experiment_id=experiment_id,
        name=changes.pop("name", name),
        started_at=_EPOCH + timedelta(microseconds=started),
        created_by=actor_name(call, data.user_id),
        tags=tags,
        artifact_location=location,
    )
    return run, changes


def _status(given: str | int) -> str:
    try:
        return str(RunStatus(_STATUSES.get(given, "") if isinstance(given, int) else given))
    except ValueError as error:
        raise invalid_value("status", given) from error


def _micros(name: str, ms: int) -> int:
    if not 0 <= ms * 1000 <= TIME_US_MAX:
        raise invalid_value(name, ms, ": it must be milliseconds before the year 10000")
    return ms * 1000


OPERATIONS = (create_run, get_run, update_run, delete_run, restore_run)
