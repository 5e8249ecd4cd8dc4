"""What can be searched of logged models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mere.search.schema import Attribute, Entity, Family, Type

__all__ = ["LOGGED_MODELS", "ordered_by"]


def _text(name: str, doc: str, *aliases: str) -> Attribute:
    return Attribute(name, Type.TEXT, doc, "", aliases)


def _time(name: str, doc: str, *aliases: str) -> Attribute:
    return Attribute(name, Type.TIME, doc, "", aliases)


def _logged(column: str, *prefixes: str) -> Family:
    number: Mapping[str, tuple[str, Type]] = {
        "number": (f"try_cast({column}[{{}}] as double)", Type.NUMBER)
    }
    return Family(prefixes, Type.LOGGED, column, number)


LOGGED_MODELS = Entity(
    name="logged model",
    key="model_id",
    is_key_descending=False,
    default_order="logged_at",
    attributes=(
        _text("model_id", "m- and 32 hexadecimal digits", "id"),
        _text("name", "as people call it", "model_name"),
        _text("experiment_id", "the id of its experiment"),
        _text("run_id", "the run that made it", "source_run_id"),
        _text("model_type", "what kind of model it is", "type"),
        Attribute("status", Type.STATUS, "PENDING, READY or FAILED"),
        _text("artifact_location", "where its files are", "artifact_uri"),
        _text("digest", "of its files"),
        _text("created_by", "who made it", "creator_id", "user_id"),
        _text("lifecycle", "active or deleted", "lifecycle_stage"),
        _time(
            "logged_at",
            "when it was made",
            "creation_timestamp",
            "creation_timestamp_ms",
            "creation_time",
        ),
        _time(
            "changed_at",
            "when it changed last",
            "last_updated_timestamp",
            "last_updated_timestamp_ms",
            "last_updated_time",
        ),
    ),
    families=(
        Family(("metrics", "metric"), Type.NUMBER, "metrics"),
        _logged("params", "params", "param"),
        _logged("tags", "tags", "tag"),
    ),
)


def ordered_by(columns: Sequence[str]) -> Entity:
    """The entity with further columns of metrics, each of one dataset, to be ordered by."""
    more = tuple(Family((column,), Type.NUMBER, column) for column in columns)
    return replace(LOGGED_MODELS, families=(*LOGGED_MODELS.families, *more))
