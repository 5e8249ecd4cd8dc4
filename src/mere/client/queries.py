"""Reading back: what `mere.runs`, `mere.sql` and their like do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mere.entities import run as entity
from mere.services.warehouse import open_warehouse

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.client.run import Run
    from mere.services.runs.runs import Runs

__all__ = [
    "delete_experiment",
    "delete_runs",
    "experiments",
    "get_run",
    "metric_history",
    "restore_experiment",
    "restore_runs",
    "run_pages",
    "runs",
    "sql",
]


def runs(
    experiment: str | Sequence[str] | None = None,
    *,
    filter: str | None = None,  # noqa: A002 - the word of the language, and of MLflow
    order: str | Sequence[str] | None = None,
    status: str | None = None,
    where: str | None = None,
    view: str = "active",
    columns: Sequence[str] | None = None,
    limit: int | None = None,
    warehouse: str | None = None,
) -> pa.Table:
    """Return runs as an Arrow table; those whose process died are shown as KILLED.

    Example:
        >>> mere.runs("digits", filter="metrics.acc > 0.9 and params.model = 'cnn'")
        >>> mere.runs("digits", order="metrics.acc DESC", limit=5)

    Args:
        experiment: Only runs of the experiment of this name, or of these.
        filter: A condition in the filter language; see docs/search.md.
        order: What to sort by in that language; the newest come first by default.
        status: Only runs of this status.
        where: A condition in SQL.
        view: ``active`` runs, ``deleted`` ones or ``all``.
        columns: The columns to return; all of them otherwise.
        limit: At most so many.
        warehouse: Where to look; by default, what ``MERE_WAREHOUSE`` says.

    Raises:
        InvalidInput: The filter, order, status, view, columns or limit is wrong.
    """
    return open_warehouse(warehouse).runs.search(
        experiment=experiment,
        filter=filter,
        order=order,
        status=status,
        where=where,
        view=view,
        columns=columns,
        limit=limit,
    )


def run_pages(
    experiment: str | Sequence[str] | None = None,
    *,
    filter: str | None = None,  # noqa: A002 - the word of the language, and of MLflow
    order: str | Sequence[str] | None = None,
    view: str = "active",
    page_size: int = 1000,
    warehouse: str | None = None,
) -> Iterator[pa.Table]:
    """Return runs page by page: for more runs than one wants in memory.

    Runs that are added meanwhile neither shift the others nor make one come twice.

    Example:
        >>> for page in mere.run_pages("digits", order="metrics.acc DESC"):
        ...     print(page.num_rows)

    Args:
        experiment: As for `runs`.
        filter: As for `runs`.
        order: As for `runs`.
        view: As for `runs`.
        page_size: At most so many runs a page.
        warehouse: Where to look; by default, what ``MERE_WAREHOUSE`` says.

    Raises:
        InvalidInput: The filter, order, view or page size is wrong.
    """
    found = open_warehouse(warehouse).runs
    token = None
    while True:
        page = found.search_page(
            experiment=experiment,
            filter=filter,
            order=order,
            view=view,
            max_results=page_size,
            page_token=token,
        )
        yield page.rows
        token = page.next_page_token
        if token is None:
            return


def delete_runs(*runs: Run | str, warehouse: str | None = None) -> list[str]:
    """Put runs into the bin: they are in no list or search unless asked for.

    Args:
        *runs: The runs, their ids, beginnings of ids, or names.
        warehouse: Where they are; by default, what ``MERE_WAREHOUSE`` says.

    Returns:
        The ids of those that were not there yet.

    Raises:
        NotFound: There is no such run; nothing was changed then.
    """
    found = open_warehouse(warehouse).runs
    return found.delete([_run_id(found, run) for run in runs])


def restore_runs(*runs: Run | str, warehouse: str | None = None) -> list[str]:
    """Take runs out of the bin.

    Args:
        *runs: The runs, their ids, beginnings of ids, or names.
        warehouse: Where they are; by default, what ``MERE_WAREHOUSE`` says.

    Returns:
        The ids of those that were in the bin.

    Raises:
        NotFound: There is no such run, or it has been removed for good.
    """
    found = open_warehouse(warehouse).runs
    return found.restore([_run_id(found, run) for run in runs])


def delete_experiment(name: str, *, warehouse: str | None = None) -> bool:
    """Put an experiment into the bin, and all its runs with it; whether it was not there yet.

    Args:
        name: Its name.
        warehouse: Where it is; by default, what ``MERE_WAREHOUSE`` says.

    Raises:
        NotFound: There is no such experiment.
    """
    known = open_warehouse(warehouse).experiments
    return known.delete(known.find(name).experiment_id)


def restore_experiment(name: str, *, warehouse: str | None = None) -> bool:
    """Take an experiment out of the bin; whether it was there.

    Its runs come back with it, except those that were deleted one by one.

    Args:
        name: Its name.
        warehouse: Where it is; by default, what ``MERE_WAREHOUSE`` says.

    Raises:
        NotFound: There is no such experiment.
    """
    known = open_warehouse(warehouse).experiments
    return known.restore(known.find(name).experiment_id)


def _run_id(known: Runs, run: Run | str) -> str:
    return known.find(run).run_id if isinstance(run, str) else run.run_id


def sql(
    query: str,
    params: list[Any] | dict[str, Any] | None = None,
    *,
    as_of: datetime | str | int | None = None,
    warehouse: str | None = None,
) -> pa.Table:
    """Run a SQL query (DuckDB's dialect) over all tables and return an Arrow table.

    Args:
        query: The query.
        params: Values for ``?`` (a list) or ``$name`` (a dictionary).
        as_of: The time, tag or root number whose state to read; by default, now.
        warehouse: Where to look; by default, what ``MERE_WAREHOUSE`` says.

    Raises:
        InvalidInput: The query is wrong.
        NotFound: There is no such state.
    """
    return open_warehouse(warehouse).sql(query, params, as_of)


def get_run(run: str, *, warehouse: str | None = None) -> entity.Run:
    """Return what is stored of a run.

    Args:
        run: Its id, the beginning of its id, or its name.
        warehouse: Where to look; by default, what ``MERE_WAREHOUSE`` says.

    Raises:
        NotFound: There is none.
        InvalidInput: There are several.
    """
    return open_warehouse(warehouse).runs.find(run)


def experiments(
    *,
    filter: str | None = None,  # noqa: A002 - the word of the language, and of MLflow
    order: str | Sequence[str] | None = None,
    view: str = "active",
    limit: int | None = None,
    warehouse: str | None = None,
) -> pa.Table:
    """Return experiments, with the number of their runs, as an Arrow table.

    Args:
        filter: A condition in the filter language, such as ``name like 'digits%'``.
        order: What to sort by in that language; the newest come first by default.
        view: ``active`` experiments, ``deleted`` ones or ``all``.
        limit: At most so many.
        warehouse: Where to look; by default, what ``MERE_WAREHOUSE`` says.

    Raises:
        InvalidInput: The filter, order, view or limit is wrong.
    """
    return open_warehouse(warehouse).experiments.search(
        filter=filter, order=order, view=view, limit=limit
    )


def metric_history(run: Run | str, key: str, *, warehouse: str | None = None) -> pa.Table:
    """Return all points of one metric of a run, by step and time.

    Args:
        run: The run, its id, the beginning of its id, or its name.
        key: The metric.
        warehouse: Where to look; by default, where the run is, or what ``MERE_WAREHOUSE`` says.

    Raises:
        NotFound: There is no such run.
    """
    if isinstance(run, str):
        opened = open_warehouse(warehouse)
        return opened.metrics.history(opened.runs.find(run).run_id, key)
    return open_warehouse(warehouse or run.warehouse).metrics.history(run.run_id, key)
