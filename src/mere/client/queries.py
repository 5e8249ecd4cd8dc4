"""Reading back: what `mere.runs`, `mere.sql` and their like do."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from mere.entities import run as entity
from mere.services.warehouse import open_warehouse

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.client.run import Run

__all__ = ["experiments", "get_run", "metric_history", "runs", "sql"]


def runs(
    experiment: str | None = None,
    *,
    status: str | None = None,
    where: str | None = None,
    order: str = "started_at desc",
    limit: int | None = None,
    warehouse: str | None = None,
) -> pa.Table:
    """Return runs as an Arrow table; those whose process died are shown as KILLED.

    Example:
        >>> mere.runs("digits", where="metrics['acc'] > 0.9", order="metrics['acc'] desc")

    Args:
        experiment: Only runs of the experiment of this name.
        status: Only runs of this status.
        where: A condition in SQL.
        order: What to sort by, in SQL.
        limit: At most so many.
        warehouse: Where to look; by default, what ``MERE_WAREHOUSE`` says.

    Raises:
        InvalidInput: The condition, order, status or limit is wrong.
    """
    return open_warehouse(warehouse).runs.search(
        experiment=experiment, status=status, where=where, order=order, limit=limit
    )


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


def experiments(*, warehouse: str | None = None) -> pa.Table:
    """Return all experiments, with the number of their runs, as an Arrow table."""
    return open_warehouse(warehouse).experiments.list()


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
