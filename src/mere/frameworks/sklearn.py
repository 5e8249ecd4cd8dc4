"""scikit-learn: `autolog` makes each fit that a person asks for a run.

A fit within a fit (of a pipeline's steps, of a search's candidates, of an ensemble's members)
belongs to the outer one and is not logged by itself. Within one thread the flow of the code tells
them apart; in the workers of scikit-learn's own parallel code, the frames they run in.
"""

from __future__ import annotations

import inspect
import logging
import threading
import weakref
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import msgspec

import mere
from mere.client.run import Run
from mere.clock import SystemClock
from mere.errors import ErrorCode, InvalidInput
from mere.frameworks.attachment import bounded, missing
from mere.frameworks.sklearn_facts import (
    data_facts,
    is_logged,
    params_of,
    search_of,
    tags_of,
    training_metrics,
)

try:
    import sklearn  # noqa: F401  whether it is there is all that is asked

    from mere.frameworks.sklearn_patching import patch_all, restore_all
except ImportError as error:
    raise missing("scikit-learn (sklearn)", error) from error

__all__ = ["autolog", "log_model_facts", "logged_fit"]

_log = logging.getLogger("mere")


class _Options(msgspec.Struct, frozen=True):
    experiment: str | None
    log_model: bool
    training_metrics: bool
    children_max: int


_options: _Options | None = None
_lock = threading.Lock()
_is_within: ContextVar[bool] = ContextVar("mere_sklearn_fit", default=False)
_fits: weakref.WeakKeyDictionary[Run, int] = weakref.WeakKeyDictionary()


def autolog(
    *,
    disable: bool = False,
    experiment: str | None = None,
    log_model: bool = False,
    training_metrics: bool = True,
    children_max: int = 5,
) -> None:
    """Log each fit of a classifier, regressor, clusterer, outlier detector, pipeline or search.

    A fit logs to the active run or to a run of its own, which ends with it, FAILED if it raises:
    all params, the class, facts of its data, how long it took, and metrics on the training data. A
    search adds its best params and score, all results as table ``cv_results``, and its best
    candidates as nested runs. A second fit in one run gets the prefix ``fit2/``, and so on. Fits of
    transformers alone, and those in `cross_val_score` and its like, are not logged.

    Call it again to change the options.

    Example:
        >>> mere.frameworks.sklearn.autolog()
        >>> LogisticRegression(C=0.5).fit(x, y)

    Args:
        disable: Undo it.
        experiment: The experiment of runs of its own.
        log_model: Whether to keep the fitted estimator as artifact ``model.pkl``.
        training_metrics: Whether to compute metrics on the training data, which costs predictions.
        children_max: So many of a search's candidates become nested runs, the best ones.

    Raises:
        InvalidInput: ``children_max`` is below zero.
    """
    global _options  # noqa: PLW0603  patching classes is global by its nature
    if children_max < 0:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"children_max is {children_max}: give 0 or more"
        )
    with _lock:
        if disable:
            _options = None
            restore_all()
            return
        is_patched = _options is not None
        _options = _Options(experiment, log_model, training_metrics, children_max)
        if not is_patched:
            patch_all()


def log_model_facts(
    run: Run, estimator: Any, x: Any = None, y: Any = None, *, prefix: str = ""
) -> None:
    """Log what is known of a fitted estimator, without `autolog`; never raises.

    Args:
        run: The run to log to.
        estimator: The estimator.
        x: What it was fitted to, if its shape and metrics on it are wanted.
        y: The target.
        prefix: What keys begin with.
    """
    _guarded(lambda: run.log_params(_with(prefix, bounded(params_of(estimator)))))
    _guarded(lambda: run.set_tags(_with(prefix, tags_of(estimator))))
    _guarded(lambda: run.set_tags(_with(prefix, data_facts(x, y, estimator))))
    if x is not None:
        _guarded(lambda: run.log(_with(prefix, training_metrics(estimator, x, y, None)), step=0))


