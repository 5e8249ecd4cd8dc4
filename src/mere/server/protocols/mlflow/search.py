"""Searching experiments, runs and the datasets that runs read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mere.lake.arrow import to_rows
from mere.server.operations import SIGNED_IN, Call
from mere.server.protocols.mlflow.errors import invalid, invalid_value
from mere.server.protocols.mlflow.experiments import ensure_default
from mere.server.protocols.mlflow.run_links import links_of
from mere.server.protocols.mlflow.validation import check_experiment_id, check_max_results
from mere.server.protocols.mlflow.wire import Int64, Request, message, operation
from mere.server.protocols.mlflow.words import RUN_COLUMNS, experiment_message, run_message
from mere.services.runs.search import View

__all__ = ["OPERATIONS", "SearchRuns", "find_runs", "summaries_of"]

_RUNS_A_PAGE = 1_000
_DATASET_EXPERIMENTS_MAX = 20
_DATASETS_MAX = 1_000
_VIEWS = {
    "ACTIVE_ONLY": View.ACTIVE,
    "DELETED_ONLY": View.DELETED,
    "ALL": View.ALL,
    1: View.ACTIVE,
    2: View.DELETED,
    3: View.ALL,
}
_DATASETS = (
    "select distinct r.experiment_id, d.name, d.digest, l.context from lineage l "
    "join runs r on r.run_id = l.run_id join datasets d on l.asset = 'dataset:' || d.dataset_id "
    "where l.direction = 'read' and r.experiment_id = any($ids) "
    "order by r.experiment_id, d.name, d.digest, l.context limit $limit"
)


class _SearchExperiments(Request):
    max_results: Int64 | None = None
    page_token: str = ""
    filter: str = ""
    order_by: tuple[str, ...] = ()
    view_type: str | int = "ACTIVE_ONLY"


class SearchRuns(Request):
    """Which runs are searched for."""

    experiment_ids: tuple[str, ...] = ()
    filter: str = ""
    run_view_type: str | int = "ACTIVE_ONLY"
    max_results: Int64 = _RUNS_A_PAGE
    order_by: tuple[str, ...] = ()
    page_token: str = ""


class _SearchDatasets(Request):
    experiment_ids: tuple[str, ...] = ()


def _search_experiments(call: Call) -> dict[str, Any]:
    data: _SearchExperiments = call.data
    if data.max_results is None:
        raise invalid(
            "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer"
        )
    ensure_default(call)
    page = call.warehouse.experiments.search_page(
        max_results=check_max_results(data.max_results),
        page_token=data.page_token or None,
        filter=data.filter or None,
        order=list(data.order_by) or None,
        view=_view("view_type", data.view_type),
    )
    rows: list[dict[str, Any]] = page.rows.to_pylist(maps_as_pydicts="lossy")
    seen = call.warehouse.access.readable_experiments(call.actor)
    if seen is not None:
        rows = [row for row in rows if row["experiment_id"] in seen]
    return message(
        experiments=[experiment_message(row) for row in rows],
        next_page_token=page.next_page_token,
    )


@operation(
    "GET", "/*/2.0/mlflow/experiments/search", permission=SIGNED_IN, request=_SearchExperiments
)
def get_experiments(call: Call) -> dict[str, Any]:
    """Search experiments, asked in the query."""
    return _search_experiments(call)


@operation(
    "POST", "/*/2.0/mlflow/experiments/search", permission=SIGNED_IN, request=_SearchExperiments
)
def search_experiments(call: Call) -> dict[str, Any]:
    """Search experiments."""
    return _search_experiments(call)


@operation("POST", "/*/2.0/mlflow/runs/search", permission=SIGNED_IN, request=SearchRuns)
def search_runs(call: Call) -> dict[str, Any]:
    """Search runs of some experiments."""
    return find_runs(call, call.data)


def find_runs(call: Call, data: SearchRuns) -> dict[str, Any]:
    """The page of runs that is asked for."""
    if data.max_results > 50_000:
        raise invalid_value("max_results", data.max_results, ": It must be at most 50000")
    ids = [check_experiment_id(one) for one in data.experiment_ids]
    seen = call.warehouse.access.readable_experiments(call.actor)
    if seen is not None:
        ids = [one for one in ids if one in seen]
    page = call.warehouse.runs.search_page(
        max_results=check_max_results(data.max_results),
        page_token=data.page_token or None,
        experiment_ids=ids,
        filter=data.filter or None,
        order=list(data.order_by) or None,
        view=_view("run_view_type", data.run_view_type),
        columns=RUN_COLUMNS,
    )
    rows = to_rows(page.rows, has_datetimes=True)
    links = links_of(call.warehouse, _ids(rows))
    nothing: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    return message(
        runs=[run_message(row, *links.get(row["run_id"], nothing)) for row in rows],
        next_page_token=page.next_page_token,
    )


@operation(
    "POST",
    "/*/2.0/mlflow/experiments/search-datasets",
    permission=SIGNED_IN,
    request=_SearchDatasets,
    forms="ajax",
)
def search_datasets(call: Call) -> dict[str, Any]:
    """List the datasets that runs of some experiments read."""
    return summaries_of(call, list(call.data.experiment_ids))


def summaries_of(call: Call, ids: list[str]) -> dict[str, Any]:
    """The datasets that runs of these experiments read."""
    if not ids:
        raise invalid("SearchDatasets request must specify at least one experiment_id.")
    if len(ids) > _DATASET_EXPERIMENTS_MAX:
        raise invalid(
            f"SearchDatasets request cannot specify more than {_DATASET_EXPERIMENTS_MAX} "
            f"experiment_ids. Received {len(ids)} experiment_ids."
        )
    seen = call.warehouse.access.readable_experiments(call.actor)
    if seen is not None:
        ids = [one for one in ids if one in seen]
    rows = call.warehouse.sql(_DATASETS, {"ids": ids, "limit": _DATASETS_MAX}).to_pylist()
    return message(dataset_summaries=[message(**row) for row in rows])


def _ids(rows: Iterable[dict[str, Any]]) -> list[str]:
    return [row["run_id"] for row in rows]


def _view(name: str, given: str | int) -> View:
    try:
        return _VIEWS[int(given) if isinstance(given, str) and given.isdigit() else given]
    except KeyError as error:
        raise invalid_value(name, given) from error


OPERATIONS = (get_experiments, search_experiments, search_runs, search_datasets)
