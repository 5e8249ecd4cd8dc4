"""What can be searched of evaluation datasets."""

from __future__ import annotations

from mere.search.schema import Attribute, Entity, Family, Type

__all__ = ["EVALUATION_DATASETS"]

EVALUATION_DATASETS = Entity(
    name="evaluation dataset",
    key="dataset_id",
    is_key_descending=True,
    default_order="made_at",
    attributes=(
        Attribute("dataset_id", Type.TEXT, "its id", "", ("id",)),
        Attribute("name", Type.TEXT, "its name"),
        Attribute("made_at", Type.TIME, "when it was made", "", ("created_time",)),
        Attribute("changed_at", Type.TIME, "when it was changed", "", ("last_update_time",)),
        Attribute("created_by", Type.TEXT, "who made it"),
        Attribute("changed_by", Type.TEXT, "who changed it last", "", ("last_updated_by",)),
    ),
    families=(Family(("tags", "tag"), Type.LOGGED, "tags"),),
)
