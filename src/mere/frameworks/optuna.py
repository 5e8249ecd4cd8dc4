"""Optuna: a study as a run, each of its trials as a run nested in it."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import mere
from mere.client.run import Run
from mere.frameworks.attachment import Attachment, bounded, missing, quiet

try:
    import optuna
    from optuna.trial import FrozenTrial, Trial, TrialState
except ImportError as error:
    raise missing("optuna", error) from error

__all__ = ["MereCallback"]

_log = logging.getLogger("mere")

_STATUS = {TrialState.COMPLETE: "FINISHED", TrialState.PRUNED: "FINISHED"}


class MereCallback:
    """Logs the trials of a study: params, values, what was reported on the way, and the state.

    Each trial becomes a run of kind ``trial`` nested in the study's run, which gets the value of
    each trial by its number and the best value so far. Pruned trials are FINISHED with the tag
    ``optuna.state`` PRUNED. An objective under `track_in_mere` runs within its trial's run, so that
    it can log to it by itself.

    A study does not tell that it has ended: a run of its own ends with a ``with`` block, or with
    `finish`, or with the process.

    Example:
        >>> with MereCallback() as callback:
        ...     study.optimize(objective, n_trials=20, callbacks=[callback])

    Args:
        run: The study's run; by default, the active one, or one of its own.
        prefix: What the keys of the study's metrics begin with, joined by a slash.
        log_model: Whether to keep the trials as table ``trials`` when the run ends.
        metric_name: What the value is called, or the values of a study with several directions;
            by default, the study's own names, or ``value``, ``value_0``, ``value_1``, ….
        experiment: The experiment of a run of its own.
        name: The name of a run of its own.
    """

    def __init__(
        self,
        run: Run | None = None,
        *,
        prefix: str | None = None,
        log_model: bool = False,
        metric_name: str | list[str] | None = None,
        experiment: str | None = None,
        name: str | None = None,
    ) -> None:
        self._attachment = Attachment(
            # A study with n_jobs calls back in other threads, in which no run is active.
            run or mere.active_run(),
            prefix=prefix,
            experiment=experiment,
            name=name,
            kind="study",
            tags={"framework": "optuna", "framework.version": optuna.__version__},
        )
        self._log_table = log_model
        self._names = [metric_name] if isinstance(metric_name, str) else metric_name
        self._lock = threading.Lock()
        self._tracked: dict[tuple[str, int], Run] = {}
        self._failed: set[tuple[str, int]] = set()
        self._study: Any = None

    def __call__(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self._log_trial(study, trial)

    def track_in_mere(self) -> Callable[[Callable[[Trial], Any]], Callable[[Trial], Any]]:
        """Decorate an objective so that it runs within its trial's run, as `mere.active_run`."""

        def decorate(objective: Callable[[Trial], Any]) -> Callable[[Trial], Any]:
            @functools.wraps(objective)
            def tracked(trial: Trial) -> Any:
                with self._within(trial):
                    return objective(trial)

            return tracked

        return decorate

    def finish(self, status: str = "FINISHED") -> None:
        """End a run of its own, and before it the trials' runs that are open still."""
        self._end()
        self._attachment.close(status)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.finish("FINISHED" if error is None else "FAILED")

    def _open(self, study: Any) -> Run:
        """The study's run, in whichever thread a trial came first."""
        with self._lock:
            run = self._attachment.run
            if run is None or not run.is_active:
                run = self._attachment.open()
                self._study = study
                self._attachment.log_params(
                    {
                        "study_name": study.study_name,
                        "directions": ", ".join(d.name.lower() for d in study.directions),
                        "sampler": type(study.sampler).__name__,
                        "pruner": type(study.pruner).__name__,
                    }
                )
            return run

    @contextmanager
    def _within(self, trial: Trial) -> Iterator[None]:
        run: Run | None = None
        try:
            run = self._start(trial.study, trial.number)
        except Exception as error:  # noqa: BLE001  the objective runs, logged or not
            _warn_untracked(trial.number, error)
        key = (trial.study.study_name, trial.number)
        try:
            yield
        except optuna.TrialPruned:
            raise
        except BaseException:
            # An error that the study does not catch ends it before any callback is called.
            if run is not None:
                self._forget(key)
                self._failed.add(key)
                self._finish_trial(run, trial.study, trial.number)
            raise

    @quiet
    def _finish_trial(self, run: Run, study: Any, number: int) -> None:
        params: dict[str, Any] = next(
            (t.params for t in study.get_trials(deepcopy=False) if t.number == number), {}
        )
        run.log_params(bounded(params))
        run.set_tags({"optuna.state": "FAIL", "optuna.trial": number})
        run.finish("FAILED")

    def _start(self, study: Any, number: int) -> Run:
        parent = self._open(study)
        run = mere.start_run(
            parent.experiment,
            name=f"trial {number}",
            parent=parent,
            kind="trial",
            warehouse=parent.warehouse,
            console=False,
            system_metrics=False,
        )
        with self._lock:
            self._tracked[study.study_name, number] = run
        return run

    def _forget(self, key: tuple[str, int]) -> Run | None:
        with self._lock:
            return self._tracked.pop(key, None)

    @quiet
    def _log_trial(self, study: Any, trial: FrozenTrial) -> None:
        key = (study.study_name, trial.number)
        if key in self._failed:
            # Its error, which the study has caught, came by here before.
            self._failed.discard(key)
            return
        self._open(study)
        run = self._forget(key)
        if run is None:
            run = self._start(study, trial.number)
            self._forget(key)
        names = self._value_names(study)
        values = dict(zip(names, trial.values or (), strict=False))
        run.log_params(bounded(trial.params))
        for step, value in sorted(trial.intermediate_values.items()):
            run.log({"intermediate": value}, step=step)
        run.log(values, step=0)
        run.set_tags({"optuna.state": trial.state.name, "optuna.trial": trial.number})
        run.set_tags({f"optuna.{key}": str(value) for key, value in trial.user_attrs.items()})
        run.finish(_STATUS.get(trial.state, "FAILED"))
        self._log_progress(study, trial, values)

    def _log_progress(self, study: Any, trial: FrozenTrial, values: dict[str, float]) -> None:
        if trial.state is not TrialState.COMPLETE:
            return
        metrics = dict(values)
        if len(study.directions) == 1:
            best = study.best_trial
            metrics[f"best_{next(iter(values))}"] = best.value
            self._attachment.set_tags(
                {f"optuna.best.{k}": str(v) for k, v in best.params.items()}
                | {"optuna.best_trial": best.number}
            )
        self._attachment.log(metrics, step=trial.number)

    def _value_names(self, study: Any) -> list[str]:
        count = len(study.directions)
        names = self._names or study.metric_names
        if names is not None and len(names) == count:
            return list(names)
        return ["value"] if count == 1 else [f"value_{n}" for n in range(count)]

    @quiet
    def _end(self) -> None:
        for key in list(self._tracked):
            left = self._forget(key)
            if left is not None:
                left.finish("KILLED")
        run = self._attachment.run
        if self._log_table and run is not None and self._study is not None:
            rows = [
                {
                    "number": trial.number,
                    "state": trial.state.name,
                    "values": list(trial.values or ()),
                    "params": str(trial.params),
                }
                for trial in self._study.get_trials(deepcopy=False)
            ]
            run.log_table("trials", rows)


def _warn_untracked(number: int, error: Exception) -> None:
    """Say that a trial runs without a run."""
    _log.warning("trial %d is not logged: %s", number, error)
