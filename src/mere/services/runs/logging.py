"""Writing to runs that exist already: checked whole, then one batch.

A request is checked against what the process knows of the run (`mere.services.runs.gate`) and
becomes one batch, so that all of it is written or nothing. `Logging.plan` makes the batch of
what needs no reading; whoever commits it does nothing more.

Params are another matter: a param never changes. So `Logging.log_params` checks against a fresh
listing and writes with the run's lock held, and looks again after it: another replica may have
given the param another value between the two looks. Of two that did, the one whose value is later
gives way and puts back the earlier one; so no value that somebody was told is stored ever changes,
and at worst both are told that theirs is not the one. (A fold just between the two looks can hide
the earlier value; then the later one stays.)

The same point twice is one point: a client that got no answer sends again what may have been
stored. What was stored a moment ago is left out here (`mere.services.runs.recent_points`); what
slips through is told apart when histories are read (`mere.services.runs.histories`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from mere.entities.limits import check_key, check_param, check_tag
from mere.entities.metric import tallies_of
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.lake.records import Batch, LogPart, Patch
from mere.services.runs.gate import KnownRun, RunGate
from mere.services.runs.logged_models import measured_rows
from mere.services.runs.recent_points import RecentPoints
from mere.services.tables import LOGGED_MODELS, METRICS, RUNS

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake

__all__ = ["TIME_US_MAX", "Logging", "PlannedBatch", "Point", "PointColumns", "by_column"]

TIME_US_MAX = 253_402_300_799_999_999
"""The last microsecond of the year 9999: what comes later, no calendar of ours can show."""


class Point(NamedTuple):
    """One value of a metric; the time in microseconds."""

    key: str
    step: int
    timestamp: int
    value: float
    logged_model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


PointColumns = Mapping[str, list[Any]]
"""Points of one run: the fields of `Point` by column, the last three only where any is given."""


def by_column(points: Iterable[Point]) -> PointColumns:
    """Points that are at hand one by one, by column."""
    rows = list(points)
    is_measured = any(any(row[4:]) for row in rows)
    names = Point._fields if is_measured else Point._fields[:4]
    return {name: [getattr(row, name) for row in rows] for name in names}


class PlannedBatch(Batch):
    """A batch that knows its points, to be told from others when it is stored."""

    def __init__(self) -> None:
        super().__init__()
        self.points: Collection[bytes] = ()
        """By their identities."""


class Logging:
    """Writes to the runs of one warehouse.

    Args:
        lake: Where they are stored.
        clock: Says how old is what is known of them.
    """

    def __init__(self, lake: Lake, clock: Clock) -> None:
        self._lake = lake
        self.gate = RunGate(lake, clock)
        """What is known of the runs."""

    def plan(
        self,
        run: KnownRun,
        points: PointColumns | None = None,
        tags: Mapping[str, Any] | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> PlannedBatch:
        """The batch of what is logged to a run, params aside.

        Args:
            run: The run, from the gate.
            points: What was measured; the caller has checked that the numbers fit their columns.
            tags: Tags to set; a value of None removes the tag.
            changes: Columns of the run to set.

        Raises:
            InvalidInput: A key or a value may not be one; nothing is written then.
        """
        return self._plan(run.run_id, points, {}, tags, changes)

    def plan_point(
        self, run: KnownRun, key: str, step: int, timestamp: int, value: float
    ) -> PlannedBatch:
        """The batch of one point: what `plan` makes of it, in a tenth of the time.

        The caller has checked that the key may be one, and that the numbers fit their columns.
        """
        run_id = run.run_id
        batch = PlannedBatch()
        recent = self.gate.recent
        known = recent.identity(run_id, key, step, timestamp, value)
        if known in recent:
            return batch
        batch.points = (known,)
        columns: dict[str, list[Any]] = {
            "run_id": [run_id],
            "key": [key],
            "step": [step],
            "timestamp": [timestamp],
            "value": [value],
        }
        tally = {"metric_summary": {key: [step, timestamp, value, value, value, 1]}}
        batch.logs[METRICS.name] = [LogPart(1, columns)]
        batch.patches[RUNS.name] = [Patch((run_id,), {}, {}, tally)]
        batch.records = 2
        return batch

    def remember(self, batch: PlannedBatch) -> None:
        """Know the points of a batch that is durable now, so that they are not stored again."""
        self.gate.recent.add(batch.points)

    def log_params(
        self,
        run_id: str,
        params: Mapping[str, Any],
        points: PointColumns | None = None,
        tags: Mapping[str, Any] | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        """Log params, and what else there is to be logged with them; returns when it is durable.

        Raises:
            InvalidInput: A param has another value already, the run is deleted, or as for `plan`.
            NotFound: There is no such run.
            Unavailable: The store did not answer.
        """
        wanted = dict(check_param(key, value) for key, value in params.items())
        with self.gate.lock(run_id):
            run = self.gate.look(run_id, is_fresh=True)
            fresh = _new_params(run, wanted)
            batch = self._plan(run_id, points, fresh, tags, changes)
            with self.gate.watching(run_id) as writes:
                if batch.records:
                    with self._lake.batch() as writing:
                        writing.records.extend(batch)
                    self.remember(batch)
                if fresh:
                    self.gate.catch_up()
            run.params.update(fresh)
            theirs, overwritten = writes.against(fresh)
            if overwritten:
                self._lake.patch(RUNS.name, [{"run_id": run_id, "params": overwritten}])
            if theirs or overwritten:
                run.params.update(theirs | overwritten)
                _new_params(run, wanted)

    def remove_tag(self, run_id: str, key: str, changes: Mapping[str, Any] | None = None) -> None:
        """Remove a tag of a run that is in use.

        Raises:
            NotFound: There is no such run, or it has no such tag.
            InvalidInput: It is deleted.
        """
        if key not in self._tags(run_id):
            raise NotFound(
                ErrorCode.TAG_NOT_FOUND, f"run {run_id} has no tag {key!r}", run_id=run_id, key=key
            )
        row = {"run_id": run_id, "tags": {key: None}, **(changes or {})}
        self._lake.patch("runs", [row])

    def change_tag(self, run_id: str, key: str, change: Callable[[str | None], str]) -> None:
        """Set a tag of a run to what follows from its value; one at a time in this process.

        Raises:
            NotFound: There is no such run.
            InvalidInput: It is deleted, or the value may not be one.
        """
        with self.gate.lock(run_id):
            value = check_tag(key, change(self._tags(run_id).get(key)))[1]
            self._lake.patch("runs", [{"run_id": run_id, "tags": {key: value}}])

    def _tags(self, run_id: str) -> dict[str, str]:
        self.gate.look(run_id, is_fresh=True)
        row = self._lake.get("runs", run_id) or {}
        return row.get("tags") or {}

    def _plan(
        self,
        run_id: str,
        points: PointColumns | None,
        params: Mapping[str, str],
        tags: Mapping[str, Any] | None,
        changes: Mapping[str, Any] | None,
    ) -> PlannedBatch:
        batch = PlannedBatch()
        row: dict[str, Any] = {"run_id": run_id, **(changes or {})}
        if params:
            row["params"] = params
        if tags:
            row["tags"] = dict(check_tag(key, value) for key, value in tags.items())
        if points and points["key"]:
            tallies = _append_points(batch, run_id, points, self.gate.recent)
            if tallies:
                row["metric_summary"] = tallies
        if len(row) > 1:
            batch.patch(RUNS, [row])
        return batch


def _append_points(
    batch: PlannedBatch, run_id: str, points: PointColumns, recent: RecentPoints
) -> dict[str, dict[str, Any]]:
    """Add points, each once, to a batch; returns what they add to the run's summary."""
    columns = {"run_id": [run_id] * len(points["key"]), **points}
    known = recent.identities(columns)
    fresh = set(known)
    if len(fresh) < len(known) or recent.has_any(fresh):
        first: dict[bytes, int] = {}
        for index, point in enumerate(known):
            first.setdefault(point, index)
        kept = [index for point, index in first.items() if point not in recent]
        fresh = {known[index] for index in kept}
        columns = {name: [values[index] for index in kept] for name, values in columns.items()}
    if not fresh:
        return {}
    for key in set(columns["key"]):
        check_key(key, "metric")
    batch.logs[METRICS.name] = [LogPart(len(fresh), columns)]
    batch.records += len(fresh)
    batch.points = fresh
    if "logged_model_id" in columns:
        rows = measured_rows(run_id, map(Point, *(columns[name] for name in Point._fields)))
        batch.patch(LOGGED_MODELS, rows)
    tallies = tallies_of(*(columns[name] for name in ("key", "step", "timestamp", "value")))
    return {key: msgspec.structs.asdict(tally) for key, tally in tallies.items()}


def _new_params(run: KnownRun, wanted: Mapping[str, str]) -> dict[str, str]:
    """Those params that the run does not have yet.

    Raises:
        InvalidInput: It has some of them with other values; names all of these.
    """
    changed = [key for key, value in wanted.items() if run.params.get(key, value) != value]
    if changed:
        first = changed[0]
        several = [
            {"key": key, "old_value": run.params[key], "new_value": wanted[key]} for key in changed
        ]
        raise InvalidInput(
            ErrorCode.PARAM_CHANGED,
            f"param {first!r} is {run.params[first]!r} and cannot become {wanted[first]!r}: what "
            "went into a run never changes; use a tag, or another run",
            run_id=run.run_id,
            key=first,
            old=run.params[first],
            new=wanted[first],
            several=several,
        )
    return {key: value for key, value in wanted.items() if key not in run.params}
