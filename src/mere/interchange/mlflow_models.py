"""MLflow's models as rows of our tables, whichever way they were read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mere.interchange.mlflow_values import micros, own_run_id

__all__ = ["as_alias", "as_logged", "as_registered", "as_version"]

_STATUSES = {"1": "PENDING", "2": "READY", "3": "FAILED"}


def as_logged(
    row: Mapping[str, Any], experiment_id: str, params: dict[str, str], tags: dict[str, str]
) -> dict[str, Any]:
    """A logged model; `row` has MLflow's column names of SQL."""
    run_id = row.get("source_run_id")
    status = str(row.get("status") or "").removeprefix("LOGGED_MODEL_")
    status = status.removesuffix("_UPLOAD_FAILED").removesuffix("_UPLOAD")
    return {
        "model_id": row["model_id"],
        "experiment_id": experiment_id,
        "run_id": own_run_id(run_id) if run_id else None,
        "name": row.get("name"),
        "model_type": row.get("model_type") or None,
        "status": _STATUSES.get(status, status or None),
        "artifact_location": f"artifacts/{row['model_id']}",
        "params": params,
        "tags": tags,
        "lifecycle": "deleted" if row.get("lifecycle_stage") == "deleted" else "active",
        "logged_at": micros(row.get("creation_timestamp_ms")),
        "changed_at": micros(row.get("last_updated_timestamp_ms")),
    }


def as_registered(row: Mapping[str, Any], tags: dict[str, str]) -> dict[str, Any]:
    """A registered model."""
    return {
        "name": row["name"],
        "description": row.get("description") or None,
        "tags": tags,
        "lifecycle": "active",
        "registered_at": micros(row.get("creation_time")),
        "changed_at": micros(row.get("last_updated_time")),
    }


def as_version(row: Mapping[str, Any], tags: dict[str, str]) -> dict[str, Any]:
    """A version of a registered model."""
    source = row.get("source") or None
    run_id = row.get("run_id") or None
    model_id = row.get("model_id") or None
    if model_id is None and source and source.startswith("models:/m-"):
        model_id = source.removeprefix("models:/").partition("/")[0]
    stage = row.get("current_stage") or None
    return {
        "name": row["name"],
        "version": int(row["version"]),
        "description": row.get("description") or None,
        "source": source,
        "location": f"artifacts/{model_id}" if model_id else row.get("storage_location") or None,
        "run_id": own_run_id(run_id) if run_id else None,
        "model_id": model_id,
        "status": row.get("status") or "READY",
        "status_message": row.get("status_message") or None,
        "stage": stage,
        "tags": tags,
        "created_by": row.get("user_id") or None,
        # MLflow keeps the rows of deleted versions, in a stage of their own.
        "lifecycle": "deleted" if stage == "Deleted_Internal" else "active",
        "registered_at": micros(row.get("creation_time")),
        "changed_at": micros(row.get("last_updated_time")),
    }


def as_alias(row: Mapping[str, Any]) -> dict[str, Any]:
    """An alias of a version."""
    return {"name": row["name"], "alias": row["alias"], "version": int(row["version"])}
