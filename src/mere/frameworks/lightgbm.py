"""LightGBM: what a training evaluates, iteration by iteration."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from mere.client.run import Run
from mere.frameworks.attachment import Attachment, missing, quiet

try:
    import lightgbm
except (ImportError, OSError) as error:  # without OpenMP its library cannot be loaded
    raise missing("lightgbm", ImportError(str(error))) from error

__all__ = ["mere_callback"]


class mere_callback:  # noqa: N801  LightGBM's callbacks are called like functions
    """Logs what `lightgbm.train`, `lightgbm.cv` and the estimators evaluate.

    Metrics are named ``<data>/<metric>``, as in ``valid_0/auc``; of `lightgbm.cv` the mean, and the
    deviation as ``<data>/<metric>/std``. The step is the iteration, which continues where an
    ``init_model`` ended. Early stopping gives ``best_iteration``.

    LightGBM does not tell its callbacks that a training has ended. A run of its own therefore ends
    when the callback is let go: at once, where it is written into the call of `train`; otherwise
    with `finish` or at the end of a ``with`` block.

    Example:
        >>> lightgbm.train(params, data, valid_sets=[test], callbacks=[mere_callback()])

    Args:
        run: The run to log to; by default, the active one, or one of its own.
        prefix: What keys begin with, joined by a slash.
        log_model: Whether to keep the model as artifact ``model.txt`` when the training has ended.
        experiment: The experiment of a run of its own.
        name: The name of a run of its own.
    """

    # Before early stopping (30), which leaves by an exception.
    order = 25
    before_iteration = False

    def __init__(
        self,
        run: Run | None = None,
        *,
        prefix: str | None = None,
        log_model: bool = False,
        experiment: str | None = None,
        name: str | None = None,
    ) -> None:
        self._attachment = Attachment(
            run,
            prefix=prefix,
            experiment=experiment,
            name=name,
            tags={"framework": "lightgbm", "framework.version": lightgbm.__version__},
        )
        self._record = _Record(self._attachment, log_model=log_model)

    def __call__(self, env: Any) -> None:
        self._take(env)

    def finish(self, status: str = "FINISHED") -> None:
        """Log what came out, and end a run of its own."""
        self._record.conclude()
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

    def __del__(self) -> None:
        record = getattr(self, "_record", None)
        if record is None:
            return
        if record.has_ended():
            self.finish()
        else:
            self._attachment.abandon()

    @quiet
    def _take(self, env: Any) -> None:
        if env.iteration == env.begin_iteration:
            self._attachment.open()
            self._attachment.log_params(env.params)
            self._record.begin(env.model)
            self._attachment.settle(self._record.has_ended)
        metrics = {}
        for data, metric, value, _, *deviation in env.evaluation_result_list or ():
            metrics[f"{data}/{metric}"] = value
            if deviation and deviation[0] is not None:
                metrics[f"{data}/{metric}/std"] = deviation[0]
        self._attachment.log(metrics, step=env.iteration)
        self._record.is_last = env.iteration + 1 >= env.end_iteration


class _Record:
    """What is known of the training that is being logged."""

    def __init__(self, attachment: Attachment, *, log_model: bool) -> None:
        self._attachment = attachment
        self._log_model = log_model
        self._model: Any = None
        self.is_last = False

    def begin(self, model: Any) -> None:
        self._model, self.is_last = model, False

    def has_ended(self) -> bool:
        """Whether the training came to its last iteration, or was stopped early."""
        return self.is_last or getattr(self._model, "best_iteration", 0) > 0

    @quiet
    def conclude(self) -> None:
        model, self._model = self._model, None
        if model is None:
            return
        if model.best_iteration > 0:
            # LightGBM counts it from 1, and the steps of the curves count from 0.
            self._attachment.log({"best_iteration": model.best_iteration - 1})
        if self._log_model and isinstance(model, lightgbm.Booster):
            self._attachment.save("model.txt", model.save_model)
