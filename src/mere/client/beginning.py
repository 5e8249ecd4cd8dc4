"""How a run begins: what it is told, and the row that is written for it.

The row is written with the run's first segment. Where the warehouse cannot be reached, what the row
needs waits on disk as an entry of its own, and the row is made when it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from mere.client.capture import Captured
from mere.client.courier import register_sender
from mere.client.intake import Intake
from mere.entities.run import Run, RunSource, RunStatus
from mere.errors import ErrorCode, InvalidInput
from mere.services.runs.runs import run_row
from mere.services.warehouse import Warehouse

__all__ = ["Beginning", "RunSpec", "begin", "spooled"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RunSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is told at its start.

    Args:
        run_id: Its id.
        url: Its warehouse.
        experiment: The name of its experiment.
        name: Its name.
        kind: What kind of run it is.
        parent_run_id: The run it is nested in.
        group: The group of runs it belongs to.
        notes: What people wrote about it.
        seeds: The seeds it declares.
        repeats: The run that it repeats.
        rank: Which process of the run this is; 0 is the run's own.
        has_capture: Whether its code and environment are noted.
        started_us: When it began, in microseconds since the epoch.
        is_resumed: Whether a run of that id may be there already.
    """

    run_id: str
    url: str
    experiment: str
    name: str
    kind: str = "train"
    parent_run_id: str | None = None
    group: str | None = None
    notes: str | None = None
    seeds: dict[str, str] = {}
    repeats: str | None = None
    rank: int = 0
    has_capture: bool = True
    started_us: int
    is_resumed: bool = False


class Beginning(msgspec.Struct):
    """What the warehouse knew of a run when it began here.

    Args:
        experiment_id: Its experiment.
        row: What its first segment says of it.
        params: The params it had already.
        steps: The last steps of the metrics it had already.
        is_whole: Whether the row says all that is to be said of where the run comes from.
    """

    experiment_id: str | None = None
    row: dict[str, Any] = {}
    params: dict[str, str] = {}
    steps: dict[str, int] = {}
    is_whole: bool = True

    def tell(self, intake: Intake) -> None:
        """Judge what is logged by it."""
        intake.resume(self.params, self.steps)


def begin(warehouse: Warehouse, spec: RunSpec, captured: Captured, user: str | None) -> Beginning:
    """Store what the row will name, then see what the row is."""
    for data in captured.objects.values():
        warehouse.code.put(data)
    return _beginning(warehouse, spec, captured.source, captured.columns(), user)


def _beginning(
    warehouse: Warehouse,
    spec: RunSpec,
    source: RunSource | None,
    more: Mapping[str, Any],
    user: str | None,
) -> Beginning:
    """Look up a run that may be there, or find its experiment; and its row."""
    origin = msgspec.to_builtins(source, builtin_types=(datetime,))
    stored = warehouse.lake.get("runs", spec.run_id) if spec.is_resumed else None
    if stored is not None:
        summary = stored.get("metric_summary") or {}
        row = {"status": str(RunStatus.RUNNING), "ended_at": None, "source": origin}
        row |= {k: v for k, v in _extras(spec, more).items() if v is not None}
        return Beginning(
            stored["experiment_id"],
            row,
            stored.get("params") or {},
            {key: tally["step"] for key, tally in summary.items()},
        )
    experiment = warehouse.experiments.get_or_create(spec.experiment, created_by=user)
    run = Run(
        run_id=spec.run_id,
        experiment_id=experiment.experiment_id,
        parent_run_id=spec.parent_run_id,
        kind=spec.kind,
        name=spec.name,
        started_at=_EPOCH + timedelta(microseconds=spec.started_us),
        created_by=user,
        source=source,
        artifact_location=f"artifacts/{spec.run_id}",
    )
    row = {**run_row(run), **_extras(spec, more)}
    return Beginning(experiment.experiment_id, {k: v for k, v in row.items() if v is not None})


def _extras(spec: RunSpec, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **more,
        "group_name": spec.group,
        "notes": spec.notes,
        "seeds": {**more.get("seeds", {}), **spec.seeds} or None,
        "repeats": spec.repeats,
    }


def spooled(spec: RunSpec, captured: Captured, user: str | None, tick: int) -> dict[str, Any]:
    """What has to wait on disk for a run to begin later; JSON.

    Args:
        spec: The run.
        captured: Where it comes from.
        user: Whose it is.
        tick: When it began, against what others write.
    """
    return {
        "spec": msgspec.to_builtins(spec),
        "source": msgspec.to_builtins(captured.source),
        "origin": captured.columns(),
        "user": user,
        "tick": tick,
    }


def _send_row(warehouse: Warehouse, meta: dict[str, Any], _: Path | None) -> None:
    """Write the row of a run that began while the warehouse could not be reached.

    Repeating it changes nothing: the row has the time at which the run began.
    """
    try:
        spec = msgspec.convert(meta["spec"], RunSpec)
        source = msgspec.convert(meta["source"], RunSource | None)
        tick = int(meta["tick"])
    except (KeyError, ValueError, msgspec.ValidationError) as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"a spooled beginning of a run cannot be read: {error}"
        ) from error
    beginning = _beginning(warehouse, spec, source, meta.get("origin") or {}, meta.get("user"))
    warehouse.lake.patch("runs", [{**beginning.row, "run_id": spec.run_id}], at=tick)


def _send_code(warehouse: Warehouse, _: dict[str, Any], file: Path | None) -> None:
    """Store code or an environment that was captured while the warehouse was out of reach."""
    if file is not None:
        warehouse.code.put(file.read_bytes())


register_sender("begin", _send_row)
register_sender("code", _send_code)
