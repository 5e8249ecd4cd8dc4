"""What can be searched of the registry: registered models and their versions."""

from __future__ import annotations

from collections.abc import Mapping

from mere.search.schema import Attribute, Entity, Family, Type

__all__ = ["CANDIDATES", "MODELS", "MODEL_VERSIONS"]


def _text(name: str, doc: str, *aliases: str) -> Attribute:
    return Attribute(name, Type.TEXT, doc, "", aliases)


def _time(name: str, doc: str, *aliases: str) -> Attribute:
    return Attribute(name, Type.TIME, doc, "", aliases)


def _logged(column: str, *prefixes: str) -> Family:
    number: Mapping[str, tuple[str, Type]] = {
        "number": (f"try_cast({column}[{{}}] as double)", Type.NUMBER)
    }
    return Family(prefixes, Type.LOGGED, column, number)


# Where no tag says whether it is a prompt, this map says that it is none.
_TAGS = _logged("marked_tags", "tags", "tag")

MODELS = Entity(
    name="registered model",
    key="name",
    is_key_descending=False,
    default_order="changed_at",
    attributes=(
        _text("name", "unique in the warehouse"),
        _text("description", "what it is"),
        _text("created_by", "who made it", "user_id"),
        _text("lifecycle", "active, deleted or renamed"),
        _time("registered_at", "when it was made", "creation_timestamp", "creation_time"),
        _time(
            "changed_at",
            "when it changed last",
            "last_updated_timestamp",
            "last_updated_time",
            "timestamp",
        ),
    ),
    families=(_TAGS,),
)

MODEL_VERSIONS = Entity(
    name="model version",
    key="label",
    is_key_descending=False,
    default_order="changed_at",
    attributes=(
        _text("label", "name/version"),
        _text("name", "the registered model", "model_name"),
        Attribute("version", Type.WHOLE, "its number", "", ("version_number",)),
        _text("run_id", "the run that made it"),
        _text("model_id", "the logged model it was made of"),
        _text("source", "where its files came from", "source_path"),
        Attribute("status", Type.STATUS, "READY, PENDING_REGISTRATION or FAILED_REGISTRATION"),
        _text("stage", "None, Staging, Production or Archived", "current_stage"),
        _text("review", "requested, approved or rejected"),
        _text("description", "what it is"),
        _text("digest", "of its files"),
        _text("created_by", "who made it", "user_id"),
        _text("lifecycle", "active, deleted or renamed"),
        _time("registered_at", "when it was made", "creation_timestamp", "creation_time"),
        _time("changed_at", "when it changed last", "last_updated_timestamp", "last_updated_time"),
    ),
    families=(_TAGS,),
)

CANDIDATES = Entity(
    name="candidate",
    key="label",
    is_key_descending=False,
    default_order="registered_at",
    attributes=(
        *(a for a in MODEL_VERSIONS.attributes if a.name not in ("name", "lifecycle")),
        _text("run_status", "how its run ended: FINISHED, FAILED or KILLED"),
        _time("started_at", "when its run began"),
    ),
    families=(
        Family(("metrics", "metric"), Type.NUMBER, "metrics"),
        Family(("delta",), Type.NUMBER, "delta"),
        _logged("params", "params", "param"),
        _TAGS,
    ),
)
