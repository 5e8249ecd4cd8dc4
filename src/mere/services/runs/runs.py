"""Runs: created, changed and found; the rules for what may change.

A param is what went into a run, so it never changes; to log the same value again is fine. Tags
may change. Whether a run that says RUNNING is believed is decided in `mere.services.runs.liveness`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import msgspec

from mere.entities.experiment import Lifecycle
from mere.entities.limits import check_name, check_param, check_tag
from mere.entities.run import Run, RunStatus, check_notes
from mere.errors import Conflict, ErrorCode, InvalidInput, NotFound
from mere.search.schema import RUNS
from mere.services.runs.liveness import is_dead
from mere.services.runs.search import STAMPED, Page, Subject, View, check_page_size, find_rows
from mere.services.upkeep import bin as bins

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.clock import Clock
    from mere.lake import Lake

__all__ = ["RunQuery", "Runs", "check_params", "run_row"]

_DERIVED = ("metrics", "metric_summary", "created_at", "updated_at")
_SHOWN_MAX = 5
_DEAD = (
    "judged as (select * exclude (is_dead) replace ("
    "case when is_dead then 'KILLED' else status end as status, "
    "case when is_dead then coalesce(heartbeat_at, started_at) else ended_at end as ended_at) "
    "from (select *, list_contains($dead, run_id) as is_dead from {runs})), "
)
_FOUND = (
    "found as (select j.* replace ("
    "if(e.lifecycle = 'deleted', 'deleted', j.lifecycle) as lifecycle, "
    "case when j.lifecycle = 'deleted' then j.deleted_at "
    "when e.lifecycle = 'deleted' then e.deleted_at end as deleted_at), e.name as experiment "
    "from {runs} j left join experiments e on e.experiment_id = j.experiment_id)"
)


class RunQuery(TypedDict, total=False):
    """Which runs are searched for, and how they are returned.

    Args:
        filter: A condition in the filter language, such as
            ``metrics.acc > 0.9 and params.model = 'cnn'``.
        order: What to sort by in that language, in one text or several. Behind that, and by
            default, the newest come first.
        experiment: Only runs of the experiment of this name, or of these.
        experiment_ids: Only runs of the experiments with these ids.
        status: Only runs of this status.
        where: A condition in SQL, such as ``metrics['acc'] > 0.9``.
        view: ``active`` runs, which is the default, ``deleted`` or ``all``. Runs of a deleted
            experiment count as deleted.
        columns: The columns to return; all of them otherwise.
    """

    filter: str | None
    order: str | Sequence[str] | None
    experiment: str | Sequence[str] | None
    experiment_ids: Sequence[str] | None
    status: str | None
    where: str | None
    view: str
    columns: Sequence[str] | None


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

    def row(self, run_id: str) -> dict[str, Any]:
        """A run as a search shows it: a dead one is KILLED, and its experiment's deletion its own.

        Raises:
            NotFound: There is none of that id, or it is being removed for good.
        """
        row = self._judged(self._row(run_id))
        if row.get("experiment_id") is None or row.get("lifecycle") == Lifecycle.PURGED:
            raise _unknown(run_id)
        experiment = self._lake.get("experiments", row["experiment_id"]) or {}
        if experiment.get("lifecycle") == Lifecycle.DELETED:
            row["lifecycle"] = Lifecycle.DELETED
        return row

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

    def search(self, *, limit: int | None = None, **query: Unpack[RunQuery]) -> pa.Table:
        """Runs as an Arrow table, with dead ones shown as KILLED.

        Args:
            limit: At most so many.
            **query: Which runs, and how; see `RunQuery`.

        Raises:
            InvalidInput: The filter, order, status, view, columns or limit is wrong.
        """
        return self._find(query, limit).rows

    def search_page(
        self,
        *,
        max_results: int = 1000,
        page_token: str | None = None,
        **query: Unpack[RunQuery],
    ) -> Page:
        """One page of runs, and a token for the next.

        Args:
            max_results: At most so many runs a page.
            page_token: The token that came with the page before.
            **query: Which runs, and how; the same for each page. See `RunQuery`.

        Raises:
            InvalidInput: As for `search`, or the token is not one of this query.
        """
        return self._find(query, check_page_size(max_results), page_token, is_kept=True)

    def _find(
        self,
        query: RunQuery,
        limit: int | None,
        page_token: str | None = None,
        *,
        is_kept: bool = False,
    ) -> Page:
        wanted = query.get("experiment")
        names = [wanted] if isinstance(wanted, str) else wanted
        ids, status, where = query.get("experiment_ids"), query.get("status"), query.get("where")
        view = View.of(query.get("view", View.ACTIVE))
        dead = self.dead()
        subject = self.subject(view, dead)
        if is_kept:  # who pages through runs asks again
            subject.kept = self.subject(view, dead, "kept_rows").relation
        if names is not None:
            subject.only("experiment = any($experiments)", experiments=list(names))
        if ids is not None:
            subject.only("experiment_id = any($ids)", ids=list(ids))
        if status is not None:
            subject.only("status = $status", status=str(RunStatus.of(status)))
        if where:
            subject.only(f"({where}\n)")
            subject.is_wide = True
        return find_rows(
            self._lake,
            subject,
            now_us=self._clock.now_us(),
            filter=query.get("filter"),
            order=query.get("order"),
            columns=query.get("columns"),
            limit=limit,
            page_token=page_token,
            query=[names, ids, status, where, view],
        )

    def subject(self, view: View, dead: list[str], rows: str = "runs") -> Subject:
        """Runs as they are judged: the dead are KILLED, and an experiment's deletion is theirs.

        Args:
            view: Which of them.
            dead: The ids of those that are dead.
            rows: The relation that holds the runs, or columns of them.
        """
        columns = [column.name for column in self._lake.table("runs").columns]
        relation = _FOUND.format(runs=rows)
        if dead:
            relation = _DEAD.format(runs=rows) + _FOUND.format(runs="judged")
        subject = Subject(RUNS, relation, [*columns, *STAMPED, "experiment"])
        subject.only("list_contains($lifecycles, lifecycle)", lifecycles=list(view.lifecycles))
        if dead:
            subject.params["dead"] = dead
        return subject

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

    def rename(self, run_id: str, name: str) -> None:
        """Give a run another name.

        Raises:
            InvalidInput: It cannot be a name.
            NotFound: There is no such run.
        """
        self._row(run_id)
        check_name(name, "run")
        self._lake.patch("runs", [{"run_id": run_id, "name": name}])

    def set_notes(self, run_id: str, notes: str, *, expected: str | None = None) -> None:
        """Write what people say about a run.

        Args:
            run_id: The run.
            notes: Markdown; empty for none.
            expected: The notes that are to be replaced; where they are others, nothing is written.

        Raises:
            InvalidInput: They cannot be notes.
            NotFound: There is no such run.
            Conflict: Somebody else wrote notes meanwhile.
        """
        found = self._row(run_id).get("notes") or ""
        checked = check_notes(notes)
        if expected is not None and found != expected:
            raise Conflict(
                ErrorCode.CHANGED_MEANWHILE,
                "somebody else changed the notes meanwhile: read them again, then write yours",
                run_id=run_id,
            )
        self._lake.patch("runs", [{"run_id": run_id, "notes": checked or None}])

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

    def delete(self, run_ids: Iterable[str]) -> list[str]:
        """Put runs into the bin; those that are there already stay as they are.

        Returns:
            The ids of the runs that were not there yet.

        Raises:
            NotFound: There is no such run; nothing was changed then.
        """
        return self._move(run_ids, Lifecycle.ACTIVE, Lifecycle.DELETED, self._clock.now_us())

    def restore(self, run_ids: Iterable[str]) -> list[str]:
        """Take runs out of the bin; those that are in use already stay as they are.

        A collection that works meanwhile leaves them whole.

        A run of a deleted experiment is seen again when the experiment is restored, too.

        Returns:
            The ids of the runs that were in the bin.

        Raises:
            NotFound: There is no such run, or it is being removed for good; nothing was changed.
        """
        return self._move(run_ids, Lifecycle.DELETED, Lifecycle.ACTIVE, None)

    def _move(
        self, run_ids: Iterable[str], source: str, target: str, deleted_at: int | None
    ) -> list[str]:
        wanted = list(dict.fromkeys(run_ids))
        found = self._lake.sql(
            "select run_id, lifecycle, epoch_us(deleted_at) as deleted_us from runs "
            "where run_id = any($ids) and lifecycle <> $purged",
            params={"ids": wanted, "purged": Lifecycle.PURGED},
        )
        known = {row["run_id"]: row for row in found.to_pylist()}
        for run_id in wanted:
            if run_id not in known:
                raise _unknown(run_id)
        moved = [run_id for run_id in wanted if known[run_id]["lifecycle"] == source]
        if target == Lifecycle.ACTIVE:
            binned = {run_id: known[run_id]["deleted_us"] for run_id in moved}
            won = set(bins.decide(self._lake, binned, bins.RESTORE))
            for run_id in moved:
                if run_id not in won:
                    raise _unknown(run_id)
        change = {"lifecycle": target, "deleted_at": deleted_at}
        self._lake.patch("runs", [{"run_id": run_id, **change} for run_id in moved])
        return moved

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
            raise _unknown(run_id)
        return row


def _unknown(run_id: str) -> NotFound:
    return NotFound(
        ErrorCode.RUN_NOT_FOUND,
        f"there is no run {run_id!r}: `mere runs` lists those known",
        run_id=run_id,
    )


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
