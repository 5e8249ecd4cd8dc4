"""A run as training code holds it: what is logged returns at once and never raises."""

from __future__ import annotations

import logging
import os
import queue
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mere.client.buffer import Buffer, Call, snapshot
from mere.client.console import Listener
from mere.client.delivery import Delivery, RunSpec
from mere.client.documents import encode_histogram, encode_table
from mere.client.files import RunFiles
from mere.client.intake import flatten
from mere.client.lineage import log_lineage
from mere.client.media import encode_audio, encode_figure, encode_image
from mere.client.shutdown import status_after, watch_run
from mere.client.system_metrics import Sampler
from mere.client.uploads import Uploads
from mere.client.worker import Order, Worker, WorkerSettings
from mere.clock import SystemClock
from mere.entities.run import RunStatus, check_notes
from mere.errors import ErrorCode, InvalidInput, MereError, Unavailable

__all__ = ["Run"]

_log = logging.getLogger("mere")

_FLUSH_TIMEOUT_S = 60.0
_GRACE_S = 5.0
_END_S_MIN = 5.0


class Run:
    """A run being tracked. `mere.start_run` makes them.

    Args:
        spec: What the run is.
        settings: How often and how long it sends.
        params: What goes into the run.
        tags: What else is worth remembering.
        on_end: Called once with the run when it has ended.
        listens: Whether it keeps what the process writes to its terminal.
        sample_s: How often it samples the machine; None for never.
    """

    def __init__(
        self,
        spec: RunSpec,
        settings: WorkerSettings,
        *,
        params: Mapping[str, Any],
        tags: Mapping[str, Any],
        on_end: Callable[[Run], None],
        listens: bool = False,
        sample_s: float | None = None,
    ) -> None:
        self._spec = spec
        self._settings = settings
        self._on_end = on_end
        self._clock = SystemClock()
        self._now_us = self._clock.now_us
        self._status = RunStatus.RUNNING
        self._is_owner = spec.rank == 0
        self._is_warned = False
        self._put: Callable[[Call, int], None]
        self._connect()
        # Before the worker starts, so that they are in the first segment with the run's row.
        self.log_params(params)
        self.set_tags(tags)
        self._start_worker()
        self._listener = Listener(self._buffer.put, self._now_us, self._warn) if listens else None
        self._sampler: Sampler | None = None
        if self._listener is not None:
            self._listener.start()
        if sample_s is not None:
            self._sampler = Sampler(self._buffer.put, self._now_us, sample_s, spec.rank)
            self._sampler.start()

    def __repr__(self) -> str:
        return f"<mere.Run {self.name} {self.run_id} {self._status}>"

    @property
    def run_id(self) -> str:
        """The run's id: 32 hexadecimal digits."""
        return self._spec.run_id

    @property
    def name(self) -> str:
        """The run's name."""
        return self._spec.name

    @property
    def experiment(self) -> str:
        """The name of the run's experiment."""
        return self._spec.experiment

    @property
    def experiment_id(self) -> str:
        """The id of the run's experiment; waits until the store has told it.

        Raises:
            Unavailable: The store did not answer.
        """
        if not self._delivery.has_begun.is_set():
            self.flush()
        if self._delivery.experiment_id is None:
            raise Unavailable(
                ErrorCode.STORE_UNAVAILABLE,
                f"the experiment of {self._label} is not known in this process: ask the run's own",
            )
        return self._delivery.experiment_id

    @property
    def parent_run_id(self) -> str | None:
        """The id of the run this one is nested in."""
        return self._spec.parent_run_id

    @property
    def warehouse(self) -> str:
        """The address of the warehouse it logs to."""
        return self._spec.url

    @property
    def status(self) -> RunStatus:
        """RUNNING, until the run has ended."""
        return self._status

    @property
    def is_active(self) -> bool:
        """Whether it can be logged to."""
        return not self._status.is_final

    def log(
        self,
        metrics: Mapping[str, Any],
        step: int | None = None,
        timestamp: datetime | float | None = None,
    ) -> None:
        """Log metrics; returns at once, sends in the background, never raises.

        Args:
            metrics: Numbers by key: Python's, or NumPy's, PyTorch's and others' that hold one.
                Nested dictionaries become keys joined by slashes. NaN and infinities are kept.
            step: Where in the training this is. By default each key counts on by itself, from 0
                or from one beyond its greatest step.
            timestamp: When it was measured: a datetime, or seconds since the epoch; by default,
                now.
        """
        try:
            if timestamp is None:
                timestamp = self._now_us()
            elif not isinstance(timestamp, datetime):
                # Microseconds as an integer are ours; what a user gives is in seconds.
                timestamp = float(timestamp)
            held = snapshot(metrics)
            self._put(("metrics", held, step, timestamp), len(held))
        except Exception as error:  # noqa: BLE001  what a user logs may raise anything
            self._warn_once(f"{metrics!r} was not logged: {error}")

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log params: what goes into the run. Returns at once, never raises.

        A param never changes: another value for one already logged is left out, with a warning.
        Values are stored as text; nested dictionaries become keys joined by slashes.
        """
        self._log_texts("params", params)

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags, and remove those whose value is None. Returns at once, never raises."""
        self._log_texts("tags", tags)

    def log_seeds(self, seeds: Mapping[str, Any]) -> None:
        """Note the seeds of random generators, by what they are for; `mere.set_seed` does it."""
        self._log_texts("seeds", seeds)

    def set_notes(self, markdown: str) -> None:
        """Write down what people should know of the run, in place of what was written before.

        Returns at once, never raises.
        """
        try:
            notes = check_notes(markdown)
            self._put(("columns", {"notes": notes}, None, None), 1)
        except InvalidInput as error:
            self._warn_once(f"notes were not kept: {error}")

    def log_artifact(self, file: str | os.PathLike[str], name: str | None = None) -> None:
        """Keep a file, or all of a folder; it may change afterwards. Never raises.

        Files of up to 64 MB are sent in the background, larger ones within the call.

        Args:
            file: The file.
            name: Its path in the run; by default, its own name.
        """
        self._desk.add_file(file, name)

    def log_artifacts(self, folder: str | os.PathLike[str], name: str | None = None) -> None:
        """Keep all files of a folder; as `log_artifact`.

        Args:
            folder: The folder. Links that lead out of it and what is no plain file are left out.
            name: Its path in the run; by default, its own name; '' for none.
        """
        self._desk.add_folder(folder, name)

    def log_text(self, path: str, text: str) -> None:
        """Keep a text as a file of UTF-8. Never raises."""
        self._desk.add_text(path, text)

    def log_dict(self, path: str, value: Any) -> None:
        """Keep a dictionary or list as JSON; as YAML where the path ends so. Never raises."""
        self._desk.add_dict(path, value)

    def log_image(
        self, name: str, image: Any, step: int | None = None, *, caption: str | None = None
    ) -> None:
        """Keep an image as ``media/<name>/<step>.png``, or ``media/<name>.png``. Never raises.

        Args:
            name: What it shows, with slashes where there is an order to it.
            image: A Pillow image, an array or tensor (height x width, with channels last or
                first; 0 to 255, floats 0 to 1), a matplotlib figure, or the path of a file.
            step: Where in the training this is; without, it replaces the one of this name.
            caption: What people should read beside it.
        """
        self._desk.add_media(name, lambda: encode_image(image), step, caption)

    def log_figure(
        self, name: str, figure: Any, step: int | None = None, *, caption: str | None = None
    ) -> None:
        """Keep a figure of matplotlib (as PNG) or plotly (as JSON); as `log_image`."""
        self._desk.add_media(name, lambda: encode_figure(figure), step, caption)

    def log_audio(
        self,
        name: str,
        audio: Any,
        step: int | None = None,
        *,
        rate: int | None = None,
        caption: str | None = None,
    ) -> None:
        """Keep sound as WAV; as `log_image`.

        Args:
            name: What it is.
            audio: An array of samples, or samples x channels: floats from -1 to 1, int16, int32
                or uint8; or the path of a file.
            step: Where in the training this is.
            rate: Samples a second; needed for arrays.
            caption: What people should read beside it.
        """
        self._desk.add_media(name, lambda: encode_audio(audio, rate), step, caption)

    def log_table(self, name: str, data: Any, step: int | None = None) -> None:
        """Keep a table as Parquet; as `log_image`.

        Args:
            name: What it is.
            data: Of pandas, Polars or Arrow, a dictionary of columns, a list of dictionaries, or
                the path of a file.
            step: Where in the training this is.
        """
        self._desk.add_media(name, lambda: encode_table(data), step)

    def log_histogram(
        self, name: str, values: Any, step: int | None = None, *, bins: int = 64
    ) -> None:
        """Keep how often values occur, as JSON; as `log_image`.

        Args:
            name: What they are values of.
            values: An array or tensor of any shape; or a pair of counts and edges.
            step: Where in the training this is.
            bins: Into how many stretches of equal width they are counted.
        """
        self._desk.add_media(name, lambda: encode_histogram(values, bins=bins), step)

    def log_input(self, dataset: Any, context: str | None = None) -> None:
        """Log that the run reads a dataset version, which is kept from now on. Never raises.

        Args:
            dataset: What `mere.dataset` returned. A dataset without a version means the newest,
                which is looked up now; so does a text such as ``name@3``.
            context: What for, such as ``training``.
        """
        log_lineage(self, self._put, "read", dataset, context)

    def log_output(self, dataset: Any, context: str | None = None) -> None:
        """Log that the run wrote a dataset version; as `log_input`."""
        log_lineage(self, self._put, "write", dataset, context)

    def flush(self, timeout_s: float | None = None) -> None:
        """Wait until everything logged so far is durable.

        Args:
            timeout_s: How long to wait; by default, a minute.

        Raises:
            Unavailable: The store did not take it, or not in time. It is still held and tried
                again.
            InvalidInput: The warehouse cannot be used at all, so nothing is logged.
        """
        if not self.is_active:
            return
        self._ensure_worker()
        reply: queue.SimpleQueue[MereError | None] = queue.SimpleQueue()
        began = self._clock.monotonic()
        wait_s = _FLUSH_TIMEOUT_S if timeout_s is None else timeout_s
        self._orders.put((Order.FLUSH, wait_s, reply))
        try:
            error = reply.get(timeout=wait_s + _GRACE_S)
        except queue.Empty:
            error = Unavailable(
                ErrorCode.STORE_UNAVAILABLE,
                f"{self._label} was not flushed within {wait_s:g} s: it is still being tried",
                timeout_s=wait_s,
            )
        if error is not None:
            raise error
        left = self._uploads.wait(max(0.0, began + wait_s - self._clock.monotonic()))
        if left:
            raise Unavailable(
                ErrorCode.STORE_UNAVAILABLE,
                f"{len(left)} file(s) of {self._label} were not stored within {wait_s:g} s: they "
                "are still being tried",
                timeout_s=wait_s,
            )

    def finish(self, status: str = RunStatus.FINISHED, *, timeout_s: float | None = None) -> None:
        """End the run: send what is left, waiting for it a bounded time; then warn.

        In a forked child this sends what the child has logged; the run goes on in its parent.

        Args:
            status: FINISHED, FAILED or KILLED.
            timeout_s: How long to try; by default, half a minute.

        Raises:
            InvalidInput: There is no such status; the run goes on.
        """
        final = RunStatus.of(status)
        if not self.is_active:
            return
        self._stop_beside()
        self._status = final if final.is_final else RunStatus.FINISHED
        self._put = self._drop
        try:
            wait_s = self._send_files(timeout_s)
            if self._worker is not None:
                self._send_rest(wait_s)
        finally:
            self._on_end(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and self._listener is not None:
            # Python itself shows it later, when nobody listens any more.
            self._listener.hear("stderr", "".join(traceback.format_exception(error)))
        self.finish(status_after(error))

    def wait_ended(self, timeout_s: float) -> None:
        """Wait for an end that is under way: a signal may have come in its midst."""
        if self._worker is not None:
            self._worker.has_ended.wait(timeout_s)

    def leave_to_parent(self) -> None:
        """Begin anew in a forked child: what waits is the parent's to send, and so is the end."""
        self._is_owner = False
        self._listener = self._sampler = None
        if self.is_active:
            self._connect()
            self._put = self._put_first_in_child

    @property
    def _label(self) -> str:
        return f"run {self.name}"

    def _connect(self) -> None:
        self._worker: Worker | None = None
        self._orders: queue.SimpleQueue[tuple[Order, Any, Any]] = queue.SimpleQueue()
        orders = self._orders
        self._buffer = Buffer(lambda: orders.put((Order.WAKE, None, None)))
        interval_s = self._settings.flush_interval_s
        self._delivery = Delivery(self._spec, is_owner=self._is_owner, interval_s=interval_s)
        self._uploads = Uploads(self.run_id, self.warehouse, self._label, self._clock)
        self._files = RunFiles(self._uploads, self._label)
        self._put = self._buffer.put

    def _start_worker(self) -> None:
        self._worker = Worker(
            self._label,
            self._buffer,
            self._orders,
            self._delivery,
            self._clock,
            self._settings,
            has_heartbeat=self._is_owner,
            rank=self._spec.rank,
        )
        self._worker.start()

    def _ensure_worker(self) -> None:
        if self._worker is None:
            self._put = self._buffer.put
            self._start_worker()
            # Only a child that logs has something to send at its end.
            watch_run(self)

    def _put_first_in_child(self, call: Call, points: int) -> None:
        self._ensure_worker()
        self._put(call, points)

    def _drop(self, _call: Call, _points: int) -> None:
        self._warn_once("has ended: what is logged to it now is dropped")

    def _log_texts(self, kind: str, values: Mapping[str, Any]) -> None:
        try:
            texts = {
                name: leaf if leaf is None and kind == "tags" else str(leaf)
                for key, value in values.items()
                for name, leaf in flatten(key, value)
            }
            self._put((kind, texts, None, None), len(texts))
        except Exception as error:  # noqa: BLE001  same
            self._warn_once(f"{kind} were not logged: {error}")

    @property
    def _desk(self) -> RunFiles:
        """Where files are handed over; a child that does so has an end to be watched for."""
        if self.is_active:
            self._ensure_worker()
        return self._files

    def _send_files(self, timeout_s: float | None) -> float:
        """Send the files that wait; return how much time is left for the run's end."""
        wait_s = self._settings.finish_timeout_s if timeout_s is None else timeout_s
        began = self._clock.monotonic()
        self._uploads.wait(wait_s)
        left, folder = self._uploads.leave()
        if left and folder is not None:
            _log.warning(
                "%s: %d file(s) wait in %s, to be sent by the next run or by `mere sync`",
                self._label,
                left,
                folder,
            )
        elif left:
            _log.warning("%s: %d file(s) were not stored", self._label, left)
        # A store that is slow with files may be quick enough for the end.
        return max(wait_s - (self._clock.monotonic() - began), min(wait_s, _END_S_MIN))

    def _send_rest(self, timeout_s: float | None) -> None:
        last: dict[str, Any] = {}
        if self._is_owner:
            last = {"status": str(self._status), "ended_at": self._now_us()}
        reply: queue.SimpleQueue[tuple[MereError | None, int, Path | None]] = queue.SimpleQueue()
        wait_s = self._settings.finish_timeout_s if timeout_s is None else timeout_s
        self._orders.put((Order.FINISH, (last, wait_s), reply))
        try:
            error, records, folder = reply.get(timeout=wait_s + _GRACE_S)
        except queue.Empty:
            _log.warning(
                "%s: its end was not sent in time, so that and what was logged last may be lost",
                self._label,
            )
            return
        if error is not None and folder is not None and not records:
            _log.warning(
                "%s: its end and what was logged last wait in %s, to be sent by the next run or by "
                "`mere sync`: %s",
                self._label,
                folder,
                error,
            )
        elif error is not None:
            _log.warning(
                "%s: its end and %d records were not stored: %s", self._label, records, error
            )

    def _stop_beside(self) -> None:
        if self._listener is not None:
            self._listener.stop()
        if self._sampler is not None:
            self._sampler.stop()

    def _warn(self, message: str) -> None:
        _log.warning("%s: %s", self._label, message)

    def _warn_once(self, message: str) -> None:
        if not self._is_warned:
            self._is_warned = True
            self._warn(message)
