"""Hugging Face transformers: a callback for its Trainer."""

# ruff: noqa: ARG002  a callback takes what the library passes by name

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mere.client.run import Run
from mere.frameworks.attachment import Attachment, missing, quiet

try:
    import transformers
    from transformers.trainer_callback import TrainerCallback
except ImportError as error:
    raise missing("transformers", error) from error

__all__ = ["MereCallback"]

_PREFIXES = ("eval_", "test_", "predict_")


class MereCallback(TrainerCallback):  # type: ignore[misc, unused-ignore]
    """Logs what a Trainer logs, by its global step, as ``train/loss``, ``eval/loss`` and the like.

    The training arguments become params ``args/…`` and the model's configuration ``model/…``. Only
    the process zero of the world logs. A training that goes on from a checkpoint goes on with its
    global step.

    Example:
        >>> Trainer(model, args, train_dataset=data, callbacks=[MereCallback()]).train()

    Args:
        run: The run to log to; by default, the active one, or one that `train` starts and ends.
        prefix: What keys begin with, joined by a slash.
        log_model: Whether to keep the trained model below ``model``.
        log_checkpoints: Whether to keep each checkpoint below ``checkpoint-<step>``.
        experiment: The experiment of a run that `train` starts.
        name: The name of a run that `train` starts.
    """

    def __init__(
        self,
        run: Run | None = None,
        *,
        prefix: str | None = None,
        log_model: bool = False,
        log_checkpoints: bool = False,
        experiment: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__()
        self._attachment = Attachment(
            run,
            prefix=prefix,
            experiment=experiment,
            name=name,
            tags={"framework": "transformers", "framework.version": transformers.__version__},
        )
        self._log_model = log_model
        self._log_checkpoints = log_checkpoints

    def on_train_begin(
        self, args: Any, state: Any, control: Any, model: Any = None, **_others: Any
    ) -> None:
        """Find or start the run, and log how the model is trained."""
        if state.is_world_process_zero:
            self._begin(args, model)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_others: Any) -> None:
        """Log the numbers that the Trainer logs."""
        if state.is_world_process_zero:
            self._log(state, logs)

    def on_save(self, args: Any, state: Any, control: Any, **_others: Any) -> None:
        """Keep the checkpoint, if checkpoints are wanted."""
        if state.is_world_process_zero and self._log_checkpoints:
            self._send(args, state)

    def on_train_end(
        self, args: Any, state: Any, control: Any, model: Any = None, **_others: Any
    ) -> None:
        """Keep the model, and end a run of its own."""
        if state.is_world_process_zero:
            self._end(model)
            self._attachment.close()

    @quiet
    def _begin(self, args: Any, model: Any) -> None:
        self._attachment.open()
        config = getattr(model, "config", None)
        found = config.to_dict() if config is not None and hasattr(config, "to_dict") else config
        params = {f"model/{key}": value for key, value in dict(found or {}).items()}
        if hasattr(model, "num_parameters"):
            params["model/parameters"] = model.num_parameters()
        # It masks tokens.
        params.update({f"args/{k}": v for k, v in args.to_sanitized_dict().items()})
        self._attachment.log_params(params)

    @quiet
    def _log(self, state: Any, logs: Mapping[str, Any] | None) -> None:
        run = self._attachment.run
        if run is None or not run.is_active:
            return
        metrics = {
            _renamed(key): value
            for key, value in (logs or {}).items()
            if isinstance(value, int | float)
        }
        self._attachment.log(metrics, step=state.global_step)

    @quiet
    def _send(self, args: Any, state: Any) -> None:
        folder = Path(args.output_dir, f"checkpoint-{state.global_step}")
        if folder.is_dir():
            self._attachment.send(folder.name, folder)

    @quiet
    def _end(self, model: Any) -> None:
        if self._log_model and model is not None:
            self._attachment.save("model", model.save_pretrained)


def _renamed(key: str) -> str:
    for prefix in _PREFIXES:
        if key.startswith(prefix):
            return f"{prefix[:-1]}/{key.removeprefix(prefix)}"
    return key if key == "epoch" else f"train/{key.removeprefix('train_')}"
