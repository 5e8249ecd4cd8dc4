"""``mere doctor``."""

from __future__ import annotations

import msgspec
from rich.text import Text

from mere.cli.options import Options
from mere.cli.output import console, print_json, progress
from mere.services.doctor import Check, Level, examine

__all__ = ["doctor"]

_MARKS = {
    Level.OK: ("ok  ", "green"),
    Level.WARN: ("warn", "yellow"),
    Level.FAIL: ("fail", "bold red"),
}


def doctor(*, options: Options | None = None) -> int:
    """Examine the store and the warehouse: does it answer, keep its promises, is it in order?

    Exits with 1 if something failed.
    """
    options = options or Options()
    with progress("examining"):
        checks = list(examine(options.warehouse))
    has_failed = any(check.level is Level.FAIL for check in checks)
    if options.json:
        print_json({"ok": not has_failed, "checks": [msgspec.to_builtins(c) for c in checks]})
    else:
        out = console()
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
