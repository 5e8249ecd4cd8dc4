"""Consoles of runs: a stretch of lines, and the lines that hold a text."""

from __future__ import annotations

import msgspec

from mere.entities.actor import Action, Scope
from mere.server.operations import Call, Permission
from mere.server.protocols.native.wire import operation
from mere.services.runs.console_window import ConsoleMatches, ConsoleWindow, find_lines, read_window

__all__ = ["OPERATIONS"]


class Stretch(msgspec.Struct):
    """A stretch of lines; `first` counts from the end where it is negative."""

    run_id: str = ""
    process: int = 0
    first: int = 0
    limit: int = 500
    is_counted: bool = True


class Search(msgspec.Struct):
    """What to look for in the lines behind one of them."""

    run_id: str = ""
    text: str = ""
    process: int = 0
    after: int = -1
    limit: int = 100
    is_regex: bool = False


_OF_RUN = Permission(Action.READ, lambda call: Scope.run(call.data.run_id))


@operation(
    "GET",
    "/api/v1/runs/{run_id}/console",
    permission=_OF_RUN,
    request=Stretch,
    answer=ConsoleWindow,
)
def read_console(call: Call) -> ConsoleWindow:
    """A stretch of the lines that a process of a run wrote, of any number of lines."""
    data: Stretch = call.data
    return read_window(
        call.warehouse.lake,
        data.run_id,
        process=data.process,
        first=data.first,
        limit=data.limit,
        is_counted=data.is_counted,
    )


@operation(
    "GET",
    "/api/v1/runs/{run_id}/console/search",
    permission=_OF_RUN,
    request=Search,
    answer=ConsoleMatches,
)
def search_console(call: Call) -> ConsoleMatches:
    """The lines of a run's console that hold a text or match a regular expression."""
    data: Search = call.data
    return find_lines(
        call.warehouse.lake,
        data.run_id,
        data.text,
        process=data.process,
        after=data.after,
        limit=data.limit,
        is_regex=data.is_regex,
    )


OPERATIONS = (read_console, search_console)
