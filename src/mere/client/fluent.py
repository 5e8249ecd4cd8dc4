"""`start_run` and the run that is active here: nesting follows the flow of the code."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from mere import clock
from mere.client.delivery import RunSpec
from mere.client.naming import name_of
from mere.client.run import Run
from mere.client.shutdown import forget_run, watch_run
from mere.client.worker import WorkerSettings
from mere.entities.experiment import DEFAULT_NAME
from mere.entities.limits import check_key, check_name, check_param, check_tag
from mere.entities.run import check_run_id
from mere.errors import ErrorCode, InvalidInput
from mere.services.warehouse import resolve_url

__all__ = ["active_run", "start_run"]

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
    run_id: str | None = None,
    warehouse: str | None = None,
    flush_interval_s: float = 1.0,
    finish_timeout_s: float = 30.0,
) -> Run:
    """Start a run, to be used as a context manager or ended with `finish`.

    Nothing is asked of the store here: the run's row is written in the background, and a store
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
        run_id: The id of a run to take up again, or of a new one; by default, a new id.
        warehouse: Where to log to; by default, what ``MERE_WAREHOUSE`` says.
        flush_interval_s: How often what was logged is sent.
        finish_timeout_s: How long the ending run tries to send what is left.

    Raises:
        InvalidInput: A name, param, tag or the address may not be one.
    """
    check_name(experiment, "experiment")
    check_key(kind, "run kind")
    if name is not None:
        check_name(name, "run")
    for key, value in (params or {}).items():
        if not isinstance(value, Mapping):
            check_param(key, value)
    for key, value in (tags or {}).items():
        check_tag(key, value)
    if flush_interval_s <= 0 or finish_timeout_s < 0:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"flush_interval_s is {flush_interval_s} and finish_timeout_s {finish_timeout_s}: "
            "give seconds above zero",
        )
    system = clock.SystemClock()
    new_id = clock.run_id(system) if run_id is None else check_run_id(run_id)
    spec = RunSpec(
        run_id=new_id,
        url=resolve_url(warehouse),
        experiment=experiment,
        name=name or name_of(new_id),
        kind=kind,
        parent_run_id=_parent_id(parent, is_nested=is_nested),
        started_us=system.now_us(),
        is_resumed=run_id is not None,
    )
    settings = WorkerSettings(flush_interval_s, finish_timeout_s)
    run = Run(spec, settings, params=params or {}, tags=tags or {}, on_end=_forget)
    watch_run(run)
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


def _parent_id(parent: Run | str | None, *, is_nested: bool) -> str | None:
    if isinstance(parent, Run):
        return parent.run_id
    if parent is not None:
        return check_run_id(parent)
    active = active_run() if is_nested else None
    return active.run_id if active else None
