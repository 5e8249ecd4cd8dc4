"""The question of a window of the runs grid as SQL that its reader runs himself.

It names the same runs in the same order with the same columns, all of them and not a stretch. It
reads the tables that SQL offers to him, so it finds what he may read and no more. Groups are no
rows of their own there: their keys are columns, and what is sorted by first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mere.search.readable import laid_out, quoted, with_values
from mere.search.schema import RUNS
from mere.search.sql import OrderTerm, Parameters, compile_filter, compile_order
from mere.services.portal.windows import (
    MEAN,
    WindowRequest,
    check_request,
    metric_of_mean,
    name_of_column,
    plain,
    sorted_by,
)
from mere.services.runs.search import View

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.services.runs.runs import Runs

__all__ = ["window_sql"]


def window_sql(runs: Runs, clock: Clock, request: WindowRequest) -> str:
    """The SQL of a window.

    Args:
        runs: Says which runs there are.
        clock: Says what time it is, where the filter depends on it.
        request: Which window; where it begins and ends does not matter.

    Raises:
        InvalidInput: The filter, order, group or a column is wrong, or it asks for too much.
    """
    check_request(request)
    parameters = Parameters(clock.now_us())
    subject = runs.subject(View.of(request.view), runs.dead(), "runs")
    if request.experiments is not None:
        subject.only("experiment_id = any($experiments)", experiments=request.experiments)
    condition, _ = compile_filter(RUNS, request.filter, parameters)
    conditions = [*subject.conditions, *([condition] if condition else [])]
    shown = dict.fromkeys([*request.group, *request.columns])
    columns = {text: _column(text, parameters) for text in shown}
    picked = ["run_id", *(e if e == t else f"{e} as {quoted(t)}" for t, e in columns.items())]
    levels = [name_of_column(text) for text in request.group]
    order = [f"{parameters.read(level)} nulls last" for level in levels]
    order += [_sorted(term) for term in compile_order(RUNS, request.order, parameters)]
    query = laid_out(
        relation=subject.relation,
        columns=picked,
        of="found",
        conditions=conditions,
        order=", ".join(order),
    )
    return with_values(query, {**subject.params, **parameters.values})


def _column(text: str, parameters: Parameters) -> str:
    mean = MEAN.fullmatch(text)
    if mean is None:
        return parameters.read(name_of_column(text))
    key = parameters.key(metric_of_mean(mean[1]))
    return (
        "(select avg(p.value) from metrics p where p.run_id = found.run_id "
        f"and p.key = {key} and isfinite(p.value))"
    )


def _sorted(term: OrderTerm) -> str:
    return sorted_by(term, f"({plain(term)})")
