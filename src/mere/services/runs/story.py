"""What happened to a run, told from what tables say: no event is written for it.

Files come in thousands, so they are told by the minute; of children and repetitions the newest
are told. The rest is one event each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mere.errors import ErrorCode, NotFound

if TYPE_CHECKING:
    from mere.lake import Lake

__all__ = ["Event", "Repeat", "read_repeats", "read_story"]

_EVENTS_MAX = 1_000
_REPEATS_MAX = 1_000
_FILES = (
    "select epoch_us(max(logged_at)) as at_us, count(*) as count, "
    "sum(size)::bigint as bytes, min(path) as what from artifacts "
    "where owner = $run and logged_at is not null group by date_trunc('minute', logged_at) "
    "order by 1 desc limit $limit"
)
_LINEAGE = (
    "select epoch_us(logged_at) as at_us, direction, asset as what, context from lineage "
    "where run_id = $run order by logged_at desc limit $limit"
)
_CHILDREN = (
    "select epoch_us(started_at) as at_us, run_id as what, name as label, created_by as who "
    "from runs where {column} = $run and lifecycle = 'active' and started_at is not null "
    "order by started_at desc limit $limit"
)
_MODELS = (
    "select epoch_us(registered_at) as at_us, name || '/' || version as what, created_by as who "
    "from model_versions where run_id = $run and lifecycle = 'active' "
    "order by registered_at desc limit $limit"
)
_LOGGED = (
    "select epoch_us(logged_at) as at_us, model_id as what, name as label, created_by as who "
    "from logged_models where run_id = $run and lifecycle = 'active' "
    "order by logged_at desc limit $limit"
)


class Event(msgspec.Struct):
    """Something that happened.

    Args:
        at_us: When, in microseconds since the epoch.
        kind: ``started``, ``ended``, ``files``, ``read``, ``write``, ``child``, ``repeat``,
            ``version`` or ``logged_model``.
        what: What it is about: an id, a node of lineage, a path or a status.
        label: What people call that.
        who: The account that did it.
        count: How many, where it is several.
        bytes: How large they are.
        context: What for.
    """

    at_us: int
    kind: str
    what: str
    label: str | None = None
    who: str | None = None
    count: int = 1
    bytes: int | None = None
    context: str | None = None


class Repeat(msgspec.Struct):
    """A repetition of a run, and what came of comparing the two.

    Args:
        run_id: The repetition.
        experiment_id: Its experiment.
        name: Its name.
        status: How it stands.
        at_us: When it began, in microseconds since the epoch.
        verdict: ``equal``, ``within tolerance``, ``different`` and so on; None until compared.
        metrics: How many metrics came out how, in words.
        difference: The greatest absolute difference.
    """

    run_id: str
    experiment_id: str
    name: str | None
    status: str | None
    at_us: int | None
    verdict: str | None
    metrics: str | None
    difference: str | None


def read_story(lake: Lake, run_id: str) -> list[Event]:
    """What happened to a run, the newest first.

    Raises:
        NotFound: There is no such run.
    """
    row = lake.get("runs", run_id)
    if row is None:
        raise NotFound(ErrorCode.RUN_NOT_FOUND, f"there is no run {run_id!r}", run_id=run_id)
    events = []
    if row.get("started_at"):
        events.append(Event(_us(row["started_at"]), "started", run_id, who=row.get("created_by")))
    if row.get("ended_at"):
        events.append(Event(_us(row["ended_at"]), "ended", str(row.get("status"))))
    for kind, query in (
        ("files", _FILES),
        (None, _LINEAGE),
        ("child", _CHILDREN.format(column="parent_run_id")),
        ("repeat", _CHILDREN.format(column="repeats")),
        ("version", _MODELS),
        ("logged_model", _LOGGED),
    ):
        found = lake.sql(query, {"run": run_id, "limit": _EVENTS_MAX}).to_pylist()
        for one in found:
            told = kind or one.pop("direction")
            if one["at_us"] is not None:
                events.append(Event(kind=told, **one))
    events.sort(key=lambda event: event.at_us, reverse=True)
    return events[:_EVENTS_MAX]


def read_repeats(lake: Lake, run_id: str) -> list[Repeat]:
    """The repetitions of a run, the newest first."""
    found = lake.sql(
        "select run_id, experiment_id, name, status, epoch_us(started_at) as at_us, "
        "tags['mere.verdict'] as verdict, tags['mere.verdict.metrics'] as metrics, "
        "tags['mere.verdict.difference'] as difference from runs "
        "where repeats = $run and lifecycle = 'active' order by started_at desc limit $limit",
        {"run": run_id, "limit": _REPEATS_MAX},
    )
    return msgspec.convert(found.to_pylist(), list[Repeat])


def _us(moment: Any) -> int:
    return int(moment.timestamp() * 1_000_000) if hasattr(moment, "timestamp") else int(moment)
