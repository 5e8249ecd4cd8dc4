"""What this process holds on disk for a warehouse that cannot be reached, and who sends it.

There is one outbox for each warehouse and process, shared by all its runs. Its spool is made when
the first thing has to be held, and removed when all is sent. Spools of processes that ended before
all was sent are adopted by the next process that reaches the warehouse, and by `sync`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from mere.client.courier import RECORDS, SEGMENT, Courier, Report
from mere.client.room import Room
from mere.client.spool import Address, Entry, Spool, address_of, spool_root
from mere.clock import Clock, HybridClock, SystemClock
from mere.config import environment, spool_bytes_max
from mere.errors import ErrorCode, MereError, NotFound, Unavailable
from mere.lake.objects.open import open_store
from mere.lake.objects.retry import RetryingStore
from mere.lake.records import Batch
from mere.lake.sealed import Sealed, pack
from mere.services.warehouse import Warehouse, open_warehouse, resolve_url

__all__ = ["Outbox", "SyncReport", "outbox_of", "sync"]

_log = logging.getLogger("mere")


class Outbox:
    """What waits in this process for one warehouse; safe for use by several threads.

    Args:
        url: The warehouse, as `resolve_url` gives it.
        clock: Time and chance.

    Raises:
        InvalidInput: The bound that the environment sets is none.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self.address = address_of(url)
        self._room = Room(spool_root(), spool_bytes_max(environment()), clock)
        self._last = 0
        self._clock = clock
        self._hybrid = HybridClock(clock)
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._spool: Spool | None = None
        self._courier: Courier | None = None
        self._is_adopting = False
        self._forgotten: list[Entry] = []
        self._refused: frozenset[str] = frozenset()
        self._lake_tick: Callable[[], int] | None = None

    @property
    def folder(self) -> Path | None:
        """Where things wait; None where nothing ever did."""
        return None if self._spool is None else self._spool.folder

    def waiting(self, kinds: frozenset[str] | None = RECORDS) -> int:
        """How many entries wait, of these kinds (None means all), but for those refused."""
        spool = self._spool
        if spool is None:
            return 0
        if not self._refused:
            return spool.count(kinds)
        return sum(str(spool.folder / e.file) not in self._refused for e in spool.entries(kinds))

    def tick(self) -> int:
        """The time of what is packed now: behind all that this process has seen."""
        if self._lake_tick is not None:
            self._hybrid.observe(self._lake_tick())
        return self._hybrid.tick()

    def follow(self, lake_tick: Callable[[], int]) -> None:
        """Let the times of what is packed follow those of a lake that could be opened."""
        self._lake_tick = lake_tick

    def hold(self, kind: str, meta: Mapping[str, Any], blob: Path | bytes | None = None) -> Entry:
        """Keep something on disk until it is sent by the sender registered for its kind.

        Args:
            kind: Lower-case letters; see `mere.client.courier.register_sender`.
            meta: What the sender needs to know; JSON.
            blob: A file that goes with it, which is moved, or its content.

        Raises:
            Unavailable: The disk does not take it; nothing is kept, and the file is where it was.
        """
        data = msgspec.json.encode(meta)
        self._room.take(len(data) + _size(blob), is_file=blob is not None)
        with self._lock:
            return self._own().hold(kind, data, blob)

    def check_room(self) -> None:
        """See whether a parcel would be taken, before it is packed.

        Raises:
            Unavailable: No more may wait on disk.
        """
        self._room.check()

    def hold_batch(self, batch: Batch, *, is_last: bool = False) -> None:
        """Keep a batch that was never tried; raises as `hold` does."""
        self.hold_parcel(pack(batch, self.tick(), is_last=is_last))

    def hold_parcel(self, parcel: bytes, tried: Sealed | None = None) -> Entry:
        """Keep a parcel, with the name under which it was tried; raises as `hold` does."""
        name, first_us = (tried.segment.name, tried.first_us) if tried else (None, 0)
        self._room.take(len(parcel))
        with self._lock:
            return self._own().hold(SEGMENT, parcel, name=name, first_us=first_us)

    def forget(self, entry: Entry) -> None:
        """An entry was sent by other means, and need not wait any more."""
        self._forgotten.append(entry)
        if self._sending.acquire(blocking=False):
            try:
                self._clear()
            finally:
                self._sending.release()

    def send(
        self,
        kinds: frozenset[str] | None = RECORDS,
        on_entry: Callable[[Entry], None] | None = None,
    ) -> Report:
        """Send what waits, in order; what is left the report says.

        One thread sends at a time; who comes second waits for the first and sends what is new.
        """
        with self._sending:
            spool = self._spool
            if spool is None:
                return Report()
            if self._courier is None:
                self._courier = Courier(spool, self._clock, open_warehouse)
            self._clear()
            report = self._courier.send(kinds, on_entry)
            self._clear()
            self._room.measure_soon()
        if report.error is None:
            for path in sorted(report.left.keys() - self._refused):
                _log.warning("what waits in %s was refused and stays: %s", path, report.left[path])
            self._refused |= report.left.keys()
        _warn_of_aside(report)
        return report

    def adopt_others(self) -> None:
        """Send, in the background, what processes left that have ended; once in a process."""
        with self._lock:
            if self._is_adopting:
                return
            self._is_adopting = True
        if not any(_folders(self.address.digest)):
            return
        # At the end of a process no thread can be started; the next process adopts then.
        with contextlib.suppress(RuntimeError):
            threading.Thread(target=self._adopt, name="mere adopts spools", daemon=True).start()

    def close(self) -> None:
        """Remove the spool if nothing waits in it; it is made again when there is need."""
        with self._lock:
            if self._spool is None or not self._sending.acquire(blocking=False):
                return
            try:
                if not self._spool.entries():
                    # Who forgets an entry late must not mean one of the next spool.
                    self._last = self._spool.last
                    self._spool.close()
                    self._spool = self._courier = None
            finally:
                self._sending.release()

    def abandon(self) -> None:
        """Forget the spool in a forked child: it is the parent's."""
        if self._spool is not None:
            self._spool.abandon()

    def _clear(self) -> None:
        while self._forgotten and self._spool is not None:
            self._spool.remove(self._forgotten.pop())

    def _own(self) -> Spool:
        if self._spool is None:
            self._spool = Spool.create(self.address, self._clock, after=self._last)
        return self._spool

    def _adopt(self) -> None:
        try:
            for folder in _folders(self.address.digest):
                report = _send_folder(folder, self._clock)
                if report is None:
                    continue
                _warn_of_aside(report)
                if sum(report.sent.values()):
                    _log.info("%d spooled entries of an earlier process were sent", report.records)
                if report.error is not None:
                    return
        except Exception:  # noqa: BLE001  the thread's boundary: training goes on
            _log.debug("spools were not adopted", exc_info=True)


