"""What runs read and made: datasets and logged models.

They become rows of the tables of datasets and lineage (`mere.services.runs.links`). Runs show them
through `mere.server.protocols.mlflow.run_links.links_of`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from mere.server.operations import Call
from mere.server.protocols.mlflow.errors import invalid, missing
from mere.server.protocols.mlflow.validation import check_given, check_run_id
from mere.server.protocols.mlflow.wire import Int64, Request, on_run, operation
from mere.services.access.access import Action
from mere.services.runs.links import DatasetInput, ModelOutput

__all__ = ["OPERATIONS"]

_CONTEXT = "mlflow.data.context"
_MODEL_ID_CHARS_MAX = 64
_BATCH_MAX = 1_000
_LIMITS = {"name": 500, "digest": 36, "source": 65_535, "schema": 1_048_575, "profile": 16_777_215}
_TAG_KEY_CHARS_MAX = 255
_TAG_VALUE_CHARS_MAX = 500
_NEEDED = ("name", "digest", "source_type", "source")


class _InputTag(msgspec.Struct):
    key: str = ""
    value: str = ""


class _Dataset(msgspec.Struct):
    name: str = ""
    digest: str = ""
    source_type: str = ""
    source: str = ""
    schema: str = ""
    profile: str = ""


class _DatasetInput(msgspec.Struct):
    tags: tuple[_InputTag, ...] = ()
    dataset: _Dataset | None = None


class _ModelInput(msgspec.Struct):
    model_id: str = ""


class _ModelOutput(msgspec.Struct):
    model_id: str = ""
    step: Int64 = 0


class _LogInputs(Request):
    required = ("run_id",)
    run_id: str = ""
    run_uuid: str = ""
    datasets: tuple[_DatasetInput, ...] = ()
    models: tuple[_ModelInput, ...] = ()


class _LogOutputs(Request):
    required = ("run_id",)
    run_id: str = ""
    run_uuid: str = ""
    models: tuple[_ModelOutput, ...] = ()


@operation(
    "POST", "/*/2.0/mlflow/runs/log-inputs", permission=on_run(Action.EDIT), request=_LogInputs
)
def log_inputs(call: Call) -> dict[str, Any]:
    """Record the datasets and logged models that a run read."""
    data: _LogInputs = call.data
    check_run_id(data.run_id)
    _check_count("datasets", data.datasets)
    _check_count("models", data.models)
    datasets = [_dataset_input(one, f"datasets[{i}]") for i, one in enumerate(data.datasets)]
    models = [_model_id(one.model_id, f"models[{i}]") for i, one in enumerate(data.models)]
    call.warehouse.run_links.log_inputs(data.run_id, datasets, models)
    return {}


@operation(
    "POST", "/*/2.0/mlflow/runs/outputs", permission=on_run(Action.EDIT), request=_LogOutputs
)
def log_outputs(call: Call) -> dict[str, Any]:
    """Record the logged models that a run made."""
    data: _LogOutputs = call.data
    check_run_id(data.run_id)
    if not data.models:
        raise missing("models")
    _check_count("models", data.models)
    made = [
        ModelOutput(_model_id(one.model_id, f"models[{i}]"), one.step)
        for i, one in enumerate(data.models)
    ]
    call.warehouse.run_links.log_outputs(data.run_id, made)
    return {}


def _dataset_input(given: _DatasetInput, path: str) -> DatasetInput:
    dataset = given.dataset
    if dataset is None:
        raise missing(f"{path}.dataset")
    for name in _NEEDED:
        check_given(getattr(dataset, name), f"{path}.dataset.{name}")
    for name, limit in _LIMITS.items():
        _check_length(name, getattr(dataset, name), limit)
    for tag in given.tags:
        check_given(tag.key, f"{path}.tags.key")
        _check_length("key", tag.key, _TAG_KEY_CHARS_MAX)
        _check_length("value", tag.value, _TAG_VALUE_CHARS_MAX)
    tags = {tag.key: tag.value for tag in given.tags}
    return DatasetInput(msgspec.structs.asdict(dataset), tags.pop(_CONTEXT, None), tags)


def _model_id(model_id: str, path: str) -> str:
    check_given(model_id, f"{path}.model_id")
    _check_length("model_id", model_id, _MODEL_ID_CHARS_MAX)
    return model_id


def _check_length(what: str, value: str, limit: int) -> None:
    if len(value) > limit:
        raise invalid(f"'{what}' exceeds the maximum length of {limit} characters")


def _check_count(what: str, items: Sequence[object]) -> None:
    if len(items) > _BATCH_MAX:
        raise invalid(f"a request may name at most {_BATCH_MAX} {what}, and this has {len(items)}")


OPERATIONS = (log_inputs, log_outputs)
