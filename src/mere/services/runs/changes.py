"""Changes to many runs at once, each with a word by which it is undone.

What a change undoes is kept for a day as an object below ``undo/``: what somebody does to eighty
thousand runs fits into no link. To undo is a change like any other, and may be undone itself. It
sets back what the change set; what others changed in between is not its business, so a tag is set
back only where it has the value that was set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from mere.entities.experiment import Lifecycle
from mere.entities.limits import check_tag
from mere.errors import ErrorCode, InvalidInput, NotFound

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.runs.runs import Runs

__all__ = ["ARCHIVED", "Change", "ChangeKind", "RunChanges"]

ARCHIVED = "mere.archived"
"""The tag of runs that were put aside; filters leave them out by ``tags.mere.archived is null``."""

RUNS_MAX = 100_000
_FOLDER = "undo/"
_KEPT_US = 86_400_000_000


class ChangeKind(StrEnum):
    """What is done to runs."""

    TAG = "tag"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"
    DELETE = "delete"
    RESTORE = "restore"


class Change(msgspec.Struct):
    """What was done.

    Args:
        changed: How many runs it changed.
        undo: What to pass to undo it; None where nothing was changed.
    """

    changed: int
    undo: str | None


class _Undo(msgspec.Struct):
    """How to undo a change: runs' lifecycle, or tags with the value set and the one before."""

    lifecycle: str | None = None
    runs: list[str] = []
    tags: dict[str, dict[str, tuple[str | None, str | None]]] = {}


class RunChanges:
    """Changes to many runs of one warehouse.

    Args:
        lake: Where they are stored.
        clock: For ids and ages.
        runs: Knows the rules.
    """

    def __init__(self, lake: Lake, clock: Clock, runs: Runs) -> None:
        self._lake = lake
        self._clock = clock
        self._runs = runs

    def change(
        self, kind: ChangeKind, run_ids: Sequence[str], tags: Mapping[str, str | None] | None = None
    ) -> Change:
        """Change runs.

        Args:
            kind: How.
            run_ids: Which.
            tags: For ``tag``, the tags to set; None removes one.

        Raises:
            InvalidInput: There are too many runs, or a tag breaks a limit.
            NotFound: There is no such run; nothing was changed.
        """
        if len(run_ids) > RUNS_MAX:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"{len(run_ids):,} runs at once: {RUNS_MAX:,} at most",
                limit=RUNS_MAX,
            )
        match kind:
            case ChangeKind.DELETE:
                moved = self._runs.delete(run_ids)
                return self._kept(_Undo(Lifecycle.ACTIVE, moved), len(moved))
            case ChangeKind.RESTORE:
                moved = self._runs.restore(run_ids)
                return self._kept(_Undo(Lifecycle.DELETED, moved), len(moved))
            case ChangeKind.ARCHIVE:
                return self._tag(run_ids, {ARCHIVED: "true"})
            case ChangeKind.UNARCHIVE:
                return self._tag(run_ids, {ARCHIVED: None})
            case _:
                return self._tag(run_ids, tags or {})

    def runs_of(self, undo: str) -> list[str]:
        """The runs that undoing a change would change; raises as `undo` does."""
        known = self._read(undo)
        return known.runs or list(known.tags)

    def undo(self, undo: str) -> Change:
        """Undo a change.

        Raises:
            NotFound: The change is not known any more.
        """
        known = self._read(undo)
        if known.lifecycle == Lifecycle.ACTIVE:
            return self.change(ChangeKind.RESTORE, known.runs)
        if known.lifecycle == Lifecycle.DELETED:
            return self.change(ChangeKind.DELETE, known.runs)
        present = self._tags_of(list(known.tags))
        wanted = {
            run: {
                key: before
                for key, (after, before) in changed.items()
                if present[run].get(key) == after
            }
            for run, changed in known.tags.items()
            if run in present
        }
        return self._set(present, wanted)

    def forget_old(self, *, dry_run: bool = False) -> int:
        """Forget how to undo what was done more than a day ago, or only count it."""
        limit_us = self._clock.now_us() - _KEPT_US
        found = self._lake.store.list(_FOLDER)
        old = [info.key for info in found if info.modified_us < limit_us]
        if old and not dry_run:
            self._lake.store.delete(old)
        return len(old)

    def _tag(self, run_ids: Sequence[str], tags: Mapping[str, str | None]) -> Change:
        checked = dict(check_tag(key, value) for key, value in tags.items())
        present = self._tags_of(run_ids)
        for run in run_ids:
            if run not in present:
                raise NotFound(
                    ErrorCode.RUN_NOT_FOUND, f"there is no run {run!r}: nothing was changed"
                )
        return self._set(present, dict.fromkeys(present, checked))

    def _set(
        self,
        present: Mapping[str, Mapping[str, str]],
        wanted: Mapping[str, Mapping[str, str | None]],
    ) -> Change:
        """Set tags of runs, those that are not set so already."""
        changed = {
            run: {
                key: (value, present[run].get(key))
                for key, value in tags.items()
                if present[run].get(key) != value
            }
            for run, tags in wanted.items()
        }
        changed = {run: tags for run, tags in changed.items() if tags}
        rows = [
            {"run_id": run, "tags": {key: after for key, (after, _) in tags.items()}}
            for run, tags in changed.items()
        ]
        if rows:
            self._lake.patch("runs", rows)
        return self._kept(_Undo(tags=changed), len(rows))

    def _tags_of(self, run_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        if not run_ids:
            return {}
        found = self._lake.scan("runs", {"run_id": list(run_ids)}, ["run_id", "tags"])
        rows = found.to_pylist(maps_as_pydicts="lossy")
        return {row["run_id"]: row["tags"] or {} for row in rows}

    def _kept(self, undo: _Undo, changed: int) -> Change:
        """The change that was made; how to undo it is kept, and what is older than a day is not."""
        if not changed:
            return Change(0, None)
        token = f"{self._clock.random_bits(128):032x}"
        self._lake.store.put(f"{_FOLDER}{token}", msgspec.msgpack.encode(undo))
        self.forget_old()
        return Change(changed, token)

    def _read(self, undo: str) -> _Undo:
        try:
            if len(undo) != 32 or set(undo) - set("0123456789abcdef"):
                raise NotFound(ErrorCode.OBJECT_NOT_FOUND, "no such change")
            return msgspec.msgpack.decode(self._lake.store.get(f"{_FOLDER}{undo}"), type=_Undo)
        except NotFound as error:
            raise NotFound(
                ErrorCode.OBJECT_NOT_FOUND,
                f"change {undo[:40]!r} is not known: changes can be undone for a day",
            ) from error
