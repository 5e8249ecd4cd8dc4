"""Traces in version 2 of MLflow's protocol, for clients before 3.0.

Such a client begins a trace, ends it, and puts its spans into a file beside the run's; nothing of
them comes here.
"""

from __future__ import annotations

from typing import Any

from msgspec import field

from mere.entities.trace import Trace, TraceStatus
from mere.server.operations import Call, Operation, Permission
from mere.server.protocols.mlflow.errors import missing, not_there
from mere.server.protocols.mlflow.times import millis, moment
from mere.server.protocols.mlflow.trace_messages import RUN_KEY, info_v2_message
from mere.server.protocols.mlflow.traces import all_of, find, on_trace
from mere.server.protocols.mlflow.wire import Int64, Request, message, on_experiment, operation
from mere.services.access.access import Action

__all__ = ["OPERATIONS"]


class Pairs(Request):
    """A trace's own words: metadata and tags as lists of pairs."""

    request_metadata: list[dict[str, Any]] = field(default_factory=list)
    tags: list[dict[str, Any]] = field(default_factory=list)

    def pairs(self, name: str) -> dict[str, str]:
        """One of the lists as a mapping."""
        found = ((one.get("key"), one.get("value")) for one in getattr(self, name))
        return {str(key): str(value or "") for key, value in found if key}


class StartTrace(Pairs):
    """A trace that begins."""

    experiment_id: str = ""
    timestamp_ms: Int64 = 0


@operation(
    "POST", "/*/2.0/mlflow/traces", permission=on_experiment(Action.EDIT), request=StartTrace
)
def start_trace(call: Call) -> dict[str, Any]:
    """Begin a trace."""
    data: StartTrace = call.data
    metadata = data.pairs("request_metadata")
    traces = call.warehouse.traces
    traces.require_experiment(data.experiment_id or "0")
    trace = Trace(
        trace_id=f"tr-{call.clock.random_bits(128):032x}",
        experiment_id=data.experiment_id or "0",
        status=str(TraceStatus.IN_PROGRESS),
        started_at=moment(data.timestamp_ms),
        run_id=metadata.get(RUN_KEY),
        metadata={**metadata, "mlflow.trace_schema.version": "2"},
        tags=data.pairs("tags"),
    )
    traces.declare(trace)
    return {"trace_info": info_v2_message(traces.get(trace.trace_id))}


class EndTrace(Pairs):
    """How a trace ended."""

    request_id: str = ""
    timestamp_ms: Int64 = 0
    status: str = "OK"


@operation(
    "PATCH",
    "/*/2.0/mlflow/traces/{request_id}",
    permission=on_trace(Action.EDIT),
    request=EndTrace,
)
def end_trace(call: Call) -> dict[str, Any]:
    """End a trace."""
    data: EndTrace = call.data
    traces = call.warehouse.traces
    known = _known(call, data.request_id)
    metadata = data.pairs("request_metadata")
    traces.declare(
        Trace(
            trace_id=known.trace_id,
            experiment_id=known.experiment_id,
            status=str(TraceStatus.of(data.status)),
            started_at=known.started_at,
            duration_ms=float(max(0, data.timestamp_ms - millis(known.started_at))),
            request_preview=metadata.get("mlflow.traceInputs"),
            response_preview=metadata.get("mlflow.traceOutputs"),
            run_id=metadata.get(RUN_KEY) or known.run_id,
            metadata=metadata,
            tags=data.pairs("tags"),
        )
    )
    return {"trace_info": info_v2_message(traces.get(known.trace_id))}


class RequestId(Request):
    """Which trace."""

    request_id: str = ""


@operation(
    "GET",
    "/*/2.0/mlflow/traces/{request_id}/info",
    permission=on_trace(Action.READ),
    request=RequestId,
)
def get_trace_info(call: Call) -> dict[str, Any]:
    """One trace without its spans."""
    return {"trace_info": info_v2_message(_known(call, call.data.request_id))}


def _known(call: Call, trace_id: str) -> Trace:
    found = call.warehouse.traces.get_many([trace_id])
    if not found:
        raise not_there(f"Trace with ID '{trace_id}' not found.")
    return found[0]


class SearchTraces(Request):
    """Which traces to find."""

    experiment_ids: list[str] = field(default_factory=list)
    filter: str = ""
    max_results: Int64 = 100
    order_by: list[str] = field(default_factory=list)
    page_token: str = ""


@operation(
    "GET",
    "/*/2.0/mlflow/traces",
    permission=Permission(Action.READ, scope=lambda call: all_of(call.data.experiment_ids)),
    request=SearchTraces,
)
def search_traces(call: Call) -> dict[str, Any]:
    """Find traces."""
    data: SearchTraces = call.data
    if not data.experiment_ids:
        raise missing("experiment_ids")
    found, token = find(call, data.experiment_ids, data)
    return message(traces=[info_v2_message(one) for one in found], next_page_token=token)


OPERATIONS: tuple[Operation, ...] = (
    start_trace,
    end_trace,
    get_trace_info,
    search_traces,
)
