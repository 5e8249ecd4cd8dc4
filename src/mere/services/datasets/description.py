"""A version as people look at it: with its columns and its profile, whoever wrote them.

Other clients store a schema and a profile in forms of their own. What can be read as columns is;
everything else is passed on as the JSON that it is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from mere.entities.dataset import Dataset, SchemaColumn

__all__ = ["DatasetDescription", "describe"]

_PLAIN = (
    "dataset_id",
    "name",
    "version",
    "digest",
    "kind",
    "source_type",
    "source",
    "table_name",
    "snapshot_id",
    "rows",
    "files",
    "bytes",
    "tags",
    "run_id",
    "created_by",
    "lifecycle",
    "created_at",
)


class DatasetDescription(msgspec.Struct, kw_only=True):
    """A version with all that is known of its data.

    Args:
        dataset_id: Its id.
        name: The dataset.
        version: Counts from 1.
        digest: Of the content.
        kind: ``table``, ``files`` or ``reference``.
        source_type: What kind of place it came from.
        source: Where it came from.
        table_name: Of a table: its name in SQL.
        snapshot_id: Of a table: the Iceberg snapshot, as text: browsers would round the number.
        rows: How many rows.
        files: How many files.
        bytes: How large.
        tags: What else is worth remembering.
        run_id: The run that wrote it.
        experiment_id: The experiment of that run, where that may be read.
        created_by: Who wrote it.
        lifecycle: ``active``, ``deleted`` or ``purged``.
        created_at: When.
        columns: The schema; empty where none is known.
        profile: What the columns hold, as `mere.services.datasets.profile` says.
        other: What another client wrote as schema and profile, in forms of its own.
        previous: The version in use before it.
        next: The version in use after it.
    """

    dataset_id: str
    name: str
    version: int
    digest: str | None
    kind: str
    source_type: str | None
    source: str | None
    table_name: str | None
    snapshot_id: str | None
    rows: int | None
    files: int | None
    bytes: int | None
    tags: dict[str, str]
    run_id: str | None
    experiment_id: str | None = None
    created_by: str | None
    lifecycle: str
    created_at: datetime | None
    columns: list[SchemaColumn] = []
    profile: dict[str, Any] | None = None
    other: dict[str, Any] = {}
    previous: int | None = None
    next: int | None = None


class _OtherColumn(msgspec.Struct):
    """A column as MLflow writes it."""

    type: str = "object"
    name: str = ""
    required: bool = False


class _OtherSchema(msgspec.Struct):
    """A schema as MLflow writes it."""

    mlflow_colspec: list[_OtherColumn]


def describe(dataset: Dataset) -> DatasetDescription:
    """A version with its columns and its profile."""
    known = {name: getattr(dataset, name) for name in _PLAIN}
    known["kind"] = str(dataset.kind)
    known["snapshot_id"] = None if dataset.snapshot_id is None else str(dataset.snapshot_id)
    described = DatasetDescription(**known, columns=_columns(dataset.schema))
    profile = _json(dataset.profile)
    if isinstance(profile, dict) and isinstance(profile.get("columns"), list):
        described.profile = profile
    elif profile is not None:
        described.other["profile"] = profile
    if dataset.schema and not described.columns:
        described.other["schema"] = _json(dataset.schema)
    return described


def _columns(schema: str | None) -> list[SchemaColumn]:
    try:
        return msgspec.json.decode(schema or "[]", type=list[SchemaColumn])
    except (msgspec.MsgspecError, UnicodeError):
        pass
    try:
        found = msgspec.json.decode(schema or "", type=_OtherSchema)
    except (msgspec.MsgspecError, UnicodeError):
        return []
    return [SchemaColumn(one.name, one.type, not one.required) for one in found.mlflow_colspec]


def _json(text: str | None) -> Any:
    """What a text of JSON says; the text itself where it is none."""
    if not text:
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError):
        return text
