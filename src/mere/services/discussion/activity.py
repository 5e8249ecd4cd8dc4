"""Activity: who did what to what, read off the tables that say it; no event is written for it.

Each kind of event is one query that tells the newest of its table, so that a feed of a million
runs costs no more than its first page. What somebody may not read is not told to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.comment import Subject
from mere.errors import ErrorCode, InvalidInput

if TYPE_CHECKING:
    import builtins

    from mere.entities.actor import Actor
    from mere.lake import Lake
    from mere.services.access.access import Access
    from mere.services.discussion.subjects import Place, Subjects

__all__ = ["KINDS", "Activity", "ActivityEvent", "ActivityPage"]

PAGE_MAX = 200
_LOOKS_MAX = 10
_EXCERPT = 300
_OF_RUNS = "({all_experiments} or list_contains($experiments, experiment_id))"
_OF_MODELS = "({all_models} or list_contains($models, {name}))"
_QUERIES: Mapping[str, str] = {
    "started": (
        "select 'started' as kind, run_id as id, 'run' as subject_kind, run_id as subject_id, "
        "epoch_us(started_at) as at_us, created_by as who, null as what, null as text "
        f"from kept_rows where lifecycle = 'active' and started_at is not null and {_OF_RUNS}"
    ),
    "ended": (
        "select 'ended' as kind, run_id as id, 'run' as subject_kind, run_id as subject_id, "
        "epoch_us(ended_at) as at_us, created_by as who, status as what, null as text "
        f"from kept_rows where lifecycle = 'active' and ended_at is not null and {_OF_RUNS}"
    ),
    "version": (
        "select 'version' as kind, coalesce(version_id, name || '/' || version) as id, "
        "'model' as subject_kind, coalesce(version_id, name || '/' || version) as subject_id, "
        "epoch_us(registered_at) as at_us, created_by as who, null as what, null as text "
        "from model_versions where coalesce(lifecycle, 'active') = 'active' "
        f"and registered_at is not null and {_OF_MODELS.replace('{name}', 'name')}"
    ),
    "alias": (
        "select 'alias' as kind, move_id as id, 'model' as subject_kind, coalesce(v.version_id, "
        "m.name || '/' || coalesce(m.version, m.from_version)) as subject_id, "
        "epoch_us(moved_at) as at_us, moved_by as who, alias as what, "
        "case when m.version is null then 'removed' end as text from model_alias_moves m "
        "left join model_versions v on v.name = m.name "
        "and v.version = coalesce(m.version, m.from_version) "
        f"where {_OF_MODELS.replace('{name}', 'm.name')}"
    ),
    "deployed": (
        "select 'deployed' as kind, deployment_id as id, 'model' as subject_kind, "
        "coalesce(version_id, model_name || '/' || model_version) as subject_id, "
        "epoch_us(started_at) as at_us, deployed_by as who, "
        "environment || ' / ' || application as what, null as text from deployments "
        f"where started_at is not null and {_OF_MODELS.replace('{name}', 'model_name')}"
    ),
    "retired": (
        "select 'retired' as kind, deployment_id as id, 'model' as subject_kind, "
        "coalesce(version_id, model_name || '/' || model_version) as subject_id, "
        "epoch_us(ended_at) as at_us, retired_by as who, "
        "environment || ' / ' || application as what, reason as text from deployments "
        f"where ended_at is not null and {_OF_MODELS.replace('{name}', 'model_name')}"
    ),
    "dataset": (
        "select 'dataset' as kind, dataset_id as id, 'dataset' as subject_kind, "
        "dataset_id as subject_id, epoch_us(created_at) as at_us, created_by as who, "
        "null as what, null as text from datasets where lifecycle = 'active'"
    ),
    "report": (
        "select 'report' as kind, report_id || '/' || version as id, 'report' as subject_kind, "
        "report_id as subject_id, epoch_us(saved_at) as at_us, saved_by as who, "
        "version::varchar as what, null as text from report_versions where saved_at is not null"
    ),
    "comment": (
        "select 'comment' as kind, comment_id as id, subject_kind, subject_id, "
        "epoch_us(said_at) as at_us, written_by as who, thread as what, "
        f"left(text, {_EXCERPT}) as text from comments where deleted_at is null"
    ),
    "review": (
        "select 'review' as kind, review_id as id, 'run' as subject_kind, run_id as subject_id, "
        "epoch_us(reviewed_at) as at_us, reviewed_by as who, state as what, "
        f"left(comment, {_EXCERPT}) as text from run_reviews union all "
        "select 'review', review_id, 'model', coalesce(version_id, name || '/' || version), "
        f"epoch_us(reviewed_at), reviewed_by, state, left(comment, {_EXCERPT}) from model_reviews "
        f"where {_OF_MODELS.replace('{name}', 'name')}"
    ),
}
KINDS = tuple(_QUERIES)
"""What may have happened."""

_OF_RUNS_KINDS = frozenset({"started", "ended"})
_KEPT = {
    name: name
    for name in ("experiment_id", "status", "lifecycle", "started_at", "ended_at", "created_by")
}
"""Columns of runs that are kept in memory, as the grid's are: there may be a million of them."""

_PART = (
    "(select * from ({query}) where (at_us, id) < ($before, $before_id) "
    "and ($who is null or who = $who) and ($subject_id is null or "
    "(subject_kind = $subject_kind and subject_id = $subject_id)) "
    "order by at_us desc, id desc limit $limit)"
)
_LAST = (2**62, "~")


