"""Logging to runs: metrics, params, tags and batches of them.

`log_metric` is the call that is made most by far, thousands of times a second. It runs on the
event loop, looks up the run in memory, and waits for the commit that it shares with the others.
"""

from __future__ import annotations

import json
from typing import Any, cast

import msgspec

from mere.entities.limits import TAG_CHARS_MAX
from mere.errors import ErrorCode, InvalidInput
from mere.server.operations import Call
from mere.server.protocols.mlflow.errors import invalid
from mere.server.protocols.mlflow.experiments import Tag
from mere.server.protocols.mlflow.validation import (
    METRICS_MAX,
    check_batch,
    check_given,
    check_metric,
    check_metrics,
    check_param,
    check_run_id,
    check_tag,
)
from mere.server.protocols.mlflow.wire import Int64, Request, on_run, operation
from mere.server.protocols.mlflow.words import columns_of
from mere.services.access.access import Action
from mere.services.runs.gate import KnownRun
from mere.services.runs.logging import PlannedBatch, Point, PointColumns, by_column

__all__ = ["OPERATIONS"]

_DONE: dict[str, Any] = {}
_MODELS_TAG = "mlflow.log-model.history"
_MODEL_FIELDS = ("run_id", "artifact_path", "utc_time_created", "model_uuid")


class _LogMetric(Request):
    required = ("run_id", "key", "value", "timestamp")
    run_id: str = ""
    run_uuid: str = ""
    key: str = ""
    value: float | None = None
    timestamp: Int64 | None = None
    step: Int64 = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class _Keyed(Request):
    required = ("run_id", "key")
    run_id: str = ""
    run_uuid: str = ""
    key: str = ""
    value: str = ""


class _Metric(msgspec.Struct, gc=False):
    key: str = ""
    value: float | None = None
    timestamp: Int64 | None = None
    step: Int64 = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class _LogBatch(Request):
    required = ("run_id",)
    run_id: str = ""
    metrics: tuple[_Metric, ...] = ()
    params: tuple[Tag, ...] = ()
    tags: tuple[Tag, ...] = ()


class _LogModel(Request):
    required = ("run_id", "model_json")
    run_id: str = ""
    model_json: str = ""


@operation(
    "POST", "/*/2.0/mlflow/runs/log-metric", permission=on_run(Action.EDIT), request=_LogMetric
)
async def log_metric(call: Call) -> dict[str, Any]:
    """Log one value of a metric."""
    data: _LogMetric = call.data
    assert data.value is not None
    assert data.timestamp is not None
    micros = check_metric(data.key, data.value, data.timestamp, data.step)
    run = await _known(call, data.run_id)
    logging = call.warehouse.logging
    if data.model_id or data.dataset_name:
        batch = logging.plan(run, by_column([_point(data, micros)]))
    else:
        batch = logging.plan_point(run, data.key, data.step, micros, data.value)
    await _commit(call, batch)
    return _DONE


@operation(
    "POST", "/*/2.0/mlflow/runs/log-parameter", permission=on_run(Action.EDIT), request=_Keyed
)
def log_param(call: Call) -> dict[str, Any]:
    """Log a param; it can be logged again with the same value, and with no other."""
    data: _Keyed = call.data
    key, value = check_param(data.key, data.value)
    call.warehouse.logging.log_params(data.run_id, {key: value})
    return _DONE


@operation("POST", "/*/2.0/mlflow/runs/set-tag", permission=on_run(Action.EDIT), request=_Keyed)
async def set_tag(call: Call) -> dict[str, Any]:
    """Set a tag of a run."""
    data: _Keyed = call.data
    key, value = check_tag(data.key, data.value)
    run = await _known(call, data.run_id)
    plan = call.warehouse.logging.plan
    await call.commit(plan(run, tags={key: value}, changes=columns_of([(key, value)])))
    return _DONE


@operation("POST", "/*/2.0/mlflow/runs/delete-tag", permission=on_run(Action.EDIT), request=_Keyed)
def delete_tag(call: Call) -> dict[str, Any]:
    """Remove a tag of a run."""
    data: _Keyed = call.data
    changes = columns_of([(data.key, None)])
    call.warehouse.logging.remove_tag(data.run_id, data.key, changes)
    return _DONE


@operation(
    "POST", "/*/2.0/mlflow/runs/log-batch", permission=on_run(Action.EDIT), request=_LogBatch
)
async def log_batch(call: Call) -> dict[str, Any]:
    """Log metrics, params and tags together: all of them or, if one is refused, nothing."""
    data: _LogBatch = call.data
    _check_present(data)
    check_run_id(data.run_id)
    if data.params or len(data.metrics) > METRICS_MAX:  # too many take too long to be refused here
        await call.in_thread(_log_with_params, call, data)
        return _DONE
    points, tags = _points(data.metrics), _tags(data)
    check_batch(data.metrics, data.params, data.tags)
    run = await _known(call, data.run_id)
    plan = call.warehouse.logging.plan
    await _commit(call, plan(run, points, tags, columns_of(tags.items())))
    return _DONE


