"""``mere runs``, ``mere show`` and ``mere experiments``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from mere.cli.options import Options
from mere.cli.output import (
    STATUS_STYLES,
    cell,
    console,
    duration,
    new_table,
    notes,
    number,
    print_json,
    sparkline,
    when,
)
from mere.clock import SystemClock
from mere.entities.metric import SYSTEM_PREFIX, MetricSummary
from mere.entities.run import Run
from mere.services.warehouse import Warehouse

__all__ = ["experiments", "runs", "show"]

_ID_DIGITS_MIN = 13
_METRICS_SHOWN_MAX = 200


def runs(
    filter: str | None = None,  # noqa: A002 - the word of the language
    /,
    *,
    experiment: Annotated[
        list[str] | None, Parameter(name=["--experiment", "-e"], negative="")
    ] = None,
    status: Annotated[str | None, Parameter(name=["--status", "-s"])] = None,
    where: str | None = None,
    order: str | None = None,
    limit: Annotated[int, Parameter(name=["--limit", "-n"])] = 30,
    deleted: Annotated[bool, Parameter(name="--deleted", negative="", show_default=False)] = False,
    options: Options | None = None,
) -> None:
    """List runs, newest first. A run whose process died is shown as KILLED.

    Args:
        filter: Which runs, such as "metrics.acc > 0.9 and params.model = 'cnn'".
        experiment: Only runs of the experiment of this name; may be given several times.
        status: Only RUNNING, FINISHED, FAILED, KILLED or SCHEDULED runs.
        where: A condition in SQL, such as "metrics['acc'] > 0.9".
        order: What to sort by, such as "metrics.acc DESC, name".
        limit: At most so many.
        deleted: List the runs in the bin instead.
        options: Where to look and how to print.
    """
    options = options or Options()
    found = options.open().runs.search(
        filter=filter,
        experiment=experiment,
        status=status,
        where=where,
        order=order,
        limit=limit,
        view="deleted" if deleted else "active",
    )
    rows = found.to_pylist(maps_as_pydicts="lossy")
    if options.json:
        print_json(rows)
        return
    if not rows:
        notes().print("no runs", style="dim")
        return
    digits = _digits([row["run_id"] for row in rows])
    table = new_table("run", "name", "experiment", "status", "started", ">took", "metrics")
    # Half an id is good for nothing: in a narrow terminal other columns give way.
    table.columns[0].min_width = digits
    for row in rows:
        table.add_row(
            Text(row["run_id"][:digits], style="bold"),
            cell(row["name"]),
            cell(row["experiment"]),
            Text(row["status"] or "-", style=STATUS_STYLES.get(row["status"], "")),
            when(row["started_at"])[5:16],
            duration(_seconds(row["started_at"], row["ended_at"])),
            cell(_without_system(row["metrics"])),
        )
    console().print(table)
    if len(rows) == limit:
        notes().print(f"the first {limit}; --limit shows more", style="dim")


def show(
    run: str,
    /,
    *,
    options: Options | None = None,
) -> None:
    """Show one run: its params, its metrics with their curves, where it came from.

    Args:
        run: The run's id, the beginning of its id, or its name.
        options: Where to look and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    found = warehouse.runs.find(run)
    if options.json:
        print_json(found)
        return
    out = console()
    out.print(_heading(found, warehouse.experiments.get(found.experiment_id).name))
    for title, values in (("params", found.params), ("seeds", found.seeds), ("tags", found.tags)):
        if values:
            table = new_table(title, "value")
            for key, value in sorted(values.items()):
                table.add_row(cell(key), cell(value))
            out.print(table)
    _print_metrics(out, warehouse, found)
    if found.notes:
        out.print(Text(f"\n{found.notes}"))


