"""``mere doctor``."""

from __future__ import annotations

from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.text import Text

from mere.cli.options import Options
from mere.cli.output import console, print_json, progress
from mere.services.upkeep.doctor import Check, Level, examine

__all__ = ["doctor"]

_MARKS = {
    Level.OK: ("ok  ", "green"),
    Level.WARN: ("warn", "yellow"),
    Level.FAIL: ("fail", "bold red"),
}


def doctor(
    *,
    give_up_damaged: Annotated[
        bool, Parameter(name="--give-up-damaged", negative="", show_default=False)
    ] = False,
    options: Options | None = None,
) -> int:
    """Examine the store and the warehouse: does it answer, keep its promises, is it in order?

    Exits with 1 if something failed.

    Args:
        give_up_damaged: First give up the records of segments that are damaged or lost, so that
            the rest can be read again. What is left of them goes to ``damaged/``.
        options: Where to look and how to print.
    """
    options = options or Options()
    given_up: list[str] = []
    if give_up_damaged:
        with progress("giving up what cannot be read"):
            given_up = options.open().lake.give_up_damaged()
    with progress("examining"):
        checks = list(examine(options.warehouse))
    has_failed = any(check.level is Level.FAIL for check in checks)
    if options.json:
        found = [msgspec.to_builtins(check) for check in checks]
        print_json({"ok": not has_failed, "checks": found, "given_up": given_up})
    else:
        out = console()
        for key in given_up:
            out.print(f"given up: {key}", markup=False)
        for check in checks:
            out.print(_line(check), soft_wrap=True)
    return 1 if has_failed else 0


def _line(check: Check) -> Text:
    mark, style = _MARKS[check.level]
    text = Text()
    text.append(mark, style=style)
    text.append(f"  {check.name:<20}", style="bold")
    text.append(check.message)
    if check.advice:
        text.append(f"\n      {'':<20}{check.advice}", style="dim")
    return text
