"""`start_run` and the run that is active here: nesting follows the flow of the code."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple

from mere import clock
from mere.client.delivery import RunSpec
from mere.client.notebook import Cell, current_cell
from mere.client.ranks import agreed_run_id, is_child, launch_of
from mere.client.run import Run
from mere.client.shutdown import forget_run, watch_run
from mere.client.system_metrics import INTERVAL_S
from mere.client.worker import WorkerSettings
from mere.config import Settings, environment
from mere.entities.experiment import DEFAULT_NAME
from mere.entities.limits import check_key, check_name, check_param, check_tag
from mere.entities.naming import name_of
from mere.entities.run import check_notes, check_run_id
from mere.errors import ErrorCode, InvalidInput
from mere.services.warehouse import resolve_url

__all__ = ["active_run", "start_run"]

_ordinals = itertools.count()
_cells: weakref.WeakKeyDictionary[Run, Cell] = weakref.WeakKeyDictionary()
_stack: ContextVar[tuple[Run, ...]] = ContextVar("mere_runs", default=())


def start_run(
    experiment: str = DEFAULT_NAME,
    *,
    name: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    parent: Run | str | None = None,
    is_nested: bool = True,
    kind: str = "train",
    group: str | None = None,
    notes: str | None = None,
    seeds: Mapping[str, Any] | None = None,
    run_id: str | None = None,
    rank: int | None = None,
    warehouse: str | None = None,
    console: bool = True,
    capture: bool = True,
    system_metrics: bool | float = True,
    flush_interval_s: float = 1.0,
    finish_timeout_s: float = 30.0,
) -> Run:
    """Start a run, to be used as a context manager or ended with `finish`.

    In a notebook, a cell that is run again ends the run it started before. Nothing is asked of
    the store here: the run's row is written in the background, and a store
    that is down delays it but does not stop the training.

    Example:
        >>> with mere.start_run("digits", params={"lr": 0.01}) as run:
        ...     run.log({"loss": 0.3, "acc": 0.91}, step=1)

    Args:
        experiment: The name of the experiment, created if there is none.
        name: The run's name; by default, one is made up.
        params: What goes into the run.
        tags: What else is worth remembering.
        parent: The run, or its id, in which this one is nested; by default, the active run.
        is_nested: Whether the active run becomes the parent, where none is given.
        kind: What kind of run it is.
        group: The group of runs it belongs to.
        notes: What people should know of it, as Markdown.
        seeds: The seeds of its random generators, by what they are for.
        run_id: The id of a run to take up again, or of a new one; by default, what
            ``MERE_RUN_ID`` says, what the ranks of a launch agree on, or a new id.
        rank: Which process of the run this is: 0 owns the run and ends it, the others add points,
            console lines and system metrics. By default, what the launcher says (torchrun,
            OpenMPI, SLURM, or ``MERE_RANK``), or 0.
        warehouse: Where to log to; by default, what ``MERE_WAREHOUSE`` says.
        console: Keep what this process writes to its standard output and error.
        capture: Note the code, the command and the environment, so that it can be run again.
        system_metrics: Sample the machine: whether, or how often in seconds.
        flush_interval_s: How often what was logged is sent.
        finish_timeout_s: How long the ending run tries to send what is left.

    Raises:
        InvalidInput: A name, param, tag or the address may not be one.
    """
    check_name(experiment, "experiment")
    check_key(kind, "run kind")
    for text, what in ((name, "run"), (group, "group")):
        if text is not None:
            check_name(text, what)
    if notes is not None:
        check_notes(notes)
    for key, value in (params or {}).items():
        if not isinstance(value, Mapping):
            check_param(key, value)
    for key, value in (tags or {}).items():
        check_tag(key, value)
    _check_numbers(rank, system_metrics, flush_interval_s, finish_timeout_s)
    settings = Settings.from_environment(environment())
    cell = current_cell()
    _end_runs_of(cell)
    system = clock.SystemClock()
    identity = _identify(run_id, rank, settings, system)
    spec = RunSpec(
        run_id=identity.run_id,
        url=resolve_url(warehouse),
        experiment=experiment,
        name=name or name_of(identity.run_id),
        kind=kind,
        parent_run_id=_parent_id(parent, is_nested=is_nested),
        group=group,
        notes=notes,
        seeds=dict(check_param(key, value) for key, value in (seeds or {}).items()),
        repeats=settings.repeats if active_run() is None else None,
        rank=identity.rank,
        has_capture=capture,
        started_us=system.now_us(),
        is_resumed=identity.is_resumed,
    )
    run = Run(
        spec,
        WorkerSettings(flush_interval_s, finish_timeout_s),
        params=params or {},
        tags=tags or {},
        on_end=_forget,
        listens=console and settings.has_console,
        sample_s=_sample_s(system_metrics) if settings.has_system_metrics else None,
    )
    watch_run(run)
    if cell is not None:
        _cells[run] = cell
    _stack.set((*_open_runs(), run))
    return run


def active_run() -> Run | None:
    """The run most lately started here and not yet ended; each thread begins with none."""
    runs = _open_runs()
    return runs[-1] if runs else None


def _open_runs() -> tuple[Run, ...]:
    return tuple(run for run in _stack.get() if run.is_active)


def _forget(run: Run) -> None:
    forget_run(run)
    _stack.set(_open_runs())


def _end_runs_of(cell: Cell | None) -> None:
    """End the runs that an earlier execution of the same cell left open."""
    if cell is not None:
        for run in reversed(_open_runs()):
            if cell.is_again(_cells.get(run)):
                run.finish()


def _parent_id(parent: Run | str | None, *, is_nested: bool) -> str | None:
    if isinstance(parent, Run):
        return parent.run_id
    if parent is not None:
        return check_run_id(parent)
    active = active_run() if is_nested else None
    return active.run_id if active else None


class _Identity(NamedTuple):
    """Which run this is, and which process of it."""

    run_id: str
    rank: int
    is_resumed: bool


def _identify(
    run_id: str | None, rank: int | None, settings: Settings, system: clock.Clock
) -> _Identity:
    """Find out which run is meant: told here, in the environment, or by a launcher."""
    launch = launch_of(environment())
    if rank is None:
        rank = settings.rank
    told = launch.rank if launch and rank is None else rank or 0
    if run_id is not None:
        return _Identity(check_run_id(run_id), told, is_resumed=True)
    ordinal = next(_ordinals)
    base = None if settings.run_id is None else check_run_id(settings.run_id)
    is_helper = launch is not None and rank is None and is_child(launch)
    if is_helper:
        return _Identity(clock.run_id(system), 0, is_resumed=False)
    if base is not None and ordinal == 0:
        return _Identity(base, told, is_resumed=True)
    if launch is None or rank is not None:
        if not told:
            return _Identity(clock.run_id(system), 0, is_resumed=False)
        if base is None:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"rank {told} of which run? pass start_run(run_id=…, rank={told}), or set "
                "MERE_RUN_ID",
                rank=told,
            )
    return _Identity(agreed_run_id(launch, system, ordinal, base), told, is_resumed=False)


def _check_numbers(
    rank: int | None,
    system_metrics: bool | float,  # noqa: FBT001  as users give it
    flush_interval_s: float,
    finish_timeout_s: float,
) -> None:
    if flush_interval_s <= 0 or finish_timeout_s < 0 or system_metrics < 0:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"flush_interval_s is {flush_interval_s}, finish_timeout_s {finish_timeout_s} and "
            f"system_metrics {system_metrics}: give seconds above zero",
        )
    if rank is not None and (type(rank) is not int or rank < 0):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"rank {rank!r} is none: give an integer from 0", rank=rank
        )


def _sample_s(system_metrics: bool | float) -> float | None:  # noqa: FBT001  same
    if system_metrics is True:
        return INTERVAL_S
    return float(system_metrics) if system_metrics else None
