"""MLflow's words in ours: what any reader of MLflow needs, whichever way it reads."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from mere.interchange.foreign import ForeignInput, ForeignRun
from mere.services.imports import derived_id

__all__ = ["STATUSES", "as_input", "as_run", "as_value", "micros", "own_run_id", "without_nulls"]

STATUSES = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}
MODEL_STATUSES = {"0": None, "1": "PENDING", "2": "READY", "3": "FAILED"}
CONTEXT_TAG = "mlflow.data.context"
_HEX = frozenset("0123456789abcdef")


def micros(milliseconds: Any) -> int | None:
    """A time in MLflow's milliseconds as microseconds."""
    return None if milliseconds in (None, "") else int(milliseconds) * 1000


def own_run_id(run_id: str) -> str:
    """The id a run has here: its own, if it is one of ours by form, else one derived from it."""
    is_ours = len(run_id) == 32 and not set(run_id) - _HEX
    return run_id if is_ours else derived_id("mlflow run", run_id)


def as_value(value: float | None, is_nan: object = None) -> float:
    """A value as it was logged. MLflow's SQL keeps NaN as a flag, infinity as the largest float."""
    if is_nan or value is None:
        return math.nan
    if abs(value) == sys.float_info.max:
        return math.copysign(math.inf, value)
    return float(value)


def without_nulls(pairs: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Keys and values as text; a null is an empty text, as MLflow shows it."""
    return {str(key): "" if value is None else str(value) for key, value in pairs}


def as_input(dataset: Mapping[str, Any], tags: dict[str, str]) -> ForeignInput:
    """A dataset that a run read, and the tags of its being read."""
    return ForeignInput(
        name=dataset["name"],
        digest=dataset["digest"],
        source_type=dataset.get("source_type") or None,
        source=dataset.get("source") or None,
        schema=dataset.get("schema") or None,
        profile=dataset.get("profile") or None,
        context=tags.get(CONTEXT_TAG),
        tags={key: value for key, value in tags.items() if key != CONTEXT_TAG},
    )


def as_run(
    info: Mapping[str, Any],
    params: dict[str, str],
    tags: dict[str, str],
    inputs: Iterable[ForeignInput],
    origin: Any = None,
) -> ForeignRun:
    """A run.

    Args:
        info: run_id, name, status, lifecycle, start_time, end_time, user_id, source_name,
            source_version and deleted_time as far as they are known; times in milliseconds.
        params: Its params.
        tags: Its tags; those of MLflow's own fill further columns.
        inputs: What it read.
        origin: For the reader itself.
    """
    key = str(info["run_id"])
    status = str(info.get("status") or "FINISHED")
    parent = tags.get("mlflow.parentRunId")
    entrypoint = tags.get("mlflow.source.name") or info.get("source_name")
    commit = tags.get("mlflow.source.git.commit") or info.get("source_version")
    source = {
        "entrypoint": entrypoint,
        "git_remote": tags.get("mlflow.source.git.repoURL"),
        "git_commit": commit,
    }
    branch = tags.get("mlflow.source.git.branch")
    run_id = own_run_id(key)
    is_deleted = info.get("lifecycle") == "deleted"
    return ForeignRun(
        run_id=run_id,
        key=key,
        columns={
            "kind": "train",
            "name": tags.get("mlflow.runName") or info.get("name") or None,
            "status": STATUSES.get(status, status),
            "lifecycle": "deleted" if is_deleted else "active",
            "deleted_at": micros(info.get("deleted_time")) if is_deleted else None,
            "started_at": micros(info.get("start_time")),
            "ended_at": micros(info.get("end_time")),
            "created_by": tags.get("mlflow.user") or info.get("user_id") or None,
            "parent_run_id": own_run_id(parent) if parent else None,
            "notes": tags.get("mlflow.note.content"),
            "source": source if any(source.values()) else None,
            "command": {"git_branch": branch} if branch else None,
        },
        params=params,
        tags=tags if run_id == key else {**tags, "mere.imported.run_id": key},
        inputs=tuple(inputs),
        origin=origin,
    )
