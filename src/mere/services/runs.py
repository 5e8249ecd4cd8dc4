"""Runs: created, changed and found; the rules for what may change.

A param is what went into a run, so it never changes; to log the same value again is fine. Tags
may change. Whether a run that says RUNNING is believed is decided in `mere.services.liveness`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.experiment import Lifecycle
from mere.entities.limits import check_param, check_tag
from mere.entities.run import Run, RunStatus
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.services.liveness import is_dead

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from mere.clock import Clock
    from mere.lake import Lake

__all__ = ["Runs", "check_params", "run_row"]

_DERIVED = ("metrics", "metric_summary", "created_at", "updated_at")
_SHOWN_MAX = 5


class Runs:
    """The runs of one warehouse.

    Args:
        lake: Where they are stored.
        clock: Says what time it is, for ends and for silent runs.
    """

    def __init__(self, lake: Lake, clock: Clock) -> None:
        self._lake = lake
        self._clock = clock

    def create(self, run: Run) -> Run:
        """Store a new run.

        Raises:
            InvalidInput: A name, param or tag breaks a limit.
        """
        self._lake.patch("runs", [run_row(run.checked())])
        return run

    def get(self, run_id: str) -> Run:
        """Return a run.

        Raises:
            NotFound: There is none of that id.
        """
        return _entity(self._judged(self._row(run_id)))

    def find(self, word: str) -> Run:
        """Return the one run meant by an id, the beginning of an id, or a name.

        Raises:
            NotFound: No run is meant.
            InvalidInput: Several are.
        """
        ids = self._matching(word)
        if not ids:
            raise NotFound(
                ErrorCode.RUN_NOT_FOUND,
                f"no run has an id that begins with {word!r}, nor that name: `mere runs` lists "
                "those known",
                run=word,
            )
        if len(ids) > 1:
            shown = ", ".join(ids[:_SHOWN_MAX]) + (", …" if len(ids) > _SHOWN_MAX else "")
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"{word!r} may mean {len(ids)} runs ({shown}): give more digits",
                run=word,
            )
        return self.get(ids[0])

    def search(
        self,
        *,
        experiment: str | None = None,
        status: str | None = None,
        where: str | None = None,
        order: str = "started_at desc",
        limit: int | None = None,
    ) -> pa.Table:
        """Runs in use, with dead ones shown as KILLED, as an Arrow table.

        Args:
            experiment: Only runs of the experiment of this name.
            status: Only runs of this status.
            where: A condition in SQL, such as ``metrics['acc'] > 0.9``.
            order: What to sort by, in SQL.
            limit: At most so many.

        Raises:
            InvalidInput: The condition, order, status or limit is wrong.
        """
        if limit is not None and limit < 0:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE, f"limit {limit} is negative: give 0 or more", limit=limit
            )
        conditions = ["lifecycle = $lifecycle"]
        params: dict[str, Any] = {"lifecycle": Lifecycle.ACTIVE, "dead": self.dead()}
        if experiment is not None:
            conditions.append("experiment = $experiment")
            params["experiment"] = experiment
        if status is not None:
            conditions.append("status = $status")
            params["status"] = str(RunStatus.of(status))
        if where:
            conditions.append(f"({where}\n)")
        return self._lake.sql(
            "with judged as (select * replace ("
            "case when is_dead then 'KILLED' else status end as status, "
            "case when is_dead then coalesce(heartbeat_at, started_at) else ended_at end "
            "as ended_at) from (select *, list_contains($dead, run_id) as is_dead from runs)), "
            "named as (select j.* exclude (is_dead), e.name as experiment from judged j "
            "left join experiments e on e.experiment_id = j.experiment_id) "
            f"select * from named where {' and '.join(conditions)} order by {order}, run_id desc"
            + (f" limit {int(limit)}" if limit is not None else ""),
            params=params,
        )

    def log_params(self, run_id: str, params: Mapping[str, Any]) -> None:
        """Log params of a run.

        Raises:
            InvalidInput: One of them has another value already, or breaks a limit.
            NotFound: There is no such run.
        """
        known = self._row(run_id).get("params") or {}
        fresh = check_params(known, params)
        if fresh:
            self._lake.patch("runs", [{"run_id": run_id, "params": fresh}])

    def set_tags(self, run_id: str, tags: Mapping[str, Any]) -> None:
        """Set tags of a run; a value of None removes the tag.

        Raises:
            InvalidInput: A key or value breaks a limit.
            NotFound: There is no such run.
        """
        self._row(run_id)
        checked = dict(check_tag(key, value) for key, value in tags.items())
        if checked:
            self._lake.patch("runs", [{"run_id": run_id, "tags": checked}])

    def finish(
        self, run_id: str, status: str = RunStatus.FINISHED, *, ended_at: datetime | None = None
    ) -> None:
        """End a run.

        Raises:
            NotFound: There is no such run.
            InvalidInput: The status is not one that ends a run.
        """
        self._row(run_id)
        final = RunStatus.of(status)
        if not final.is_final:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"status {final} does not end a run: use FINISHED, FAILED or KILLED",
                status=str(final),
            )
        ended = self._clock.now_us() if ended_at is None else ended_at
        self._lake.patch("runs", [{"run_id": run_id, "status": str(final), "ended_at": ended}])

    def reap(self) -> list[str]:
        """Write down as KILLED, ended at their last heartbeat, the runs that are dead.

        Returns:
            The ids of the runs that were.
        """
        reaped = []
        for run_id in self.dead():
            # It may have ended between the listing and the look at its process.
            row = self._lake.get("runs", run_id)
            if row is None or not is_dead(row, self._clock.now_us()):
                continue
            ended_at = row.get("heartbeat_at") or row.get("started_at")
            change = {"run_id": run_id, "status": str(RunStatus.KILLED), "ended_at": ended_at}
            self._lake.patch("runs", [change])
            reaped.append(run_id)
        return reaped

    def dead(self) -> list[str]:
        running = self._lake.sql(
            "select run_id, status, heartbeat_at, source from runs "
            "where status = 'RUNNING' and heartbeat_at is not null"
        )
        now_us = self._clock.now_us()
        return [row["run_id"] for row in running.to_pylist() if is_dead(row, now_us)]

    def _judged(self, row: dict[str, Any]) -> dict[str, Any]:
        if not is_dead(row, self._clock.now_us()):
            return row
        ended_at = row.get("heartbeat_at") or row.get("started_at")
        return {**row, "status": str(RunStatus.KILLED), "ended_at": ended_at}

    def _matching(self, word: str) -> list[str]:
        found = self._lake.sql(
            "select run_id, starts_with(run_id, lower($word)) as by_id from runs "
            "where starts_with(run_id, lower($word)) or name = $word order by run_id",
            params={"word": word},
        ).to_pylist()
        by_id = [row["run_id"] for row in found if row["by_id"]]
        return by_id or [row["run_id"] for row in found]

    def _row(self, run_id: str) -> dict[str, Any]:
        row = self._lake.get("runs", run_id)
        if row is None:
            raise NotFound(
                ErrorCode.RUN_NOT_FOUND,
                f"there is no run {run_id!r}: `mere runs` lists those known",
                run_id=run_id,
            )
        return row


def check_params(known: Mapping[str, str], params: Mapping[Any, Any]) -> dict[str, str]:
    """Return those params that are new, as text.

    Args:
        known: What has been logged already.
        params: What is to be logged.

    Raises:
        InvalidInput: One has another value already, or breaks a limit.
    """
    fresh: dict[str, str] = {}
    for given, value in params.items():
        key, text = check_param(given, value)
        if key not in known:
            fresh[key] = text
        elif known[key] != text:
            raise InvalidInput(
                ErrorCode.PARAM_CHANGED,
                f"param {key!r} is {known[key]!r} and cannot become {text!r}: what went into a run "
                "never changes; use a tag, or another run",
                key=key,
                old=known[key],
                new=text,
            )
    return fresh


def run_row(run: Run) -> dict[str, Any]:
    """A new run as a patch to the table of runs."""
    row: dict[str, Any] = msgspec.to_builtins(run, builtin_types=(datetime,))
    return {
        name: value
        for name, value in row.items()
        if value is not None and value != {} and name not in _DERIVED
    }


def _entity(row: dict[str, Any]) -> Run:
    known = {name: value for name, value in row.items() if value is not None}
    return msgspec.convert(known, Run)
