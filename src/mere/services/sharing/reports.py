"""Reports: texts with panels in them, saved as versions that never change.

A report is a draft, seen by its owner, its editors and admins, until a version of it is
published. Whoever may read one of the experiments that the published version shows reads it, and
sees only those of its panels that he may read; where it shows none, whoever may read the
warehouse. A save says which version it was made of, and is refused where somebody else saved
meanwhile.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import msgspec

from mere.clock import run_id as new_id
from mere.entities.actor import Action, Actor, ActorKind, Scope
from mere.entities.report import (
    Report,
    ReportPage,
    ReportText,
    ReportVersion,
    check_body,
    check_editors,
    check_title,
    panels_of,
    sources_of,
)
from mere.errors import Conflict, ErrorCode, InvalidInput, NotFound
from mere.services.registry.turns import Patches, Turn, take_turn
from mere.services.sharing.pin_keeping import renew_pins
from mere.services.sharing.report_rows import (
    excerpt,
    is_readable,
    lines,
    no_version,
    not_found,
    not_yours,
    told,
)

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterable

    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.access.access import Access
    from mere.services.runs.homes import RunHomes

__all__ = ["Reports"]

PAGE_MAX = 500
_KIND = "report"
_FILE = "report.md"


class Reports:
    """The reports of one warehouse.

    Args:
        lake: Where they are stored.
        clock: For new ids and times.
        access: Who may do what.
        run_homes: Knows in which experiments runs are.
    """

    def __init__(self, lake: Lake, clock: Clock, access: Access, run_homes: RunHomes) -> None:
        self._lake = lake
        self._clock = clock
        self._access = access
        self._homes = run_homes

    # Reading

    def list(
        self,
        actor: Actor,
        *,
        search: str = "",
        state: str = "all",
        offset: int = 0,
        limit: int = 100,
    ) -> ReportPage:
        """The reports that somebody may read, the one changed last first.

        Args:
            actor: Who asks.
            search: Words; only reports whose title, text's beginning or owner hold all of them.
            state: ``draft``, ``published``, ``mine`` or ``all``.
            offset: Leave out so many.
            limit: At most so many.

        Raises:
            InvalidInput: The limit is too large.
        """
        if not 1 <= limit <= PAGE_MAX or offset < 0:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"{limit} reports behind {offset}: ask for 1 to {PAGE_MAX}",
                limit=PAGE_MAX,
            )
        words = search.casefold().split()
        readable = self._access.readable_experiments(actor)
        reads_warehouse = self._access.role_on(actor, Scope.warehouse()).allows(Action.READ)
        found = []
        for row in self._lake.scan("reports", {"lifecycle": "active"}).to_pylist():
            edits = self._edits(actor, row)
            if not edits and not is_readable(row, readable, reads_warehouse=reads_warehouse):
                continue
            report = told(row, edits=edits)
            text = f"{report.title} {report.owner} {report.excerpt}".casefold()
            is_meant = {
                "draft": report.published is None,
                "published": report.published is not None,
                "mine": row["owner"] == actor.name,
            }.get(state, True)
            if is_meant and all(word in text for word in words):
                found.append((row["changed_at"], report))
        found.sort(key=lambda one: (one[0], one[1].report_id), reverse=True)
        return ReportPage([report for _, report in found[offset : offset + limit]], len(found))

    def get(self, actor: Actor, report_id: str, version: int | None = None) -> ReportText:
        """A report with its text: for readers the published one, for editors the newest.

        Args:
            actor: Who asks.
            report_id: Which report.
            version: Which version; those that are not published are for editors alone.

        Raises:
            NotFound: There is none that they may read.
        """
        row = self._readable(actor, report_id)
        edits = self._edits(actor, row)
        shown = version or (row["version"] if edits else row["published"])
        if not edits and shown != row["published"]:
            raise no_version(report_id, shown)
        text = self._version(report_id, shown)
        return ReportText(
            report=told(row, edits=edits), shown=shown, title=text["title"], body=text["body"]
        )

    def versions(self, actor: Actor, report_id: str) -> builtins.list[ReportVersion]:
        """The versions of a report, the newest first; for its editors.

        Raises:
            NotFound: There is none that they may read.
            PermissionDenied: They may read it, and no more.
        """
        self._editable(actor, report_id)
        columns = ["version", "title", "saved_by", "saved_at", "restored_from", "chars"]
        rows = self._lake.scan("report_versions", {"report_id": report_id}, columns).to_pylist()
        found = [
            msgspec.convert({k: v for k, v in row.items() if v is not None}, ReportVersion)
            for row in rows
        ]
        return sorted(found, key=lambda one: one.version, reverse=True)

    def diff(self, actor: Actor, report_id: str, older: int, newer: int) -> str:
        """What changed from one version to another, as git writes it; raises as `versions`."""
        self._editable(actor, report_id)
        before, after = (self._version(report_id, one) for one in (older, newer))
        changes = [
            f"diff --git a/{_FILE} b/{_FILE}",
            *difflib.unified_diff(
                lines(before), lines(after), f"a/{_FILE}", f"b/{_FILE}", lineterm=""
            ),
        ]
        return "\n".join(changes) + "\n" if len(changes) > 1 else ""

    def allows(self, actor: Actor, action: Action, report_id: str) -> bool:
        """Whether somebody may read a report, change it, or do with it what its owner may."""
        try:
            row = self._readable(actor, report_id)
        except NotFound:
            return False
        if action is Action.READ:
            return True
        return self._edits(actor, row) if action is Action.EDIT else self._owns(actor, row)

    # Writing

    def create(
        self, actor: Actor, title: str, body: str, *, editors: Iterable[str] = ()
    ) -> ReportText:
        """Write a report; it is a draft.

        Raises:
            InvalidInput: A part cannot be one.
            PermissionDenied: They may edit nothing.
        """
        self._access.authorize(actor, Action.EDIT, Scope.anything())
        report_id = new_id(self._clock)
        head = {
            "owner": actor.name,
            "editors": check_editors(editors),
            "lifecycle": "active",
        }
        text = self._text(title, body)
        renew_pins(self._lake, self._clock, body)
        self._turn(report_id, lambda _: self._saved(actor, report_id, 1, text, head))
        return self.get(actor, report_id)

    def save(
        self,
        actor: Actor,
        report_id: str,
        title: str,
        body: str,
        *,
        was: int,
        restored_from: int | None = None,
    ) -> ReportText:
        """Save a text as the next version, unless there is one after version `was`.

        Raises:
            Conflict: Somebody else saved meanwhile; the details tell who, and which version.
            InvalidInput: A part cannot be one.
            NotFound: There is no such report.
            PermissionDenied: They may not change it.
        """
        found = self._editable(actor, report_id)
        text = {**self._text(title, body), "restored_from": restored_from}
        newest = self._version(report_id, found["version"])
        renew_pins(self._lake, self._clock, body, newest["body"])

        def decide(row: dict[str, Any]) -> Patches:
            if row["version"] != was:
                raise Conflict(
                    ErrorCode.CHANGED_MEANWHILE,
                    f"{row['changed_by']} saved version {row['version']} meanwhile, and yours was "
                    f"made of version {was}: read that one, then save yours over it",
                    report_id=report_id,
                    version=row["version"],
                    saved_by=row["changed_by"],
                )
            return self._saved(actor, report_id, row["version"] + 1, text, {})

        self._turn(report_id, decide)
        return self.get(actor, report_id)

    def restore_version(
        self, actor: Actor, report_id: str, version: int, *, was: int
    ) -> ReportText:
        """Make an older text the newest version; raises as `save` does."""
        self._editable(actor, report_id)
        old = self._version(report_id, version)
        return self.save(
            actor, report_id, old["title"], old["body"], was=was, restored_from=version
        )

    def publish(self, actor: Actor, report_id: str, version: int | None) -> Report:
        """Show a version to readers; none of them, where that is None.

        Raises:
            NotFound: There is no such report or version.
            PermissionDenied: They may not change it.
        """
        self._editable(actor, report_id)
        shown = None if version is None else self._version(report_id, version)
        change = {
            "published": version,
            "published_title": shown["title"] if shown else None,
            "published_excerpt": excerpt(shown["body"]) if shown else None,
            "published_experiments": shown["experiments"] or [] if shown else [],
        }
        self._change(actor, report_id, change)
        return self._report(actor, report_id)

    def set_editors(self, actor: Actor, report_id: str, editors: Iterable[str]) -> Report:
        """Say who else may change a report; for its owner and for admins.

        Raises:
            InvalidInput: A name cannot be one, or there are too many.
            NotFound: There is no such report.
            PermissionDenied: It is somebody else's.
        """
        row = self._editable(actor, report_id)
        self._require_owner(actor, row)
        self._change(actor, report_id, {"editors": check_editors(editors)})
        return self._report(actor, report_id)

    def delete(self, actor: Actor, report_id: str) -> None:
        """Delete a report; it can be restored. For its owner and for admins; raises as those."""
        row = self._editable(actor, report_id)
        self._require_owner(actor, row)
        self._change(actor, report_id, {"lifecycle": "deleted"})

    def restore(self, actor: Actor, report_id: str) -> Report:
        """Take a report back that was deleted; raises as `delete` does."""
        row = self._lake.get("reports", report_id)
        if row is None or not self._edits(actor, row):
            raise not_found(report_id)
        self._require_owner(actor, row)
        self._change(actor, report_id, {"lifecycle": "active"})
        return self._report(actor, report_id)

    # Parts

    def _text(self, title: str, body: str) -> dict[str, Any]:
        """The columns of a version; what it shows is read from its panels."""
        experiments, runs = sources_of(panels_of(check_body(body)))
        experiments.update(self._homes.of(runs).values())
        return {
            "title": check_title(title),
            "body": body,
            "chars": len(body),
            "experiments": sorted(experiments),
        }

    def _saved(
        self,
        actor: Actor,
        report_id: str,
        version: int,
        text: dict[str, Any],
        head: dict[str, Any],
    ) -> Patches:
        now = self._clock.now_us()
        keys = {"report_id": report_id, "version": version}
        row = {
            **keys,
            **head,
            "title": text["title"],
            "experiments": text["experiments"],
            "excerpt": excerpt(text["body"]),
            "changed_by": actor.name,
            "changed_at": now,
        }
        saved = {**keys, **text, "saved_by": actor.name, "saved_at": now}
        return {"reports": [row], "report_versions": [saved]}

    def _change(self, actor: Actor, report_id: str, change: dict[str, Any]) -> None:
        now = self._clock.now_us()
        row = {"report_id": report_id, **change, "changed_by": actor.name, "changed_at": now}
        self._turn(report_id, lambda _: {"reports": [row]})

    def _turn(self, report_id: str, decide: Callable[[dict[str, Any]], Patches]) -> None:
        """Change a report when it is our turn; the change is told its row as it is then."""
        row: dict[str, Any] = {}

        def count() -> int:
            row.clear()
            row.update(self._lake.get("reports", report_id) or {})
            return int(row.get("revision") or 0)

        def turn(revision: int) -> Turn[None]:
            patches = decide(row)
            patches["reports"][0]["revision"] = revision
            return Turn(None, patches)

        take_turn(self._lake, self._clock, _KIND, report_id, count, turn)

    def _report(self, actor: Actor, report_id: str) -> Report:
        row = self._readable(actor, report_id)
        return told(row, edits=self._edits(actor, row))

    def _readable(self, actor: Actor, report_id: str) -> dict[str, Any]:
        row = self._lake.get("reports", report_id)
        if row is not None and row["lifecycle"] == "active":
            if self._edits(actor, row):
                return row
            on_warehouse = self._access.role_on(actor, Scope.warehouse())
            readable = self._access.readable_experiments(actor)
            if is_readable(row, readable, reads_warehouse=on_warehouse.allows(Action.READ)):
                return row
        raise not_found(report_id)

    def _editable(self, actor: Actor, report_id: str) -> dict[str, Any]:
        row = self._readable(actor, report_id)
        if self._edits(actor, row):
            return row
        raise not_yours(actor, row, "change it: ask its owner to make you an editor of it")

    def _edits(self, actor: Actor, row: dict[str, Any]) -> bool:
        """Whether somebody may change a report: its owner, its editors, admins."""
        return actor.name in (row["editors"] or ()) or self._owns(actor, row)

    def _owns(self, actor: Actor, row: dict[str, Any]) -> bool:
        if actor.kind is ActorKind.LOCAL or row["owner"] == actor.name:
            return True
        return self._access.role_on(actor, Scope.warehouse()).allows(Action.ADMIN)

    def _require_owner(self, actor: Actor, row: dict[str, Any]) -> None:
        if not self._owns(actor, row):
            raise not_yours(actor, row, "delete it or say who else may change it")

    def _version(self, report_id: str, version: int) -> dict[str, Any]:
        row = self._lake.get("report_versions", (report_id, version))
        if row is None:
            raise no_version(report_id, version)
        return row
