"""The list of registered models, as people look through it: windows over thousands of them.

One query tells of each model what else would take a request for each: its newest version, how far
that is reviewed, where the aliases point and where it is live. What somebody may not read is left
out before anything is counted.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mere.entities.model import PROMPT_TAG
from mere.errors import ErrorCode, InvalidInput

if TYPE_CHECKING:
    from mere.lake import Lake

__all__ = ["WINDOW_MAX", "ModelSummary", "ModelWindow", "ModelsWanted", "check_window", "find"]

WINDOW_MAX: Final = 1_000

_ORDERS: Final = {
    "name": "lower(s.name)",
    "latest": "l.registered_at",
    "changed": "s.changed_at",
    "registered": "s.registered_at",
    "versions": "c.versions",
    "review": "l.review",
    "live": "o.live",
    "owner": "lower(s.created_by)",
}
_FOUND: Final = f"""with shown as (
  select * from registered_models
  where coalesce(lifecycle, 'active') = 'active'
    and lower(coalesce(tags['{PROMPT_TAG}'], '')) <> 'true'
    and ($models::varchar[] is null or name = any($models))
), used as (
  select * from model_versions where coalesce(lifecycle, 'active') = 'active'
), counted as (
  select name, count(*) as versions, max(version) as latest,
    count(*) filter (where review = 'requested') as waiting
  from used group by name
), named as (
  select name, map_from_entries(list(struct_pack(k := alias, v := version) order by alias))
    as aliases from model_aliases where version is not null group by name
), running as (
  select coalesce(v.name, d.model_name) as name, count(*) as live,
    list_sort(list(distinct d.environment)) as environments
  from deployments d left join used v on v.version_id = d.version_id
  where d.status = 'live' group by 1
), found as (
  select s.name, s.description, s.tags, s.created_by, s.registered_at, s.changed_at,
    coalesce(c.versions, 0) as versions, coalesce(c.waiting, 0) as waiting,
    l.version as latest, l.review as latest_review, l.status as latest_status,
    l.registered_at as latest_at, l.created_by as latest_by,
    n.aliases, coalesce(o.live, 0) as live, o.environments, {{order}} as place
  from shown s left join counted c on c.name = s.name
  left join used l on l.name = s.name and l.version = c.latest
  left join named n on n.name = s.name left join running o on o.name = s.name
  where {{where}}
)
"""


class ModelsWanted(msgspec.Struct):
    """Which models, and which stretch of them.

    Args:
        search: Words; only models that hold all of them in name, description, owner, aliases or
            tags, in any case.
        review: Only those whose newest version is ``requested``, ``approved``, ``rejected`` or
            ``none`` of these; ``waiting`` for those of which any version is requested.
        live: Only those that are live in this environment; ``*`` for any, ``-`` for nowhere.
        order: ``name``, ``latest``, ``changed``, ``registered``, ``versions``, ``review``,
            ``live`` or ``owner``.
        is_descending: Whether the largest come first.
        offset: Leave out so many.
        limit: At most so many.
    """

    search: str = ""
    review: str = ""
    live: str = ""
    order: str = "name"
    is_descending: bool = False
    offset: int = 0
    limit: int = 100


class ModelSummary(msgspec.Struct):
    """A registered model, as a list shows it.

    Args:
        name: Its name.
        description: What it is, as Markdown.
        tags: What else is worth remembering.
        created_by: The account that made it.
        registered_at: When it was made.
        changed_at: When it, or what versions it has, changed last.
        versions: How many versions are in use.
        waiting: How many of them wait for a review.
        latest: The newest version in use.
        latest_review: How far that is reviewed.
        latest_status: How far its making is.
        latest_at: When it was made.
        latest_by: By whom.
        aliases: The version that each alias points at.
        live: How many deployments of it are live.
        environments: Where.
    """

    name: str
    description: str | None = None
    tags: dict[str, str] = {}
    created_by: str | None = None
    registered_at: datetime | None = None
    changed_at: datetime | None = None
    versions: int = 0
    waiting: int = 0
    latest: int | None = None
    latest_review: str | None = None
    latest_status: str | None = None
    latest_at: datetime | None = None
    latest_by: str | None = None
    aliases: dict[str, int] = {}
    live: int = 0
    environments: list[str] = []


class ModelWindow(msgspec.Struct):
    """A stretch of the models.

    Args:
        models: In order.
        total: How many match.
        all: How many there are.
        environments: Where any of them is live.
    """

    models: list[ModelSummary]
    total: int
    all: int
    environments: list[str] = []


def find(lake: Lake, wanted: ModelsWanted, readable: Collection[str] | None) -> ModelWindow:
    """A stretch of the registered models in use; prompts are left out.

    Args:
        lake: Where they are.
        wanted: Which.
        readable: The names that may be shown; None for all.

    Raises:
        InvalidInput: The order or the window cannot be one.
    """
    order = _ORDERS.get(wanted.order)
    if order is None:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"order {wanted.order!r} is unknown: use one of {', '.join(_ORDERS)}",
            value=wanted.order,
        )
    check_window(wanted.offset, wanted.limit)
    params: dict[str, Any] = {"models": None if readable is None else sorted(readable)}
    query = _FOUND.format(order=order, where=" and ".join(_tests(wanted, params)))
    way = "desc" if wanted.is_descending else "asc"
    told = lake.sql(
        f"{query}, sums as (select (select count(*) from found) as total, "
        "(select count(*) from shown) as everything, "
        "(select list_sort(list_distinct(flatten(list(r.environments)))) from running r "
        "semi join shown on shown.name = r.name) as everywhere), "
        f"page as (select * from found order by place {way} nulls last, name "
        "limit $limit offset $offset) "
        "select c.total, c.everything, c.everywhere, p.* from sums c left join page p on true "
        f"order by place {way} nulls last, name",
        params={**params, "limit": wanted.limit, "offset": wanted.offset},
    ).to_pylist(maps_as_pydicts="lossy")
    rows = [_summary(row) for row in told if row["name"] is not None]
    first = told[0]
    return ModelWindow(rows, first["total"], first["everything"], first["everywhere"] or [])


def check_window(offset: int, limit: int) -> None:
    """Refuse a window that is none.

    Raises:
        InvalidInput: It begins before the first row, or is too large.
    """
    if not 1 <= limit <= WINDOW_MAX or offset < 0:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"{limit} rows behind {offset}: ask for 1 to {WINDOW_MAX:,}",
            limit=WINDOW_MAX,
        )


def _tests(wanted: ModelsWanted, params: dict[str, Any]) -> list[str]:
    tests = ["true"]
    for at, word in enumerate(wanted.search.lower().split()):
        params[f"word{at}"] = word
        tests.append(
            "contains(lower(concat_ws(' ', s.name, s.description, s.created_by, "
            f"s.tags::varchar, map_keys(n.aliases)::varchar)), $word{at})"
        )
    if wanted.review == "waiting":
        tests.append("c.waiting > 0")
    elif wanted.review:
        params["review"] = wanted.review
        tests.append("coalesce(l.review, 'none') = $review")
    if wanted.live == "-":
        tests.append("o.live is null")
    elif wanted.live == "*":
        tests.append("o.live > 0")
    elif wanted.live:
        params["live"] = wanted.live
        tests.append("list_contains(o.environments, $live)")
    return tests


def _summary(row: dict[str, Any]) -> ModelSummary:
    known = {
        key: dict(value) if key in ("tags", "aliases") else value
        for key, value in row.items()
        if value is not None and key in ModelSummary.__struct_fields__
    }
    return msgspec.convert(known, ModelSummary)
