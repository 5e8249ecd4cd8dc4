"""One trace in the portal: the columns of its spans, one span whole, texts in it, its log."""

from __future__ import annotations

from typing import Any

import msgspec

from mere.entities.actor import Action, Scope
from mere.server.operations import Answer, Call, Operation, Permission
from mere.server.protocols.native.arrow import ARROW, arrow_answer, wants_arrow
from mere.server.protocols.native.traces import span_message
from mere.server.protocols.native.wire import operation
from mere.services.traces.waterfall import LogPage, SpanMatches

__all__ = ["OPERATIONS"]

_OF_TRACE = Permission(Action.READ, scope=lambda call: Scope.trace(call.data.trace_id))


class TraceOnly(msgspec.Struct):
    """Which trace."""

    trace_id: str = ""


class SpanQuery(msgspec.Struct):
    """Which span, and whether with the values that are cut in the table."""

    trace_id: str = ""
    span_id: str = ""
    whole: bool = False


class FindQuery(msgspec.Struct):
    """A text to look for in the spans of a trace."""

    trace_id: str = ""
    text: str = ""


class LogQuery(msgspec.Struct):
    """A stretch of the spans of a trace."""

    trace_id: str = ""
    offset: int = 0
    limit: int = 100


class SpanColumns(msgspec.Struct):
    """The columns of a trace's spans as JSON; as Arrow, spans are rows.

    Args:
        base_ns: When the first span began, in nanoseconds since the epoch.
        total: How many spans the trace has, should that be more than are sent.
        spans: A row a span, earliest first.
    """

    base_ns: str
    total: int
    spans: list[dict[str, Any]]


@operation(
    "GET",
    "/api/v1/traces/{trace_id}/spans",
    permission=_OF_TRACE,
    request=TraceOnly,
    answer=SpanColumns,
    sends={200: ARROW},
)
def read_spans(call: Call) -> SpanColumns | Answer:
    """Names, times and what was used of all spans of a trace, without their values."""
    found = call.warehouse.traces.waterfall.columns(call.data.trace_id)
    if not wants_arrow(call):
        return SpanColumns(str(found.base_ns), found.total, found.rows.to_pylist())
    said = {"base_ns": str(found.base_ns), "total": found.total}
    return arrow_answer(found.rows, {"spans": msgspec.json.encode(said)})


@operation(
    "GET",
    "/api/v1/traces/{trace_id}/spans/{span_id}",
    permission=_OF_TRACE,
    request=SpanQuery,
    answer=dict[str, Any],
)
def read_span(call: Call) -> dict[str, Any]:
    """One span with its values and what they mean."""
    data: SpanQuery = call.data
    found = call.warehouse.traces.waterfall.span(data.trace_id, data.span_id, whole=data.whole)
    return span_message(found)


@operation(
    "GET",
    "/api/v1/traces/{trace_id}/matches",
    permission=_OF_TRACE,
    request=FindQuery,
    answer=SpanMatches,
)
def find_in_trace(call: Call) -> SpanMatches:
    """The spans of a trace that hold a text in their name, values or events."""
    data: FindQuery = call.data
    return call.warehouse.traces.waterfall.find(data.trace_id, data.text)


@operation(
    "GET",
    "/api/v1/traces/{trace_id}/log",
    permission=_OF_TRACE,
    request=LogQuery,
    answer=LogPage,
)
def read_trace_log(call: Call) -> LogPage:
    """A stretch of the spans in the order in which they began, with beginnings of their values."""
    data: LogQuery = call.data
    return call.warehouse.traces.waterfall.log(data.trace_id, offset=data.offset, limit=data.limit)


OPERATIONS: tuple[Operation, ...] = (read_spans, read_span, find_in_trace, read_trace_log)
