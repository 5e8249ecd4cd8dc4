"""``/v1/traces``: spans from any OpenTelemetry SDK or collector.

Spans go to the experiment that the header ``x-mlflow-experiment-id`` names, else to the one that
an attribute of their resource names (`EXPERIMENT_KEYS`), else to the default one. A batch that is
sent again stores its spans again and counts them once, so a sender may always try again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from mere.entities.experiment import DEFAULT_ID
from mere.entities.run import check_run_id
from mere.errors import ErrorCode, InvalidInput, MereError
from mere.server.operations import Answer, Call, Operation, Permission
from mere.server.operations import operation as declare
from mere.server.protocols.otlp.decoding import Decoded, decode_json, decode_protobuf, unpacked
from mere.server.protocols.otlp.wire import JSON, OTLP, PROTOBUF, refused, taken
from mere.services.access.access import Action, ActorKind, Scope
from mere.services.traces.traces import TracePlan

__all__ = ["OPERATIONS"]

EXPERIMENT_HEADER = "x-mlflow-experiment-id"
RUN_HEADER = "x-mlflow-run-id"
_T = TypeVar("_T")
_BODY_BYTES_MAX = 64 << 20
_INLINE_BYTES = 16 << 10
_FORMS = {JSON: decode_json, PROTOBUF: decode_protobuf, "application/protobuf": decode_protobuf}


def _scope(call: Call) -> Scope:
    named = call.headers.get(EXPERIMENT_HEADER, "").strip()
    # Where resources name experiments, each of them is asked for when it is known.
    return Scope.experiment(named) if named else Scope.anything()


@declare(
    "POST",
    "/v1/traces",
    permission=Permission(Action.EDIT, scope=_scope),
    protocol=OTLP,
    answer=dict[str, Any],
    sends={200: PROTOBUF},
    body_max=_BODY_BYTES_MAX,
)
async def export_traces(call: Call) -> Answer:
    """Take spans in OpenTelemetry's protocol, as protobuf or JSON, plain or gzip."""
    media_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in _FORMS:
        return refused(_unknown_form(media_type), JSON)
    try:
        body = await call.body()
        coding = call.headers.get("content-encoding", "").strip().lower()
        found = await _aside(call, len(body), _decode, media_type, body, coding)
        for experiment_id, spans in found.spans.items():
            if spans:
                await _store(call, experiment_id, found)
    except MereError as error:
        answer = refused(error, media_type)
        if "retry_after_s" in error.details:
            answer.headers["Retry-After"] = str(max(1, round(error.details["retry_after_s"])))
        return answer
    return taken(media_type, found.rejected, "; ".join(found.reasons))


def _decode(media_type: str, body: bytes, coding: str) -> Decoded:
    return _FORMS[media_type](unpacked(body, coding, _BODY_BYTES_MAX))


async def _store(call: Call, of_resource: str | None, found: Decoded) -> None:
    named = call.headers.get(EXPERIMENT_HEADER, "").strip()
    experiment_id = named or of_resource or DEFAULT_ID
    traces = call.warehouse.traces
    if not named:
        await _admit(call, Scope.experiment(experiment_id))
    if not traces.knows_experiment(experiment_id):
        await call.in_thread(traces.require_experiment, experiment_id)
    run_id = call.headers.get(RUN_HEADER, "").strip()
    if run_id:
        check_run_id(run_id)
        await _admit(call, Scope.run(run_id))
    spans = found.spans[of_resource]
    plan: TracePlan = await _aside(
        call, 200 * len(spans), traces.plan_spans, spans, experiment_id, run_id or None
    )
    if call.actor.kind is not ActorKind.LOCAL:
        # Others must not draw a trace out of an experiment that they may not change.
        homes = await call.in_thread(traces.other_homes, plan.homes, experiment_id)
        for home in sorted(homes):
            await _admit(call, Scope.experiment(home))
    if plan.payloads:
        await call.in_thread(traces.put_payloads, plan)
    await call.commit(plan.batch)
    traces.note_received(plan)


async def _admit(call: Call, scope: Scope) -> None:
    access = call.warehouse.access
    allowed = access.allows_quickly(call.actor, Action.EDIT, scope)
    if allowed is not True:
        await call.in_thread(access.authorize, call.actor, Action.EDIT, scope)


async def _aside(call: Call, size: int, function: Callable[..., _T], *args: Any) -> _T:
    """Do small work at once, and large work in a thread: the loop must not wait for it."""
    if size <= _INLINE_BYTES:
        return function(*args)
    return await call.in_thread(function, *args)


def _unknown_form(media_type: str) -> MereError:
    return InvalidInput(
        ErrorCode.INVALID_VALUE,
        f"content type {media_type[:60]!r} is not known here: send {PROTOBUF} or {JSON}",
    )


OPERATIONS: tuple[Operation, ...] = (export_traces,)
