"""The list of traces in the portal: windows, facets, conversations, and changes to several."""

from __future__ import annotations

import msgspec

from mere.entities.actor import Action, Scope
from mere.server.operations import Call, Operation, Permission
from mere.server.protocols.native.sql import SqlText
from mere.server.protocols.native.wire import operation
from mere.services.traces.window import (
    FACETS,
    TraceOverview,
    TraceSessionPage,
    TraceWant,
    TraceWindow,
)

__all__ = ["OPERATIONS"]

_ANYTHING = Permission(Action.READ, lambda call: Scope.anything())  # noqa: ARG005


class TraceWindowRequest(TraceWant, kw_only=True):
    """A stretch of the list of traces.

    Args:
        experiments: Only traces of these experiments; by default, of all that may be read.
        order: What to sort by, in the filter language.
        offset: How many to leave out.
        limit: At most so many.
    """

    experiments: list[str] | None = None
    order: str = ""
    offset: int = 0
    limit: int = 100


class OverviewRequest(TraceWant, kw_only=True):
    """What is to be counted beside the list.

    Args:
        experiments: Only traces of these experiments; by default, of all that may be read.
        facets: Which facets to count; by default, all.
        bars: How many bars the histogram may have at most.
    """

    experiments: list[str] | None = None
    facets: list[str] | None = None
    bars: int = 80


class SessionsRequest(TraceWant, kw_only=True):
    """A stretch of the list of conversations.

    Args:
        experiments: Only traces of these experiments; by default, of all that may be read.
        offset: How many to leave out.
        limit: At most so many.
    """

    experiments: list[str] | None = None
    offset: int = 0
    limit: int = 100


class TraceTagsRequest(msgspec.Struct):
    """Tags to set on traces; null removes one."""

    traces: list[str] = []
    tags: dict[str, str | None] = {}


class TracesRequest(msgspec.Struct):
    """Some traces by their ids."""

    traces: list[str] = []


class ToDatasetRequest(msgspec.Struct):
    """Traces that are to become records of an evaluation dataset."""

    traces: list[str] = []
    dataset_id: str = ""


class TracesChanged(msgspec.Struct):
    """How many traces were changed."""

    changed: int


class RecordsMade(msgspec.Struct):
    """How many records came to be, and how many were there and were merged."""

    inserted: int
    updated: int


@operation(
    "POST",
    "/api/v1/traces/window",
    permission=_ANYTHING,
    request=TraceWindowRequest,
    answer=TraceWindow,
)
def read_traces(call: Call) -> TraceWindow:
    """A stretch of the list of traces, and how many are newer than what is shown."""
    data: TraceWindowRequest = call.data
    return call.warehouse.trace_windows.window(
        _within(call), data, order=data.order, offset=data.offset, limit=data.limit
    )


@operation(
    "POST",
    "/api/v1/traces/window/sql",
    permission=_ANYTHING,
    request=TraceWindowRequest,
    answer=SqlText,
)
def write_traces_sql(call: Call) -> SqlText:
    """SQL that finds the traces of a list, as somebody goes on with it at ``POST /sql``."""
    data: TraceWindowRequest = call.data
    return SqlText(call.warehouse.trace_windows.sql(data.experiments, data, order=data.order))


@operation(
    "POST",
    "/api/v1/traces/overview",
    permission=_ANYTHING,
    request=OverviewRequest,
    answer=TraceOverview,
)
def count_traces(call: Call) -> TraceOverview:
    """What traces add up to, facets with counts, and how many began when."""
    data: OverviewRequest = call.data
    return call.warehouse.trace_windows.overview(
        _within(call), data, facets=FACETS if data.facets is None else data.facets, bars=data.bars
    )


@operation(
    "POST",
    "/api/v1/traces/sessions",
    permission=_ANYTHING,
    request=SessionsRequest,
    answer=TraceSessionPage,
)
def read_sessions(call: Call) -> TraceSessionPage:
    """A stretch of the conversations, the latest first."""
    data: SessionsRequest = call.data
    return call.warehouse.trace_windows.sessions(
        _within(call), data, offset=data.offset, limit=data.limit
    )


@operation(
    "POST",
    "/api/v1/traces/tags",
    permission=_ANYTHING,
    request=TraceTagsRequest,
    answer=TracesChanged,
)
def tag_traces(call: Call) -> TracesChanged:
    """Set or remove tags of several traces."""
    data: TraceTagsRequest = call.data
    _check_may_edit(call, data.traces)
    return TracesChanged(call.warehouse.trace_changes.tag(data.traces, data.tags))


@operation(
    "POST",
    "/api/v1/traces/delete",
    permission=_ANYTHING,
    request=TracesRequest,
    answer=TracesChanged,
)
def delete_traces(call: Call) -> TracesChanged:
    """Delete several traces; until they are purged, they can be restored."""
    data: TracesRequest = call.data
    _check_may_edit(call, data.traces)
    return TracesChanged(call.warehouse.trace_changes.delete(data.traces))


@operation(
    "POST",
    "/api/v1/traces/restore",
    permission=_ANYTHING,
    request=TracesRequest,
    answer=TracesChanged,
)
def restore_traces(call: Call) -> TracesChanged:
    """Bring deleted traces back."""
    data: TracesRequest = call.data
    _check_may_edit(call, data.traces)
    return TracesChanged(call.warehouse.trace_changes.restore(data.traces))


@operation(
    "POST",
    "/api/v1/traces/to-dataset",
    permission=_ANYTHING,
    request=ToDatasetRequest,
    answer=RecordsMade,
)
def add_traces_to_dataset(call: Call) -> RecordsMade:
    """Make records of an evaluation dataset of traces: what was asked, answered and expected."""
    data: ToDatasetRequest = call.data
    warehouse = call.warehouse
    _check_may(call, Action.READ, data.traces)
    dataset = warehouse.evaluation_datasets.get(data.dataset_id)
    warehouse.access.authorize(call.actor, Action.EDIT, dataset.scope)
    return RecordsMade(
        *warehouse.trace_changes.to_dataset(
            data.traces, data.dataset_id, by=call.actor.name or None
        )
    )


def _within(call: Call) -> list[str] | None:
    """The experiments that were asked for, as far as they may be read; None for all."""
    wanted: list[str] | None = call.data.experiments
    readable = call.warehouse.access.readable_experiments(call.actor)
    if readable is None:
        return wanted
    return sorted(readable if wanted is None else readable.intersection(wanted))


def _check_may_edit(call: Call, trace_ids: list[str]) -> None:
    _check_may(call, Action.EDIT, trace_ids)


def _check_may(call: Call, action: Action, trace_ids: list[str]) -> None:
    """Refuse whoever may not do that to all these traces; raises as access does."""
    homes = call.warehouse.trace_changes.homes(trace_ids)
    scopes = [Scope.experiment(home) for home in sorted(set(homes.values()))]
    if len(homes) < len(set(trace_ids)) or not scopes:
        scopes.append(Scope.warehouse())
    call.warehouse.access.authorize(call.actor, action, Scope.all_of(*scopes))


OPERATIONS: tuple[Operation, ...] = (
    read_traces,
    write_traces_sql,
    count_traces,
    read_sessions,
    tag_traces,
    delete_traces,
    restore_traces,
    add_traces_to_dataset,
)
