"""Retention: what was put into the bin long ago is removed for good, and what nobody refers to.

`plan_gc` decides and does nothing else; `Retention.collect` carries the plan out. A run goes in
these steps, and whoever is killed between two of them leaves a run that the next collection takes
up again:

1. its row says ``purged``: nothing shows it any more, and nothing brings it back;
2. its points and console lines are erased, and the rows that belong to it are removed;
3. dataset versions that only such runs have read are removed;
4. its objects are deleted, and the objects that nothing refers to by then;
5. its row is removed.

Traces in the bin go in one step, and what `mere.services.upkeep.housekeeping` forgets goes, too.

So rows go before objects, and no row that is shown names an object that is gone. Nothing goes
that is pinned: a run that a tag shows or that made a model version, a dataset version that a run
has read which is still there, in the bin or not.

Others work meanwhile, and nobody waits for anybody:

- Whether a run is restored or removed is decided before step 1 by the create of one object, see
  `mere.services.upkeep.bin`.
- A writer that finds its content there already makes it young again, and its row follows. So the
  objects that nothing refers to are looked at once more right before they go, and what is known
  of the rows is given up when it is `LOOK_AGAIN_S` old.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from mere.entities.experiment import Lifecycle
from mere.errors import ErrorCode, InvalidInput
from mere.services.upkeep import bin as bins
from mere.services.upkeep.retention_plan import (
    DAY_US,
    BinnedTrace,
    GcPlan,
    orphan_limit_us,
    plan_gc,
)
from mere.services.upkeep.retention_state import read_state

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake
    from mere.lake.objects.store import ObjectInfo
    from mere.services.datasets.datasets import Datasets
    from mere.services.traces.traces import Traces
    from mere.services.upkeep.housekeeping import Forgotten, Housekeeping

__all__ = ["LOOK_AGAIN_S", "OLDER_THAN_US", "GcAction", "GcReport", "Retention"]

OLDER_THAN_US = 30 * DAY_US
LOOK_AGAIN_S = 600.0
_ROWS_A_BATCH = 2_000
_KEYS_OF = {
    "artifacts": ("owner", "path"),
    "lineage": ("run_id", "direction", "asset"),
    "logged_models": ("model_id",),
    "comments": ("subject_id", "comment_id"),
    "run_reviews": ("run_id", "review_id"),
}
_SHOWN_MAX = 20
_T = TypeVar("_T")


class GcAction(msgspec.Struct, frozen=True):
    """One thing a collection removed, kept, or would.

    Args:
        kind: ``remove-runs``, ``remove-traces``, ``remove-dataset``, ``delete-artifacts``,
            ``delete-orphans``, ``forget`` or ``keep``.
        what: What it concerns.
        rows: How many rows go with it.
        objects: How many objects do.
        bytes: Their size.
        reason: Why.
    """

    kind: str
    what: str
    rows: int
    objects: int
    bytes: int
    reason: str


class GcReport(msgspec.Struct, frozen=True):
    """What a collection removed, or would in a dry run."""

    actions: list[GcAction]
    dry_run: bool
    runs: int = 0
    rows: int = 0
    objects: int = 0
    bytes: int = 0


class Retention:
    """The retention of one warehouse.

    Args:
        lake: What is kept.
        clock: Says what time it is.
        datasets: Dataset versions, which know how to go.
        traces: Traces, which do, too.
        housekeeping: What goes without being deleted.
    """

    def __init__(
        self,
        lake: Lake,
        clock: Clock,
        datasets: Datasets,
        traces: Traces,
        housekeeping: Housekeeping,
    ) -> None:
        self._lake = lake
        self._clock = clock
        self._datasets = datasets
        self._traces = traces
        self._housekeeping = housekeeping

    def collect(self, *, older_than_us: int = OLDER_THAN_US, dry_run: bool = False) -> GcReport:
        """Remove for good what has been in the bin for long, and what nobody refers to.

        To run it again, or several at once, or to kill it at any moment, is safe. Older states of
        the tables keep the rows until upkeep lets these states expire.

        Args:
            older_than_us: For how long, in microseconds.
            dry_run: Only say what would be removed.

        Raises:
            InvalidInput: The age is negative.
            CorruptData: A manifest cannot be read; no object was deleted.
            Unavailable: The store did not answer; collecting again goes on where it ended.
        """
        if older_than_us < 0:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE, "the age is negative: give a duration such as 30d"
            )
        plan = plan_gc(read_state(self._lake, self._datasets, self._clock), older_than_us)
        forgotten = self._housekeeping.forget_old(dry_run=dry_run)
        if dry_run:
            return _report(plan, forgotten, dry_run=True)
        bins.forget_old(self._lake, self._clock)
        purged = self._purge_runs(plan)
        self._remove_rows(purged)
        self._purge_datasets(plan)
        traces = self._purge_traces(plan.traces)
        owned, orphans = self._delete_objects(older_than_us)
        self._delete("logged_models", "run_id", purged)
        for part in _parts(purged):
            self._lake.delete("runs", part)
        runs = [run for run in plan.runs if run.run_id in set(purged)]
        done = GcPlan(runs, plan.datasets, traces, owned, orphans, plan.kept)
        return _report(done, forgotten, dry_run=False)

    def _purge_runs(self, plan: GcPlan) -> list[str]:
        """Mark the runs, and return those that are marked: one restored meanwhile is not."""
        marked = [run.run_id for run in plan.runs if run.is_purged]
        rows = self._binned([run.run_id for run in plan.runs if not run.is_purged])
        own = {row["run_id"]: row["deleted_us"] for row in rows if row["is_own"]}
        won = bins.decide(self._lake, own, bins.REMOVE)
        by_experiment = [row["run_id"] for row in rows if not row["is_own"]]
        self._set_lifecycle([*won, *by_experiment], Lifecycle.PURGED)
        # An experiment that was restored before the mark was seen has its runs back.
        still = {row["run_id"] for row in self._binned(by_experiment)}
        self._set_lifecycle(
            [run_id for run_id in by_experiment if run_id not in still], Lifecycle.ACTIVE
        )
        found = self._lake.sql(
            "select run_id from runs where run_id = any($ids) and lifecycle = $purged",
            params={"ids": [*marked, *won, *still], "purged": Lifecycle.PURGED},
        )
        purged: list[str] = found["run_id"].to_pylist()
        return purged

    def _binned(self, run_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Those of some runs that are in the bin, and whether by themselves."""
        found = self._lake.sql(
            "select r.run_id, r.lifecycle = 'deleted' as is_own, "
            "epoch_us(r.deleted_at) as deleted_us from runs r left join experiments e "
            "on e.experiment_id = r.experiment_id where r.run_id = any($ids) "
            "and (r.lifecycle = 'deleted' or e.lifecycle = 'deleted') order by r.run_id",
            params={"ids": list(run_ids)},
        )
        rows: list[dict[str, Any]] = found.to_pylist()
        return rows

    def _set_lifecycle(self, run_ids: Sequence[str], lifecycle: str) -> None:
        for part in _parts(run_ids):
            changes = [{"run_id": run_id, "lifecycle": lifecycle} for run_id in part]
            self._lake.patch("runs", changes)

    def _delete_objects(self, older_than_us: int) -> tuple[list[ObjectInfo], list[ObjectInfo]]:
        """Delete what removed runs own and what nothing refers to; return what went."""
        owned: list[ObjectInfo] = []
        orphans: list[ObjectInfo] = []
        is_done = False
        while not is_done:
            # What refers to what has changed, by us and perhaps by others: look again. What has
            # come to be old enough since then has its rows: it is left to the next collection.
            looked_s = self._clock.monotonic()
            state = read_state(self._lake, self._datasets, self._clock)
            begun = [run for run in state.runs if run.is_purged]
            plan = plan_gc(replace(state, runs=begun, datasets=()), older_than_us)
            self._lake.blobs.delete(info.key for info in plan.owned)
            owned += plan.owned
            is_done = True
            limit_us = orphan_limit_us(state, older_than_us)
            for gone in self._lake.blobs.delete_older((one.key for one in plan.orphans), limit_us):
                orphans += gone
                if self._clock.monotonic() - looked_s > LOOK_AGAIN_S:
                    is_done = False
                    break
        return owned, orphans

    def _remove_rows(self, run_ids: Sequence[str]) -> None:
        if not run_ids:
            return
        for table in ("metrics", "console"):
            self._lake.erase(table, run_ids)
        models = self._lake.sql(
            "select model_id from logged_models where run_id = any($ids)",
            params={"ids": list(run_ids)},
        )["model_id"].to_pylist()
        # The rows of models go with the run's own: they say which objects belong to it.
        self._delete("artifacts", "owner", [*run_ids, *models])
        self._delete("lineage", "run_id", run_ids)
        self._delete("comments", "subject_id", run_ids)
        self._delete("run_reviews", "run_id", run_ids)

    def _delete(self, table: str, column: str, values: Sequence[str]) -> None:
        keys = _KEYS_OF[table]
        rows = self._lake.sql(
            f"select {', '.join(keys)} from {table} where {column} = any($values)",
            params={"values": list(values)},
        ).to_pylist()
        for part in _parts(rows):
            self._lake.delete(table, [tuple(row[key] for key in keys) for row in part])

    def _purge_traces(self, traces: Sequence[BinnedTrace]) -> list[BinnedTrace]:
        """Remove traces; those whose experiment was restored meanwhile are left."""
        with_experiment = [one.trace_id for one in traces if not one.is_own]
        self._mark_traces(with_experiment, Lifecycle.DELETED)
        # As for runs: an experiment that was restored before the mark was seen has them back.
        found = self._lake.sql(
            "select t.trace_id from traces t join experiments e using (experiment_id) "
            "where t.trace_id = any($ids) and e.lifecycle = 'deleted'",
            params={"ids": with_experiment},
        )
        back = set(with_experiment) - set(found["trace_id"].to_pylist())
        self._mark_traces(sorted(back), Lifecycle.ACTIVE)
        gone = [one for one in traces if one.trace_id not in back]
        self._traces.purge([one.trace_id for one in gone])
        return gone

    def _mark_traces(self, trace_ids: Sequence[str], lifecycle: str) -> None:
        for part in _parts(trace_ids):
            changes = [{"trace_id": one, "lifecycle": lifecycle} for one in part]
            self._lake.patch("traces", changes)

    def _purge_datasets(self, plan: GcPlan) -> None:
        for dataset in list(plan.datasets):
            try:
                if self._datasets.get(dataset.dataset_id).lifecycle == Lifecycle.DELETED:
                    self._datasets.purge(dataset.dataset_id)
            except InvalidInput as error:  # a run has read it meanwhile
                plan.datasets.remove(dataset)
                plan.kept[f"dataset:{dataset.dataset_id}"] = error.message


