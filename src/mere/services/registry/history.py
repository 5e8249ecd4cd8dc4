"""What happened to a registered model, told from its tables: no event is written for it.

Registrations, moves of aliases, reviews, gates and deployments, the newest first. All of them also
under older names of the model, as each knows the version or the model it was about.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mere.services.registry.catalogue import check_window
from mere.services.registry.rows import active_model, active_version, uid_of

if TYPE_CHECKING:
    from mere.lake import Lake

__all__ = ["HistoryWanted", "HistoryWindow", "ModelEvent", "find_history"]

_EVENTS: Final = """with mine as (
  select version, version_id, created_by, registered_at, changed_at, lifecycle
  from model_versions where name = $name and coalesce(lifecycle, 'active') <> 'renamed'
), moves as (
  select moved_at, alias, version, from_version, moved_by from model_alias_moves
  where model_uid = $uid
), told as (
  select registered_at as happened_at, 'model' as kind, created_by as who, null::bigint as version,
    null::varchar as what, null::varchar as words, null::bigint as from_version
  from registered_models where name = $name
  union all select registered_at, 'version', created_by, version, null, null, null from mine
  union all select changed_at, 'deleted', null, version, null, null, null from mine
    where lifecycle = 'deleted'
  union all select moved_at, case when version is null then 'alias removed' else 'alias' end,
    moved_by, coalesce(version, from_version), alias, null, from_version from moves
  -- Those set before moves were noted, or taken in from elsewhere.
  union all select a.moved_at, 'alias', a.moved_by, a.version, a.alias, null, null
    from model_aliases a anti join moves m on m.alias = a.alias
    where a.name = $name and a.version is not null
  union all select reviewed_at, state, reviewed_by, r.version, null, comment, null
    from model_reviews r where r.version_id in (select version_id from mine)
    or (r.version_id is null and r.name = $name)
  union all select changed_at, 'gate', created_by, null, gate, condition, null
    from model_gates where name = $name and condition is not null
  union all select d.started_at, 'deployed', d.deployed_by, d.model_version,
    d.environment || ' / ' || d.application, d.application_version, null
    from deployments d where d.version_id in (select version_id from mine)
    or (d.version_id is null and d.model_name = $name)
  union all select d.ended_at, 'retired', d.retired_by, d.model_version,
    d.environment || ' / ' || d.application, d.reason, null
    from deployments d where d.ended_at is not null
    and (d.version_id in (select version_id from mine)
      or (d.version_id is null and d.model_name = $name))
), found as (
  select * from told where happened_at is not null
    and ($version::bigint is null or version = $version or from_version = $version)
    and ($kinds::varchar[] is null or kind = any($kinds))
)
select * from found order by happened_at desc, kind limit $limit offset $offset
"""


class HistoryWanted(msgspec.Struct):
    """Which events, and which stretch of them.

    Args:
        version: Only those of this version.
        kind: Only these kinds; by default all. See `ModelEvent`.
        offset: Leave out so many.
        limit: At most so many.
    """

    version: int | None = None
    kind: list[str] = []
    offset: int = 0
    limit: int = 100


class ModelEvent(msgspec.Struct):
    """Something that happened to a model.

    Args:
        happened_at: When.
        kind: ``model`` (registered), ``version`` (registered), ``deleted``, ``alias``,
            ``alias removed``, ``requested``, ``approved``, ``rejected``, ``comment``, ``gate``,
            ``deployed`` or ``retired``.
        who: The account that did it.
        version: The version it is about.
        what: The alias, the gate, or the environment and application.
        words: What was said: a comment, a condition, a reason; of a deployment its version.
        from_version: Where an alias pointed before.
    """

    happened_at: datetime
    kind: str
    who: str | None = None
    version: int | None = None
    what: str | None = None
    words: str | None = None
    from_version: int | None = None


class HistoryWindow(msgspec.Struct):
    """A stretch of what happened, the newest first, and whether there is more."""

    events: list[ModelEvent]
    has_more: bool


def find_history(lake: Lake, name: str, wanted: HistoryWanted) -> HistoryWindow:
    """What happened to a model, the newest first.

    Raises:
        NotFound: There is no such model or version.
        InvalidInput: The window cannot be one.
    """
    check_window(wanted.offset, wanted.limit)
    model = active_model(lake, name)
    if wanted.version is not None:
        active_version(lake, name, wanted.version)
    params: dict[str, Any] = {
        "name": name,
        "uid": uid_of(model),
        "version": wanted.version,
        "kinds": wanted.kind or None,
        "limit": wanted.limit + 1,
        "offset": wanted.offset,
    }
    rows = lake.sql(_EVENTS, params=params).to_pylist()
    events = [
        msgspec.convert({k: v for k, v in row.items() if v is not None}, ModelEvent) for row in rows
    ]
    return HistoryWindow(events[: wanted.limit], len(events) > wanted.limit)