def logged_fit(
    original: Callable[..., Any], estimator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Call a method that fits, and log it if it is an outermost one."""
    options = _options
    if options is None or _is_within.get():
        return original(estimator, *args, **kwargs)
    if not _guarded(lambda: is_logged(estimator) and not _is_in_worker()):
        return original(estimator, *args, **kwargs)
    token = _is_within.set(True)
    try:
        return _fit(options, original, estimator, args, kwargs)
    finally:
        _is_within.reset(token)


def _fit(
    options: _Options,
    original: Callable[..., Any],
    estimator: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    clock = SystemClock()
    active = _guarded(mere.active_run)
    own = None if active is not None else _guarded(lambda: _start(options, estimator))
    run: Run | None = active or own
    prefix = "" if run is None else _prefix(run)
    if run is not None:
        # Before the fit, so that one that fails has them, too.
        _guarded(lambda: run.log_params(_with(prefix, bounded(params_of(estimator)))))
        _guarded(lambda: run.set_tags(_with(prefix, tags_of(estimator))))
    began_s = clock.monotonic()
    try:
        result = original(estimator, *args, **kwargs)
        took_s = clock.monotonic() - began_s
    except BaseException as error:
        if own is not None:
            status = "FAILED" if isinstance(error, Exception) else "KILLED"
            _guarded(lambda: own.finish(status))
        raise
    if run is not None:
        call = _Call(original, estimator, args, kwargs)
        _guarded(lambda: run.log({f"{prefix}fit_time_s": took_s}, step=0))
        _log_outcome(options, run, call, prefix)
    if own is not None:
        _guarded(own.finish)
    return result


class _Call:
    """The data that a fit was given."""

    def __init__(
        self,
        original: Callable[..., Any],
        estimator: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> None:
        self.estimator = estimator
        names = [name for name in inspect.signature(original).parameters if name != "self"]
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        self.x = given.get("X", args[0] if args else None)
        self.y = given.get("y")
        self.weights = given.get("sample_weight")


def _log_outcome(options: _Options, run: Run, call: _Call, prefix: str) -> None:
    estimator = call.estimator
    _guarded(lambda: run.set_tags(_with(prefix, data_facts(call.x, call.y, estimator))))
    if options.training_metrics:
        _guarded(
            lambda: run.log(
                _with(prefix, training_metrics(estimator, call.x, call.y, call.weights)), step=0
            )
        )
    _guarded(lambda: _log_search(options, run, estimator, prefix))
    if options.log_model:
        _guarded(lambda: _save(run, estimator, prefix))


def _log_search(options: _Options, run: Run, estimator: Any, prefix: str) -> None:
    found = search_of(estimator)
    if found is None:
        return
    run.log_params(_with(prefix, bounded(found.best_params)))
    run.log(_with(prefix, found.best_scores), step=0)
    run.log_table(f"{prefix}cv_results", found.rows)
    for candidate in found.best(options.children_max):
        child: Run = mere.start_run(
            run.experiment,
            name=f"{prefix}candidate {candidate.number}",
            parent=run,
            kind="candidate",
            params=bounded(candidate.params),
            tags=tags_of(getattr(estimator, "estimator", estimator)),
            warehouse=run.warehouse,
            console=False,
            system_metrics=False,
        )
        child.log(candidate.scores, step=0)
        child.finish()


def _save(run: Run, estimator: Any, prefix: str) -> None:
    import pickle
    import tempfile

    with tempfile.TemporaryDirectory(prefix="mere-") as folder:
        path = Path(folder, "model.pkl")
        path.write_bytes(pickle.dumps(estimator))
        run.log_artifact(path, f"{prefix}model.pkl")


def _start(options: _Options, estimator: Any) -> Run:
    kind = type(estimator).__name__
    if options.experiment is None:
        return mere.start_run(tags={"autolog": "sklearn", "estimator_name": kind})
    return mere.start_run(options.experiment, tags={"autolog": "sklearn", "estimator_name": kind})


def _prefix(run: Run) -> str:
    with _lock:
        count = _fits[run] = _fits.get(run, 0) + 1
    return "" if count == 1 else f"fit{count}/"


def _with(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{prefix}{key}": value for key, value in values.items()}


def _guarded(act: Callable[[], Any]) -> Any:
    """What it returns; None, with a warning, if it raises."""
    try:
        return act()
    except Exception as error:  # noqa: BLE001  a fit is never broken by its log
        _log.warning("a fit was not logged completely: %s: %s", type(error).__name__, error)
        _log.debug("autolog", exc_info=True)
        return None


def _is_in_worker() -> bool:
    """Whether scikit-learn's own parallel code called, in this thread or this process."""
    frame = inspect.currentframe()
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__call__" and frame.f_globals.get("__name__") == _PARALLEL:
            return True
        frame = frame.f_back
    return False


_PARALLEL = "sklearn.utils.parallel"
