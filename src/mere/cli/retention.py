"""``mere delete``, ``mere restore`` and ``mere gc``: into the bin, out of it, and gone for good."""

from __future__ import annotations

from typing import Annotated

import msgspec
from cyclopts import Parameter

from mere.cli.options import Options
from mere.cli.output import cell, console, new_table, notes, print_json, progress, size
from mere.errors import ErrorCode, InvalidInput
from mere.search.parser import parse_duration
from mere.services.warehouse import Warehouse

__all__ = ["delete", "gc", "restore"]

_DryRun = Annotated[bool, Parameter(name="--dry-run", negative="", show_default=False)]


def delete(
    *runs: str,
    filter: str | None = None,  # noqa: A002 - the word of the language
    experiment: Annotated[str | None, Parameter(name=["--experiment", "-e"])] = None,
    whole_experiment: str | None = None,
    dry_run: _DryRun = False,
    options: Options | None = None,
) -> None:
    """Put runs, or an experiment with all its runs, into the bin; `mere restore` undoes it.

    Args:
        runs: The runs' ids, the beginnings of their ids, or their names.
        filter: All runs that match, such as "status = 'FAILED' and started_at < now() - 30d".
        experiment: With --filter: only runs of the experiment of this name.
        whole_experiment: The experiment of this name, with all its runs.
        dry_run: Only say what would be done.
        options: Where they are and how to print.
    """
    _move(
        "deleted", runs, filter, experiment, whole_experiment, options or Options(), dry_run=dry_run
    )


def restore(
    *runs: str,
    filter: str | None = None,  # noqa: A002 - the word of the language
    experiment: Annotated[str | None, Parameter(name=["--experiment", "-e"])] = None,
    whole_experiment: str | None = None,
    dry_run: _DryRun = False,
    options: Options | None = None,
) -> None:
    """Take runs, or an experiment, out of the bin.

    Args:
        runs: The runs' ids, the beginnings of their ids, or their names.
        filter: All runs in the bin that match.
        experiment: With --filter: only runs of the experiment of this name.
        whole_experiment: The experiment of this name; its runs come back with it, except those
            that were deleted one by one.
        dry_run: Only say what would be done.
        options: Where they are and how to print.
    """
    _move(
        "restored",
        runs,
        filter,
        experiment,
        whole_experiment,
        options or Options(),
        dry_run=dry_run,
    )


def gc(
    *,
    older_than: str = "30d",
    dry_run: _DryRun = False,
    yes: Annotated[bool, Parameter(name=["--yes", "-y"], negative="", show_default=False)] = False,
    options: Options | None = None,
) -> None:
    """Remove for good what has been in the bin for long, and objects that nothing refers to.

    Old sessions, deliveries to webhooks and notes of the audit trail are forgotten, too.
    Without --yes it only says what would be removed. What a tag shows, what made a model version
    and data that runs have read stay.

    Args:
        older_than: For how long it must have been there, such as 30d or 12h.
        dry_run: Only say what would be removed, even with --yes.
        yes: Remove it.
        options: Where to look and how to print.
    """
    options = options or Options()
    only_shown = dry_run or not yes
    warehouse = options.open()
    older_than_us = parse_duration(older_than)
    with progress("looking what may go" if only_shown else "removing for good"):
        report = warehouse.retention.collect(older_than_us=older_than_us, dry_run=only_shown)
    if options.json:
        print_json(msgspec.to_builtins(report))
        return
    if not report.actions:
        console().print(f"nothing to remove: nothing has been in the bin for {older_than}")
        return
    table = new_table("action", "what", ">rows", ">objects", ">bytes", "why")
    for action in report.actions:
        table.add_row(
            cell(action.kind),
            cell(action.what),
            cell(action.rows),
            cell(action.objects),
            size(action.bytes),
            cell(action.reason),
        )
    console().print(table)
    total = f"{report.rows:,} rows and {report.objects:,} objects, {size(report.bytes)}"
    if only_shown:
        notes().print(f"{total} would go; nothing was changed: --yes removes it", style="dim")
    else:
        notes().print(f"{total} are gone; `mere upkeep` shrinks the tables", style="dim")


def _move(
    done: str,
    words: tuple[str, ...],
    wanted: str | None,
    experiment: str | None,
    whole_experiment: str | None,
    options: Options,
    *,
    dry_run: bool,
) -> None:
    if bool(words) + (wanted is not None) + (whole_experiment is not None) != 1:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            "say what is meant in one way: runs, --filter or --whole-experiment",
        )
    if experiment is not None and wanted is None:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            "--experiment narrows --filter down; an experiment itself is --whole-experiment",
        )
    warehouse = options.open()
    if whole_experiment is not None:
        _move_experiment(done, warehouse, whole_experiment, options, dry_run=dry_run)
        return
    moved = _runs_meant(done, warehouse, words, wanted, experiment)
    if not dry_run:
        runs = warehouse.runs
        moved = runs.delete(moved) if done == "deleted" else runs.restore(moved)
    if options.json:
        print_json({"dry_run": dry_run, done: moved})
        return
    would = "would be " if dry_run else ""
    console().print(f"{len(moved)} {'run' if len(moved) == 1 else 'runs'} {would}{done}")
    for run_id in moved if len(moved) <= 20 else ():
        console().print(run_id, style="dim")


def _runs_meant(
    done: str,
    warehouse: Warehouse,
    words: tuple[str, ...],
    wanted: str | None,
    experiment: str | None,
) -> list[str]:
    if wanted is None:
        return [warehouse.runs.find(word).run_id for word in words]
    if not wanted.strip():
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            "an empty filter means all runs: say so, as in 'run_id != \"\"'",
        )
    found = warehouse.runs.search(
        filter=wanted,
        experiment=experiment,
        view="active" if done == "deleted" else "deleted",
        columns=["run_id"],
    )
    ids: list[str] = found["run_id"].to_pylist()
    return ids


def _move_experiment(
    done: str, warehouse: Warehouse, name: str, options: Options, *, dry_run: bool
) -> None:
    known = warehouse.experiments
    one = known.find(name)
    if dry_run:
        is_moved = one.lifecycle != ("deleted" if done == "deleted" else "active")
    elif done == "deleted":
        is_moved = known.delete(one.experiment_id)
    else:
        is_moved = known.restore(one.experiment_id)
    if options.json:
        print_json({"dry_run": dry_run, "experiment": one.experiment_id, done: is_moved})
        return
    would = "would be " if dry_run else ""
    was = f"{would}{done}" if is_moved else f"was {done} already"
    console().print(f"experiment {name} {was}", markup=False)
