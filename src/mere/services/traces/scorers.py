"""Registered scorers: definitions of judges, which clients write, read and run.

A version's number is claimed, so two who register at once get two numbers; none is given again.
Nothing here runs a definition.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.experiment import Lifecycle
from mere.entities.limits import check_name
from mere.errors import ErrorCode, InvalidInput, NotFound

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake

__all__ = ["DEFINITION_CHARS_MAX", "Scorer", "Scorers"]

DEFINITION_CHARS_MAX = 1_000_000
_KIND = "scorer_version"


class Scorer(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a registered scorer.

    Args:
        experiment_id: The experiment it judges.
        name: Unique in the experiment.
        version: Counts from 1 in each name.
        scorer_id: The same for all versions of a name.
        definition: JSON, as the client wrote it.
        created_by: Who registered it.
        lifecycle: ``active`` or ``deleted``.
        registered_at: When.
    """

    experiment_id: str
    name: str
    version: int
    scorer_id: str
    definition: str
    created_by: str | None = None
    lifecycle: str = Lifecycle.ACTIVE
    registered_at: datetime | None = None


class Scorers:
    """The scorers of one warehouse.

    Args:
        lake: Where they are stored.
        clock: For ids and times.
    """

    def __init__(self, lake: Lake, clock: Clock) -> None:
        self._lake = lake
        self._clock = clock

    def register(
        self, experiment_id: str, name: str, definition: str, *, created_by: str | None = None
    ) -> Scorer:
        """Register a further version of a scorer.

        Raises:
            InvalidInput: The name cannot be one, or the definition is no JSON object or too long.
        """
        check_name(name, "scorer")
        _check_definition(definition)
        rows = self._rows(experiment_id, name, is_any=True)
        version = max((row["version"] for row in rows), default=0) + 1
        known = rows[0]["scorer_id"] if rows else f"{self._clock.random_bits(128):032x}"
        while True:
            wanted = {
                "experiment_id": experiment_id,
                "name": name,
                "version": version,
                "scorer_id": known,
                "definition": definition,
                "created_by": created_by,
                "lifecycle": Lifecycle.ACTIVE,
                "registered_at": self._clock.now_us(),
            }
            claim = self._lake.claim(_KIND, f"{experiment_id}/{version}/{name}", wanted)
            self._lake.patch("scorers", [claim.record], at=claim.tick)
            if claim.won:
                return self.get(experiment_id, name, version)
            known = claim.record["scorer_id"]
            version += 1

    def get(self, experiment_id: str, name: str, version: int | None = None) -> Scorer:
        """Return a version, by default the newest.

        Raises:
            NotFound: There is none.
        """
        for row in self._rows(experiment_id, name):
            if version in (None, row["version"]):
                return _entity(row)
        label = name if version is None else f"{name} version {version}"
        raise NotFound(
            ErrorCode.SCORER_NOT_FOUND,
            f"experiment {experiment_id} has no scorer {label!r}: list its scorers",
            scorer=name,
            version=version,
        )

    def versions(self, experiment_id: str, name: str) -> list[Scorer]:
        """All versions of a scorer, oldest first; raises as `get` does where there are none."""
        found = [_entity(row) for row in self._rows(experiment_id, name)]
        if not found:
            self.get(experiment_id, name)
        return found[::-1]

    def list(self, experiment_ids: Sequence[str] | None = None) -> list[Scorer]:
        """The newest version of each scorer of some experiments, or of all."""
        newest: dict[tuple[str, str], Scorer] = {}
        where = {} if experiment_ids is None else {"experiment_id": [*experiment_ids]}
        rows = self._lake.scan("scorers", where=where).to_pylist()
        for row in sorted(rows, key=lambda row: int(row["version"])):
            if row["lifecycle"] == Lifecycle.ACTIVE:
                newest[row["experiment_id"], row["name"]] = _entity(row)
        return [newest[key] for key in sorted(newest)]

    def delete(self, experiment_id: str, name: str, version: int | None = None) -> int:
        """Delete a version, or all of a name; returns how many.

        Raises:
            NotFound: There is none.
        """
        self.get(experiment_id, name, version)
        doomed = [
            {
                "experiment_id": experiment_id,
                "name": name,
                "version": row["version"],
                "lifecycle": Lifecycle.DELETED,
            }
            for row in self._rows(experiment_id, name)
            if version in (None, row["version"])
        ]
        self._lake.patch("scorers", doomed)
        return len(doomed)

    def _rows(
        self, experiment_id: str, name: str, *, is_any: bool = False
    ) -> Sequence[dict[str, Any]]:
        """The versions of a name, newest first."""
        where = {"experiment_id": experiment_id, "name": name}
        rows = self._lake.scan("scorers", where=where).to_pylist()
        kept = [row for row in rows if is_any or row["lifecycle"] == Lifecycle.ACTIVE]
        return sorted(kept, key=lambda row: -int(row["version"]))


def _check_definition(definition: str) -> None:
    if len(definition) > DEFINITION_CHARS_MAX:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"the scorer's definition has {len(definition):,} characters and may have "
            f"{DEFINITION_CHARS_MAX:,}",
            limit=DEFINITION_CHARS_MAX,
        )
    try:
        msgspec.json.decode(definition, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"the scorer's definition is no JSON object: {error}"
        ) from error


def _entity(row: dict[str, Any]) -> Scorer:
    known = {name: row[name] for name in Scorer.__struct_fields__ if row.get(name) is not None}
    return Scorer(**known)
