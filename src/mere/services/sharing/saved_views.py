"""Saved views: what a page shows, under a name, for oneself or for all who may read it.

A private view is its owner's alone. A shared one is seen by whoever may read its experiment, and
changed by whoever may edit that; where it is locked, by its owner and by admins. A change says
which revision it is of, and is refused where somebody else was quicker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mere.clock import run_id as new_id
from mere.entities.actor import Action, Actor, ActorKind, Scope
from mere.entities.saved_view import SavedView, ViewDraft, Visibility, check_draft, check_page
from mere.errors import Conflict, ErrorCode, InvalidInput, NotFound, PermissionDenied
from mere.services.registry.turns import Turn, take_turn

if TYPE_CHECKING:
    import builtins

    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.access.access import Access

__all__ = ["SavedViews"]

VIEWS_MAX = 1_000
_KIND = "saved_view"


class SavedViews:
    """The saved views of one warehouse.

    Args:
        lake: Where they are stored.
        clock: For new ids and times.
        access: Who may do what.
    """

    def __init__(self, lake: Lake, clock: Clock, access: Access) -> None:
        self._lake = lake
        self._clock = clock
        self._access = access

    def list(
        self, actor: Actor, page: str, experiment_id: str | None = None
    ) -> builtins.list[SavedView]:
        """The views of a page that somebody may see: those they marked first, then by name.

        Raises:
            PermissionDenied: They may not read the experiment.
        """
        self._access.authorize(actor, Action.READ, _scope(experiment_id))
        where = {"page": check_page(page), "lifecycle": "active"}
        rows = self._lake.scan("saved_views", where).to_pylist()
        seen = [
            self._told(actor, row)
            for row in rows
            if row["experiment_id"] == experiment_id and _is_visible(actor, row)
        ]
        starred = self._starred(actor)
        default = self._default(page, experiment_id)
        for view in seen:
            view.is_starred = view.view_id in starred
            view.is_default = view.view_id == default
        return sorted(seen, key=lambda one: (not one.is_starred, one.name.casefold(), one.view_id))

    def get(self, actor: Actor, view_id: str) -> SavedView:
        """One view.

        Raises:
            NotFound: There is none that they may see.
            PermissionDenied: They may not read its experiment.
        """
        row = self._row(actor, view_id)
        self._require_active(row)
        view = self._told(actor, row)
        view.is_starred = view_id in self._starred(actor)
        view.is_default = view_id == self._default(view.page, view.experiment_id)
        return view

    def create(
        self,
        actor: Actor,
        page: str,
        draft: ViewDraft,
        *,
        experiment_id: str | None = None,
        forked_from: str | None = None,
    ) -> SavedView:
        """Save what a page shows.

        Args:
            actor: Whose it will be.
            page: Which page.
            draft: Its name and state, and who sees it.
            experiment_id: Of which experiment.
            forked_from: The view that it began as.

        Raises:
            InvalidInput: A part cannot be one, or there are too many.
            PermissionDenied: They may not read the experiment, or not edit it for a shared view.
        """
        check_draft(draft)
        visibility = draft.visibility or Visibility.PRIVATE
        self._authorize_visibility(actor, visibility, experiment_id)
        if draft.name is None:
            raise InvalidInput(ErrorCode.INVALID_VALUE, "the view has no name: give it one")
        self._check_room(check_page(page), experiment_id)
        row = {
            "view_id": new_id(self._clock),
            "name": draft.name.strip(),
            "page": page,
            "experiment_id": experiment_id,
            "state": draft.state or "",
            "visibility": str(visibility),
            "is_locked": bool(draft.is_locked),
            "owner": actor.name,
            "forked_from": forked_from,
            "revision": 1,
            "changed_by": actor.name,
            "changed_at": self._clock.now_us(),
            "lifecycle": "active",
        }
        self._lake.patch("saved_views", [row])
        return self.get(actor, str(row["view_id"]))

    def change(self, actor: Actor, view_id: str, draft: ViewDraft, *, was: int) -> SavedView:
        """Change what is given, unless somebody else changed the view after revision `was`.

        Raises:
            Conflict: Somebody else was quicker.
            InvalidInput: A part cannot be one.
            NotFound: There is no such view.
            PermissionDenied: They may not.
        """
        row = self._row(actor, view_id)
        self._require_active(row)
        self._authorize_change(actor, row)
        owns = self._owns(actor, row)
        if (draft.visibility is not None or draft.is_locked is not None) and not owns:
            raise _not_yours(actor, row, "share or lock it")
        if draft.visibility is not None:
            self._authorize_visibility(actor, draft.visibility, row["experiment_id"])
        check_draft(draft)
        said = {
            name: str(value) if isinstance(value, Visibility) else value
            for name, value in msgspec.structs.asdict(draft).items()
            if value is not None
        }
        self._turn(actor, view_id, said, was)
        return self.get(actor, view_id)

    def delete(self, actor: Actor, view_id: str) -> None:
        """Delete a view; it can be restored.

        Raises:
            NotFound: There is no such view.
            PermissionDenied: They may not change it.
        """
        row = self._row(actor, view_id)
        self._authorize_change(actor, row)
        self._turn(actor, view_id, {"lifecycle": "deleted"})

    def restore(self, actor: Actor, view_id: str) -> SavedView:
        """Take a view back that was deleted; raises as `delete` does."""
        row = self._row(actor, view_id)
        self._authorize_change(actor, row)
        self._turn(actor, view_id, {"lifecycle": "active"})
        return self.get(actor, view_id)

    def star(self, actor: Actor, view_id: str, *, is_starred: bool) -> SavedView:
        """Mark a view for oneself, or no more; raises as `get` does."""
        self._require_active(self._row(actor, view_id))
        row = {"view_id": view_id, "name": actor.name, "is_starred": is_starred}
        self._lake.patch("view_stars", [row])
        return self.get(actor, view_id)

    def set_default(self, actor: Actor, view_id: str, *, is_default: bool) -> SavedView:
        """Let a page begin with a view, for all who read its experiment; or no more.

        Raises:
            InvalidInput: The view is private.
            NotFound: There is no such view.
            PermissionDenied: They may not edit the experiment.
        """
        row = self._row(actor, view_id)
        self._require_active(row)
        self._access.authorize(actor, Action.EDIT, _home(row["experiment_id"]))
        if is_default and row["visibility"] != Visibility.SHARED:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"view {row['name']!r} is private: share it before all begin with it",
                view_id=view_id,
            )
        page, experiment_id = row["page"], row["experiment_id"]
        if is_default or self._default(page, experiment_id) == view_id:
            said = {
                "page": page,
                "experiment_id": experiment_id or "",
                "view_id": view_id if is_default else None,
                "set_by": actor.name,
                "set_at": self._clock.now_us(),
            }
            self._lake.patch("view_defaults", [said])
        return self.get(actor, view_id)

    def _turn(
        self, actor: Actor, view_id: str, said: dict[str, Any], was: int | None = None
    ) -> None:
        def count() -> int:
            row = self._lake.get("saved_views", view_id)
            return int((row or {}).get("revision") or 0)

        def decide(revision: int) -> Turn[None]:
            if was is not None and revision - 1 != was:
                row = self._lake.get("saved_views", view_id) or {}
                raise Conflict(
                    ErrorCode.CHANGED_MEANWHILE,
                    f"{row.get('changed_by')} changed the view meanwhile: look at it again, then "
                    "save yours over it, or under another name",
                    view_id=view_id,
                    revision=revision - 1,
                    changed_by=row.get("changed_by"),
                )
            now = self._clock.now_us()
            told = {"revision": revision, "changed_by": actor.name, "changed_at": now}
            return Turn(None, {"saved_views": [{"view_id": view_id, **said, **told}]})

        take_turn(self._lake, self._clock, _KIND, view_id, count, decide)

    def _row(self, actor: Actor, view_id: str) -> dict[str, Any]:
        """The row of a view that somebody may see, also of one that is deleted."""
        row = self._lake.get("saved_views", view_id)
        if row is not None and _is_visible(actor, row):
            self._access.authorize(actor, Action.READ, _scope(row["experiment_id"]))
            return row
        raise _not_found(view_id)

    def _require_active(self, row: dict[str, Any]) -> None:
        if row["lifecycle"] != "active":
            raise _not_found(row["view_id"])

    def _told(self, actor: Actor, row: dict[str, Any]) -> SavedView:
        view = msgspec.convert({k: v for k, v in row.items() if v is not None}, SavedView)
        view.may_change = self._may_change(actor, row)
        return view

    def _may_change(self, actor: Actor, row: dict[str, Any]) -> bool:
        return self._owns(actor, row) or (not row["is_locked"] and self._edits(actor, row))

    def _owns(self, actor: Actor, row: dict[str, Any]) -> bool:
        role = self._access.role_on(actor, _home(row["experiment_id"]))
        return row["owner"] == actor.name or role.allows(Action.ADMIN)

    def _edits(self, actor: Actor, row: dict[str, Any]) -> bool:
        return self._access.role_on(actor, _home(row["experiment_id"])).allows(Action.EDIT)

    def _authorize_change(self, actor: Actor, row: dict[str, Any]) -> None:
        if self._may_change(actor, row):
            return
        if row["is_locked"] and self._edits(actor, row):
            raise _not_yours(actor, row, "change it, since it is locked")
        self._access.authorize(actor, Action.EDIT, _home(row["experiment_id"]))

    def _authorize_visibility(
        self, actor: Actor, visibility: Visibility, experiment_id: str | None
    ) -> None:
        """Refuse who may not show a view to those it would be shown to."""
        if visibility == Visibility.SHARED:
            self._access.authorize(actor, Action.EDIT, _home(experiment_id))
        else:
            self._access.authorize(actor, Action.READ, _scope(experiment_id))

    def _starred(self, actor: Actor) -> set[str]:
        where = {"name": actor.name, "is_starred": True}
        found = self._lake.scan("view_stars", where, ["view_id"])
        return set(found["view_id"].to_pylist())

    def _default(self, page: str, experiment_id: str | None) -> str | None:
        row = self._lake.get("view_defaults", (page, experiment_id or ""))
        return None if row is None else row["view_id"]

    def _check_room(self, page: str, experiment_id: str | None) -> None:
        where = {"page": page, "lifecycle": "active"}
        homes = self._lake.scan("saved_views", where, ["experiment_id"])["experiment_id"]
        if homes.to_pylist().count(experiment_id) >= VIEWS_MAX:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"there are {VIEWS_MAX:,} views of this page: delete one first",
                limit=VIEWS_MAX,
            )


def _scope(experiment_id: str | None) -> Scope:
    """What one must read to see views of an experiment, or of a page that is of none."""
    return Scope.anything() if experiment_id is None else Scope.experiment(experiment_id)


def _home(experiment_id: str | None) -> Scope:
    """What one must edit to share views."""
    return Scope.warehouse() if experiment_id is None else Scope.experiment(experiment_id)


def _is_visible(actor: Actor, row: dict[str, Any]) -> bool:
    is_mine = actor.kind is ActorKind.LOCAL or row["owner"] == actor.name
    return is_mine or row["visibility"] == Visibility.SHARED


def _not_found(view_id: str) -> NotFound:
    return NotFound(
        ErrorCode.VIEW_NOT_FOUND,
        f"there is no saved view {view_id[:60]!r}: it may have been deleted, or be private",
        view_id=view_id[:60],
    )


def _not_yours(actor: Actor, row: dict[str, Any], what: str) -> PermissionDenied:
    return PermissionDenied(
        ErrorCode.ACCESS_DENIED,
        f"view {row['name']!r} is {row['owner']}'s: {actor.name} may not {what}; fork it instead",
        view_id=row["view_id"],
        owner=row["owner"],
    )