def _size(blob: Path | bytes | None) -> int:
    if blob is None or isinstance(blob, bytes):
        return len(blob or b"")
    try:
        return blob.stat().st_size
    except OSError:
        return 0  # whoever moves it will say so


def _warn_of_aside(report: Report) -> None:
    for path, reason in report.aside.items():
        _log.warning("what waited to be sent cannot be, and is now %s: %s", path, reason)


class _Outboxes:
    """Those of this process."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.lock = threading.Lock()
        self.open: dict[Address, Outbox] = {}

    def reset_after_fork(self) -> None:
        inherited = list(self.open.values())
        self.reset()
        for outbox in inherited:
            outbox.abandon()


_outboxes = _Outboxes()
os.register_at_fork(after_in_child=_outboxes.reset_after_fork)


def outbox_of(url: str) -> Outbox:
    """The outbox of this process for a warehouse."""
    address = address_of(url)
    with _outboxes.lock:
        found = _outboxes.open.get(address)
        if found is None:
            found = _outboxes.open[address] = Outbox(url, SystemClock())
        return found


class SyncReport(msgspec.Struct, kw_only=True):
    """What `mere.sync` did.

    Args:
        sent: How many entries were sent, by kind: segments of records, beginnings of runs, files.
        records: How many records were in them.
        left: What is left, and why, by folder or file.
        aside: Files that can never be sent, moved out of the way, and why.
    """

    sent: dict[str, int]
    records: int
    left: dict[str, str]
    aside: dict[str, str]


def sync(
    *, warehouse: str | None = None, on_entry: Callable[[Path, Entry], None] | None = None
) -> SyncReport:
    """Send what earlier processes could not send, each thing once.

    Runs do so by themselves, in the background, when the next one logs to the same warehouse. A
    warehouse that does not answer is asked once, and the others are not held up by it.

    Args:
        warehouse: Only what was logged to this one.
        on_entry: Called after each thing sent, with its folder, to show progress.

    Returns:
        What was sent, what is left and why.
    """
    total, left = Report(), dict[str, str]()
    clock = SystemClock()
    door = _Door(clock)
    for outbox in list(_outboxes.open.values()):
        is_meant = warehouse is None or outbox.address == address_of(resolve_url(warehouse))
        if not is_meant or not outbox.waiting(None):
            continue
        try:
            door.open(outbox.address.url)
        except MereError as error:
            left[str(outbox.folder)] = error.message
        else:
            total.add(outbox.send(None))
    own = {outbox.folder for outbox in _outboxes.open.values()}
    digest = "*" if warehouse is None else address_of(resolve_url(warehouse)).digest
    for folder in _folders(digest):
        if folder in own:
            continue
        report = None
        try:
            report = _send_folder(folder, clock, on_entry, door.open)
        except MereError as error:
            left[str(folder)] = error.message
            continue
        if report is None:
            if folder.exists():
                left[str(folder)] = (
                    f"in use by process {Spool.owner_pid(folder)}, which sends it itself"
                )
            continue
        total.add(report)
        if report.is_stopped and report.error is not None:
            door.close(folder.parent.name, report.error)
    return SyncReport(
        sent=total.sent, records=total.records, left={**total.left, **left}, aside=total.aside
    )


class _Door:
    """Opens warehouses for one `sync`; of one that does not answer it says so at once.

    Opening tries again for a minute, which is right where somebody waits for one warehouse.

    Args:
        clock: Time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._closed: dict[str, MereError] = {}
        self._reached: set[str] = set()

    def open(self, url: str) -> Warehouse:
        """Open a warehouse, if it answers; raises the same each time if it did not."""
        digest = address_of(url).digest
        if digest in self._closed:
            raise self._closed[digest]
        try:
            if digest not in self._reached:
                self._knock(url)
                self._reached.add(digest)
            return open_warehouse(url)
        except MereError as error:
            self.close(digest, error)
            raise

    def close(self, digest: str, error: MereError) -> None:
        """The warehouse of this digest of its address did not answer after all."""
        self._closed[digest] = error

    def _knock(self, url: str) -> None:
        """Ask the store for one small thing, once."""
        store = open_store(url, clock=self._clock)
        bare = store.inner if isinstance(store, RetryingStore) else store
        try:
            bare.head("mere.json")
        except NotFound:
            return
        except Unavailable as error:
            message = f"{url} does not answer: {error.message}"
            raise Unavailable(error.code, message, **error.details) from error


