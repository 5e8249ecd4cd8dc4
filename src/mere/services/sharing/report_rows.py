"""Rows of reports: what readers and editors are told of them, and how refusals are said."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.report import Report
from mere.errors import ErrorCode, NotFound, PermissionDenied

if TYPE_CHECKING:
    from mere.entities.actor import Actor

__all__ = ["excerpt", "is_readable", "lines", "no_version", "not_found", "not_yours", "told"]

_EXCERPT_CHARS = 240
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_MARKS = re.compile(r"[*`|#>]|^\s*[-+]\s|-{3,}")


def is_readable(
    row: dict[str, Any], readable: frozenset[str] | None, *, reads_warehouse: bool
) -> bool:
    """Whether somebody who reads some experiments reads what is published of a report."""
    if row["published"] is None:
        return False
    shown = row["published_experiments"] or ()
    if not shown:
        return reads_warehouse
    return readable is None or any(one in readable for one in shown)


def told(row: dict[str, Any], *, edits: bool) -> Report:
    """What somebody is told of a report, who edits it or only reads what is published."""
    report = msgspec.convert({k: v for k, v in row.items() if v is not None}, Report)
    report.may_change = edits
    if not edits:
        # What is not published yet is told to editors alone.
        report.version = report.published or 0
        report.title, report.excerpt = row["published_title"], row["published_excerpt"] or ""
        report.experiments = row["published_experiments"] or []
    return report


def lines(text: dict[str, Any]) -> list[str]:
    """A version as lines, the title before the text, to be compared with others."""
    return [f"# {text['title']}", "", *text["body"].splitlines()]


def excerpt(body: str) -> str:
    """The first words of a text, without its panels and marks."""
    words: list[str] = []
    is_block = False
    for line in body.splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            is_block = not is_block
        elif not is_block:
            words += _MARKS.sub("", _LINK.sub(r"\1", line)).split()
        if len(words) > _EXCERPT_CHARS:
            break
    text = " ".join(words)
    return text if len(text) <= _EXCERPT_CHARS else f"{text[: _EXCERPT_CHARS - 1]}…"


def not_found(report_id: str) -> NotFound:
    """There is no such report, as far as somebody may know."""
    return NotFound(
        ErrorCode.REPORT_NOT_FOUND,
        f"there is no report {report_id[:60]!r} that you may read: it may be a draft, or deleted",
        report_id=report_id[:60],
    )


def no_version(report_id: str, version: int | None) -> NotFound:
    """There is no such version, as far as somebody may know."""
    return NotFound(
        ErrorCode.REPORT_NOT_FOUND,
        f"report {report_id!r} has no version {version} that you may read",
        report_id=report_id,
        version=version,
    )


def not_yours(actor: Actor, row: dict[str, Any], what: str) -> PermissionDenied:
    """Somebody may read a report, and not do something with it."""
    return PermissionDenied(
        ErrorCode.ACCESS_DENIED,
        f"report {row['title']!r} is {row['owner']}'s: {actor.name} may not {what}",
        report_id=row["report_id"],
        owner=row["owner"],
    )
