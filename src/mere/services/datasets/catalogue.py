"""The catalogue: datasets as people look for them, and who used them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from mere.errors import ErrorCode, InvalidInput

if TYPE_CHECKING:
    from mere.lake import Lake
    from mere.services.lineage.walk import Readable

__all__ = ["Catalogue", "DatasetPage", "DatasetSummary", "Usage", "UsageModel", "UsageRun"]

PAGE_MAX = 1_000
_WORDS_MAX = 10
_MODELS_MAX = 200
_ORDERS = {
    "name": "lower(name)",
    "versions": "versions",
    "rows": "rows",
    "bytes": "bytes",
    "written": "written_at",
    "used": "used_at",
    "runs": "runs",
}
_USED = (
    "used as (select d.name, max(l.logged_at) as used_at, count(distinct l.run_id) as runs "
    "from lineage l join datasets d on l.asset = 'dataset:' || d.dataset_id "
    "join runs r on r.run_id = l.run_id where l.direction = 'read' and {may} group by d.name)"
)
_NAMED = (
    "latest as (select name, version, dataset_id, kind, rows, files, bytes, tags, created_by, "
    "created_at as written_at, count(*) over (partition by name) as versions, "
    "row_number() over (partition by name order by version desc nulls last) as place "
    "from datasets where lifecycle = 'active'), "
    "named as (select * exclude (place) from latest where place = 1)"
)
_PAGE = (
    f"with {_USED}, {_NAMED}, matching as (select n.*, u.used_at, coalesce(u.runs, 0) as runs "
    "from named n left join used u on u.name = n.name where {matches}) "
    "select *, (select count(*) from matching) as total from matching "
    "order by {order} {way} nulls last, name limit $limit offset $offset"
)
_RUNS = (
    "with edges as (select l.run_id, l.direction, l.context, l.logged_at, d.version "
    "from lineage l join datasets d on l.asset = 'dataset:' || d.dataset_id where {which}), "
    "found as (select r.run_id, r.name, r.status, r.experiment_id, x.name as experiment, "
    "e.direction, e.context, e.version, e.logged_at from edges e "
    "join runs r on r.run_id = e.run_id left join experiments x "
    "on x.experiment_id = r.experiment_id where {may}) "
)
_RUN_PAGE = (
    "select *, (select count(*) from found) as total from found "
    "order by logged_at desc nulls last, run_id desc, direction limit $limit offset $offset"
)
_MODELS = (
    ", readers as (select distinct run_id from found where direction = 'read'), "
    "made as (select name, version, run_id from model_versions where lifecycle = 'active' "
    "union select m.name, m.version, l.run_id from lineage l join model_versions m "
    "on l.asset = 'model:' || m.name || '/' || m.version "
    "where l.direction = 'write' and m.lifecycle = 'active'), "
    "models as (select distinct name, version from made join readers using (run_id) "
    "where {may_models}) "
    "select m.name, m.version, list(distinct a.alias) filter (a.alias is not null) as aliases, "
    "list(distinct d.environment) filter (d.status = 'live') as live, "
    "(select count(*) from models) as total from models m "
    "left join model_aliases a on a.name = m.name and a.version = m.version "
    "left join deployments d on d.model_name = m.name and d.model_version = m.version "
    f"group by m.name, m.version order by m.name, m.version desc limit {_MODELS_MAX}"
)


class DatasetSummary(msgspec.Struct):
    """A dataset with its newest version.

    Args:
        name: The dataset.
        versions: How many versions are in use.
        version: The newest of them.
        dataset_id: Its id.
        kind: What it is made of.
        rows: How many rows it has.
        files: How many files it has.
        bytes: How large it is.
        tags: Its tags.
        created_by: Who wrote it.
        written_at: When.
        used_at: When a run read any version last.
        runs: How many runs have.
    """

    name: str
    versions: int
    version: int | None
    dataset_id: str | None
    kind: str | None
    rows: int | None
    files: int | None
    bytes: int | None
    tags: dict[str, str]
    created_by: str | None
    written_at: datetime | None
    used_at: datetime | None
    runs: int


class DatasetPage(msgspec.Struct):
    """Some datasets, and how many there are."""

    datasets: list[DatasetSummary]
    total: int


class UsageRun(msgspec.Struct):
    """A run that read or wrote a version.

    Args:
        run_id: The run.
        name: What people call it.
        status: How it is.
        experiment_id: Its experiment.
        experiment: What that is called.
        direction: ``read`` or ``write``.
        context: What for.
        version: Which version.
        logged_at: When.
    """

    run_id: str
    name: str | None
    status: str | None
    experiment_id: str | None
    experiment: str | None
    direction: str
    context: str | None
    version: int | None
    logged_at: datetime | None


class UsageModel(msgspec.Struct):
    """A version of a model that was made by a run which read the data.

    Args:
        name: The model.
        version: Its version.
        aliases: The aliases that point at it.
        live: Where it is deployed now.
    """

    name: str
    version: int
    aliases: list[str]
    live: list[str]


class Usage(msgspec.Struct):
    """Who used a dataset.

    Args:
        runs: Runs, the latest first.
        runs_total: How many there are.
        models: Versions of models that came of it.
        models_total: How many there are.
    """

    runs: list[UsageRun]
    runs_total: int
    models: list[UsageModel]
    models_total: int


class Catalogue:
    """The datasets of one warehouse, as they are looked for.

    Args:
        lake: Where they are stored.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def search(
        self,
        text: str = "",
        *,
        order: str = "written",
        is_descending: bool = True,
        offset: int = 0,
        limit: int = 100,
        readable: Readable,
    ) -> DatasetPage:
        """Datasets whose names and tags hold some words.

        Args:
            text: The words, in any case; ``key=value`` is a tag.
            order: ``name``, ``versions``, ``rows``, ``bytes``, ``written``, ``used`` or ``runs``.
            is_descending: Whether the largest come first.
            offset: How many to leave out.
            limit: At most so many.
            readable: Of which runs to tell.

        Raises:
            InvalidInput: There is no such order, or too much is asked for.
        """
        words = text.lower().split()
        if order not in _ORDERS or len(words) > _WORDS_MAX:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"order {order!r} by {len(words)} words: order by one of {', '.join(_ORDERS)}, and "
                f"give at most {_WORDS_MAX} words",
            )
        _check_page(offset, limit)
        may, params = _of_runs(readable)
        told = (
            "lower(n.name || ' ' || coalesce(array_to_string(list_transform(map_entries(n.tags), "
        )
        told += "lambda e: e.key || '=' || coalesce(e.value, '')), ' '), ''))"
        matches = [f"contains({told}, $w{number})" for number in range(len(words))]
        rows = self._lake.sql(
            _PAGE.format(
                may=may,
                matches=" and ".join(matches) or "true",
                order=_ORDERS[order],
                way="desc" if is_descending else "asc",
            ),
            params={
                "limit": limit,
                "offset": offset,
                **params,
                **{f"w{number}": word for number, word in enumerate(words)},
            },
        ).to_pylist(maps_as_pydicts="lossy")
        if not rows and offset:
            first = self.search(text, limit=1, readable=readable)
            return DatasetPage([], first.total)
        total = rows[0]["total"] if rows else 0
        return DatasetPage([_summary(row) for row in rows], total)

    def usage(
        self,
        *,
        name: str | None = None,
        dataset_id: str | None = None,
        offset: int = 0,
        limit: int = 100,
        readable: Readable,
    ) -> Usage:
        """Who used all versions of a name, or one version.

        Args:
            name: The dataset.
            dataset_id: The version instead.
            offset: How many runs to leave out.
            limit: At most so many runs.
            readable: Of what to tell.

        Raises:
            InvalidInput: Too much is asked for.
        """
        _check_page(offset, limit)
        may, params = _of_runs(readable)
        params["which"] = dataset_id if name is None else name
        which = "d.dataset_id = $which" if name is None else "d.name = $which"
        begin = _RUNS.format(which=which, may=may)
        page = {**params, "limit": limit, "offset": offset}
        runs = self._lake.sql(begin + _RUN_PAGE, params=page).to_pylist()
        may_models = "true"
        if readable.models is not None:
            may_models, params["models"] = (
                "name in (select unnest($models::varchar[]))",
                sorted(readable.models),
            )
        models = self._lake.sql(
            begin + _MODELS.format(may_models=may_models), params=params
        ).to_pylist()
        return Usage(
            [UsageRun(**{k: v for k, v in row.items() if k != "total"}) for row in runs],
            runs[0]["total"] if runs else 0,
            [
                UsageModel(
                    row["name"],
                    row["version"],
                    sorted(row["aliases"] or ()),
                    sorted(row["live"] or ()),
                )
                for row in models
            ],
            models[0]["total"] if models else 0,
        )


def _of_runs(readable: Readable) -> tuple[str, dict[str, Any]]:
    """The condition on runs that somebody may read, and its parameters."""
    if readable.experiments is None:
        return "true", {}
    ids: Sequence[str] = sorted(readable.experiments)
    return "r.experiment_id in (select unnest($experiments::varchar[]))", {"experiments": ids}


def _check_page(offset: int, limit: int) -> None:
    if not (1 <= limit <= PAGE_MAX and offset >= 0):
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"{limit} behind {offset}: ask for 1 to {PAGE_MAX:,}",
            limit=PAGE_MAX,
        )


def _summary(row: dict[str, Any]) -> DatasetSummary:
    known = {name: value for name, value in row.items() if name != "total"}
    return DatasetSummary(**{**known, "tags": row["tags"] or {}})
