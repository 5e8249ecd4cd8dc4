"""Runs for the portal: windows of the grid, one with all it has, and changes to many."""

from __future__ import annotations

from typing import Any

import msgspec

from mere.entities.actor import Action, Scope
from mere.entities.metric import MetricSummary
from mere.errors import ErrorCode, InvalidInput
from mere.server.operations import Answer, Call, Permission
from mere.server.protocols.native.arrow import ARROW, arrow_answer, wants_arrow
from mere.server.protocols.native.sql import SqlText
from mere.server.protocols.native.wire import operation
from mere.services.portal.window_sql import window_sql
from mere.services.portal.windows import WindowRequest
from mere.services.runs.changes import Change, ChangeKind

__all__ = ["OPERATIONS"]

_CHILDREN_MAX = 1_000
_KEYS_MAX = 1_000
_ANYTHING = Permission(Action.READ, lambda call: Scope.anything())  # noqa: ARG005
_OF_RUN = Permission(Action.READ, lambda call: Scope.run(call.data.run_id))


class WindowPage(msgspec.Struct):
    """Rows of the grid, as JSON.

    Args:
        total: How many rows there are in all.
        is_grouped: Whether the rows are groups.
        tag: What to send as ``since``, so that the same rows are not sent again.
        rows: The rows, with a value for each column.
    """

    total: int
    is_grouped: bool
    tag: str
    rows: list[dict[str, Any]]


class RunId(msgspec.Struct):
    """Which run."""

    run_id: str = ""


class RunMetricsQuery(msgspec.Struct):
    """Which metrics of a run."""

    run_id: str = ""
    key: list[str] = []


class RunPage(msgspec.Struct):
    """One run with all it has, but for its metrics, of which there may be very many.

    Args:
        run: Its row.
        experiment: The name of its experiment.
        metrics: How many metrics it has.
        children: The runs nested in it, the first thousand.
        children_total: How many there are.
        lineage: What it read and wrote.
    """

    run: dict[str, Any]
    experiment: str | None
    metrics: int
    children: list[dict[str, Any]]
    children_total: int
    lineage: list[dict[str, Any]]


class RunMetrics(msgspec.Struct):
    """Metrics by key: the latest point, the extremes and how many points there are."""

    metrics: dict[str, MetricSummary]


class ChangeRequest(msgspec.Struct):
    """What to do to which runs.

    Args:
        action: ``tag``, ``archive``, ``unarchive``, ``delete`` or ``restore``.
        runs: The ids of the runs.
        window: Instead, all runs that a window is a part of, beyond its rows too.
        tags: For ``tag``: values by key; null removes a tag.
    """

    action: ChangeKind
    runs: list[str] | None = None
    window: WindowRequest | None = None
    tags: dict[str, str | None] = {}


class UndoRequest(msgspec.Struct):
    """Which change to undo."""

    undo: str = ""


@operation(
    "POST",
    "/api/v1/runs/window",
    permission=_ANYTHING,
    request=WindowRequest,
    answer=WindowPage,
    sends={200: ARROW, 204: ""},
)
def read_runs(call: Call) -> WindowPage | Answer:
    """A window of the runs grid: filtered, sorted, grouped; nothing (204) where nothing changed."""
    request: WindowRequest = call.data
    readable = call.warehouse.access.readable_experiments(call.actor)
    found = call.warehouse.windows.read(request, readable)
    if request.since == found.tag:
        return Answer(status=204)
    if not wants_arrow(call):
        rows = found.rows.to_pylist()
        return WindowPage(found.total, found.is_grouped, found.tag, rows)
    said = {"total": found.total, "is_grouped": found.is_grouped, "tag": found.tag}
    return arrow_answer(found.rows, {"window": msgspec.json.encode(said)})


