"""Reports, their versions, and the data that their panels pin."""

from __future__ import annotations

from typing import Literal

import msgspec

from mere.entities.actor import Action, Scope
from mere.entities.report import Report, ReportPage, ReportText, ReportVersion
from mere.server.operations import Call, Permission
from mere.server.protocols.native.wire import operation
from mere.services.sharing.pins import FilePart, Pin, SeriesPart, SqlPart, WindowPart

__all__ = ["OPERATIONS"]

# Who may read or change which report, the service looks up: it depends on what the report shows.
_ANYTHING = Permission(Action.READ, lambda call: Scope.anything())  # noqa: ARG005
_SOMETHING = Permission(Action.EDIT, lambda call: Scope.anything())  # noqa: ARG005
_ALL = "/api/v1/reports"
_ONE = "/api/v1/reports/{report_id}"
_BODY_BYTES_MAX = 8 << 20


class ReportsQuery(msgspec.Struct):
    """Which reports.

    Args:
        search: Words; only reports whose title, beginning or owner hold all of them.
        state: ``all``, ``published``, ``draft`` or ``mine``.
        offset: Leave out so many.
        limit: At most so many.
    """

    search: str = ""
    state: Literal["all", "published", "draft", "mine"] = "all"
    offset: int = 0
    limit: int = 100


class NewReport(msgspec.Struct):
    """What to write.

    Args:
        title: What it is called.
        body: Markdown with fenced ``panel`` blocks.
        editors: Who else may change it.
    """

    title: str = ""
    body: str = ""
    editors: list[str] = []


class ReportId(msgspec.Struct):
    """Which report, and which of its versions."""

    report_id: str = ""
    version: int | None = None


class ReportSave(msgspec.Struct):
    """What to save as the next version.

    Args:
        was: The version it was made of; where there is a later one, nothing is written.
        title: What it is called.
        body: Markdown with fenced ``panel`` blocks.
        report_id: Which report.
    """

    was: int
    title: str
    body: str
    report_id: str = ""


class VersionRestore(msgspec.Struct):
    """Which version's text to make the newest again, and which one is the newest."""

    was: int
    version: int
    report_id: str = ""


class ReportPublish(msgspec.Struct):
    """Which version readers see; null for none."""

    version: int | None
    report_id: str = ""


class ReportEditors(msgspec.Struct):
    """Who else may change a report."""

    editors: list[str]
    report_id: str = ""


class VersionList(msgspec.Struct):
    """The versions of a report, the newest first."""

    versions: list[ReportVersion]


class DiffQuery(msgspec.Struct):
    """From which version of a report to which."""

    older: int
    newer: int
    report_id: str = ""


class ReportDiff(msgspec.Struct):
    """What changed, as git writes it; empty where nothing did."""

    text: str


class NewPin(msgspec.Struct):
    """The questions whose answers are to be kept."""

    parts: list[WindowPart | SeriesPart | SqlPart | FilePart]


class PinId(msgspec.Struct):
    """Which data."""

    pin_id: str = ""


@operation("GET", _ALL, permission=_ANYTHING, request=ReportsQuery, answer=ReportPage)
def list_reports(call: Call) -> ReportPage:
    """A stretch of the reports that the caller may read, the one changed last first."""
    data: ReportsQuery = call.data
    return call.warehouse.reports.list(
        call.actor, search=data.search, state=data.state, offset=data.offset, limit=data.limit
    )


@operation(
    "POST",
    _ALL,
    permission=_SOMETHING,
    request=NewReport,
    answer=ReportText,
    body_max=_BODY_BYTES_MAX,
)
def create_report(call: Call) -> ReportText:
    """Write a report; it is a draft."""
    data: NewReport = call.data
    return call.warehouse.reports.create(call.actor, data.title, data.body, editors=data.editors)


@operation("GET", _ONE, permission=_ANYTHING, request=ReportId, answer=ReportText)
def get_report(call: Call) -> ReportText:
    """A report with its text: the published one, for editors the newest."""
    data: ReportId = call.data
    return call.warehouse.reports.get(call.actor, data.report_id, data.version)


@operation(
    "PUT",
    _ONE,
    permission=_ANYTHING,
    request=ReportSave,
    answer=ReportText,
    body_max=_BODY_BYTES_MAX,
)
def save_report(call: Call) -> ReportText:
    """Save a text as the next version; refused where somebody else saved meanwhile."""
    data: ReportSave = call.data
    return call.warehouse.reports.save(
        call.actor, data.report_id, data.title, data.body, was=data.was
    )


@operation("DELETE", _ONE, permission=_ANYTHING, request=ReportId, status=204, sends={204: ""})
def delete_report(call: Call) -> None:
    """Delete a report; it can be restored."""
    call.warehouse.reports.delete(call.actor, call.data.report_id)


@operation("POST", f"{_ONE}/restore", permission=_ANYTHING, request=ReportId, answer=Report)
def restore_report(call: Call) -> Report:
    """Take a report back that was deleted."""
    return call.warehouse.reports.restore(call.actor, call.data.report_id)


@operation("PUT", f"{_ONE}/published", permission=_ANYTHING, request=ReportPublish, answer=Report)
def publish_report(call: Call) -> Report:
    """Show a version to readers, or none of them."""
    data: ReportPublish = call.data
    return call.warehouse.reports.publish(call.actor, data.report_id, data.version)


@operation("PUT", f"{_ONE}/editors", permission=_ANYTHING, request=ReportEditors, answer=Report)
def set_report_editors(call: Call) -> Report:
    """Say who else may change a report."""
    data: ReportEditors = call.data
    return call.warehouse.reports.set_editors(call.actor, data.report_id, data.editors)


@operation("GET", f"{_ONE}/versions", permission=_ANYTHING, request=ReportId, answer=VersionList)
def list_report_versions(call: Call) -> VersionList:
    """The versions of a report, the newest first."""
    return VersionList(call.warehouse.reports.versions(call.actor, call.data.report_id))


@operation(
    "POST",
    f"{_ONE}/versions/restore",
    permission=_ANYTHING,
    request=VersionRestore,
    answer=ReportText,
)
def restore_report_version(call: Call) -> ReportText:
    """Make an older text the newest version of a report."""
    data: VersionRestore = call.data
    return call.warehouse.reports.restore_version(
        call.actor, data.report_id, data.version, was=data.was
    )


@operation("GET", f"{_ONE}/diff", permission=_ANYTHING, request=DiffQuery, answer=ReportDiff)
def diff_report(call: Call) -> ReportDiff:
    """What changed from one version of a report to another."""
    data: DiffQuery = call.data
    text = call.warehouse.reports.diff(call.actor, data.report_id, data.older, data.newer)
    return ReportDiff(text)


@operation("POST", "/api/v1/pins", permission=_SOMETHING, request=NewPin, answer=Pin)
def make_pin(call: Call) -> Pin:
    """Answer the questions of a panel now, and keep the answers for good."""
    return call.warehouse.pins.make(call.actor, call.data.parts)


@operation("GET", "/api/v1/pins/{pin_id}", permission=_ANYTHING, request=PinId, answer=Pin)
def get_pin(call: Call) -> Pin:
    """Data as it was when a panel was pinned."""
    return call.warehouse.pins.get(call.actor, call.data.pin_id)


OPERATIONS = (
    list_reports,
    create_report,
    get_report,
    save_report,
    delete_report,
    restore_report,
    publish_report,
    set_report_editors,
    list_report_versions,
    restore_report_version,
    diff_report,
    make_pin,
    get_pin,
)
