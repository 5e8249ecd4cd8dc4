"""The run that a training logs to: the one given, the active one, or one of its own.

A run of its own is ended here, too: by the library's last call, or, where a library does not tell
that a training failed, when the callback is let go. What the process leaves open is ended at its
exit as every run is, with the status that the exit deserves.
"""

from __future__ import annotations

import functools
import logging
import tempfile
import threading
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import mere
from mere.client.run import Run
from mere.errors import ErrorCode, InvalidInput

__all__ = ["Attachment", "bounded", "missing", "quiet"]

_log = logging.getLogger("mere")

_P = ParamSpec("_P")
_S = TypeVar("_S")

_PARAMS_MAX = 500
_PARAM_CHARS_MAX = 500


class Attachment:
    """Where one callback logs to.

    Args:
        run: The run to log to; by default, the active one or one of its own.
        experiment: The experiment of a run of its own.
        name: The name of a run of its own.
        prefix: What the keys of metrics and params begin with, joined by a slash.
        kind: The kind of a run of its own.
        tags: The tags of whatever run it is.

    Raises:
        InvalidInput: What is given as run is none.
    """

    def __init__(
        self,
        run: Run | None = None,
        *,
        experiment: str | None = None,
        name: str | None = None,
        prefix: str | None = None,
        kind: str = "train",
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        if run is not None and not isinstance(run, Run):
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"run is a {type(run).__name__}: pass what mere.start_run returned, or None for "
                "the active run",
            )
        self._given = run
        self._begin: dict[str, Any] = {"name": name, "kind": kind}
        if experiment is not None:
            self._begin["experiment"] = experiment
        self._prefix = f"{prefix}/" if prefix else ""
        self._tags = dict(tags or {})
        self._own: _Own | None = None
        self._ended_id: str | None = None
        self.run: Run | None = None

    def open(self, *, goes_on: bool = False) -> Run:
        """Find the run to log to, or start one, as a training begins.

        Args:
            goes_on: Whether to take up again the run of its own that has ended before.
        """
        _close_settled()
        if self._own is not None:
            # The training before this one did not come to its end.
            self.close("FAILED")
        self.run = self._given or mere.active_run()
        if self.run is None:
            again = self._ended_id if goes_on else None
            self.run = mere.start_run(**self._begin, run_id=again)
            self._own = _Own(self.run)
            # At the exit of the process runs end by themselves, with a status that is better known.
            weakref.finalize(self, _let_go, self._own).atexit = False
        self.run.set_tags(self._tags)
        return self.run

    @property
    def is_own(self) -> bool:
        """Whether the run was started here."""
        return self._own is not None

    def log(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log metrics below the prefix; nothing, before `open`."""
        if self.run is not None and metrics:
            self.run.log(self._keyed(metrics), step=step)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log params below the prefix, so many and so long as is sensible."""
        if self.run is not None:
            self.run.log_params(self._keyed(bounded(params)))

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags."""
        if self.run is not None:
            self.run.set_tags(tags)

    def save(self, name: str, write: Callable[[Path], object]) -> None:
        """Log a file or folder as an artifact.

        Args:
            name: Its path in the run.
            write: Writes it to the path that it is given.
        """
        with tempfile.TemporaryDirectory(prefix="mere-") as folder:
            path = Path(folder, Path(name).name)
            write(path)
            self.send(name, path)

    def send(self, name: str, path: Path) -> None:
        """Log a file or folder that is there as an artifact."""
        if self.run is None:
            return
        if path.is_dir():
            self.run.log_artifacts(path, self._prefix + name)
        else:
            self.run.log_artifact(path, self._prefix + name)

    def settle(self, ended: Callable[[], bool] = lambda: True) -> None:
        """Let the run end well when the callback is let go, or the next training begins.

        Args:
            ended: Asked then whether the training came to its end.
        """
        if self._own is not None:
            self._own.ended = ended
            _settled[self._own.run.run_id] = self._own

    def close(self, status: str = "FINISHED") -> None:
        """End the run if it was started here."""
        own, self._own = self._own, None
        if own is not None:
            self._ended_id = own.run.run_id
            own.finish(status)

    def abandon(self) -> None:
        """End the run if it was started here and nobody ended it; waits for nothing."""
        own, self._own = self._own, None
        if own is not None:
            own.let_go()

    def _keyed(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {f"{self._prefix}{key}": value for key, value in values.items()}


class _Own:
    """A run started here, apart from the attachment, so that it outlives it."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.ended: Callable[[], bool] | None = None
        self._thread = threading.get_ident()

    def finish(self, status: str) -> None:
        _settled.pop(self.run.run_id, None)
        self.ended = None
        self.run.finish(status)

    def let_go(self) -> None:
        if not self.run.is_active:
            return
        has_ended = self.ended is not None and self.ended()
        status = "FINISHED" if has_ended else "FAILED"
        if has_ended and threading.get_ident() == self._thread:
            self.finish(status)
        else:
            # The collector of garbage may have come here from within anything, the run's own
            # thread included, so nothing is waited for.
            threading.Thread(target=self.finish, args=(status,), name="mere end").start()


_settled: dict[str, _Own] = {}


def _let_go(own: _Own) -> None:
    own.let_go()


def _close_settled() -> None:
    for own in list(_settled.values()):
        if own.ended is not None and own.ended():
            own.finish("FINISHED")


def bounded(params: Mapping[str, Any]) -> dict[str, str]:
    """Params as texts of sensible length, the first of them if there are very many."""
    if len(params) > _PARAMS_MAX:
        _log.warning("%d params: the first %d are logged", len(params), _PARAMS_MAX)
    texts = {}
    for key in list(params)[:_PARAMS_MAX]:
        try:
            text = str(params[key])
        except Exception as error:  # noqa: BLE001  a foreign object's __str__ may raise anything
            text = f"a {type(params[key]).__name__} without a text: {error}"
        texts[str(key)] = text if len(text) <= _PARAM_CHARS_MAX else text[:_PARAM_CHARS_MAX] + "…"
    return texts


def quiet(
    call: Callable[Concatenate[_S, _P], None],
) -> Callable[Concatenate[_S, _P], None]:
    """Turn what a callback raises into a warning, so that the training goes on."""

    @functools.wraps(call)
    def guarded(self: _S, /, *args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            call(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001  a training is never stopped by its log
            where = f"{type(self).__module__}.{call.__qualname__}"
            _log.warning("%s did not log: %s: %s", where, type(error).__name__, error)
            _log.debug("%s", where, exc_info=True)

    return guarded


def missing(library: str, error: ImportError) -> ImportError:
    """The error that says what to install."""
    module = library.partition(" ")[0]
    return ImportError(
        f"mere.frameworks needs {module}, which cannot be imported here ({error}): install it "
        f"with `pip install {module}`",
        name=module,
    )