class ActivityEvent(msgspec.Struct, frozen=True):
    """Something that somebody did.

    Args:
        kind: One of `KINDS`.
        id: Of the run, comment, move and so on that tells it.
        at_us: When, in microseconds since the epoch.
        who: The account that did it.
        subject: What it was done to.
        label: What people call that.
        experiment_id: The experiment of a run.
        what: How a run ended, which alias was moved, where something runs, what a review says,
            the comment that an answer answers.
        text: How what was said begins.
    """

    kind: str
    id: str
    at_us: int
    who: str | None
    subject: str
    label: str
    experiment_id: str | None = None
    what: str | None = None
    text: str | None = None


class ActivityPage(msgspec.Struct, frozen=True):
    """A stretch of what happened, the newest first.

    Args:
        events: The events.
        next: What to pass for what was before these; None at the end.
    """

    events: list[ActivityEvent]
    next: str | None


class Activity:
    """What happened in one warehouse.

    Args:
        lake: Where all is stored.
        access: Knows what somebody may read.
        subjects: Knows what it is called.
    """

    def __init__(self, lake: Lake, access: Access, subjects: Subjects) -> None:
        self._lake = lake
        self._access = access
        self._subjects = subjects

    def list(
        self,
        actor: Actor,
        *,
        kinds: Sequence[str] = (),
        who: str | None = None,
        subject: Subject | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> ActivityPage:
        """What happened, the newest first.

        Args:
            actor: Who asks.
            kinds: Only these kinds; all of `KINDS` where there are none.
            who: Only what this account did.
            subject: Only what was done to this.
            before: The ``next`` of the page before.
            limit: At most so many.

        Raises:
            InvalidInput: A kind is unknown, or too much is asked for.
            NotFound: There is no such subject, or they may not read it.
        """
        wanted = tuple(dict.fromkeys(kinds)) or KINDS
        unknown = [kind for kind in wanted if kind not in KINDS]
        if unknown or not 1 <= limit <= PAGE_MAX:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"{limit} events of {', '.join(unknown) or 'all kinds'}: ask for 1 to {PAGE_MAX} "
                f"of {', '.join(KINDS)}",
                limit=PAGE_MAX,
            )
        place = self._subjects.find(actor, subject) if subject is not None else None
        given = {**self._readable(actor), "who": who, **_about(place)}
        at: tuple[int, str] | None = _parsed(before)
        events: builtins.list[ActivityEvent] = []
        # What may not be read after all leaves gaps: they are filled from what was before.
        for _ in range(_LOOKS_MAX):
            rows = self._page(wanted, given, at or _LAST, limit + 1)
            events += self._told(actor, rows)
            if len(rows) <= limit:
                at = None
                break
            at = rows[-1]["at_us"], rows[-1]["id"]
            if len(events) >= limit:
                break
        shown = events[:limit]
        if len(events) > limit:
            at = shown[-1].at_us, shown[-1].id
        return ActivityPage(shown, None if at is None else f"{at[0]}:{at[1]}")

    def _page(
        self, kinds: Sequence[str], given: Mapping[str, Any], before: tuple[int, str], limit: int
    ) -> builtins.list[dict[str, Any]]:
        words = {f"all_{name}": "true" if given[name] is None else "false" for name in _GRANTED}
        queries = (_QUERIES[kind].format(**words) for kind in kinds)
        parts = " union all ".join(_PART.format(query=query) for query in queries)
        query = f"from ({parts}) order by at_us desc, id desc limit $limit"
        asked = {**given, "before": before[0], "before_id": before[1], "limit": limit}
        used = {name: value for name, value in asked.items() if f"${name}" in query}
        if _OF_RUNS_KINDS.isdisjoint(kinds):
            found = self._lake.sql(query, used)
        else:
            found = self._lake.sql_kept(query, used, "runs", _KEPT)
        rows: builtins.list[dict[str, Any]] = found.to_pylist()
        return rows

    def _told(self, actor: Actor, rows: Sequence[dict[str, Any]]) -> builtins.list[ActivityEvent]:
        keys = [(row["subject_kind"], row["subject_id"]) for row in rows]
        places = self._subjects.readable(actor, keys)
        return [
            ActivityEvent(
                kind=row["kind"],
                id=row["id"],
                at_us=row["at_us"],
                who=row["who"],
                subject=str(place.subject),
                label=place.label,
                experiment_id=place.experiment_id,
                what=row["what"],
                text=row["text"],
            )
            for row, key in zip(rows, keys, strict=True)
            if (place := places.get(key)) is not None
        ]

    def _readable(self, actor: Actor) -> dict[str, Any]:
        """The experiments and models that somebody may read; None where it is all."""
        experiments = self._access.readable_experiments(actor)
        models = self._access.readable_models(actor)
        return {
            "experiments": None if experiments is None else sorted(experiments),
            "models": None if models is None else sorted(models),
        }


_GRANTED = ("experiments", "models")


def _about(place: Place | None) -> dict[str, str | None]:
    if place is None:
        return {"subject_kind": None, "subject_id": None}
    return {"subject_kind": place.subject.kind, "subject_id": place.key}


def _parsed(before: str | None) -> tuple[int, str]:
    """Where a page begins.

    Raises:
        InvalidInput: It is not what an earlier page said.
    """
    if not before:
        return _LAST
    at, colon, last = before.partition(":")
    if not (at.isascii() and at.isdigit() and len(at) < 19 and colon and last):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"{before[:60]!r} is not the 'next' of a page of activity"
        )
    return int(at), last
