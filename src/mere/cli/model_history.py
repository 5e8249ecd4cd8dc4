"""``mere models history``: what happened to a model, the newest first."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from mere.cli.options import Options
from mere.cli.output import cell, console, new_table, print_json, when
from mere.entities.model import check_version
from mere.services.registry.history import HistoryWanted, find_history

__all__ = ["history"]

_SHOWN_MAX = 30


def history(
    model: str,
    /,
    *,
    limit: Annotated[int, Parameter(name=["--limit", "-n"])] = _SHOWN_MAX,
    options: Options | None = None,
) -> None:
    """Tell what happened to a model or a version: aliases, reviews, gates, deployments.

    Args:
        model: NAME, or NAME/VERSION for one version.
        limit: At most so many, the newest first.
        options: Where to look and how to print.
    """
    options = options or Options()
    name, slash, version = model.rpartition("/")
    wanted = HistoryWanted(version=check_version(version) if slash else None, limit=limit)
    events = find_history(options.open().lake, name if slash else model, wanted).events
    if options.json:
        print_json(events)
        return
    table = new_table("when", "what", "version", "of", "by", "said")
    for one in events:
        number = "" if one.version is None else str(one.version)
        if one.kind == "alias" and one.from_version is not None:
            number = f"{one.from_version} → {number}"
        told = (number, one.what or "", one.who or "", one.words or "")
        table.add_row(when(one.happened_at), one.kind, *(cell(text) for text in told))
    console().print(table)
