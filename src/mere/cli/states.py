"""``mere fold``, ``mere upkeep`` and ``mere tag``: the states of the tables, and their care."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from mere.cli.options import Options
from mere.cli.output import cell, console, new_table, notes, print_json, progress, size, when

__all__ = ["fold", "tag", "upkeep"]


def fold(*, options: Options | None = None) -> None:
    """Move what was logged into the Iceberg tables, so that other engines see it too.

    Runs do this by themselves when they end and much waits; to do it more often is harmless.
    """
    options = options or Options()
    warehouse = options.open()
    with progress("folding"):
        report = warehouse.lake.fold()
    if options.json:
        print_json(_fields(report))
        return
    if report.segments:
        tables = ", ".join(report.tables)
        console().print(
            f"root {report.root}: {report.segments:,} segments with {report.records:,} records "
            f"folded into {tables}"
        )
    else:
        console().print(f"root {report.root}: nothing to fold")


def upkeep(
    *,
    dry_run: Annotated[bool, Parameter(name="--dry-run", negative="", show_default=False)] = False,
    options: Options | None = None,
) -> None:
    """Compact small files, expire old states, collect orphans, write down runs that died.

    Args:
        dry_run: Only say what would be done.
        options: Where to look and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    with progress("looking what is to be done" if dry_run else "putting things in order"):
        reaped = [] if dry_run else warehouse.runs.reap()
        report = warehouse.lake.upkeep(dry_run=dry_run)
    actions = [_fields(action) for action in report.actions]
    if options.json:
        print_json({"dry_run": dry_run, "actions": actions, "runs_killed": reaped})
        return
    if reaped:
        console().print(f"{len(reaped)} runs whose process died are now KILLED")
    if not actions:
        console().print("nothing to do: everything is in order")
        return
    table = new_table("action", "table", ">objects", ">bytes", "why")
    for action in actions:
        table.add_row(
            cell(action.get("kind")),
            cell(action.get("table")),
            cell(action.get("objects")),
            size(action.get("bytes") or 0),
            cell(action.get("reason")),
        )
    console().print(table)
    if dry_run:
        notes().print("nothing was changed: leave out --dry-run to do it", style="dim")


def tag(name: str | None = None, /, *, options: Options | None = None) -> None:
    """Give the state of now a name, kept for ever; without a name, list the tags.

    Args:
        name: The tag. `mere sql --as-of NAME` asks that state.
        options: Where to look and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    if name is not None:
        with progress("folding"):
            root = warehouse.lake.tag(name)
        if options.json:
            print_json({"tag": name, "root": root})
        else:
            console().print(f"{name} is root {root}", markup=False)
        return
    times = {root.number: root.at for root in warehouse.lake.roots()}
    rows: list[dict[str, Any]] = [
        {"tag": tagged, "root": root, "at": times.get(root)}
        for tagged, root in sorted(warehouse.lake.tags().items(), key=lambda item: item[::-1])
    ]
    if options.json:
        print_json(rows)
        return
    if not rows:
        notes().print("no tags: `mere tag NAME` makes one", style="dim")
        return
    table = new_table("tag", ">root", "at")
    for row in rows:
        table.add_row(cell(row["tag"]), cell(row["root"]), when(row["at"]))
    console().print(table)


def _fields(report: Any) -> dict[str, Any]:
    if dataclasses.is_dataclass(report) and not isinstance(report, type):
        return dataclasses.asdict(report)
    fields: dict[str, Any] = msgspec.structs.asdict(report)
    return fields
