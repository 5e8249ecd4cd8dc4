"""Traces in version 3 of MLflow's protocol: their words, spans, search, tags and links."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import field

from mere.entities.trace import Trace
from mere.server.operations import Answer, Call, Operation, Permission
from mere.server.protocols.mlflow.assessment_messages import assessment_from
from mere.server.protocols.mlflow.errors import invalid, missing, not_there
from mere.server.protocols.mlflow.trace_messages import (
    SIZE_KEY,
    info_message,
    span_file_entry,
    trace_from_info,
    trace_message,
)
from mere.server.protocols.mlflow.wire import Int64, Request, message, operation
from mere.services.access.access import Action, ActorKind, Scope
from mere.services.traces.assessments import assessment_row
from mere.services.traces.traces import TracePlan

__all__ = [
    "OPERATIONS",
    "PAGE_MAX",
    "all_of",
    "experiments_of",
    "find",
    "on_trace",
    "readable",
    "store",
]

PAGE_MAX = 500
_BATCH_MAX = 1_000
_READ_ANY = Permission(Action.READ, scope=lambda _: Scope.anything())


def on_trace(action: Action) -> Permission:
    """To do something with the trace that ``trace_id``, or ``request_id``, names."""
    return Permission(action, scope=lambda call: Scope.trace(_trace_id(call.data)))


def _trace_id(data: Any) -> str:
    found: str = getattr(data, "trace_id", "") or getattr(data, "request_id", "")
    return found


def all_of(experiment_ids: Sequence[str]) -> Scope:
    """Some experiments, each of which must be allowed; at least something where there are none."""
    wanted = list(dict.fromkeys(filter(None, experiment_ids)))
    return Scope.all_of(*map(Scope.experiment, wanted)) if wanted else Scope.anything()


def readable(call: Call, traces: Sequence[Trace]) -> list[Trace]:
    """Those of some traces that the caller may read."""
    allowed = call.warehouse.access.readable_experiments(call.actor)
    return [trace for trace in traces if allowed is None or trace.experiment_id in allowed]


def experiments_of(call: Call, experiment_ids: Sequence[str]) -> list[str] | None:
    """The experiments to look in: those that are named, else those that may be read."""
    if experiment_ids:
        return list(dict.fromkeys(experiment_ids))
    allowed = call.warehouse.access.readable_experiments(call.actor)
    return None if allowed is None else sorted(allowed)


# Writing


class StartTrace(Request):
    """What a client says of a trace as a whole, usually when it has ended."""

    trace: dict[str, Any] = field(default_factory=dict)

    @property
    def info(self) -> dict[str, Any]:
        found = self.trace.get("trace_info")
        if not isinstance(found, dict):
            raise missing("trace")
        return found


def _scope_of_start(call: Call) -> Scope:
    return Scope.experiment(trace_from_info(call.data.info).experiment_id)


@operation(
    "POST",
    "/*/3.0/mlflow/traces",
    permission=Permission(Action.EDIT, scope=_scope_of_start),
    request=StartTrace,
)
async def start_trace(call: Call) -> dict[str, Any]:
    """Take what a client says of a trace as a whole."""
    info = call.data.info
    trace = trace_from_info(info)
    traces = call.warehouse.traces
    if not traces.knows_experiment(trace.experiment_id):
        await call.in_thread(traces.require_experiment, trace.experiment_id)
    await _admit_homes(call, trace)
    plan = traces.plan_trace(trace)
    assessments = [
        call.warehouse.assessments.with_id(assessment_from(one, trace.trace_id).checked())
        for one in info.get("assessments") or ()
    ]
    plan.batch.patch(
        call.warehouse.lake.table("assessments"), [assessment_row(one) for one in assessments]
    )
    await store(call, plan)
    # Where spans of it came through another replica, the row knows; here it is remembered.
    is_recorded = traces.has_received(trace.trace_id) or await call.in_thread(
        traces.is_recorded, trace.trace_id
    )
    shown = msgspec.structs.replace(trace, is_recorded=is_recorded)
    return {"trace": {"trace_info": info_message(shown, assessments)}}


async def _admit_homes(call: Call, trace: Trace) -> None:
    """Refuse to draw a trace out of an experiment that the caller may not change."""
    if call.actor.kind is ActorKind.LOCAL:
        return
    traces, access = call.warehouse.traces, call.warehouse.access
    for home in await call.in_thread(traces.other_homes, [trace.trace_id], trace.experiment_id):
        scope = Scope.experiment(home)
        await call.in_thread(access.authorize, call.actor, Action.EDIT, scope)


async def store(call: Call, plan: TracePlan) -> None:
    """Make a plan durable without blocking the loop."""
    if plan.payloads:
        await call.in_thread(call.warehouse.traces.put_payloads, plan)
    await call.commit(plan.batch)


class TraceTag(Request):
    """A tag of a trace."""

    required = ("key",)
    trace_id: str = ""
    request_id: str = ""
    key: str = ""
    value: str = ""


@operation(
    "PATCH",
    "/*/3.0/mlflow/traces/{trace_id}/tags",
    "/*/2.0/mlflow/traces/{request_id}/tags",
    permission=on_trace(Action.EDIT),
    request=TraceTag,
)
def set_trace_tag(call: Call) -> dict[str, Any]:
    """Set a tag of a trace."""
    data: TraceTag = call.data
    _check_reserved(data.key, "set")
    call.warehouse.traces.set_tags(_trace_id(data), {data.key: data.value})
    return {}


@operation(
    "DELETE",
    "/*/3.0/mlflow/traces/{trace_id}/tags",
    "/*/2.0/mlflow/traces/{request_id}/tags",
    permission=on_trace(Action.EDIT),
    request=TraceTag,
)
def delete_trace_tag(call: Call) -> dict[str, Any]:
    """Remove a tag of a trace."""
    data: TraceTag = call.data
    _check_reserved(data.key, "deleted")
    trace = call.warehouse.traces.get(_trace_id(data))
    if data.key not in trace.tags:
        raise not_there(f"No trace tag with key '{data.key}' for trace with ID '{trace.trace_id}'")
    call.warehouse.traces.set_tags(trace.trace_id, {data.key: None})
    return {}


def _check_reserved(key: str, action: str) -> None:
    if key in ("mlflow.trace.spansLocation", "mlflow.artifactLocation"):
        raise invalid(f"Trace tag '{key}' is kept by the server and cannot be {action}.")


class LinkTraces(Request):
    """Traces, and the run they are to be linked to."""

    required = ("run_id",)
    trace_ids: list[str] = field(default_factory=list)
    run_id: str = ""


@operation(
    "POST",
    "/*/2.0/mlflow/traces/link-to-run",
    permission=Permission(
        Action.EDIT,
        scope=lambda call: Scope.all_of(
            Scope.run(call.data.run_id), *map(Scope.trace, call.data.trace_ids)
        ),
    ),
    request=LinkTraces,
)
def link_traces_to_run(call: Call) -> dict[str, Any]:
    """Link traces to a run."""
    data: LinkTraces = call.data
    if not data.trace_ids:
        raise missing("trace_ids")
    call.warehouse.traces.link_to_run(data.trace_ids, data.run_id)
    return {}


class LinkPrompts(Request):
    """A trace, and the versions of prompts that it used."""

    required = ("trace_id",)
    trace_id: str = ""
    prompt_versions: list[dict[str, Any]] = field(default_factory=list)


@operation(
    "POST",
    "/*/2.0/mlflow/traces/link-prompts",
    permission=on_trace(Action.EDIT),
    request=LinkPrompts,
)
def link_prompts(call: Call) -> dict[str, Any]:
    """Note which versions of prompts a trace used."""
    data: LinkPrompts = call.data
    if not data.prompt_versions:
        raise missing("prompt_versions")
    tag = "mlflow.linkedPrompts"
    trace = call.warehouse.traces.get(data.trace_id)
    try:
        known = json.loads(trace.tags.get(tag, "[]"))
    except ValueError:
        known = []
    for one in data.prompt_versions:
        entry = {"name": str(one.get("name", "")), "version": str(one.get("version", ""))}
        if entry not in known:
            known.append(entry)
    call.warehouse.traces.set_tags(data.trace_id, {tag: json.dumps(known)})
    return {}


class DeleteTraces(Request):
    """Which traces of an experiment to delete."""

    required = ("experiment_id",)
    experiment_id: str = ""
    max_timestamp_millis: Int64 | None = None
    max_traces: Int64 | None = None
    request_ids: list[str] = field(default_factory=list)


@operation(
    "POST",
    "/*/3.0/mlflow/traces/delete-traces",
    "/*/2.0/mlflow/traces/delete-traces",
    permission=Permission(
        Action.EDIT, scope=lambda call: Scope.experiment(call.data.experiment_id)
    ),
    request=DeleteTraces,
)
def delete_traces(call: Call) -> dict[str, Any]:
    """Delete traces of an experiment, by their ids or by a time."""
    data: DeleteTraces = call.data
    if bool(data.request_ids) == (data.max_timestamp_millis is not None):
        raise invalid("Either `max_timestamp_millis` or `trace_ids` must be specified, not both.")
    if data.request_ids and data.max_traces is not None:
        raise invalid("`max_traces` can't be specified if `trace_ids` is specified.")
    if data.max_traces is not None and data.max_traces <= 0:
        raise invalid(f"`max_traces` must be a positive integer, received {data.max_traces}.")
    until = data.max_timestamp_millis
    count = call.warehouse.traces.delete(
        data.experiment_id,
        trace_ids=data.request_ids or None,
        until_us=None if until is None else until * 1000 + 999,
        limit=data.max_traces,
    )
    return {"traces_deleted": count}


# Reading


class TraceId(Request):
    """Which trace."""

    required = ("trace_id",)
    trace_id: str = ""
    allow_partial: bool = False


@operation(
    "GET", "/*/3.0/mlflow/traces/{trace_id}", permission=on_trace(Action.READ), request=TraceId
)
def get_trace_info(call: Call) -> dict[str, Any]:
    """One trace without its spans."""
    trace = _known(call, call.data.trace_id)
    said = call.warehouse.assessments.of([trace.trace_id])
    return {"trace": {"trace_info": info_message(trace, said[trace.trace_id])}}


@operation("GET", "/*/3.0/mlflow/traces/get", permission=on_trace(Action.READ), request=TraceId)
def get_trace(call: Call) -> dict[str, Any]:
    """One trace with its spans."""
    trace = _known(call, call.data.trace_id)
    spans = call.warehouse.traces.spans(trace.trace_id)
    if not call.data.allow_partial and not _is_whole(trace, len(spans)):
        raise not_there(
            f"Trace with ID {trace.trace_id} is not fully exported yet, please try again later."
        )
    said = call.warehouse.assessments.of([trace.trace_id])
    return {"trace": trace_message(trace, spans, said[trace.trace_id])}


def _known(call: Call, trace_id: str) -> Trace:
    found = call.warehouse.traces.get_many([trace_id])
    if not found:
        raise not_there(f"Trace with ID '{trace_id}' not found.")
    return found[0]


def _is_whole(trace: Trace, spans: int) -> bool:
    """Whether all spans that the client announced have come."""
    try:
        announced = json.loads(trace.metadata.get(SIZE_KEY, "{}")).get("num_spans", 0)
        return spans >= int(announced)
    except (ValueError, TypeError, AttributeError):
        return True


class TraceIds(Request):
    """Which traces."""

    trace_ids: list[str] = field(default_factory=list)
    experiment_ids: list[str] = field(default_factory=list)


@operation("GET", "/*/3.0/mlflow/traces/batchGet", permission=_READ_ANY, request=TraceIds)
def batch_get_traces(call: Call) -> dict[str, Any]:
    """Several traces with their spans; those that are not whole yet are left out."""
    found = _batch(call)
    ids = [trace.trace_id for trace in found]
    spans = call.warehouse.traces.spans_of(ids)
    said = call.warehouse.assessments.of(ids)
    return message(
        traces=[
            trace_message(one, spans[one.trace_id], said[one.trace_id])
            for one in found
            if spans[one.trace_id] and _is_whole(one, len(spans[one.trace_id]))
        ]
    )


@operation("POST", "/*/3.0/mlflow/traces/batchGetInfos", permission=_READ_ANY, request=TraceIds)
def batch_get_trace_infos(call: Call) -> dict[str, Any]:
    """Several traces without their spans."""
    found = _batch(call)
    said = call.warehouse.assessments.of([trace.trace_id for trace in found])
    return message(trace_infos=[info_message(one, said[one.trace_id]) for one in found])


def _batch(call: Call) -> list[Trace]:
    data: TraceIds = call.data
    if not data.trace_ids:
        raise missing("trace_ids")
    if len(data.trace_ids) > _BATCH_MAX:
        raise invalid(f"{len(data.trace_ids)} trace ids: ask for at most {_BATCH_MAX} at once")
    found = readable(call, call.warehouse.traces.get_many(data.trace_ids))
    within = set(data.experiment_ids)
    return [one for one in found if not within or one.experiment_id in within]


class SearchTraces(Request):
    """Which traces to find."""

    locations: list[dict[str, Any]] = field(default_factory=list)
    filter: str = ""
    max_results: Int64 = 100
    order_by: list[str] = field(default_factory=list)
    page_token: str = ""

    @property
    def experiment_ids(self) -> list[str]:
        places = ((one.get("mlflow_experiment") or {}) for one in self.locations)
        return [str(one["experiment_id"]) for one in places if one.get("experiment_id")]


@operation(
    "POST",
    "/*/3.0/mlflow/traces/search",
    permission=Permission(Action.READ, scope=lambda call: all_of(call.data.experiment_ids)),
    request=SearchTraces,
)
def search_traces(call: Call) -> dict[str, Any]:
    """Find traces."""
    data: SearchTraces = call.data
    if not data.locations:
        raise missing("locations")
    found, token = find(call, data.experiment_ids, data)
    said = call.warehouse.assessments.of([trace.trace_id for trace in found])
    return message(
        traces=[info_message(one, said[one.trace_id]) for one in found], next_page_token=token
    )


def find(call: Call, experiment_ids: Sequence[str], data: Any) -> tuple[list[Trace], str | None]:
    """One page of what a request of either version looks for."""
    if not 1 <= data.max_results <= PAGE_MAX:
        raise invalid(
            f"Invalid value {data.max_results} for parameter 'max_results' supplied: "
            f"it must be at least 1 and at most {PAGE_MAX}"
        )
    return call.warehouse.traces.list(
        experiment_ids=experiments_of(call, experiment_ids),
        filter=data.filter or None,
        order=data.order_by or None,
        limit=data.max_results,
        page_token=data.page_token or None,
    )


class TraceFile(Request):
    """The file of spans of a trace, or an attachment of it."""

    required = ("request_id",)
    request_id: str = ""
    path: str = ""


@operation(
    "GET",
    "/*/2.0/mlflow/get-trace-artifact",
    "/*/3.0/mlflow/get-trace-artifact",
    permission=on_trace(Action.READ),
    request=TraceFile,
    forms="ajax",
    sends={200: "application/octet-stream"},
)
def get_trace_artifact(call: Call) -> Answer:
    """The spans of a trace, as MLflow's web pages load them."""
    data: TraceFile = call.data
    trace = _known(call, data.request_id)
    if data.path:
        raise not_there(f"Trace '{trace.trace_id}' has no attachment '{data.path}' here.")
    spans = call.warehouse.traces.spans(trace.trace_id)
    body = msgspec.json.encode({"spans": [span_file_entry(span) for span in spans]})
    headers = {"Content-Disposition": "attachment; filename=traces.json"}
    return Answer(body, "application/octet-stream", headers=headers)


OPERATIONS: tuple[Operation, ...] = (
    start_trace,
    set_trace_tag,
    delete_trace_tag,
    link_traces_to_run,
    link_prompts,
    delete_traces,
    get_trace_info,
    get_trace,
    batch_get_traces,
    batch_get_trace_infos,
    search_traces,
    get_trace_artifact,
)