def _parts(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return (values[at : at + _ROWS_A_BATCH] for at in range(0, len(values), _ROWS_A_BATCH))


def _count(number: int, noun: str) -> str:
    many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {noun if number == 1 else many}"


def _report(plan: GcPlan, forgotten: Forgotten, *, dry_run: bool) -> GcReport:
    actions = []
    rows = sum(1 + sum(run.rows.values()) for run in plan.runs)
    if plan.runs:
        reason = "in the bin for long enough"
        actions.append(GcAction("remove-runs", _count(len(plan.runs), "run"), rows, 0, 0, reason))
    if plan.traces:
        count = len(plan.traces)
        reason = "in the bin for long enough"
        actions.append(GcAction("remove-traces", _count(count, "trace"), count, 0, 0, reason))
    actions += [
        GcAction("remove-dataset", one.label, 1, 0, one.bytes, "in the bin; no run reads it")
        for one in plan.datasets
    ]
    for kind, objects, reason in (
        ("delete-artifacts", plan.owned, "of these runs"),
        ("delete-orphans", plan.orphans, "nothing refers to them"),
    ):
        if objects:
            size = sum(info.size for info in objects)
            what = _count(len(objects), "object")
            actions.append(GcAction(kind, what, 0, len(objects), size, reason))
    actions += _forgetting(forgotten)
    kept = sorted(plan.kept.items())
    actions += [GcAction("keep", what, 0, 0, 0, reason) for what, reason in kept[:_SHOWN_MAX]]
    if len(kept) > _SHOWN_MAX:
        more = f"{len(kept) - _SHOWN_MAX} more"
        actions.append(GcAction("keep", more, 0, 0, 0, "pinned as well"))
    return GcReport(
        actions,
        dry_run,
        runs=len(plan.runs),
        rows=sum(action.rows for action in actions),
        objects=sum(action.objects for action in actions),
        bytes=sum(action.bytes for action in actions),
    )


def _forgetting(forgotten: Forgotten) -> list[GcAction]:
    what = (
        (forgotten.sessions, 0, "session", "nobody can use it any more"),
        (forgotten.deliveries, 0, "delivery", "to a webhook, ended long ago"),
        (forgotten.notes, 0, "note", "of the audit trail, too old"),
        (0, forgotten.changes, "change", "can be undone for a day"),
        (0, forgotten.pins, "pin", "of a panel, and no report names it"),
    )
    return [
        GcAction("forget", _count(rows + objects, noun), rows, objects, 0, reason)
        for rows, objects, noun, reason in what
        if rows or objects
    ]
