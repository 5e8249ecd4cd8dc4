"""Sends what waits in a spool, in order, each entry once.

What cannot be read, and what a sender fails at by a bug, is set aside and named. What the warehouse
refuses stays and is named, and so does what this machine is short of something for. None of it
stops the rest. Only a store that does not answer, or lets nobody in, stops the sending.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mere.client.spool import Entry, Spool
from mere.clock import Clock
from mere.errors import (
    AlreadyExists,
    CorruptData,
    ErrorCode,
    Internal,
    InvalidInput,
    MereError,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from mere.lake.sealed import Sealed, Stream

if TYPE_CHECKING:
    from mere.services.warehouse import Warehouse

_log = logging.getLogger("mere")

__all__ = ["RECORDS", "SEGMENT", "Courier", "Report", "Sender", "register_sender"]

SEGMENT = "segment"
RECORDS = frozenset({"begin", "code", SEGMENT})
"""The kinds that a run's own worker sends; files have a thread of their own."""

Sender = Callable[["Warehouse", dict[str, Any], Path | None], None]
"""Sends an entry to a warehouse, given what it is and its file; to repeat it must be harmless."""

_HOMES = {
    "begin": "mere.client.beginning",
    "code": "mere.client.beginning",
    "upload": "mere.client.uploads",
}
_senders: dict[str, Sender] = {}
_RENAMES_MAX = 5
_STOPPING = (Unavailable, PermissionDenied, Unauthenticated)
_PASSING = (OSError, MemoryError, ImportError, RuntimeError)
"""What has more to do with this process than with an entry: files, memory, threads at its end."""


def register_sender(kind: str, sender: Sender) -> None:
    """Say who sends entries of a kind; the kind's module does so when it is imported."""
    _senders[kind] = sender


class Report(msgspec.Struct):
    """What became of a spool.

    Args:
        sent: How many entries were sent, by kind.
        records: How many records were in them.
        left: What stays, and why, by the path of the file.
        aside: Where files are now that can never be sent, and why.
        error: What stopped the sending, or will pass: another try may send more.
        is_stopped: Whether it stopped the sending.
    """

    sent: dict[str, int] = {}
    records: int = 0
    left: dict[str, str] = {}
    aside: dict[str, str] = {}
    error: MereError | None = None
    is_stopped: bool = False

    def add(self, other: Report) -> None:
        """Count another spool's in."""
        for kind, count in other.sent.items():
            self.sent[kind] = self.sent.get(kind, 0) + count
        self.records += other.records
        self.left.update(other.left)
        self.aside.update(other.aside)
        self.error = self.error or other.error
        self.is_stopped |= other.is_stopped


