"""From one run's worker into the warehouse, in this process.

The run's row is written with its first segment. A run that is taken up again keeps its row, its
params and the steps of its metrics. A forked child sends points of its parent's run and leaves
the row to the parent.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from mere.client.capture import capture_source, user_name
from mere.client.intake import Intake
from mere.entities.metric import Points
from mere.entities.run import Run, RunSource, RunStatus
from mere.services.runs import run_row
from mere.services.warehouse import Warehouse, open_warehouse

__all__ = ["Delivery", "RunSpec"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FOLD_AT_END_SEGMENTS = 64
_FOLD_MIDWAY_SEGMENTS = 1024
_LOOK_EVERY_SEGMENTS = 256


class RunSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is told at its start.

    Args:
        run_id: Its id.
        url: Its warehouse.
        experiment: The name of its experiment.
        name: Its name.
        kind: What kind of run it is.
        parent_run_id: The run it is nested in.
        started_us: When it began, in microseconds since the epoch.
        is_resumed: Whether a run of that id may be there already.
    """

    run_id: str
    url: str
    experiment: str
    name: str
    kind: str = "train"
    parent_run_id: str | None = None
    started_us: int
    is_resumed: bool = False


class Delivery:
    """Sends one run's data to the services.

    Args:
        spec: The run.
        is_owner: Whether this process writes the run's row; a forked child does not.
    """

    def __init__(self, spec: RunSpec, *, is_owner: bool) -> None:
        self._spec = spec
        self._is_owner = is_owner
        self._warehouse: Warehouse | None = None
        self._source: RunSource | None = None
        self._sent = 0
        self.experiment_id: str | None = None
        self.has_begun = threading.Event()

    def begin(self, intake: Intake) -> None:
        """Open the warehouse, find or create the experiment, and prepare the run's row."""
        self._warehouse = open_warehouse(self._spec.url)
        if self._is_owner:
            self._prepare(self._warehouse, intake)
        self.has_begun.set()

    def send(self, points: Points, changes: dict[str, Any]) -> None:
        """Make points and changes durable as one segment."""
        assert self._warehouse is not None, "begin comes first"
        self._warehouse.metrics.log(self._spec.run_id, points, changes)
        self._sent += 1

    def tidy(self, *, is_last: bool) -> None:
        """Fold, if the tail is long: at the end of a run, and rarely in between."""
        if not (is_last or self._sent >= _LOOK_EVERY_SEGMENTS):
            return
        assert self._warehouse is not None, "begin comes first"
        limit = _FOLD_AT_END_SEGMENTS if is_last else _FOLD_MIDWAY_SEGMENTS
        self._sent = 0
        if self._warehouse.tail_segments() > limit:
            self._warehouse.lake.fold()

    def _prepare(self, warehouse: Warehouse, intake: Intake) -> None:
        spec = self._spec
        if self._source is None:
            self._source = capture_source()
        stored = warehouse.lake.get("runs", spec.run_id) if spec.is_resumed else None
        if stored is not None:
            summary = stored.get("metric_summary") or {}
            steps = {key: tally["step"] for key, tally in summary.items()}
            intake.resume(stored.get("params") or {}, steps)
            self.experiment_id = stored["experiment_id"]
            intake.changes = {
                "status": str(RunStatus.RUNNING),
                "ended_at": None,
                "source": msgspec.to_builtins(self._source, builtin_types=(datetime,)),
            }
            return
        user = user_name()
        experiment = warehouse.experiments.get_or_create(spec.experiment, created_by=user)
        self.experiment_id = experiment.experiment_id
        intake.changes = run_row(
            Run(
                run_id=spec.run_id,
                experiment_id=experiment.experiment_id,
                parent_run_id=spec.parent_run_id,
                kind=spec.kind,
                name=spec.name,
                started_at=_EPOCH + timedelta(microseconds=spec.started_us),
                created_by=user,
                source=self._source,
                artifact_location=f"artifacts/{spec.run_id}",
            )
        )
