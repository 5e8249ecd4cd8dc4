"""What runs where, as people look at it: windows, a matrix of places, and what is wrong with it.

A *concern* is a reason to look at a deployment that is live: its version was ``rejected`` or
``deleted``, or waits for a review (``requested``), is not the one its model's champion alias
points at (``not champion``), or is not the newest (``old``). Deployments of models that somebody
may not read are left out before anything is counted.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mere.entities.deployment import Deployment
from mere.entities.limits import check_text
from mere.errors import ErrorCode, InvalidInput
from mere.services.registry.catalogue import check_window

if TYPE_CHECKING:
    from mere.lake import Lake

__all__ = [
    "CONCERNS",
    "Application",
    "DatasetUse",
    "DatasetUses",
    "DeploymentMatrix",
    "DeploymentRow",
    "DeploymentWindow",
    "DeploymentsWanted",
    "Environment",
    "find_deployments",
    "find_matrix",
    "find_uses",
]

CONCERNS: Final = ("rejected", "deleted", "requested", "not champion", "old")
_CHAMPION: Final = "champion"
_ENVIRONMENTS_MAX: Final = 200
_USES_MAX: Final = 10_000
_CELL_MAX: Final = 20
_ORDERS: Final = {
    "started": "started_at",
    "ended": "ended_at",
    "environment": "lower(environment)",
    "application": "lower(application)",
    "model": "lower(model)",
    "by": "lower(deployed_by)",
}
_FOUND: Final = f"""with latest as (
  select name, max(version) as latest from model_versions
  where coalesce(lifecycle, 'active') = 'active' group by name
), champions as (
  select name, version as champion from model_aliases
  where alias = '{_CHAMPION}' and version is not null
), versions as (
  select * from model_versions where coalesce(lifecycle, 'active') <> 'renamed'
), readable as (
  select d.*, coalesce(v.name, d.model_name) as model, v.review,
    c.champion, l.latest, d.status = 'live' as is_live, list_filter([
      case when v.review = 'rejected' then 'rejected' end,
      case when v.lifecycle = 'deleted' then 'deleted' end,
      case when v.review = 'requested' then 'requested' end,
      case when c.champion <> d.model_version then 'not champion' end,
      case when l.latest > d.model_version then 'old' end
    ], lambda one: one is not null and d.status = 'live') as concerns
  from deployments d left join versions v on v.version_id = d.version_id
  left join champions c on c.name = coalesce(v.name, d.model_name)
  left join latest l on l.name = coalesce(v.name, d.model_name)
  where $models::varchar[] is null or coalesce(v.name, d.model_name) = any($models)
), found as (select * from readable where {{where}})
"""
_USES: Final = """
select distinct d.environment, d.application, d.application_version, d.deployment_id,
  d.started_at, v.name as model, v.version, s.name as dataset, s.version as dataset_version,
  l.context, r.run_id, r.name as run_name, r.experiment_id, r.started_at as trained_at
from deployments d
join model_versions v on v.version_id = d.version_id and coalesce(v.lifecycle, 'active') = 'active'
join runs r on r.run_id = v.run_id
join lineage l on l.run_id = r.run_id and l.direction = 'read'
join datasets s on l.asset = 'dataset:' || s.dataset_id
where d.ended_at is null and s.name = $dataset
  and ($day::timestamptz is null or r.started_at < $day::timestamptz)
  and ($models::varchar[] is null or v.name = any($models))
  and ($experiments::varchar[] is null or r.experiment_id = any($experiments))
