"""What people talk about: found by its name, told by its stored id, shown to who may read it.

A version of a model is stored by its version_id, which stays the same when the model is renamed.
Whoever is kept from something is kept from all that is said of it, and is not told that it exists.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.actor import Action, Actor, Scope
from mere.entities.comment import Subject
from mere.entities.experiment import Lifecycle
from mere.errors import ErrorCode, InvalidInput, NotFound, PermissionDenied, Unauthenticated

if TYPE_CHECKING:
    from mere.lake import Lake
    from mere.services.access.access import Access
    from mere.services.sharing.reports import Reports

__all__ = ["Key", "Place", "Subjects"]

Key = tuple[str, str]
"""A kind and a stored id."""

_TABLES = {
    "run": ("runs", "run_id", ["run_id", "name", "experiment_id", "lifecycle"]),
    "model": ("model_versions", "version_id", ["version_id", "name", "version", "lifecycle"]),
    "dataset": ("datasets", "dataset_id", ["dataset_id", "name", "version", "lifecycle"]),
    "report": ("reports", "report_id", ["report_id", "title", "published_title", "lifecycle"]),
}
_MISSING = {
    "run": ErrorCode.RUN_NOT_FOUND,
    "model": ErrorCode.MODEL_NOT_FOUND,
    "dataset": ErrorCode.DATASET_NOT_FOUND,
    "report": ErrorCode.REPORT_NOT_FOUND,
}
_THERE = frozenset({None, Lifecycle.ACTIVE, Lifecycle.DELETED})
"""Neither removed for good nor moved to another name."""


class Place(msgspec.Struct, frozen=True):
    """A subject as it is now.

    Args:
        subject: As people address it.
        key: The id under which is stored what is said of it.
        label: What people call it.
        scope: What somebody must be allowed to read, to read what is said of it; who may read a
            report, the reports say.
        is_active: Whether it is in use; in the bin it is read, and nothing is added.
        experiment_id: The experiment of a run.
    """

    subject: Subject
    key: str
    label: str
    scope: Scope
    is_active: bool = True
    experiment_id: str | None = None


class Subjects:
    """The subjects of one warehouse.

    Args:
        lake: Where they are stored.
        access: Knows who may read what.
        reports: Know who may read them.
    """

    def __init__(self, lake: Lake, access: Access, reports: Reports) -> None:
        self._lake = lake
        self._access = access
        self._reports = reports

    def find(self, actor: Actor, subject: Subject) -> Place:
        """What somebody means.

        Raises:
            NotFound: There is no such thing, or they may not read it.
        """
        place = self._version(subject) if subject.kind == "model" else self._row(subject)
        if place is None or not self.is_readable(actor, place):
            raise NotFound(
                _MISSING[subject.kind],
                f"there is no {subject.kind} {subject.id!r}",
                subject=str(subject),
            )
        return place

    def open(self, actor: Actor, subject: Subject) -> Place:
        """The same, to add something to what is said of it.

        Raises:
            NotFound: As for `find`.
            InvalidInput: It is in the bin.
        """
        place = self.find(actor, subject)
        if not place.is_active:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"{subject.kind} {place.label!r} is deleted: restore it to go on talking about it",
                subject=str(subject),
            )
        return place

    def stored(self, keys: Iterable[Key]) -> dict[Key, Place]:
        """Subjects by the ids under which they are stored; those that are gone are left out."""
        wanted: dict[str, list[str]] = {}
        for kind, key in dict.fromkeys(keys):
            wanted.setdefault(kind, []).append(key)
        found: dict[Key, Place] = {}
        for kind, ids in wanted.items():
            table, column, columns = _TABLES[kind]
            for row in self._lake.scan(table, {column: ids}, columns).to_pylist():
                place = _place(kind, row)
                if place is not None:
                    found[kind, row[column]] = place
        return found

    def readable(self, actor: Actor, keys: Iterable[Key]) -> dict[Key, Place]:
        """The same, without what somebody may not read."""
        found = self.stored(keys)
        return {key: place for key, place in found.items() if self.is_readable(actor, place)}

    def is_readable(self, actor: Actor, place: Place) -> bool:
        """Whether somebody may read what is said of something."""
        return self._allows(actor, Action.READ, place)

    def is_changeable(self, actor: Actor, place: Place) -> bool:
        """Whether somebody may change it."""
        return self._allows(actor, Action.EDIT, place)

    def is_administered(self, actor: Actor, place: Place) -> bool:
        """Whether somebody is its admin."""
        return self._allows(actor, Action.ADMIN, place)

    def _allows(self, actor: Actor, action: Action, place: Place) -> bool:
        try:
            if place.subject.kind == "report":
                return self._reports.allows(actor, action, place.key)
            self._access.authorize(actor, action, place.scope)
        except (PermissionDenied, Unauthenticated):
            return False
        return True

    def _version(self, subject: Subject) -> Place | None:
        row = self._lake.get("model_versions", subject.version)
        return None if row is None else _place("model", row)

    def _row(self, subject: Subject) -> Place | None:
        return self.stored([(subject.kind, subject.id)]).get((subject.kind, subject.id))


def _place(kind: str, row: dict[str, Any]) -> Place | None:
    """A subject of its row; None where it is gone, or is told by another row."""
    if row.get("lifecycle") not in _THERE:
        return None
    is_active = row.get("lifecycle") != Lifecycle.DELETED
    if kind == "run":
        run_id, home = row["run_id"], row.get("experiment_id")
        if home is None:
            return None
        label = row.get("name") or run_id[:12]
        scope = Scope.experiment(home)
        return Place(Subject("run", run_id), run_id, label, scope, is_active, home)
    if kind == "dataset":
        key = row["dataset_id"]
        label = f"{row['name']}@{row['version']}"
        return Place(Subject("dataset", key), key, label, Scope.warehouse(), is_active)
    if kind == "report":
        key = row["report_id"]
        label = row["published_title"] or row["title"] or key[:12]
        return Place(Subject("report", key), key, label, Scope.anything(), is_active)
    label = f"{row['name']}/{row['version']}"
    key = row.get("version_id") or label
    return Place(Subject("model", label), key, label, Scope.model(row["name"]), is_active)
