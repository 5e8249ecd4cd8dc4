"""``mere logs``: what a run wrote to its terminal."""

from __future__ import annotations

import re
import sys
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from mere.cli.options import Options
from mere.cli.output import notes, print_json
from mere.clock import SystemClock
from mere.services.warehouse import Warehouse

__all__ = ["logs"]

_LOOK_EVERY_S = 1.0
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")


def logs(
    run: str,
    /,
    *,
    follow: Annotated[bool, Parameter(name=["--follow", "-f"], negative="")] = False,
    stream: Literal["stdout", "stderr"] | None = None,
    tail: Annotated[int | None, Parameter(name=["--tail", "-n"])] = None,
    options: Options | None = None,
) -> None:
    """Show what a run wrote to its standard output and error.

    Args:
        run: The run's id, the beginning of its id, or its name.
        follow: Go on until the run ends.
        stream: Only stdout, or only stderr.
        tail: Begin with the last so many lines.
        options: Where to look and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    run_id = warehouse.runs.find(run).run_id
    rows = warehouse.console.lines(run_id, stream=stream, tail=tail).to_pylist()
    if options.json and not follow:
        print_json(rows)
        return
    if not rows and not follow:
        notes().print("this run wrote nothing, or was not listened to", style="dim")
    _print(rows, is_json=options.json)
    if follow:
        _follow(warehouse, run_id, stream, rows, is_json=options.json)


def _follow(
    warehouse: Warehouse,
    run_id: str,
    stream: str | None,
    rows: list[dict[str, Any]],
    *,
    is_json: bool,
) -> None:
    clock, seen = SystemClock(), dict[int, int]()
    while True:
        for row in rows:
            seen[row["process"]] = max(row["line"], seen.get(row["process"], -1))
        # Asked before the lines, so that none written before the end is missed.
        has_ended = warehouse.runs.get(run_id).status.is_final
        rows = warehouse.console.lines(run_id, stream=stream, after=seen).to_pylist()
        _print(rows, is_json=is_json)
        if has_ended:
            return
        clock.sleep(_LOOK_EVERY_S)


def _print(rows: list[dict[str, Any]], *, is_json: bool) -> None:
    if is_json:
        for row in rows:
            print_json(row)
        return
    is_terminal = sys.stdout.isatty()
    several = len({row["process"] for row in rows}) > 1
    for row in rows:
        rank = f"[{row['process']}] " if several else ""
        sys.stdout.write(f"{rank}{_safe(row['text'], has_colour=is_terminal)}\n")
    sys.stdout.flush()


def _safe(text: str, *, has_colour: bool) -> str:
    """Text that can do no more to a terminal than colour it."""

    def judge(match: re.Match[str]) -> str:
        return match[0] if has_colour and _COLOUR.fullmatch(match[0]) else ""

    shown = _CONTROL.sub(judge, text)
    return f"{shown}\x1b[0m" if has_colour and "\x1b" in shown else shown
