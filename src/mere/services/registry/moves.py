"""What it takes to move a model to another name: patches for both names, in one batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mere.clock import run_id as new_id
from mere.entities.model import ModelLifecycle
from mere.services.registry.rows import plain_row, version_rows

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.registry.turns import Patches

__all__ = ["drop_grants", "grants_on", "moved_patches"]

_LINKS = ("run_id", "model_id", "source", "location")


def moved_patches(
    lake: Lake, source: Mapping[str, Any], target: Mapping[str, Any], clock: Clock
) -> Patches:
    """The patches that move everything from the row of one name to that of another.

    What is left under the old name are rows that say so and link to nothing, so that no query
    counts a version twice.
    """
    now = clock.now_us()
    old, new = source["name"], target["name"]
    patches: Patches = {
        "registered_models": [
            {
                "name": old,
                "lifecycle": ModelLifecycle.RENAMED,
                "renamed_to": new,
                "changed_at": now,
                "changes": (source.get("changes") or 0) + 1,
            },
            {
                **_whole(source),
                "name": new,
                "tags": _map(source, target),
                "lifecycle": ModelLifecycle.ACTIVE,
                "renamed_to": None,
                "changed_at": now,
                "model_uid": target["model_uid"],
                "changes": (target.get("changes") or 0) + 1,
            },
        ],
        "model_versions": [],
        "model_aliases": [],
        "model_gates": [],
        "grants": [{**plain_row(row), "object_id": new} for row in grants_on(lake, old)],
    }
    for row in version_rows(lake, old):
        if row["lifecycle"] == ModelLifecycle.RENAMED:
            continue
        # Those taken in from elsewhere have none yet; it tells that both names mean one version.
        version_id = row["version_id"] or new_id(clock)
        moved = {**_whole(row), "name": new, "tags": _map(row), "changed_at": now}
        moved["version_id"] = version_id
        left = {
            **dict.fromkeys(_LINKS),
            "name": old,
            "version": row["version"],
            "version_id": version_id,
            "lifecycle": ModelLifecycle.RENAMED,
            "tags": dict.fromkeys(row.get("tags") or ()),
            "changed_at": now,
        }
        patches["model_versions"] += [moved, left]
    for row in _rows(lake, "model_aliases", old):
        patches["model_aliases"] += [
            {**plain_row(row), "name": new},
            {"name": old, "alias": row["alias"], "version": None},
        ]
    for row in _rows(lake, "model_gates", old):
        patches["model_gates"] += [
            {**plain_row(row), "name": new},
            {"name": old, "gate": row["gate"], "condition": None},
        ]
    return patches


def grants_on(lake: Lake, name: str) -> list[dict[str, Any]]:
    """The grants on a model of that name."""
    where = {"object_kind": "model", "object_id": name}
    rows: list[dict[str, Any]] = lake.scan("grants", where=where).to_pylist()
    return rows


def drop_grants(lake: Lake, name: str) -> None:
    """Take away the grants on a name that is free again: they were meant for what it was."""
    columns = ("principal_kind", "principal", "object_kind", "object_id")
    keys = [tuple(row[column] for column in columns) for row in grants_on(lake, name)]
    if keys:
        lake.delete("grants", keys)


def _rows(lake: Lake, table: str, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = lake.scan(table, where={"name": name}).to_pylist()
    return rows


def _whole(row: Mapping[str, Any]) -> dict[str, Any]:
    """All columns that are set as a whole, so that nothing of an older row shines through."""
    plain = plain_row(row)
    kept = {key: plain.get(key) for key in row if key not in ("created_at", "updated_at")}
    return {k: v for k, v in kept.items() if v is not None or k not in ("tags", "flavors")}


def _map(row: Mapping[str, Any], older: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {**dict.fromkeys((older or {}).get("tags") or ()), **(row.get("tags") or {})}