class Courier:
    """Sends the entries of one spool; for one thread at a time.

    Args:
        spool: The spool.
        clock: Time.
        open_warehouse: Opens the warehouse at an address.
    """

    def __init__(
        self, spool: Spool, clock: Clock, open_warehouse: Callable[[str], Warehouse]
    ) -> None:
        self._spool = spool
        self._clock = clock
        self._open_warehouse = open_warehouse
        self._stream: Stream | None = None

    def send(
        self,
        kinds: frozenset[str] | None = None,
        on_entry: Callable[[Entry], None] | None = None,
    ) -> Report:
        """Send all that waits, of these kinds; the report says what is left and why.

        Args:
            kinds: Which; None means all.
            on_entry: Called after each entry.
        """
        report = Report()
        try:
            entries = self._spool.entries(kinds)
            warehouse = self._open_warehouse(self._spool.address.url) if entries else None
            for entry in entries:
                assert warehouse is not None, "it was opened for the first entry"
                self._try_entry(warehouse, entry, report)
                if on_entry is not None:
                    on_entry(entry)
        except MereError as error:
            report.error, report.is_stopped = error, True
        if report.error is not None:
            reason = report.error.message
            rest = {self._path(one): reason for one in self._spool.entries(kinds)}
            report.left = rest | report.left
        return report

    def _try_entry(self, warehouse: Warehouse, entry: Entry, report: Report) -> None:
        """Send one entry, or note why not; raises what stops all sending."""
        try:
            report.records += self._send_entry(warehouse, entry)
            report.sent[entry.kind] = report.sent.get(entry.kind, 0) + 1
        except _Unreadable as error:
            self._set_aside(entry, error.reason, report)
        except _Passing as error:
            self._leave(entry, error.reason, report)
        except _STOPPING:
            raise
        except Internal as error:
            self._set_aside(entry, error.message, report)
        except MereError as error:
            if error.code is ErrorCode.FORKED:
                raise
            report.left[self._path(entry)] = error.message
        except Exception as error:  # noqa: BLE001  one entry must not hold up all others
            _log.debug("%s could not be sent", self._path(entry), exc_info=True)
            shown = f"{type(error).__name__}: {error}"
            if isinstance(error, _PASSING):
                self._leave(entry, f"this process cannot send it: {shown}", report)
            else:
                self._set_aside(entry, f"a bug in mere, please report it: {shown}", report)

    def _leave(self, entry: Entry, reason: str, report: Report) -> None:
        """Leave an entry for another try."""
        report.left[self._path(entry)] = reason
        report.error = report.error or Unavailable(ErrorCode.STORE_UNAVAILABLE, reason)

    def _set_aside(self, entry: Entry, reason: str, report: Report) -> None:
        """Move an entry out of the way; where the disk does not let us, it stays."""
        try:
            path = self._spool.set_aside(entry)
        except MereError as error:
            report.left[self._path(entry)] = f"{reason}; {error.message}"
        else:
            report.aside[str(path)] = reason

    def _path(self, entry: Entry) -> str:
        return str(self._spool.folder / entry.file)

    def _send_entry(self, warehouse: Warehouse, entry: Entry) -> int:
        try:
            data, blob = self._spool.read(entry)
        except CorruptData as error:
            raise _Unreadable(error.message) from error
        except Unavailable as error:  # the disk, not the store
            raise _Passing(error.message) from error
        if entry.kind == SEGMENT:
            records = self._send_segment(warehouse, entry, data)
        else:
            self._send_other(warehouse, entry, data, blob)
            records = 1
        self._spool.remove(entry)
        return records

    def _send_segment(self, warehouse: Warehouse, entry: Entry, parcel: bytes) -> int:
        stream = self._stream = self._stream or warehouse.lake.stream()
        try:
            tried = entry.name and Sealed.of(entry.name, parcel, entry.first_us)
            sealed = tried or stream.seal(parcel)
        except CorruptData as error:
            raise _Unreadable(error.message) from error
        if tried:
            if stream.was_put(tried):
                return tried.segment.records
            sealed = stream.seal(parcel)
        for _ in range(_RENAMES_MAX):
            entry = self._spool.mark(entry, sealed.segment.name, sealed.first_us)
            try:
                stream.put(sealed)
            except AlreadyExists:  # a foreign object has the name: it was never stored
                sealed = stream.seal(parcel)
                continue
            return sealed.segment.records
        raise Internal(ErrorCode.BUG, f"{_RENAMES_MAX} fresh names in the journal were taken")

    def _send_other(
        self, warehouse: Warehouse, entry: Entry, data: bytes, blob: Path | None
    ) -> None:
        if entry.kind not in _senders and entry.kind in _HOMES:
            import_module(_HOMES[entry.kind])
        sender = _senders.get(entry.kind)
        if sender is None:
            raise InvalidInput(
                ErrorCode.UNSUPPORTED_FORMAT,
                f"this version of mere does not know spooled entries of kind {entry.kind!r}: sync "
                "with the newer one",
                kind=entry.kind,
            )
        try:
            meta = msgspec.json.decode(data, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise _Unreadable(f"is no JSON: {error}") from error
        sender(warehouse, meta, blob)


class _Unsent(Exception):
    """An entry was not sent, and the next one may be."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Unreadable(_Unsent):
    """No try will ever send it."""


class _Passing(_Unsent):
    """Another try may send it."""