order by d.environment, d.application, v.name, v.version limit $limit
"""


class DeploymentsWanted(msgspec.Struct):
    """Which deployments, and which stretch of them.

    Args:
        search: Words; only deployments that hold all of them in environment, application, model,
            version, image, endpoint, account or tags.
        environment: Only those there.
        application: Only those of it.
        model: Only those of this registered model.
        version: Only those of this version of it.
        state: ``live``, ``retired`` or ``all``.
        concern: Only those with this concern; ``any`` for any of them.
        day: Only those that ran at this time, in place of those that run now.
        order: ``started``, ``ended``, ``environment``, ``application``, ``model`` or ``by``.
        is_descending: Whether the largest come first.
        offset: Leave out so many.
        limit: At most so many; of a matrix, so many applications.
    """

    search: str = ""
    environment: str = ""
    application: str = ""
    model: str = ""
    version: int | None = None
    state: str = "live"
    concern: str = ""
    day: datetime | None = None
    order: str = "started"
    is_descending: bool = True
    offset: int = 0
    limit: int = 100


class DeploymentRow(msgspec.Struct):
    """A deployment, with what is known of its version now.

    Args:
        deployment: The deployment itself.
        model: What its model is called now.
        review: How far its version is reviewed.
        champion: The version that the champion alias of its model points at.
        latest: The newest version of its model.
        concerns: Why somebody should look at it; empty where it is not live.
    """

    deployment: Deployment
    model: str
    review: str | None = None
    champion: int | None = None
    latest: int | None = None
    concerns: list[str] = []


class Environment(msgspec.Struct):
    """An environment, how much is live there, and how much of that is of concern."""

    name: str
    live: int
    concerns: int


class DeploymentWindow(msgspec.Struct):
    """A stretch of deployments.

    Args:
        deployments: In order.
        total: How many match.
        all: How many there are, live or not.
        environments: All environments there are.
        concerns: How many that are live have each concern.
    """

    deployments: list[DeploymentRow]
    total: int
    all: int
    environments: list[Environment]
    concerns: dict[str, int]


class Application(msgspec.Struct):
    """An application, and what of it runs in each environment."""

    name: str
    places: dict[str, list[DeploymentRow]]


class DeploymentMatrix(msgspec.Struct):
    """A stretch of the applications by what runs where.

    Args:
        environments: All that match, those with the most applications first.
        applications: By name.
        total: How many match.
    """

    environments: list[str]
    applications: list[Application]
    total: int


class DatasetUse(msgspec.Struct):
    """A live deployment whose model was trained on a dataset."""

    environment: str
    application: str
    application_version: str | None
    deployment_id: str
    started_at: datetime | None
    model: str
    version: int
    dataset: str
    dataset_version: int | None
    context: str | None
    run_id: str
    run_name: str | None
    experiment_id: str
    trained_at: datetime | None


class DatasetUses(msgspec.Struct):
    """The live deployments that go back to a dataset."""

    uses: list[DatasetUse]


def find_deployments(
    lake: Lake, wanted: DeploymentsWanted, readable: Collection[str] | None
) -> DeploymentWindow:
    """A stretch of the deployments.

    Raises:
        InvalidInput: The order, the state, the concern or the window cannot be one.
    """
    check_window(wanted.offset, wanted.limit)
    query, params = _query(wanted, readable)
    way = "desc" if wanted.is_descending else "asc"
    order = f"{_chosen('order', wanted.order, _ORDERS)} {way} nulls last, deployment_id desc"
    rows = lake.sql(
        f"{query} select * from found order by {order} limit $limit offset $offset",
        params={**params, "limit": wanted.limit, "offset": wanted.offset},
    ).to_pylist(maps_as_pydicts="lossy")
    told = lake.sql(
        f"{query}, places as (select environment as name, count(*) filter (where is_live) as live, "
        "count(*) filter (where len(concerns) > 0) as concerns from readable group by 1 "
        "order by live desc, name limit $most), "
        "worries as (select unnest(concerns) as name, count(*) as n from readable group by 1) "
        "select (select count(*) from found) as total, (select count(*) from readable) as whole, "
        "(select list(struct_pack(name := name, live := live, concerns := concerns)) from places) "
        "as places, "
        "(select list(struct_pack(name := name, n := n)) from worries) as worries",
        params={**params, "most": _ENVIRONMENTS_MAX},
    ).to_pylist()[0]
    return DeploymentWindow(
        [_row(row) for row in rows],
        told["total"],
        told["whole"],
        [msgspec.convert(one, Environment) for one in told["places"] or ()],
        {one["name"]: one["n"] for one in told["worries"] or ()},
    )


def find_matrix(
    lake: Lake, wanted: DeploymentsWanted, readable: Collection[str] | None
) -> DeploymentMatrix:
    """A stretch of the applications, with what runs of each in each environment.

    Raises:
        InvalidInput: The state, the concern or the window cannot be one.
    """
    check_window(wanted.offset, wanted.limit)
    query, params = _query(wanted, readable)
    rows = lake.sql(
        f"{query}, named as (select distinct application from found), "
        "page as (select application from named order by lower(application), application "
        "limit $limit offset $offset) "
        "select * from (select f.*, row_number() over (partition by f.application, f.environment "
        "order by started_at desc, deployment_id desc) as place from found f "
        "semi join page p on p.application = f.application) where place <= $cell "
        "order by lower(application), application, environment, place",
        params={**params, "limit": wanted.limit, "offset": wanted.offset, "cell": _CELL_MAX},
    ).to_pylist(maps_as_pydicts="lossy")
    told = lake.sql(
        f"{query}, named as (select environment, count(distinct application) as applications "
        "from found group by 1) select "
        "(select count(distinct application) from found) as total, "
        "(select list(environment order by applications desc, lower(environment)) from named) "
        "as environments",
        params=params,
    ).to_pylist()[0]
    applications: dict[str, Application] = {}
    for row in rows:
        mine = applications.setdefault(row["application"], Application(row["application"], {}))
        mine.places.setdefault(row["environment"], []).append(_row(row))
    environments = list(told["environments"] or ())[:_ENVIRONMENTS_MAX]
    return DeploymentMatrix(environments, list(applications.values()), told["total"])


def find_uses(
    lake: Lake,
    dataset: str,
    day: datetime | None,
    readable: Collection[str] | None,
    experiments: Collection[str] | None,
) -> DatasetUses:
    """The live deployments of models that were trained on a dataset.

    Args:
        lake: Where it is written down.
        dataset: The dataset's name.
        day: Only those trained before this time.
        readable: The models that may be shown; None for all.
        experiments: Those whose runs may be shown; None for all.

    Raises:
        InvalidInput: The name cannot be one.
    """
    check_text(dataset, "dataset", 500, "shorten it")
    rows = lake.sql(
        _USES,
        params={
            "dataset": dataset,
            "day": day,
            "models": None if readable is None else sorted(readable),
            "experiments": None if experiments is None else sorted(experiments),
            "limit": _USES_MAX,
        },
    ).to_pylist()
    return DatasetUses([msgspec.convert(row, DatasetUse) for row in rows])


def _query(
    wanted: DeploymentsWanted, readable: Collection[str] | None
) -> tuple[str, dict[str, Any]]:
    """The common query with its parameters."""
    params: dict[str, Any] = {"models": None if readable is None else sorted(readable)}
    tests = ["true"]
    for column in ("environment", "application", "model"):
        value = getattr(wanted, column)
        if value:
            params[column] = value
            tests.append(f"{column} = ${column}")
    if wanted.version is not None:
        params["version"] = wanted.version
        tests.append("model_version = $version")
    for at, word in enumerate(wanted.search.lower().split()):
        params[f"word{at}"] = word
        tests.append(
            "contains(lower(concat_ws(' ', environment, application, application_version, model, "
            "model || '/' || model_version, image_digest, endpoint, deployed_by, tags::varchar)), "
            f"$word{at})"
        )
    if wanted.day is not None:
        params["day"] = wanted.day
        tests.append("started_at <= $day and (ended_at is null or ended_at > $day)")
    elif wanted.state != "all":
        params["state"] = _chosen("state", wanted.state, {"live": "live", "retired": "retired"})
        tests.append("status = $state")
    if wanted.concern == "any":
        tests.append("len(concerns) > 0")
    elif wanted.concern:
        params["concern"] = _chosen("concern", wanted.concern, {one: one for one in CONCERNS})
        tests.append("list_contains(concerns, $concern)")
    return _FOUND.format(where=" and ".join(tests)), params


def _chosen(what: str, value: str, known: dict[str, str]) -> str:
    if value in known:
        return known[value]
    raise InvalidInput(
        ErrorCode.INVALID_VALUE,
        f"{what} {value!r} is unknown: use one of {', '.join(known)}",
        value=value,
    )


def _row(row: dict[str, Any]) -> DeploymentRow:
    known = {key: value for key, value in row.items() if value is not None}
    columns = {key: known[key] for key in Deployment.__struct_fields__ if key in known}
    more = {key: known[key] for key in DeploymentRow.__struct_fields__ if key in known}
    return DeploymentRow(**{**more, "deployment": msgspec.convert(columns, Deployment)})
