"""PyTorch Lightning: a logger for its Trainer."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from mere.client.run import Run
from mere.frameworks.attachment import Attachment, missing, quiet

try:
    from lightning import __version__
    from lightning.pytorch.loggers.logger import Logger, rank_zero_experiment
    from lightning.pytorch.utilities.rank_zero import rank_zero_only
except ImportError:
    try:
        from pytorch_lightning import __version__
        from pytorch_lightning.loggers.logger import Logger, rank_zero_experiment
        from pytorch_lightning.utilities.rank_zero import rank_zero_only
    except ImportError as error:
        raise missing("lightning", error) from error

__all__ = ["MereLogger"]

_STATUS = {"success": "FINISHED", "finished": "FINISHED", "failed": "FAILED"}


class MereLogger(Logger):  # type: ignore[misc, unused-ignore]
    """Logs what a LightningModule logs, with its global step; `epoch` is a metric among them.

    Only the process of rank zero logs. A run that the logger started ends as the Trainer tells:
    FINISHED, or FAILED when the training raised.

    Example:
        >>> Trainer(logger=MereLogger(experiment="digits"), max_epochs=3).fit(model, data)

    Args:
        run: The run to log to; by default, the active one, or one of its own.
        prefix: What keys begin with, joined by a slash.
        log_model: Whether to keep checkpoints as artifacts below ``checkpoints``: True when the
            training has ended, ``"all"`` each when it is saved.
        experiment: The experiment of a run of its own.
        name: The name of a run of its own.
        save_dir: Where Lightning puts its own files; by default, where the Trainer says.
    """

    def __init__(
        self,
        run: Run | None = None,
        *,
        prefix: str | None = None,
        log_model: bool | Literal["all"] = False,
        experiment: str | None = None,
        name: str | None = None,
        save_dir: str | Path | None = None,
    ) -> None:
        super().__init__()
        self._attachment = Attachment(
            run,
            prefix=prefix,
            experiment=experiment,
            name=name,
            tags={"framework": "lightning", "framework.version": __version__},
        )
        self._log_model = log_model
        self._save_dir = None if save_dir is None else str(save_dir)
        self._experiment = experiment
        self._checkpoints: Any = None
        self._sent: dict[str, int] = {}

    @property
    @rank_zero_experiment  # type: ignore[untyped-decorator, unused-ignore]
    def experiment(self) -> Run:
        """The run itself, to log to by hand; it is started when it is first asked for."""
        run = self._attachment.run
        if run is None or not run.is_active:
            # A test after the training belongs to the same run.
            run = self._attachment.open(goes_on=True)
        return run

    @property
    def name(self) -> str | None:
        """The name of the experiment."""
        run = self._attachment.run
        return self._experiment if run is None else run.experiment

    @property
    def version(self) -> str | None:
        """The run's id, once there is a run."""
        run = self._attachment.run
        return None if run is None else run.run_id

    @property
    def save_dir(self) -> str | None:
        """Where Lightning puts its own files."""
        return self._save_dir

    @rank_zero_only  # type: ignore[untyped-decorator, unused-ignore]
    def log_hyperparams(
        self, params: dict[str, Any] | Namespace, *_args: Any, **_kwargs: Any
    ) -> None:
        """Log hyperparameters as params; what is nested gets keys joined by slashes."""
        self._log_params(params)

    @rank_zero_only  # type: ignore[untyped-decorator, unused-ignore]
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log metrics with the Trainer's global step."""
        self._log_metrics(metrics, step)

    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Remember the checkpoints, and send them if each is wanted."""
        self._checkpoints = checkpoint_callback
        if self._log_model == "all":
            self._send_checkpoints()

    @rank_zero_only  # type: ignore[untyped-decorator, unused-ignore]
    def finalize(self, status: str) -> None:
        """Send what is left, and end a run of its own."""
        if self._attachment.run is None:
            return
        if self._log_model and self._checkpoints is not None:
            self._send_checkpoints()
        self._attachment.close(_STATUS.get(status, "KILLED"))

    @quiet
    def _log_params(self, params: dict[str, Any] | Namespace) -> None:
        found = vars(params) if isinstance(params, Namespace) else dict(params)
        _ = self.experiment
        self._attachment.log_params(dict(_leaves(found)))

    @quiet
    def _log_metrics(self, metrics: Mapping[str, float], step: int | None) -> None:
        _ = self.experiment
        self._attachment.log(metrics, step=step)

    @rank_zero_only  # type: ignore[untyped-decorator, unused-ignore]
    @quiet
    def _send_checkpoints(self) -> None:
        kept = {self._checkpoints.best_model_path, self._checkpoints.last_model_path}
        kept.update(getattr(self._checkpoints, "best_k_models", {}))
        _ = self.experiment
        for text in sorted(kept - {""}):
            path = Path(text)
            if not path.is_file() or self._sent.get(text) == path.stat().st_mtime_ns:
                continue
            self._sent[text] = path.stat().st_mtime_ns
            self._attachment.send(f"checkpoints/{path.name}", path)


def _leaves(params: Mapping[Any, Any], before: str = "") -> Any:
    for key, value in params.items():
        if isinstance(value, Namespace):
            value = vars(value)  # noqa: PLW2901  a namespace is as good as its dictionary
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{before}{key}/")
        else:
            yield f"{before}{key}", value
