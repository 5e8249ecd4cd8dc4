"""``mere reports list|show|write``: texts with live charts, as the portal shows them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from mere.cli.options import Options
from mere.cli.output import cell, console, new_table, notes, print_json, when
from mere.client.capture import user_name
from mere.entities.actor import Actor, ActorKind
from mere.errors import ErrorCode, InvalidInput
from mere.services.sharing.reports import PAGE_MAX

__all__ = ["app", "list_reports", "show", "write"]

app = App(name="reports", help="Read and write reports.")


@app.command(name="list")
def list_reports(
    search: str = "",
    /,
    *,
    limit: Annotated[int, Parameter(name=["--limit", "-n"])] = 20,
    options: Options | None = None,
) -> None:
    """List reports, the one changed last first.

    Args:
        search: Words; only reports whose title, beginning or owner hold all of them.
        limit: At most so many.
        options: Where they are and how to print.
    """
    options = options or Options()
    page = options.open().reports.list(_me(), search=search, limit=min(limit, PAGE_MAX))
    if options.json:
        print_json(page.reports)
        return
    if not page.reports:
        notes().print("there are no such reports", style="dim")
        return
    table = new_table("report", "title", "state", "owner", ">version", "changed")
    for one in page.reports:
        state = "draft" if one.published is None else "published"
        shown = (one.report_id, one.title, state, one.owner, one.version, when(one.changed_at))
        table.add_row(*(cell(value) for value in shown))
    console().print(table)
    if page.total > len(page.reports):
        notes().print(f"{page.total - len(page.reports)} more: --limit shows them", style="dim")


@app.command
def show(report: str, /, *, version: int | None = None, options: Options | None = None) -> None:
    """Print the text of a report, as Markdown.

    Args:
        report: Its id.
        version: Which version; by default, the newest.
        options: Where it is and how to print.
    """
    options = options or Options()
    found = options.open().reports.get(_me(), report, version)
    if options.json:
        print_json(found)
        return
    sys.stdout.write(found.body if found.body.endswith("\n") else f"{found.body}\n")


@app.command
def write(
    file: Path,
    /,
    *,
    title: str | None = None,
    report: str | None = None,
    publish: Annotated[bool, Parameter(negative="")] = False,
    options: Options | None = None,
) -> None:
    """Write a report, or the next version of one, and print its id.

    Args:
        file: Its text in Markdown; ``-`` reads what is piped in.
        title: What it is called; by default, as it was, or as the file.
        report: The id of the report of which it is the next version.
        publish: Show this version to readers.
        options: Where to and how to print.
    """
    options = options or Options()
    reports = options.open().reports
    body = _read(file)
    if report is None:
        made = reports.create(_me(), title or file.stem, body)
    else:
        before = reports.get(_me(), report)
        made = reports.save(_me(), report, title or before.title, body, was=before.shown)
    if publish:
        made.report = reports.publish(_me(), made.report.report_id, made.shown)
    if options.json:
        print_json(made.report)
        return
    console().print(made.report.report_id)


def _read(file: Path) -> str:
    if str(file) == "-":
        return sys.stdin.read()
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"file {str(file)!r} cannot be read as text: {error}",
            file=str(file),
        ) from error


def _me() -> Actor:
    """Whoever types this: one who holds the bucket may do all, under their own name."""
    return Actor(name=user_name() or Actor.local().name, kind=ActorKind.LOCAL)
