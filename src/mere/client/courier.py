"""Sends what waits in a spool, in order, each entry once.

What cannot be read is set aside and named; what the warehouse refuses stays and is named; neither
stops the rest. A store that does not answer, or lets nobody in, stops the sending.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mere.client.spool import Entry, Spool
from mere.clock import Clock
from mere.errors import AlreadyExists, CorruptData, ErrorCode, Internal, InvalidInput, MereError
from mere.lake.sealed import Sealed, Stream

if TYPE_CHECKING:
    from mere.services.warehouse import Warehouse

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


def register_sender(kind: str, sender: Sender) -> None:
    """Say who sends entries of a kind; the kind's module does so when it is imported."""
    _senders[kind] = sender


class Report(msgspec.Struct):
    """What became of a spool.

    Args:
        sent: How many entries were sent, by kind.
        records: How many records were in them.
        left: What stays, and why, by the path of the file.
        aside: Where unreadable files are now, and why.
        error: What stopped the sending.
    """

    sent: dict[str, int] = {}
    records: int = 0
    left: dict[str, str] = {}
    aside: dict[str, str] = {}
    error: MereError | None = None

    def add(self, other: Report) -> None:
        """Count another spool's in."""
        for kind, count in other.sent.items():
            self.sent[kind] = self.sent.get(kind, 0) + count
        self.records += other.records
        self.left.update(other.left)
        self.aside.update(other.aside)
        self.error = self.error or other.error


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
        warehouse = None
        for entry in self._spool.entries(kinds):
            try:
                if warehouse is None:
                    warehouse = self._open_warehouse(self._spool.address.url)
                report.records += self._send_entry(warehouse, entry)
                report.sent[entry.kind] = report.sent.get(entry.kind, 0) + 1
            except _Unreadable as error:
                path = self._spool.set_aside(error.file)
                report.aside[str(path)] = error.reason
            except InvalidInput as error:
                if warehouse is None or error.code is ErrorCode.FORKED:
                    report.error = error
                    break
                report.left[self._path(entry)] = error.message
            except MereError as error:
                report.error = error
                break
            if on_entry is not None:
                on_entry(entry)
        if report.error is not None:
            reason = report.error.message
            report.left |= {self._path(one): reason for one in self._spool.entries(kinds)}
        return report

    def _path(self, entry: Entry) -> str:
        return str(self._spool.folder / entry.file)

    def _send_entry(self, warehouse: Warehouse, entry: Entry) -> int:
        try:
            data, blob = self._spool.read(entry)
        except CorruptData as error:
            raise _Unreadable(entry.file, error.message) from error
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
            raise _Unreadable(entry.file, error.message) from error
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
            raise _Unreadable(entry.file, f"is no JSON: {error}") from error
        sender(warehouse, meta, blob)


class _Unreadable(Exception):
    """An entry that no try will ever send."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(file, reason)
        self.file = file
        self.reason = reason