def _print_metrics(out: Console, warehouse: Warehouse, found: Run) -> None:
    """Print what was measured of the training, then what was measured of the machine."""
    keys = sorted(found.metric_summary, key=lambda key: (key.startswith(SYSTEM_PREFIX), key))
    shown = keys[:_METRICS_SHOWN_MAX]
    for is_system, title in ((False, "metric"), (True, "machine")):
        table = new_table(title, ">last", ">min", ">max", ">points", ">step", "curve")
        for key in (key for key in shown if key.startswith(SYSTEM_PREFIX) is is_system):
            history = warehouse.metrics.history(found.run_id, key)["value"].to_pylist()
            label = key.removeprefix(SYSTEM_PREFIX)
            table.add_row(*_metric_cells(label, found.metric_summary[key], history))
        if table.row_count:
            out.print(table)
    if len(keys) > len(shown):
        notes().print(f"{len(keys) - len(shown)} more metrics; --json shows all", style="dim")


def _without_system(metrics: dict[str, float] | None) -> dict[str, float]:
    return {k: v for k, v in (metrics or {}).items() if not k.startswith(SYSTEM_PREFIX)}


def experiments(
    filter: str | None = None,  # noqa: A002 - the word of the language
    /,
    *,
    order: str | None = None,
    deleted: Annotated[bool, Parameter(name="--deleted", negative="", show_default=False)] = False,
    options: Options | None = None,
) -> None:
    """List experiments, with the number of their runs.

    Args:
        filter: Which experiments, such as "name like 'digits%'".
        order: What to sort by, such as "name" or "runs DESC".
        deleted: List the experiments in the bin instead.
        options: Where to look and how to print.
    """
    options = options or Options()
    view = "deleted" if deleted else "active"
    found = options.open().experiments.search(filter=filter, order=order, view=view)
    rows = found.to_pylist(maps_as_pydicts="lossy")
    if options.json:
        print_json(rows)
        return
    table = new_table("id", "name", ">runs", "last run", "created", "by")
    for row in rows:
        table.add_row(
            cell(row["experiment_id"]),
            Text(row["name"], style="bold"),
            cell(row["runs"]),
            when(row["last_run_at"]),
            when(row["created_at"]),
            cell(row["created_by"]),
        )
    console().print(table)


def _heading(run: Run, experiment: str) -> Text:
    text = Text()
    text.append(run.name or run.run_id, style="bold")
    text.append(f"  {run.status}\n", style=STATUS_STYLES.get(run.status, ""))
    source = run.source
    pairs: list[tuple[str, Any]] = [
        ("run", run.run_id),
        ("experiment", experiment),
        ("group", run.group_name),
        ("parent", run.parent_run_id),
        ("repeats", run.repeats),
        ("group", run.group_name),
        ("repeats", run.repeats),
        ("deleted", when(run.deleted_at) if run.deleted_at else None),
        ("started", when(run.started_at)),
        ("took", duration(_seconds(run.started_at, run.ended_at))),
        ("by", run.created_by),
    ]
    if source is not None:
        dirty = " with uncommitted changes" if source.git_dirty else ""
        pairs += [
            ("on", f"{source.host}, Python {source.python}, process {source.pid}"),
            ("code", source.entrypoint),
            ("commit", f"{source.git_commit}{dirty}" if source.git_commit else None),
            ("from", source.git_remote),
        ]
    for name, value in pairs:
        if value is not None:
            text.append(f"{name:<12}", style="dim")
            text.append(f"{value}\n")
    text.rstrip()
    return text


def _metric_cells(key: str, summary: MetricSummary, values: list[float]) -> list[Text]:
    return [
        cell(key),
        Text(number(summary.value), style="bold"),
        cell(summary.min),
        cell(summary.max),
        Text(f"{summary.count:,}"),
        Text(str(summary.step)),
        Text(sparkline(values), style="cyan"),
    ]


def _seconds(started_at: datetime | None, ended_at: datetime | None) -> float | None:
    if started_at is None:
        return None
    return ((ended_at or _now()) - started_at).total_seconds()


def _now() -> datetime:
    return datetime.fromtimestamp(SystemClock().now_us() / 1e6, UTC)


def _digits(ids: list[str]) -> int:
    """How many digits tell all these ids apart."""
    distinct = len(set(ids))
    return next(n for n in range(_ID_DIGITS_MIN, 33) if len({i[:n] for i in ids}) == distinct)
