"""XGBoost: what a training evaluates, round by round."""

# ruff: noqa: ARG002  a callback takes what the library passes by name

from __future__ import annotations

from typing import Any

from mere.client.run import Run
from mere.frameworks.attachment import Attachment, missing, quiet

try:
    import xgboost
    from xgboost.callback import TrainingCallback
except ImportError as error:
    raise missing("xgboost", error) from error

__all__ = ["MereCallback"]


class MereCallback(TrainingCallback):  # type: ignore[misc, unused-ignore]
    """Logs what `xgboost.train`, `xgboost.cv` and the estimators evaluate.

    Metrics are named ``<data>/<metric>``, as in ``train/rmse``; of `xgboost.cv` the mean, and the
    deviation as ``<data>/<metric>/std``. The step is the number of trees' rounds the model has,
    counted from 0, so a training that continues a model continues its curves. Params of the
    booster become params, and early stopping gives ``best_iteration`` and ``best_score``.

    Example:
        >>> xgboost.train(params, data, evals=[(data, "train")], callbacks=[MereCallback()])

    Args:
        run: The run to log to; by default, the active one, or one that the training starts and
            ends.
        prefix: What keys begin with, joined by a slash.
        log_model: Whether to keep the trained model as artifact ``model.ubj``.
        experiment: The experiment of a run that the training starts.
        name: The name of a run that the training starts.
    """

    def __init__(
        self,
        run: Run | None = None,
        *,
        prefix: str | None = None,
        log_model: bool = False,
        experiment: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__()
        self._attachment = Attachment(
            run,
            prefix=prefix,
            experiment=experiment,
            name=name,
            tags={"framework": "xgboost", "framework.version": xgboost.__version__},
        )
        self._log_model = log_model
        self._first_step = 0

    def before_training(self, model: Any) -> Any:
        """Find or start the run."""
        self._begin(model)
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Log the round's evaluations."""
        self._log_round(epoch, evals_log)
        return False

    def after_training(self, model: Any) -> Any:
        """Log what came out, and end a run of its own."""
        self._end(model)
        self._attachment.close()
        return model

    @quiet
    def _begin(self, model: Any) -> None:
        self._attachment.open()
        self._first_step = model.num_boosted_rounds()
        if isinstance(model, xgboost.Booster):
            self._attachment.log_params(_params_of(model))

    @quiet
    def _log_round(self, epoch: int, evals_log: Any) -> None:
        metrics = {}
        for data, found in evals_log.items():
            for metric, values in found.items():
                value = values[-1]
                if isinstance(value, tuple):
                    value, metrics[f"{data}/{metric}/std"] = value
                metrics[f"{data}/{metric}"] = value
        self._attachment.log(metrics, step=self._first_step + epoch)

    @quiet
    def _end(self, model: Any) -> None:
        if not isinstance(model, xgboost.Booster):
            return
        best = {key: model.attr(key) for key in ("best_iteration", "best_score")}
        self._attachment.log({key: float(text) for key, text in best.items() if text is not None})
        if self._log_model:
            self._attachment.save("model.ubj", model.save_model)


def _params_of(model: Any) -> dict[str, Any]:
    """The leaves of the booster's configuration that say how it trains."""
    import json

    params: dict[str, Any] = {}

    def gather(node: Any) -> None:
        for key, value in node.items():
            if isinstance(value, dict):
                gather(value)
            elif isinstance(value, str | int | float) and key not in _STATE:
                params.setdefault(key, value)

    gather(json.loads(model.save_config())["learner"])
    return params


_STATE = frozenset({"base_score", "name", "num_trees", "seed_per_iteration"})
