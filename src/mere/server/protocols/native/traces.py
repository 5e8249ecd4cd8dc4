"""Traces for the portal and for programs: lists with facets, one with its tree, conversations."""

from __future__ import annotations

from typing import Any

import msgspec

from mere.entities.assessment import Assessment
from mere.entities.span import Span
from mere.entities.trace import Trace
from mere.errors import ErrorCode, InvalidInput
from mere.server.operations import Call, Operation, Permission
from mere.server.protocols.native.wire import operation
from mere.services.access.access import Action, Scope
from mere.services.traces.search import FACETS
from mere.services.traces.span_meaning import inputs_of, model_of, outputs_of, type_of, usage_of
from mere.services.traces.span_values import plain

__all__ = ["OPERATIONS", "span_message"]

_LIST_MAX = 1_000


class Which(msgspec.Struct, kw_only=True):
    """Which traces.

    Args:
        experiment_id: Only those of these experiments; by default, of all that may be read.
        filter: A condition in the filter language.
        order: What to sort by in it.
        limit: At most so many.
        page_token: As the page before gave it.
        facets: Of which fields to count the values, with commas between.
    """

    experiment_id: list[str] = []
    filter: str = ""
    order: str = ""
    limit: int = 100
    page_token: str = ""
    facets: str = ""


class TraceId(msgspec.Struct, kw_only=True):
    """Which trace, whether with its spans, and whether with all of their values."""

    trace_id: str = ""
    spans: bool = True
    whole: bool = False


class TracePage(msgspec.Struct):
    """One trace, its spans where they are wanted, and what is said of it."""

    trace: Trace
    spans: list[dict[str, Any]]
    assessments: list[Assessment]


def _scope(call: Call) -> Scope:
    ids = call.data.experiment_id
    return Scope.all_of(*map(Scope.experiment, ids)) if ids else Scope.anything()


_READ = Permission(Action.READ, scope=_scope)


def _within(call: Call) -> list[str] | None:
    if call.data.experiment_id:
        return list(dict.fromkeys(call.data.experiment_id))
    allowed = call.warehouse.access.readable_experiments(call.actor)
    return None if allowed is None else sorted(allowed)


@operation("GET", "/api/v1/traces", permission=_READ, request=Which)
def list_traces(call: Call) -> dict[str, Any]:
    """One page of traces, and where facets are asked for, what all of them add up to."""
    data: Which = call.data
    if not 1 <= data.limit <= _LIST_MAX:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"a page of {data.limit} traces: ask for 1 to {_LIST_MAX:,}",
            limit=_LIST_MAX,
        )
    traces = call.warehouse.traces
    found, token = traces.list(
        experiment_ids=_within(call),
        filter=data.filter or None,
        order=data.order or None,
        limit=data.limit,
        page_token=data.page_token or None,
    )
    answer: dict[str, Any] = {"traces": [_trace(one) for one in found], "next_page_token": token}
    if data.facets:
        wanted = [word.strip() for word in data.facets.split(",") if word.strip()]
        answer["sums"] = traces.search.sums(
            experiment_ids=_within(call),
            filter=data.filter or None,
            facets=list(FACETS) if wanted == ["all"] else wanted,
        )
    return answer


@operation("GET", "/api/v1/traces/sums", permission=_READ, request=Which)
def sum_traces(call: Call) -> dict[str, Any]:
    """What traces add up to: how many, how long, tokens and cost."""
    data: Which = call.data
    return call.warehouse.traces.search.sums(
        experiment_ids=_within(call),
        filter=data.filter or None,
        facets=[word.strip() for word in data.facets.split(",") if word.strip()],
    )


@operation("GET", "/api/v1/traces/sessions", permission=_READ, request=Which)
def list_sessions(call: Call) -> dict[str, Any]:
    """Conversations, the latest first."""
    data: Which = call.data
    found = call.warehouse.traces.search.sessions(
        experiment_ids=_within(call), filter=data.filter or None, limit=data.limit
    )
    return {"sessions": found}


@operation(
    "GET",
    "/api/v1/traces/{trace_id}",
    permission=Permission(Action.READ, scope=lambda call: Scope.trace(call.data.trace_id)),
    request=TraceId,
    answer=TracePage,
)
def get_trace(call: Call) -> TracePage:
    """One trace with its spans, parents before children, and what is said of it.

    Values that are large are cut, unless ``whole`` is asked for; a trace of many spans is better
    read without them (``spans=false``), and they by ``/api/v1/traces/{trace_id}/spans``.
    """
    data: TraceId = call.data
    traces = call.warehouse.traces
    trace = traces.get(data.trace_id)
    spans = traces.spans(trace.trace_id, whole=data.whole) if data.spans else []
    said = call.warehouse.assessments.of([trace.trace_id])[trace.trace_id]
    return TracePage(trace, [span_message(span) for span in spans], said)


def _trace(trace: Trace) -> dict[str, Any]:
    return msgspec.structs.asdict(trace)


def span_message(span: Span) -> dict[str, Any]:
    """A span as JSON has it, with what its attributes mean."""
    usage = usage_of(span.attributes)
    said = {
        "type": type_of(span.attributes),
        "model": model_of(span.attributes),
        "inputs": plain(inputs_of(span.attributes, span.events)),
        "outputs": plain(outputs_of(span.attributes, span.events)),
        "usage": None if usage is None else msgspec.structs.asdict(usage),
    }
    raw = msgspec.structs.asdict(span)
    # Nanoseconds are beyond what JavaScript's numbers hold exactly.
    raw |= {"start_ns": str(span.start_ns), "end_ns": span.end_ns and str(span.end_ns)}
    raw["attributes"] = plain(span.attributes)
    raw["resource"], raw["scope"] = plain(span.resource), plain(span.scope)
    raw["events"] = [_part(event) | {"time_ns": str(event.time_ns)} for event in span.events]
    raw["links"] = [_part(link) for link in span.links]
    return raw | {"meaning": {name: value for name, value in said.items() if value is not None}}


def _part(part: Any) -> dict[str, Any]:
    return msgspec.structs.asdict(part) | {"attributes": plain(part.attributes)}


OPERATIONS: tuple[Operation, ...] = (list_traces, sum_traces, list_sessions, get_trace)
