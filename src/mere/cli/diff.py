"""``mere diff``."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.syntax import Syntax
from rich.text import Text

from mere.cli.options import Options
from mere.cli.output import console, new_table, notes, number, print_json
from mere.repeat.comparison import TIMINGS, Comparison, FileChange, Row, Section
from mere.repeat.comparison import diff as compare

__all__ = ["diff"]

_ROWS_MAX = 100
_DIGEST_DIGITS = 12


def diff(
    *runs: str,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    code: Annotated[bool, Parameter(name="--code", negative="")] = False,
    options: Options | None = None,
) -> None:
    """Say where runs differ: params, metrics, tags, code, packages, data, artifacts.

    Args:
        runs: Two or more: ids, beginnings of ids, or names.
        all_: Show what is equal, too.
        code: Show the lines of code that differ from those of the first run.
        options: Where to look and how to print.
    """
    options = options or Options()
    comparison = compare(*runs, warehouse=options.warehouse)
    if options.json:
        print_json(_as_json(comparison, is_all=all_))
        return
    _print(comparison, is_all=all_)
    if code:
        for change in comparison.changes:
            _print_change(comparison, change)


def _as_json(comparison: Comparison, *, is_all: bool) -> dict[str, Any]:
    return {
        "runs": [
            {"run_id": run_id, "name": name}
            for run_id, name in zip(comparison.run_ids, comparison.names, strict=True)
        ],
        "is_equal": comparison.is_equal,
        "sections": {
            section.name: {row.name: row.values for row in _shown(section, is_all=is_all)}
            for section in comparison.sections
        },
        "notes": {one.name: one.note for one in comparison.sections if one.note},
        "changes": [msgspec.structs.asdict(change) for change in comparison.changes],
    }


def _print(comparison: Comparison, *, is_all: bool) -> None:
    out = console()
    is_empty = True
    for section in comparison.sections:
        rows = _shown(section, is_all=is_all)
        if section.note:
            notes().print(f"{section.name}: {section.note}", style="yellow", soft_wrap=True)
        if not rows:
            continue
        is_empty = False
        table = new_table(section.name, *comparison.names)
        for row in rows[:_ROWS_MAX]:
            table.add_row(Text(row.name, no_wrap=True, overflow="ellipsis"), *_cells(section, row))
        out.print(table)
        if len(rows) > _ROWS_MAX:
            notes().print(f"{len(rows) - _ROWS_MAX} more; --json shows all", style="dim")
    if is_empty:
        out.print("no differences", style="green")
    elif comparison.changes and not is_all:
        notes().print("--code shows the lines that differ", style="dim")


def _print_change(comparison: Comparison, change: FileChange) -> None:
    out = console()
    name = dict(zip(comparison.run_ids, comparison.names, strict=True))[change.run_id]
    out.print(
        Text.assemble((change.path, "bold"), f"  {change.change} in {name}", style=""),
        soft_wrap=True,
    )
    out.print(Syntax(change.diff, "diff", theme="ansi_dark", background_color="default"))


def _shown(section: Section, *, is_all: bool) -> list[Row]:
    if is_all:
        return section.rows
    return [] if section.name == TIMINGS else section.differing


def _cells(section: Section, row: Row) -> list[Text]:
    is_equal = row.is_equal
    return [
        Text(
            _value(section, row, value),
            style="dim" if value is None or is_equal else "" if place == 0 else "yellow",
            no_wrap=True,
            overflow="ellipsis",
        )
        for place, value in enumerate(row.values)
    ]


def _value(section: Section, row: Row, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        # So many digits that different numbers look different.
        shown = {number(one) for one in row.values if isinstance(one, float)}
        distinct = {repr(one) for one in row.values if isinstance(one, float)}
        return number(value) if len(shown) == len(distinct) else repr(value)
    text = str(value).replace("\n", " ")
    is_digest = section.name == "code" and len(text) in (40, 64) and " " not in text
    return text[:_DIGEST_DIGITS] if is_digest else text
