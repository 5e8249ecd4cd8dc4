"""The versions of one model as a table: with the metrics of the runs that made them.

A metric of a version is the last value in its run; where the logged model it was made of has
points of its own, those count, as they do before gates. Metrics and names of runs that somebody
may not read are left out, so a version is then only its number and what was said of it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mere.entities.metric import SYSTEM_PREFIX
from mere.entities.model import ModelVersion
from mere.errors import ErrorCode, InvalidInput
from mere.services.registry.catalogue import check_window
from mere.services.registry.rows import active_model, aliases_of, version_entity

if TYPE_CHECKING:
    from mere.lake import Lake

__all__ = [
    "KEYS_MAX",
    "MEASURED",
    "ModelVersionRow",
    "ModelVersionWindow",
    "ModelVersionsWanted",
    "find_versions_of",
    "plain_metrics",
]

KEYS_MAX: Final = 12
_CATALOGUE_MAX: Final = 1_000
_SHOWN_FIRST: Final = 4
_NO_METRICS: Final = "map([]::varchar[], []::double[])"

MEASURED: Final = f"""mine as (
  select * from model_versions
  where name = $name and coalesce(lifecycle, 'active') = 'active'
), points as (
  select m.logged_model_id, m.key, arg_max(m.value, (m.step, m.timestamp)) as value
  from metrics m where m.logged_model_id in (select model_id from mine)
    and m.run_id in (select run_id from mine) group by all
), logged as (
  select logged_model_id, map(list(key), list(value)) as metrics from points group by 1
), measured as (
  select v.*, r.name as run_name, r.experiment_id, r.status as run_status, r.params,
    case when r.run_id is null then {_NO_METRICS} else map_concat(
      coalesce(r.metrics, {_NO_METRICS}), coalesce(p.metrics, {_NO_METRICS})) end as metrics
  from mine v left join runs r on r.run_id = v.run_id
    and ($experiments::varchar[] is null or r.experiment_id = any($experiments))
  left join logged p on p.logged_model_id = v.model_id
)
"""
"""SQL for the versions of ``$name``, with what their runs say as far as ``$experiments`` go."""

_ORDERS: Final = {
    "version": "version",
    "registered": "registered_at",
    "review": "review",
    "by": "lower(created_by)",
    "run": "lower(run_name)",
    "bytes": "bytes",
}
_METRIC: Final = "metric:"


class ModelVersionsWanted(msgspec.Struct):
    """Which versions of a model, and which stretch of them.

    Args:
        search: Words; only versions that hold all of them in description, tags, review, maker,
            run or number.
        metric: Metrics to show; by default those that gates ask of, and the most common.
        order: ``version``, ``registered``, ``review``, ``by``, ``run``, ``bytes`` or
            ``metric:<key>``.
        is_descending: Whether the largest come first.
        offset: Leave out so many.
        limit: At most so many.
    """

    search: str = ""
    metric: list[str] = []
    order: str = "version"
    is_descending: bool = True
    offset: int = 0
    limit: int = 100


class ModelVersionRow(msgspec.Struct):
    """A version, as a table shows it.

    Args:
        version: The version itself.
        run_name: What its run is called.
        experiment_id: Where its run is.
        metrics: Those shown, as numbers; NaN and the infinities as texts.
        live: Where it is live, as ``environment / application``.
    """

    version: ModelVersion
    run_name: str | None = None
    experiment_id: str | None = None
    metrics: dict[str, float | str] = {}
    live: list[str] = []


class ModelVersionWindow(msgspec.Struct):
    """A stretch of the versions of a model.

    Args:
        versions: In order.
        total: How many match.
        all: How many there are.
        shown: The metrics shown.
        keys: All metrics that any version has, the most common first.
    """

    versions: list[ModelVersionRow]
    total: int
    all: int
    shown: list[str]
    keys: list[str]


class _Page(msgspec.Struct):
    rows: list[dict[str, Any]]
    total: int
    all: int


def find_versions_of(
    lake: Lake,
    name: str,
    wanted: ModelVersionsWanted,
    experiments: Collection[str] | None,
    first: Sequence[str] = (),
) -> ModelVersionWindow:
    """A stretch of the versions of a model.

    Args:
        lake: Where they are.
        name: The registered model.
        wanted: Which.
        experiments: Those whose runs may be shown; None for all.
        first: Metrics to show before others where none are asked for.

    Raises:
        NotFound: There is no such model.
        InvalidInput: The order, the metrics or the window cannot be one.
    """
    check_window(wanted.offset, wanted.limit)
    if len(wanted.metric) > KEYS_MAX:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"{len(wanted.metric)} metrics: show at most {KEYS_MAX} at once",
            limit=KEYS_MAX,
        )
    active_model(lake, name)
    scope = {"name": name, "experiments": None if experiments is None else sorted(experiments)}
    keys = _keys(lake, scope)
    shown = wanted.metric or _usual(keys, first)
    page = _page(lake, scope, wanted)
    aliases = aliases_of(lake, [name])[name]
    return ModelVersionWindow(
        [_row(row, aliases, shown) for row in page.rows], page.total, page.all, shown, keys
    )


def plain_metrics(metrics: Any, keys: Collection[str] | None = None) -> dict[str, float | str]:
    """Metrics as JSON can hold them: NaN and the infinities as texts."""
    known = dict(metrics or {})
    return {
        key: value if math.isfinite(value) else str(value)
        for key, value in known.items()
        if value is not None and (keys is None or key in keys)
    }


def _keys(lake: Lake, scope: dict[str, Any]) -> list[str]:
    rows = lake.sql(
        f"with {MEASURED} select unnest(map_keys(metrics)) as key, count(*) as n from measured "
        "group by 1 order by n desc, key limit $most",
        params={**scope, "most": _CATALOGUE_MAX},
    )
    keys: list[str] = rows["key"].to_pylist()
    return sorted(keys, key=lambda key: key.startswith(SYSTEM_PREFIX))


def _usual(keys: Sequence[str], first: Sequence[str]) -> list[str]:
    known = [key for key in first if key in keys]
    rest = [key for key in keys if key not in known and not key.startswith(SYSTEM_PREFIX)]
    return [*known[:KEYS_MAX], *rest[: max(0, _SHOWN_FIRST - len(known))]]


def _page(lake: Lake, scope: dict[str, Any], wanted: ModelVersionsWanted) -> _Page:
    params = dict(scope)
    tests = ["true"]
    for at, word in enumerate(wanted.search.lower().split()):
        params[f"word{at}"] = word
        tests.append(
            "contains(lower(concat_ws(' ', version, description, created_by, review, run_name, "
            f"tags::varchar)), $word{at})"
        )
    key = wanted.order.removeprefix(_METRIC)
    if wanted.order.startswith(_METRIC):
        params["key"] = key
        order = "case when isnan(metrics[$key]) then null else metrics[$key] end"
    elif wanted.order in _ORDERS:
        order = _ORDERS[wanted.order]
    else:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"order {wanted.order!r} is unknown: use one of {', '.join(_ORDERS)}, or metric:KEY",
            value=wanted.order,
        )
    way = "desc" if wanted.is_descending else "asc"
    rows = lake.sql(
        f"with {MEASURED}, found as (select *, {order} as place from measured "
        f"where {' and '.join(tests)}), "
        "running as (select version_id, list_sort(list(environment || ' / ' || application)) as "
        "live from deployments where status = 'live' group by 1), "
        "counted as (select (select count(*) from found) as total, "
        "(select count(*) from mine) as everything), "
        f"page as (select f.*, o.live from found f left join running o "
        f"on o.version_id = f.version_id order by place {way} nulls last, version desc "
        "limit $limit offset $offset) "
        "select c.total, c.everything, p.* from counted c left join page p on true "
        f"order by place {way} nulls last, version desc",
        params={**params, "limit": wanted.limit, "offset": wanted.offset},
    ).to_pylist(maps_as_pydicts="lossy")
    found = [row for row in rows if row["version"] is not None]
    return _Page(found, rows[0]["total"], rows[0]["everything"])


def _row(row: dict[str, Any], aliases: dict[str, int], shown: Sequence[str]) -> ModelVersionRow:
    columns = {key: row[key] for key in ModelVersion.__struct_fields__ if key in row}
    return ModelVersionRow(
        version_entity(columns, aliases),
        row["run_name"],
        row["experiment_id"],
        plain_metrics(row["metrics"], set(shown)),
        row["live"] or [],
    )
