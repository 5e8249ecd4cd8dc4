"""Rows of the registry: read, turned into entities, and taken in from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from mere.clock import run_id as new_id
from mere.entities.model import (
    ModelLifecycle,
    ModelVersion,
    RegisteredModel,
    Stage,
    VersionStatus,
    check_model_name,
    check_version,
)
from mere.errors import Conflict, ErrorCode, NotFound
from mere.services.imports import changed_rows
from mere.services.runs.search import STAMPED

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake

__all__ = [
    "ModelRows",
    "active_model",
    "active_version",
    "alias_move",
    "aliases_of",
    "changes_of",
    "check_unchanged",
    "is_active",
    "model_entity",
    "model_row",
    "plain_row",
    "uid_of",
    "version_entity",
    "version_rows",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_IN_USE = (None, ModelLifecycle.ACTIVE)


class ModelRows:
    """Takes models in as they were elsewhere; what is here already and equal is not written.

    Args:
        lake: Where they are stored.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def take(
        self,
        *,
        logged: Sequence[dict[str, Any]] = (),
        registered: Sequence[dict[str, Any]] = (),
        versions: Sequence[dict[str, Any]] = (),
        aliases: Sequence[dict[str, Any]] = (),
    ) -> int:
        """Write rows; a column that is None stays as it is here.

        Returns:
            How many models and versions were given.
        """
        given = {
            "logged_models": logged,
            "registered_models": registered,
            "model_versions": versions,
            "model_aliases": aliases,
        }
        changed = {table: changed_rows(self._lake, table, rows) for table, rows in given.items()}
        with self._lake.batch() as batch:
            for table, rows in changed.items():
                batch.patch(table, rows)
        return len(logged) + len(registered) + len(versions)


def is_active(row: Mapping[str, Any] | None) -> bool:
    """Whether a row is there and in use; those taken in from elsewhere may not say."""
    return row is not None and row.get("lifecycle") in _IN_USE


def model_row(lake: Lake, name: str) -> dict[str, Any] | None:
    """The row of a registered model, whatever its lifecycle."""
    return lake.get("registered_models", check_model_name(name))


def active_model(lake: Lake, name: str) -> dict[str, Any]:
    """The row of a registered model in use.

    Raises:
        NotFound: There is none; the message says where it went.
    """
    row = model_row(lake, name)
    if row is not None and is_active(row):
        return row
    is_renamed = row is not None and row["lifecycle"] == ModelLifecycle.RENAMED
    hint = f"it is called {row['renamed_to']!r} now" if row and is_renamed else ""
    raise NotFound(
        ErrorCode.MODEL_NOT_FOUND,
        f"there is no registered model {name!r}: {hint or '`mere models list` lists those known'}",
        name=name,
    )


def changes_of(lake: Lake, name: str) -> int:
    """How many changes of a name there were, whatever its lifecycle; see `model_turns`."""
    row = model_row(lake, name)
    return 0 if row is None else row["changes"] or 0


def active_version(lake: Lake, name: str, version: object) -> dict[str, Any]:
    """The row of a version in use.

    Raises:
        NotFound: There is none.
    """
    number = check_version(version)
    row = lake.get("model_versions", (check_model_name(name), number))
    if row is not None and is_active(row):
        return row
    active_model(lake, name)
    gone = " any more: it was deleted" if row is not None else ""
    raise NotFound(
        ErrorCode.MODEL_NOT_FOUND,
        f"registered model {name!r} has no version {number}{gone}",
        name=name,
        version=number,
    )


def version_rows(
    lake: Lake, name: str, columns: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """The rows of all versions of a name, whatever their lifecycle."""
    found = lake.scan("model_versions", where={"name": name}, columns=columns)
    rows: list[dict[str, Any]] = found.to_pylist(maps_as_pydicts="lossy")
    return rows


def aliases_of(lake: Lake, names: Iterable[str]) -> dict[str, dict[str, int]]:
    """The version that each alias points at, by name and alias."""
    wanted = list(dict.fromkeys(names))
    found: dict[str, dict[str, int]] = {name: {} for name in wanted}
    if wanted:
        rows = lake.scan("model_aliases", where={"name": wanted}).to_pylist()
        for row in sorted(rows, key=lambda row: str(row["alias"])):
            if row["version"] is not None:
                found[row["name"]][row["alias"]] = row["version"]
    return found


def check_unchanged(row: Mapping[str, Any], expected: str | None) -> None:
    """Refuse to write over a description that nobody has seen.

    Raises:
        Conflict: It is not what was expected.
    """
    if expected is not None and (row.get("description") or "") != expected:
        raise Conflict(
            ErrorCode.CHANGED_MEANWHILE,
            "somebody else changed the description meanwhile: read it again, then write yours",
            name=row["name"],
        )


def alias_move(
    clock: Clock,
    model: Mapping[str, Any],
    alias: str,
    *,
    to: int | None,
    was: int | None,
    by: str | None = None,
) -> dict[str, Any]:
    """A row that remembers a move of an alias.

    Args:
        clock: For its id and time.
        model: The model's row.
        alias: What moves.
        to: The version it points at now; None where it is removed.
        was: The version it pointed at before; None where it is new.
        by: The account that moved it.
    """
    return {
        "move_id": new_id(clock),
        "name": model["name"],
        "model_uid": uid_of(model),
        "alias": alias,
        "version": to,
        "from_version": was,
        "moved_by": by,
        "moved_at": clock.now_us(),
    }


def uid_of(model: Mapping[str, Any]) -> str:
    """What stays the same when a model is renamed; those taken in from elsewhere have none."""
    return model.get("model_uid") or f"name:{model['name']}"


def model_entity(row: Mapping[str, Any], aliases: Mapping[str, int]) -> RegisteredModel:
    """A registered model of its row."""
    return msgspec.convert({**_known(row), "aliases": dict(aliases)}, RegisteredModel)


def version_entity(row: Mapping[str, Any], aliases: Mapping[str, int]) -> ModelVersion:
    """A version of its row, and of the aliases of its model."""
    mine = [alias for alias, version in aliases.items() if version == row["version"]]
    known = {"status": VersionStatus.READY, "stage": Stage.NONE, **_known(row), "aliases": mine}
    return msgspec.convert(known, ModelVersion)


def plain_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as a patch that JSON can hold: times in microseconds, without the lake's columns."""
    return {
        name: (value - _EPOCH) // timedelta(microseconds=1)
        if isinstance(value, datetime)
        else value
        for name, value in row.items()
        if name not in STAMPED and value is not None
    }


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: dict(value) if isinstance(value, list) and name in ("tags", "flavors") else value
        for name, value in row.items()
        if value is not None
    }
