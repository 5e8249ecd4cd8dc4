"""Reports: texts in Markdown with panels in them, their versions, and data that is pinned.

A panel is a fenced block whose language is ``panel`` and whose text is a JSON object. What the
panel looks like is the portal's business; the server reads which experiments and runs it is of,
since these decide who may read the report.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from mere.entities.limits import check_name, check_text
from mere.errors import ErrorCode, InvalidInput

__all__ = [
    "Report",
    "ReportPage",
    "ReportText",
    "ReportVersion",
    "check_body",
    "check_editors",
    "check_title",
    "panels_of",
    "sources_of",
]

BODY_CHARS_MAX = 1_000_000
PANELS_MAX = 500
EDITORS_MAX = 100
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[^\n`]*$")


class Report(msgspec.Struct, kw_only=True):
    """A report, without its text.

    Args:
        report_id: A UUIDv7 as 32 hexadecimal digits.
        title: What it is called.
        owner: The account that wrote it first.
        editors: Others who may change it.
        version: The number of its newest version.
        published: The version that readers see; None while it is a draft.
        experiments: The experiments it shows.
        changed_by: Who saved it last.
        changed_at: When.
        lifecycle: ``active`` or ``deleted``.
        excerpt: How its text begins.
        may_change: Whether whoever asks may change it.
    """

    report_id: str
    title: str
    owner: str = ""
    editors: list[str] = []
    version: int = 1
    published: int | None = None
    experiments: list[str] = []
    changed_by: str | None = None
    changed_at: datetime | None = None
    lifecycle: str = "active"
    excerpt: str = ""
    may_change: bool = False


class ReportText(msgspec.Struct, kw_only=True):
    """A report with the text of one of its versions."""

    report: Report
    shown: int
    title: str
    body: str


class ReportVersion(msgspec.Struct, kw_only=True):
    """A version of a report, without its text.

    Args:
        version: Counts from 1.
        title: What the report was called then.
        saved_by: Who saved it.
        saved_at: When.
        restored_from: The version whose text it has again, where it was restored.
        chars: How long the text is.
    """

    version: int
    title: str
    saved_by: str | None = None
    saved_at: datetime | None = None
    restored_from: int | None = None
    chars: int = 0


class ReportPage(msgspec.Struct):
    """A stretch of the reports that somebody may read, and how many there are."""

    reports: list[Report]
    total: int


def check_title(title: str) -> str:
    """Return a title if it may be one; raises `InvalidInput`."""
    return check_name(title, "report").strip()


def check_body(body: str) -> str:
    """Return the text of a report if it may be one; raises `InvalidInput`."""
    check_text(body, "text of the report", BODY_CHARS_MAX, "make two reports of it")
    found = sum(1 for _ in _blocks(body))
    if found > PANELS_MAX:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"the report has {found:,} panels and may have {PANELS_MAX}: make two reports of it",
            limit=PANELS_MAX,
        )
    return body


def check_editors(editors: Iterable[str]) -> list[str]:
    """Return the names of those who may change a report, each once; raises `InvalidInput`."""
    names = sorted({check_name(one, "editor").strip() for one in editors})
    if len(names) > EDITORS_MAX:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"{len(names)} editors: a report has {EDITORS_MAX} at most",
            limit=EDITORS_MAX,
        )
    return names


def panels_of(body: str) -> list[dict[str, Any]]:
    """The panels in a text, in their order; those that are no JSON object are left out."""
    found = []
    for text in _blocks(body):
        try:
            panel = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            continue
        if isinstance(panel, dict):
            found.append(panel)
    return found


def sources_of(panels: Iterable[dict[str, Any]]) -> tuple[set[str], set[str]]:
    """The ids of the experiments and of the runs that panels say they are of."""
    experiments: set[str] = set()
    runs: set[str] = set()
    for panel in panels:
        for into, one, many in ((experiments, "experiment", "experiments"), (runs, "run", "runs")):
            listed = panel.get(many)
            named = [panel.get(one), *(listed if isinstance(listed, list) else ())]
            into.update(value for value in named if isinstance(value, str) and value)
    return experiments, runs


def _blocks(body: str) -> Iterable[str]:
    """The texts of the fenced blocks whose language is ``panel``."""
    fence = ""
    lines: list[str] = []
    is_panel = False
    for line in body.splitlines():
        found = _FENCE.match(line)
        if not fence:
            if found:
                fence, is_panel, lines = found[1], found[2] == "panel", []
        elif found and not found[2] and found[1].startswith(fence):
            if is_panel:
                yield "\n".join(lines)
            fence = ""
        else:
            lines.append(line)
    if fence and is_panel:
        yield "\n".join(lines)