def _folders(digest: str) -> list[Path]:
    """The spools of a warehouse, or of all, oldest first."""
    found = []
    for folder in spool_root().glob(f"{digest}/*"):
        with contextlib.suppress(OSError):
            if not folder.name.startswith(".") and folder.parent.name != "aside":
                found.append((folder.stat().st_mtime_ns, folder))
    return [folder for _, folder in sorted(found)]


def _send_folder(
    folder: Path,
    clock: Clock,
    on_entry: Callable[[Path, Entry], None] | None = None,
    opener: Callable[[str], Warehouse] = open_warehouse,
) -> Report | None:
    """Send a spool whose owner has ended; None where it lives.

    Raises:
        CorruptData: It cannot be told for which warehouse it is.
        Unavailable: It is meant for another S3 service than the one this process reaches.
    """
    spool = Spool.adopt(folder)
    if spool is None:
        return None
    try:
        here = address_of(spool.address.url)
        if here != spool.address:
            raise Unavailable(
                ErrorCode.STORE_UNAVAILABLE,
                f"meant for {spool.address.url} at {spool.address.endpoint or 'AWS'}: set "
                "AWS_ENDPOINT_URL to that",
            )
        report = Report()
        for file in spool.foreign():
            report.aside[str(spool.set_file_aside(file))] = "is no entry of a spool"
        courier = Courier(spool, clock, opener)
        tell = None if on_entry is None else (lambda entry: on_entry(folder, entry))
        report.add(courier.send(None, tell))
        return report
    finally:
        spool.close()