@operation(
    "POST", "/*/2.0/mlflow/runs/log-model", permission=on_run(Action.EDIT), request=_LogModel
)
def log_model(call: Call) -> dict[str, Any]:
    """Note in a tag of a run that a model was logged with it, as older clients do."""
    data: _LogModel = call.data
    entry = _model_entry(data.model_json)

    def append(known: str | None) -> str:
        try:
            entries = json.loads(known) if known else []
        except ValueError:
            entries = []
        value = json.dumps([*entries, entry])
        if len(value) > TAG_CHARS_MAX:
            # Cut off, it would be no JSON any more.
            raise invalid(f"'value' exceeds the maximum length of {TAG_CHARS_MAX} characters")
        return value

    call.warehouse.logging.change_tag(data.run_id, _MODELS_TAG, append)
    return _DONE


async def _commit(call: Call, batch: PlannedBatch) -> None:
    """Make a batch durable, and know its points from then on."""
    await call.commit(batch)
    call.warehouse.logging.remember(batch)


async def _known(call: Call, run_id: str) -> KnownRun:
    """A run that may be logged to."""
    gate = call.warehouse.logging.gate
    run = gate.peek(run_id)
    return await call.in_thread(gate.look, run_id) if run is None else run


def _point(given: _LogMetric, micros: int) -> Point:
    assert given.value is not None
    return Point(
        given.key,
        given.step,
        micros,
        given.value,
        given.model_id or None,
        given.dataset_name or None,
        given.dataset_digest or None,
    )


def _check_present(data: _LogBatch) -> None:
    for index, metric in enumerate(data.metrics):
        if not metric.key or metric.value is None or metric.timestamp is None:
            check_given(metric.key, f"metrics[{index}].key")
            check_given(metric.value, f"metrics[{index}].value")
            check_given(metric.timestamp, f"metrics[{index}].timestamp")
    for name, items in (("params", data.params), ("tags", data.tags)):
        for index, item in enumerate(items):
            check_given(item.key, f"{name}[{index}].key")


def _points(metrics: tuple[_Metric, ...]) -> PointColumns:
    """The points of a batch in which all is given that must be."""
    keys = [metric.key for metric in metrics]
    values = cast("list[float]", [metric.value for metric in metrics])
    timestamps = cast("list[int]", [metric.timestamp for metric in metrics])
    steps = [metric.step for metric in metrics]
    micros = check_metrics(keys, values, timestamps, steps)
    columns: dict[str, list[Any]] = {
        "key": keys,
        "step": steps,
        "timestamp": micros,
        "value": values,
    }
    if any(m.model_id or m.dataset_name or m.dataset_digest for m in metrics):
        columns["logged_model_id"] = [metric.model_id or None for metric in metrics]
        columns["dataset_name"] = [metric.dataset_name or None for metric in metrics]
        columns["dataset_digest"] = [metric.dataset_digest or None for metric in metrics]
    return columns


def _tags(data: _LogBatch) -> dict[str, str]:
    return dict(check_tag(t.key, t.value, f"tags[{i}].key") for i, t in enumerate(data.tags))


def _log_with_params(call: Call, data: _LogBatch) -> None:
    points = _points(data.metrics)
    params = [check_param(p.key, p.value, f"params[{i}].key") for i, p in enumerate(data.params)]
    tags = _tags(data)
    check_batch(data.metrics, data.params, data.tags)
    keys = [key for key, _ in params]
    repeated = [key for index, key in enumerate(keys) if key in keys[:index]]
    if repeated:
        raise invalid(
            f"Duplicate parameter keys have been submitted: {repeated}. Please ensure the request "
            "contains only one param value per param key."
        )
    try:
        call.warehouse.logging.log_params(
            data.run_id, dict(params), points, tags, columns_of(tags.items())
        )
    except InvalidInput as error:
        if error.code is ErrorCode.PARAM_CHANGED:
            error.details["is_batch"] = True
        raise


def _model_entry(text: str) -> dict[str, Any]:
    """What of a model's description is kept in the tag."""
    try:
        model = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid(f"Malformed model info. \n {text[:1000]} \n is not a valid JSON.") from error
    needed = {"artifact_path", "flavors", "utc_time_created", "run_id"}
    lacking = sorted(needed - set(model)) if isinstance(model, dict) else sorted(needed)
    if lacking:
        raise invalid(f"Model json is missing mandatory fields: {set(lacking)}")
    flavors = model["flavors"] if isinstance(model["flavors"], dict) else {}
    return {
        **{name: model[name] for name in _MODEL_FIELDS if name in model},
        "flavors": {
            name: {k: v for k, v in one.items() if k != "config"} if isinstance(one, dict) else one
            for name, one in flavors.items()
        },
    }


OPERATIONS = (log_metric, log_param, set_tag, delete_tag, log_batch, log_model)
