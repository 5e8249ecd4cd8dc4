"""Experiments and runs in MLflow's words: messages to answer with, and tags that mean columns.

MLflow's clients keep much in tags of their own (`mlflow.runName`, `mlflow.parentRunId`, …). What
we have a column for is written there as well, so that our own readers find it; and runs that were
logged with our own SDK show these tags, so that MLflow's readers find it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mere.entities.run import check_run_id
from mere.errors import MereError
from mere.server.protocols.mlflow.wire import double, message

__all__ = [
    "RUN_COLUMNS",
    "RUN_NAME",
    "artifact_root",
    "columns_of",
    "experiment_message",
    "millis",
    "pairs",
    "run_info",
    "run_message",
]

RUN_NAME = "mlflow.runName"
_PARENT = "mlflow.parentRunId"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def millis(moment: datetime | None) -> int | None:
    """A moment in MLflow's milliseconds since the epoch."""
    return None if moment is None else (moment - _EPOCH) // _MS


def pairs(entries: Mapping[str, str] | None) -> list[dict[str, str]]:
    """A map as MLflow writes it: a list of keys and values."""
    return [{"key": key, "value": value} for key, value in (entries or {}).items()]


def artifact_root(location: str | None, experiment_id: str) -> str:
    """Where the runs of an experiment put their files: through us, unless it is elsewhere."""
    if location and _is_elsewhere(location):
        return location
    return f"mlflow-artifacts:/{experiment_id}"


def experiment_message(row: Mapping[str, Any]) -> dict[str, Any]:
    """An experiment."""
    experiment_id = row["experiment_id"]
    return message(
        experiment_id=experiment_id,
        name=row["name"],
        artifact_location=artifact_root(row.get("artifact_location"), experiment_id),
        lifecycle_stage=row["lifecycle"],
        last_update_time=millis(row.get("updated_at")),
        creation_time=millis(row.get("created_at")),
        tags=pairs(row.get("tags")),
        workspace="default",
    )


RUN_COLUMNS = (
    "run_id",
    "name",
    "experiment_id",
    "created_by",
    "status",
    "started_at",
    "ended_at",
    "lifecycle",
    "artifact_location",
    "parent_run_id",
    "notes",
    "source",
    "params",
    "tags",
    "metric_summary",
)
"""The columns of which a run's message is made."""


def run_info(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a run is, without what was logged to it."""
    return message(
        run_uuid=row["run_id"],
        run_id=row["run_id"],
        run_name=row.get("name"),
        experiment_id=row["experiment_id"],
        user_id=row.get("created_by") or "",
        status=row.get("status"),
        start_time=millis(row.get("started_at")),
        end_time=millis(row.get("ended_at")),
        artifact_uri=_artifact_uri(row),
        lifecycle_stage=row.get("lifecycle"),
    )


def run_message(
    row: Mapping[str, Any],
    inputs: Mapping[str, Any] | None = None,
    outputs: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A run with the latest values of its metrics, its params and its tags."""
    metrics = [
        {
            "key": key,
            "value": double(tally["value"]),
            "timestamp": millis(tally["timestamp"]),
            "step": tally["step"],
        }
        for key, tally in (row.get("metric_summary") or {}).items()
    ]
    data = message(metrics=metrics, params=pairs(row.get("params")), tags=pairs(_tags(row)))
    found = {"info": run_info(row), "data": data, "inputs": dict(inputs or {})}
    return found if outputs is None else {**found, "outputs": dict(outputs)}


def columns_of(tags: Iterable[tuple[str, str | None]]) -> dict[str, Any]:
    """The columns of a run that tags mean; of a tag that is removed, None."""
    columns: dict[str, Any] = {}
    source: dict[str, Any] = {}
    for key, value in tags:
        if key == RUN_NAME and value:
            columns["name"] = value
        elif key == _PARENT and (value is None or _is_run_id(value)):
            columns["parent_run_id"] = value
        elif key == "mlflow.note.content":
            columns["notes"] = value
        elif key in _SOURCE:
            source[_SOURCE[key]] = value
    if any(source.values()):
        columns["source"] = source
    return columns


_SOURCE = {
    "mlflow.source.name": "entrypoint",
    "mlflow.source.git.commit": "git_commit",
    "mlflow.source.git.repoURL": "git_remote",
}


def _tags(row: Mapping[str, Any]) -> dict[str, str]:
    """A run's tags, and those that its columns mean."""
    tags = dict(row.get("tags") or {})
    is_from_mlflow = RUN_NAME in tags
    if row.get("name"):
        tags[RUN_NAME] = row["name"]
    if is_from_mlflow:
        return tags
    source = row.get("source") or {}
    known = {
        _PARENT: row.get("parent_run_id"),
        "mlflow.note.content": row.get("notes"),
        "mlflow.user": row.get("created_by"),
        **{key: source.get(field) for key, field in _SOURCE.items()},
    }
    for key, value in known.items():
        if value and key not in tags:
            tags[key] = value
    return tags


def _artifact_uri(row: Mapping[str, Any]) -> str:
    location = row.get("artifact_location")
    if location and _is_elsewhere(location):
        return str(location)
    return f"mlflow-artifacts:/{row['experiment_id']}/{row['run_id']}/artifacts"


def _is_elsewhere(location: str) -> bool:
    return "://" in location or location.startswith(("/", "mlflow-artifacts:", "file:", "dbfs:"))


def _is_run_id(text: str) -> bool:
    try:
        check_run_id(text)
    except MereError:
        return False
    return True
