"""Keras: the logs of each epoch, with any backend."""

# ruff: noqa: ARG002  a callback takes what the library passes by name

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mere.client.run import Run
from mere.errors import ErrorCode, InvalidInput
from mere.frameworks.attachment import Attachment, missing, quiet

try:
    import keras
except ImportError as error:
    raise missing("keras", error) from error

__all__ = ["MereCallback"]


class MereCallback(keras.callbacks.Callback):  # type: ignore[misc, unused-ignore]
    """Logs what `fit` and `evaluate` report, under Keras' own names (``loss``, ``val_loss``, …).

    The step is the epoch, counted from 0, so ``initial_epoch`` continues the curves. With
    ``every=n`` the logs of each n-th batch are kept, too, as ``batch/<metric>`` by the number of
    batches since the callback was made. `evaluate` on its own logs ``evaluate/<metric>``.

    Example:
        >>> model.fit(x, y, epochs=5, validation_split=0.2, callbacks=[MereCallback()])

    Args:
        run: The run to log to; by default, the active one, or one that `fit` starts and ends.
        prefix: What keys begin with, joined by a slash.
        log_model: Whether to keep the trained model as artifact ``model.keras``.
        every: Log each so many batches; by default, epochs only.
        experiment: The experiment of a run that `fit` starts.
        name: The name of a run that `fit` starts.

    Raises:
        InvalidInput: ``every`` is no positive number.
    """

    def __init__(
        self,
        run: Run | None = None,
        *,
        prefix: str | None = None,
        log_model: bool = False,
        every: int | None = None,
        experiment: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__()
        if every is not None and every < 1:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE, f"every is {every}: log each 1, 10, 100 … batches"
            )
        self._attachment = Attachment(
            run,
            prefix=prefix,
            experiment=experiment,
            name=name,
            tags={
                "framework": "keras",
                "framework.version": keras.__version__,
                "keras.backend": keras.backend.backend(),
            },
        )
        self._log_model = log_model
        self._every = every
        self._batch = 0
        self._is_fitting = False

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Find or start the run, and log how the model is trained."""
        self._begin()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the epoch."""
        self._log_epoch(epoch, logs)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the batch, if batches are wanted."""
        if self._every is not None:
            self._log_batch(logs)

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Log an evaluation that is no part of a training."""
        self._log_test(logs)

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Keep the model, and end a run of its own."""
        self._end()
        self._is_fitting = False
        self._attachment.close()

    @quiet
    def _begin(self) -> None:
        self._is_fitting = True
        self._attachment.open()
        params = {key: value for key, value in (self.params or {}).items() if value is not None}
        params.pop("verbose", None)
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is not None:
            params.update({f"optimizer/{k}": v for k, v in optimizer.get_config().items()})
        loss = getattr(self.model, "loss", None)
        if isinstance(loss, str):
            params["loss"] = loss
        elif loss is not None:
            params["loss"] = getattr(loss, "name", None) or getattr(loss, "__name__", str(loss))
        if self.model.built:
            params["model/parameters"] = self.model.count_params()
        self._attachment.log_params(params)

    @quiet
    def _log_epoch(self, epoch: int, logs: Mapping[str, Any] | None) -> None:
        self._attachment.log(logs or {}, step=epoch)

    @quiet
    def _log_batch(self, logs: Mapping[str, Any] | None) -> None:
        if self._every is not None and self._batch % self._every == 0:
            values = {f"batch/{key}": value for key, value in (logs or {}).items()}
            self._attachment.log(values, step=self._batch)
        self._batch += 1

    @quiet
    def _log_test(self, logs: Mapping[str, Any] | None) -> None:
        if self._is_fitting:
            return
        self._attachment.open()
        self._attachment.log({f"evaluate/{key}": value for key, value in (logs or {}).items()})
        self._attachment.close()

    @quiet
    def _end(self) -> None:
        if self._log_model:
            self._attachment.save("model.keras", self.model.save)
