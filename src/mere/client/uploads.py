"""A run's files on their way to the warehouse: sent in the background, kept on disk if need be.

What is small waits in memory, as metrics do. What is larger is copied into the outbox at once, so
that it outlives the process; what is larger still is sent within the call, from where it lies.
While the store does not answer, everything moves to the outbox, and is sent by this process when
it can, by the next one, or by `mere sync`. Each file carries the time at which it was logged, so
whatever the order in which they arrive, the newest content of a path counts.

Sending twice changes nothing: the content is there already, and the row is the same.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from mere.client.courier import register_sender
from mere.client.outbox import outbox_of
from mere.client.spool import Entry
from mere.clock import Clock
from mere.config import environment, state_folder
from mere.entities.artifact import check_artifact_path
from mere.errors import ErrorCode, InvalidInput, MereError, Unavailable
from mere.services.artifacts.artifacts import NewArtifact
from mere.services.artifacts.folder import walk_folder
from mere.services.warehouse import Warehouse, open_warehouse

__all__ = ["UPLOAD", "UploadLimits", "Uploads"]

_log = logging.getLogger("mere")

UPLOAD = "upload"
_BATCH_ITEMS_MAX = 256
_BATCH_BYTES_MAX = 32 << 20
_RETRY_S_MAX = 30.0
_LEAVE_S = 5.0
_SKIPPED_SHOWN_MAX = 3
_COPY_AGE_MAX_US = 24 * 3600 * 1_000_000


class UploadLimits(msgspec.Struct, frozen=True):
    """How much may wait where.

    Args:
        memory_item_bytes: What is larger waits on disk.
        memory_bytes: What waits in memory, in all.
        staged_item_bytes: What is larger is sent within the call.
        staged_bytes: What waits on disk, in all.
    """

    memory_item_bytes: int = 1 << 20
    memory_bytes: int = 64 << 20
    staged_item_bytes: int = 64 << 20
    staged_bytes: int = 2 << 30


class _Waiting:
    """A file on its way.

    Args:
        item: What it is; its content is its bytes, or the outbox's copy.
        size: Its bytes.
        entry: Its entry in the outbox, once it is there.
    """

    def __init__(self, item: NewArtifact, size: int, entry: Entry | None = None) -> None:
        self.item = item
        self.size = size
        self.entry = entry


class Uploads:
    """Sends the files of one run; to be used by several threads.

    Args:
        run_id: The run.
        url: Its warehouse.
        label: How warnings name the run.
        clock: Time.
        limits: How much may wait where.
    """

    def __init__(
        self, run_id: str, url: str, label: str, clock: Clock, limits: UploadLimits | None = None
    ) -> None:
        self._run_id = run_id
        self._url = url
        self._label = label
        self._clock = clock
        self._limits = limits or UploadLimits()
        self._outbox = outbox_of(url)
        # Reentrant, as a signal handler may end the run while its thread is in here.
        self._changed = threading.Condition(threading.RLock())
        self._queue: deque[_Waiting] = deque()
        self._under_way: list[_Waiting] = []
        self._memory = 0
        self._staged = 0
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._waiters = 0
        self._failures = 0
        self._refusal: MereError | None = None

    def add(self, item: NewArtifact) -> None:
        """Take something to be sent; its content may change when this returns.

        Raises:
            InvalidInput: The path may not be one, the file cannot be read, or the run has ended.
            Unavailable: Neither the store nor the disk takes it.
        """
        check_artifact_path(item.path)
        if self._is_closed:
            raise InvalidInput(ErrorCode.CLOSED, "the run has ended")
        if self._refusal is not None:
            return  # which was said once
        item = msgspec.structs.replace(item, at=self._outbox.tick())
        limits = self._limits
        size = _size(item.content)
        if size <= limits.memory_item_bytes and self._memory + size <= limits.memory_bytes:
            self._queue_up(_Waiting(_in_memory(item), size))
        elif size <= limits.staged_item_bytes and self._staged + size <= limits.staged_bytes:
            try:
                self._hold(item, size)
            except Unavailable:  # the disk is full
                self._send_now(item, size)
        else:
            self._send_now(item, size)

    def add_folder(self, path: str, folder: Path) -> None:
        """Take all files of a folder; raises as `add` does.

        Small folders go the way of their files; what is larger is sent within the call.
        """
        if path:
            check_artifact_path(path)
        skipped: dict[str, str] = {}
        found = list(walk_folder(folder, path, skipped.__setitem__))
        is_small = sum(file.size for file in found) <= self._limits.staged_item_bytes
        if not is_small and not (self._is_down or self._is_closed or self._refusal):
            try:
                opened = open_warehouse(self._url)
                report = opened.artifacts.put_folder(self._run_id, path, folder)
            except InvalidInput:
                raise
            except MereError as error:
                self._note_failure(error)
            else:
                self._warn_of_skipped(folder, report.skipped)
                return
        for file in found:
            try:
                self.add(NewArtifact(path=file.path, content=file.file))
            except InvalidInput as error:
                if error.code is ErrorCode.CLOSED:
                    raise
                skipped[file.path] = error.message
        self._warn_of_skipped(folder, skipped)

    def wait(self, timeout_s: float) -> list[str]:
        """Wait until everything is sent; return the paths of what is not, when the time is up."""
        deadline = self._clock.monotonic() + timeout_s
        with self._changed:
            self._waiters += 1
            self._changed.notify_all()
            try:
                while self._queue or self._under_way:
                    left_s = deadline - self._clock.monotonic()
                    if left_s <= 0 or self._thread is None or not self._thread.is_alive():
                        break
                    self._changed.wait(left_s)
            finally:
                self._waiters -= 1
            return [one.item.path for one in self._left()]

    def leave(self) -> tuple[int, Path | None]:
        """End: what is not sent goes to the outbox, to be sent by another process.

        Returns:
            How many files are left, and where they wait; None if the disk did not take them all.
        """
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            left = self._left()
        if not left:
            return 0, None
        lost: list[_Waiting] = []

        def keep() -> None:
            for one in left:
                try:
                    self._to_disk(one)
                except MereError:
                    lost.append(one)

        # In a thread, as a signal handler may have interrupted what holds the outbox's lock.
        keeper = threading.Thread(target=keep, name="mere leaves uploads", daemon=True)
        try:
            keeper.start()
            keeper.join(_LEAVE_S)
        except RuntimeError:  # the interpreter is ending
            keep()
        is_kept = not keeper.is_alive() and not lost
        return len(left), self._outbox.folder if is_kept else None

    @property
    def _is_down(self) -> bool:
        """Whether the thread is trying in vain, so that a call had better not wait as well."""
        return self._failures > 0 and bool(self._queue or self._under_way)

    def _left(self) -> list[_Waiting]:
        return [*self._under_way, *self._queue]

    # Taking

    def _queue_up(self, one: _Waiting) -> None:
        with self._changed:
            if one.entry is None:
                self._memory += one.size
            else:
                self._staged += one.size
            self._queue.append(one)
            if self._thread is None:
                name = f"mere uploads {self._label}"
                thread = threading.Thread(target=self._run, name=name, daemon=True)
                # At the end of the interpreter none can be started: `leave` keeps what waits.
                with contextlib.suppress(RuntimeError):
                    thread.start()
                    self._thread = thread
            self._changed.notify_all()

    def _hold(self, item: NewArtifact, size: int) -> None:
        """Copy something into the outbox, and queue it up."""
        entry, copy = self._copy(item)
        if copy is not None:
            item = msgspec.structs.replace(item, content=copy)
            self._queue_up(_Waiting(item, size, entry))

    def _copy(self, item: NewArtifact) -> tuple[Entry, Path | None]:
        content = item.content
        if isinstance(content, Path):
            content = _copied(content, self._clock)
        try:
            entry = self._outbox.hold(UPLOAD, _meta(self._run_id, item), content)
        except Unavailable:
            if isinstance(content, Path):
                content.unlink(missing_ok=True)
            raise
        folder = self._outbox.folder
        return entry, None if folder is None else folder / f"{entry.number:010d}.blob"

    def _send_now(self, item: NewArtifact, size: int) -> None:
        """Send something within the call; if the store does not answer, keep a copy."""
        if not self._is_down:
            try:
                open_warehouse(self._url).artifacts.put_all(self._run_id, [item])
            except InvalidInput:
                raise
            except MereError as error:
                self._note_failure(error)
            else:
                return
        if self._staged + size > self._limits.staged_bytes:
            raise Unavailable(
                ErrorCode.STORE_UNAVAILABLE,
                f"the store does not answer, and {self._staged:,} bytes wait on disk already, of "
                f"{self._limits.staged_bytes:,} that may: log it again later",
                path=item.path,
            )
        self._hold(item, size)

    def _warn_of_skipped(self, folder: Path, skipped: dict[str, str]) -> None:
        if skipped:
            shown = "; ".join(
                f"{name!r}: {why}" for name, why in list(skipped.items())[:_SKIPPED_SHOWN_MAX]
            )
            more = ", …" if len(skipped) > _SKIPPED_SHOWN_MAX else ""
            _log.warning(
                "%s: %d file(s) of %s were left out (%s%s)",
                self._label,
                len(skipped),
                folder,
                shown,
                more,
            )

    # Sending, in the thread

    def _run(self) -> None:
        while self._take():
            batch = self._under_way
            is_sent, error = self._send(batch)
            with self._changed:
                if error is None:
                    self._settle(batch, is_sent=is_sent)
                elif self._is_closed:
                    return
                else:
                    self._queue.extendleft(reversed(batch))
                self._under_way = []
                self._changed.notify_all()
                if error is not None:
                    self._changed.wait(self._delay_s())

    def _take(self) -> bool:
        """Wait for something to send; return whether to go on."""
        with self._changed:
            while not self._queue:
                if self._is_closed:
                    return False
                self._changed.wait()
            total = 0
            batch: list[_Waiting] = []
            while self._queue and len(batch) < _BATCH_ITEMS_MAX:
                total += self._queue[0].size
                if batch and total > _BATCH_BYTES_MAX:
                    break
                batch.append(self._queue.popleft())
            self._under_way = batch
            return True

    def _send(self, batch: Sequence[_Waiting]) -> tuple[bool, MereError | None]:
        """Send a batch; return whether that went well, and what may go well later."""
        try:
            if self._refusal is not None:
                return False, None
            self._put_all([one.item for one in batch])
        except InvalidInput as error:
            # It would be refused each time: the warehouse, or this process.
            self._refusal = error
            _log.warning("%s: no files will be logged: %s", self._label, error)
            return False, None
        except MereError as error:
            self._note_failure(error)
            self._to_disk_all(batch)
            return False, error
        except Exception as error:  # noqa: BLE001  the thread's boundary: training goes on
            self._to_disk_all(batch)
            _log.debug("%s: could not send files", self._label, exc_info=True)
            _log.error(
                "%s: %d file(s) wait on disk because of a bug in mere, please report it: %s: %s",
                self._label,
                len(batch),
                type(error).__name__,
                error,
            )
            return False, None
        if self._failures:
            _log.warning("%s: the store takes files again", self._label)
        self._failures = 0
        return True, None

    def _put_all(self, items: list[NewArtifact]) -> None:
        artifacts = open_warehouse(self._url).artifacts
        try:
            artifacts.put_all(self._run_id, items, on_refused=self._refused)
        except RuntimeError:
            # At the end of the interpreter no pool of threads takes work: one after the other.
            artifacts.put_all(self._run_id, items, on_refused=self._refused, width=1)

    def _refused(self, item: NewArtifact, error: MereError) -> None:
        if isinstance(item.content, Path) and not item.content.exists():
            return  # `mere sync` was quicker
        _log.warning("%s: %s was not logged: %s", self._label, item.path, error)

    def _settle(self, batch: Sequence[_Waiting], *, is_sent: bool) -> None:
        """Nothing of a batch waits here any more; what is not sent stays on disk."""
        for one in batch:
            if one.entry is None:
                self._memory -= one.size
                continue
            self._staged -= one.size
            if is_sent:
                with contextlib.suppress(MereError):
                    self._outbox.forget(one.entry)

    def _to_disk_all(self, batch: Sequence[_Waiting]) -> None:
        for one in batch:
            try:
                self._to_disk(one)
            except MereError:
                return  # the disk is full: they stay in memory

    def _to_disk(self, one: _Waiting) -> None:
        if one.entry is not None:
            return
        entry, copy = self._copy(one.item)
        with self._changed:
            if one.entry is None:
                one.entry = entry
                self._memory -= one.size
                self._staged += one.size
                if copy is not None:
                    one.item = msgspec.structs.replace(one.item, content=copy)

    def _note_failure(self, error: MereError) -> None:
        with self._changed:
            self._failures += 1
            is_first = self._failures == 1
        if is_first:
            _log.warning(
                "%s: the store does not take files; they wait on disk and are tried again (%s)",
                self._label,
                error,
            )

    def _delay_s(self) -> float:
        """How long to wait before the next try; not long where somebody waits for it."""
        delay_s = min(_RETRY_S_MAX, 0.25 * 2.0**self._failures)
        return min(delay_s, 0.5) if self._waiters else delay_s


def _size(content: bytes | Path) -> int:
    if isinstance(content, bytes):
        return len(content)
    return int(_reading(content, lambda: content.stat().st_size))


def _in_memory(item: NewArtifact) -> NewArtifact:
    content = item.content
    if isinstance(content, bytes):
        return item
    return msgspec.structs.replace(item, content=_reading(content, content.read_bytes))


def _reading(path: Path, act: Callable[[], Any]) -> Any:
    try:
        return act()
    except OSError as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"file {str(path)!r} cannot be read: {error.strerror or error}",
            path=str(path),
        ) from error


def _copied(file: Path, clock: Clock) -> Path:
    """A copy beside the spools, on the same file system, to be moved into one of them."""
    try:
        folder = state_folder(environment()) / "staging"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sweep(folder, clock)
        copy = folder / f"{clock.random_bits(64):016x}"
        try:
            shutil.copyfile(file, copy)
        except OSError:
            copy.unlink(missing_ok=True)
            raise
        return copy
    except OSError as error:
        raise Unavailable(
            ErrorCode.STORE_FULL, f"{str(file)!r} cannot be copied: {error.strerror or error}"
        ) from error


def _sweep(folder: Path, clock: Clock) -> None:
    """Remove copies that a crash left half done, before they were in any spool."""
    for copy in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if clock.now_us() - copy.stat().st_mtime_ns // 1000 > _COPY_AGE_MAX_US:
                copy.unlink()


class _Meta(msgspec.Struct, kw_only=True):
    """What an entry of the outbox says of its file."""

    owner: str
    path: str
    kind: str
    media_type: str | None = None
    step: int | None = None
    caption: str | None = None
    at: int | None = None


def _meta(run_id: str, item: NewArtifact) -> dict[str, Any]:
    told = msgspec.structs.asdict(item)
    del told["content"]
    return {"owner": run_id, **told, "kind": str(item.kind)}


def _send_upload(warehouse: Warehouse, meta: dict[str, Any], blob: Path | None) -> None:
    """Send a file that an earlier process, or this one, left in the outbox."""
    try:
        told = msgspec.convert(meta, _Meta)
    except msgspec.ValidationError as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"a spooled file cannot be understood: {error}"
        ) from error
    if blob is None:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"the spooled content of {told.path!r} is gone", path=told.path
        )
    fields = msgspec.structs.asdict(told)
    owner = fields.pop("owner")
    warehouse.artifacts.put_all(owner, [NewArtifact(content=blob, **fields)])


register_sender(UPLOAD, _send_upload)