@operation(
    "POST",
    "/api/v1/runs/window/sql",
    permission=_ANYTHING,
    request=WindowRequest,
    answer=SqlText,
)
def write_runs_sql(call: Call) -> SqlText:
    """SQL that finds the runs of a window, as somebody goes on with it at ``POST /sql``."""
    return SqlText(window_sql(call.warehouse.runs, call.warehouse.clock, call.data))


@operation("GET", "/api/v1/runs/{run_id}", permission=_OF_RUN, request=RunId, answer=RunPage)
def get_run(call: Call) -> RunPage:
    """One run with all it has, but for its metrics."""
    warehouse, run_id = call.warehouse, call.data.run_id
    run = warehouse.runs.get(run_id)
    row = msgspec.to_builtins(run)
    count = len(row.pop("metrics"))
    del row["metric_summary"]
    experiments = warehouse.lake.scan(
        "experiments", {"experiment_id": run.experiment_id}, ["name"]
    )["name"].to_pylist()
    window = WindowRequest(
        filter=f"parent = '{run_id}'", columns=["name", "status", "started_at", "ended_at", "kind"]
    )
    window.limit = _CHILDREN_MAX
    children = warehouse.windows.read(window)
    lineage = warehouse.lake.scan("lineage", {"run_id": run_id})
    return RunPage(
        row,
        experiments[0] if experiments else None,
        count,
        children.rows.to_pylist(),
        children.total,
        lineage.to_pylist(maps_as_pydicts="lossy"),
    )


@operation(
    "GET",
    "/api/v1/runs/{run_id}/metrics",
    permission=_OF_RUN,
    request=RunMetricsQuery,
    answer=RunMetrics,
)
def get_run_metrics(call: Call) -> RunMetrics:
    """Some metrics of one run; which there are, its tree of keys says."""
    data: RunMetricsQuery = call.data
    if len(data.key) > _KEYS_MAX:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"{len(data.key)} metrics at once: ask for {_KEYS_MAX:,} at most",
            limit=_KEYS_MAX,
        )
    known = call.warehouse.runs.get(data.run_id).metric_summary
    return RunMetrics({key: known[key] for key in data.key if key in known})


@operation(
    "POST",
    "/api/v1/runs/changes",
    permission=_ANYTHING,
    request=ChangeRequest,
    answer=Change,
)
def change_runs(call: Call) -> Change:
    """Tag, archive, delete or restore many runs; the answer says how to undo it."""
    data: ChangeRequest = call.data
    warehouse = call.warehouse
    if (data.runs is None) == (data.window is None):
        raise InvalidInput(ErrorCode.INVALID_VALUE, "say which runs: by runs or by window")
    if data.window is not None:
        readable = warehouse.access.readable_experiments(call.actor)
        ids = warehouse.windows.ids(data.window, readable)
    else:
        ids = list(dict.fromkeys(data.runs or ()))
    _check_may_edit(call, ids)
    return warehouse.run_changes.change(data.action, ids, data.tags)


@operation(
    "POST",
    "/api/v1/runs/changes/{undo}/undo",
    permission=_ANYTHING,
    request=UndoRequest,
    answer=Change,
)
def undo_change(call: Call) -> Change:
    """Undo a change to many runs; that is a change, and can be undone."""
    changes = call.warehouse.run_changes
    _check_may_edit(call, changes.runs_of(call.data.undo))
    return changes.undo(call.data.undo)


def _check_may_edit(call: Call, run_ids: list[str]) -> None:
    """Refuse whoever may not edit the experiments of all these runs; raises as access does."""
    warehouse = call.warehouse
    homes = warehouse.run_homes.of(run_ids)
    scopes = [Scope.experiment(home) for home in sorted(set(homes.values()))]
    if len(homes) < len(run_ids) or not scopes:
        scopes.append(Scope.warehouse())
    warehouse.access.authorize(call.actor, Action.EDIT, Scope.all_of(*scopes))


OPERATIONS = (read_runs, write_runs_sql, get_run, get_run_metrics, change_runs, undo_change)
